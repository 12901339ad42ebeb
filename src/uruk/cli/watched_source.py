"""One source that ``uruk run --watch`` looks at: the files that it is made of, and what its edits leave out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence

from uruk.compile.compilers import find_compiler
from uruk.compile.languages import language_of
from uruk.compile.make_rule import prerequisites
from uruk.errors import InvalidValue, StaticsDiffer
from uruk.graph.graph import Graph, SymbolKind
from uruk.graph.types import true_rows
from uruk.orc.registry.tracker import Replacement, ResourceTracker
from uruk.orc.replacing.change import Order
from uruk.orc.replacing.checks import names_of
from uruk.orc.replacing.replacing import replace_together, versions_of
from uruk.regular_files import FileState, state_of

_TIMEOUT = 30
"""Seconds that a compiler may take to name the headers of a source."""


class WatchedSource:
    """A source, with the headers that it includes, and the code that was made of it."""

    def __init__(self, path: str, tracker: ResourceTracker, words: Sequence[str]) -> None:
        """`words` is the command that would compile it, without the source; empty where it includes nothing."""
        self.path = path
        self.tracker = tracker
        self.failed = False
        """True if its newest state has not become code."""
        self.waiting: tuple[str, bytes] | None = None
        """The name and the object that were compiled of its newest state, until they have replaced the old ones."""
        self.settled = True
        """False if one of its files was written since the last look but one."""
        self._words = words
        self._made: dict[str, FileState | None] = {}
        """Its files, each with its state when it was compiled."""
        self._last: dict[str, FileState | None] = {}
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
        self.settled, self._last = now == self._last, now
        return self.settled and now != self._made and all(state is not None and state.size for state in now.values())

    def compile(self) -> None:
        """Compile its newest state. Raises UrukError."""
        self.take()
        self.waiting, self.failed = None, True
        assert self.tracker.compile is not None
        code = self.tracker.compile(Replacement(self.path))
        assert code is not None
        self.waiting = code.name, bytes(code.data)


def check_left_out(sources: Sequence[WatchedSource], others: Iterable[WatchedSource]) -> None:
    """Raise InvalidValue where the new objects of sources leave out a function that code of others calls.

    A linker would refuse that; here the call would end the program.
    """
    defined, lost = set[bytes](), dict[bytes, str]()
    for source in sources:
        assert source.waiting is not None
        name, data = source.waiting
        versions = versions_of(source.tracker)
        session = versions.session
        graph = session.parse([(name, memoryview(data))], versions.bodies)
        defined |= {session.ids.text(row) for row in names_of(graph)}
        shown = (session.ids.text(row) for row, _, _ in versions.stubs() if row not in versions.withdrawn.rows)
        lost.update(dict.fromkeys(shown, source.path))
    for other in others:
        for used in versions_of(other.tracker).graphs.values():
            names = sorted((lost.keys() - defined) & _wanted(used))
            if names:
                text = names[0].decode("utf-8", "replace")
                raise InvalidValue(f"{lost[names[0]]}: it does not define `{text}' any more, which {other.path} calls")


def replace_sources(sources: Sequence[WatchedSource], others: Iterable[WatchedSource]) -> None:
    """Replace the code of sources by what was compiled of them, in one step. Raises UrukError."""
    check_left_out(sources, others)
    orders: list[Order] = []
    for source in sources:
        assert source.waiting is not None
        name, data = source.waiting
        orders.append(Order(versions_of(source.tracker), [(name, memoryview(data))]))
    try:
        replace_together(orders[0].versions.session, orders, "keep")
    except StaticsDiffer as error:
        raise StaticsDiffer(error.file, error.problems, "start the program again to make them anew") from None
    for source in sources:
        source.waiting, source.failed = None, False


def headers_of(path: str, words: Sequence[str]) -> list[str]:
    """Return the headers that a source includes, but for the system's; none where the compiler does not tell."""
    if not words:
        return []
    command = [*words, "-MM", "-MG", "-MT", "x", "-MF", "-", "-E", "-o", os.devnull, path]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    names = prerequisites(os.fsdecode(done.stdout))
    return [name for name in dict.fromkeys(names) if name != path and os.path.exists(name)]


def command_of(path: str, compiler: str | Sequence[str] | None, flags: Sequence[str]) -> list[str]:
    """Return the command that would compile a source. Raises CompilerNotFound."""
    return [*find_compiler(language_of(path), compiler), *flags]


def _states(*paths: str) -> dict[str, FileState | None]:
    """Return the states of files, None for those that are not there: editors put a new file into an old one's place."""
    states: dict[str, FileState | None] = {}
    for path in paths:
        try:
            states[path] = state_of(path)
        except OSError:
            states[path] = None
    return states


def _wanted(graph: Graph) -> set[bytes]:
    """Return the names that an object refers to and does not define, weak references aside."""
    symbols = graph.symbols
    rows = true_rows((symbols.kind == SymbolKind.UNDEFINED) & (symbols.text >= 0)).tolist()
    own = {graph.arena.string_at(int(symbols.text[row])) for row in true_rows(symbols.block >= 0).tolist()}
    return {graph.arena.string_at(int(symbols.text[row])) for row in rows} - own
