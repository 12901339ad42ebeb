"""One source that ``uruk run --watch`` looks at: the files that it is made of, and what its edits leave out."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence

from uruk.compile.compilers import find_compiler
from uruk.compile.languages import language_of
from uruk.errors import InvalidValue
from uruk.graph.graph import Graph, SymbolKind
from uruk.graph.types import true_rows
from uruk.orc.registry.tracker import ResourceTracker
from uruk.orc.replacing.checks import names_of
from uruk.orc.replacing.replacing import versions_of

State = tuple[int, int, int]
"""When a file was written, its size, and its number: editors put a new file into the place of the old one."""
ABSENT = 0, 0, 0
_TIMEOUT = 30
"""Seconds that a compiler may take to name the headers of a source."""


class WatchedSource:
    """A source, with the headers that it includes, and the code that was made of it."""

    def __init__(self, path: str, tracker: ResourceTracker, words: Sequence[str]) -> None:
        """`words` is the command that would compile it, without the source."""
        self.path = path
        self.tracker = tracker
        self.failed = False
        """True if its newest state has not become code."""
        self._words = words
        self._made: dict[str, State] = {}
        """Its files, each with its state when it was compiled."""
        self._last: dict[str, State] = {}
        """Their states at the last look."""
        self.take()

    def take(self) -> None:
        """Note that it is compiled now."""
        self._made = self._last = _states(self.path, *headers_of(self.path, self._words))

    def is_edited(self) -> bool:
        """Return True if one of its files was written since it was compiled, and is complete.

        It is complete when nothing has changed since the last look, and it is neither absent nor empty: some editors
        write a file in steps.
        """
        now = _states(*self._made)
        settled, self._last = now == self._last, now
        return settled and now != self._made and all(state[1] for state in now.values())

    def check_left_out(self, data: bytes, others: Iterable[WatchedSource]) -> None:
        """Raise InvalidValue where its new object leaves out a function that code of other sources calls.

        A linker would refuse that; here the call would end the program.
        """
        versions = versions_of(self.tracker)
        session = versions.session
        graph = session.parse([(self.path, memoryview(data))], versions.bodies)
        defined = {session.ids.text(name) for name in names_of(graph)}
        shown = {session.ids.text(public) for public, _, _ in versions.stubs() if public not in versions.withdrawn.rows}
        for other in others:
            for used in versions_of(other.tracker).graphs.values():
                lost = sorted((shown - defined) & _wanted(used))
                if lost:
                    name = lost[0].decode("utf-8", "replace")
                    raise InvalidValue(f"{self.path}: it does not define `{name}' any more, which {other.path} calls")


def headers_of(path: str, words: Sequence[str]) -> list[str]:
    """Return the headers that a source includes, but for the system's; none where the compiler does not tell."""
    command = [*words, "-MM", "-MG", "-MT", "x", "-MF", "-", "-E", "-o", os.devnull, path]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    rule = os.fsdecode(done.stdout).replace("\\\n", " ").partition(":")[2]
    # A rule of make: blanks in names have a backslash before them.
    names = [name.replace("\\ ", " ") for name in re.findall(r"(?:\\ |\S)+", rule)]
    return [name for name in dict.fromkeys(names) if name != path and os.path.exists(name)]


def command_of(path: str, compiler: str | Sequence[str] | None, flags: Sequence[str]) -> list[str]:
    """Return the command that would compile a source. Raises CompilerNotFound."""
    return [*find_compiler(language_of(path), compiler), *flags]


def _states(*paths: str) -> dict[str, State]:
    return {path: _state(path) for path in paths}


def _state(path: str) -> State:
    try:
        facts = os.stat(path)
    except OSError:
        return ABSENT
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _wanted(graph: Graph) -> set[bytes]:
    """Return the names that an object refers to and does not define, weak references aside."""
    symbols = graph.symbols
    rows = true_rows((symbols.kind == SymbolKind.UNDEFINED) & (symbols.text >= 0)).tolist()
    own = {graph.arena.string_at(int(symbols.text[row])) for row in true_rows(symbols.block >= 0).tolist()}
    return {graph.arena.string_at(int(symbols.text[row])) for row in rows} - own
