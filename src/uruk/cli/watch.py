"""``uruk run --watch``: sources run in a child, and those that are edited are replaced while main() runs."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence

from uruk.cli.arguments import Arguments
from uruk.cli.usage import UsageError, refuse
from uruk.cli.watched_source import WatchedSource, command_of, replace_sources
from uruk.compile.compilers import cross_compiler
from uruk.compile.languages import is_ir, is_source
from uruk.errors import ExecutorCrashed, ExecutorLost, UrukError
from uruk.executor.remote import RemoteExecutor
from uruk.lljit import LLJIT
from uruk.spawning import spawn

INTERVAL = 0.1
"""Seconds between two looks at the files."""
MOST_POSTPONED = 10
"""Looks for which edits wait while other files are being written."""
_ENTRY = "uruk_watch_entry"


def watch(arguments: Arguments) -> int:
    """Run the program of a command line until its main() returns, or Ctrl-C; returns the exit status."""
    if arguments.in_process or arguments.connect or not arguments.execute or arguments.driver or arguments.linker:
        text = "--watch runs sources in a child: it goes without --in-process, --connect, --no-exec and link lines"
        return refuse("run", UsageError(text))
    if not any(is_source(item.value) for item in arguments.plan.inputs if item.kind == "input"):
        return refuse("run", UsageError("--watch wants a source among the inputs: nothing else can be edited"))
    executor = spawn(
        target=arguments.target or None, launcher=arguments.launcher or None, executor=arguments.executor or None
    )
    try:
        with LLJIT(executor=executor) as jit:
            return _Watched(jit, arguments).run()
    except KeyboardInterrupt:
        return 130
    except ExecutorCrashed as error:
        print(f"uruk: {type(error).__name__}: {error}", file=sys.stderr)
        return 128 + error.signal
    except ExecutorLost as error:
        return _exit_status(executor, error)
    except UrukError as error:
        print(f"uruk: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _exit_status(executor: RemoteExecutor, error: ExecutorLost) -> int:
    """Return the status of a program that has called exit()."""
    status = executor.child.wait() if executor.child is not None else None
    if status is None or status < 0:
        print(f"uruk: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return status


class _Watched:
    """A program whose sources are watched."""

    def __init__(self, jit: LLJIT, arguments: Arguments) -> None:
        self._jit = jit
        self._arguments = arguments
        self._sources: list[WatchedSource] = []
        self._postponed, self._begun = 0, 0.0
        self._status: int | None = None
        self._error: BaseException | None = None

    def run(self) -> int:
        """Run main(), and replace what is edited meanwhile."""
        self._add()
        words = [self._arguments.plan.name, *self._arguments.program]
        self._jit.add_source(text=_entry(words, self._arguments.plan.entry or "main"), name="<uruk's entry>")
        entry = self._jit.lookup(_ENTRY).function("int(void)")
        program = threading.Thread(target=self._call, args=(entry,), daemon=True)
        program.start()
        while program.is_alive():
            program.join(INTERVAL)
            self._look()
        if self._error is not None:
            raise self._error
        return (self._status or 0) & 0xFF

    def _call(self, entry: Callable[[], int]) -> None:
        try:
            self._status = entry()
        except BaseException as error:  # it is raised in the thread that waits
            self._error = error

    def _add(self) -> None:
        for path in self._arguments.plan.directories:
            self._jit.add_search_directory(path)
        for item in self._arguments.plan.inputs:
            if item.kind == "library":
                self._jit.add_library(item.value, static=item.static, whole=item.whole)
            elif is_source(item.value):
                self._sources.append(self._add_source(item.value))
            elif item.value.endswith(".a"):
                self._jit.add_archive(item.value, whole=item.whole)
            elif ".so" in os.path.basename(item.value):
                self._jit.add_library(item.value)
            else:
                self._jit.add_object(item.value)

    def _add_source(self, path: str) -> WatchedSource:
        if is_ir(path):
            return WatchedSource(path, self._jit.add_source(path, cache=self._arguments.cache, replaceable=True), ())
        flags, process = self._arguments.flags, self._jit.executor.process
        compiler = self._arguments.compiler or cross_compiler(process.triple)
        tracker = self._jit.add_source(
            path, flags=flags, compiler=compiler, cache=self._arguments.cache, replaceable=True
        )
        return WatchedSource(path, tracker, command_of(path, compiler, flags))

    def _look(self) -> None:
        """Replace the sources that were edited, in one step, as functions may move from one to another.

        Those that failed before are tried again with them, or after them.
        """
        self._begun = time.monotonic()
        edited = [source for source in self._sources if source.is_edited()]
        self._postponed = self._postponed + 1 if edited and not all(source.settled for source in self._sources) else 0
        if 0 < self._postponed < MOST_POSTPONED:  # more is being saved, which may belong to it
            return
        edited = [source for source in edited if self._compile(source)]
        waiting = [source for source in self._sources if source.waiting is not None and source not in edited]
        if not edited or (waiting and self._replace([*edited, *waiting], said=False)) or not self._replace_all(edited):
            return
        again = [source for source in self._sources if source.failed]
        while again:
            replaced = [
                source for source in again if self._compile(source, said=False) and self._replace([source], said=False)
            ]
            again = [source for source in again if replaced and source not in replaced]

    def _replace_all(self, edited: Sequence[WatchedSource]) -> bool:
        """Replace sources together, or else one by one where that is possible; returns True if any was replaced."""
        if len(edited) == 1:
            return self._replace(edited)
        if self._replace(edited, said=False):
            return True
        replaced = [source for source in edited if self._replace([source], said=False)]
        for source in edited:
            if replaced and source not in replaced:
                self._replace([source])
        return bool(replaced) or self._replace(edited)

    def _compile(self, source: WatchedSource, *, said: bool = True) -> bool:
        """Compile a source; returns False after an error, which is printed."""
        try:
            source.compile()
        except UrukError as error:
            _say(error, [source] if said else [])
            return False
        return True

    def _replace(self, sources: Sequence[WatchedSource], *, said: bool = True) -> bool:
        """Replace the code of sources in one step; returns False after an error, which is printed if it is `said`."""
        try:
            replace_sources(sources, [other for other in self._sources if other not in sources])
        except UrukError as error:
            _say(error, sources if said else [])
            return False
        took = 1000 * (time.monotonic() - self._begun)
        print(f"uruk: {_names(sources)}: replaced in {took:.0f} ms", file=sys.stderr)
        return True


def _say(error: UrukError, sources: Sequence[WatchedSource]) -> None:
    if sources and not isinstance(error, ExecutorLost):
        text = f"uruk: {type(error).__name__}: {error}\nuruk: {_names(sources)}: the old code goes on"
        print(text, file=sys.stderr)


def _names(sources: Sequence[WatchedSource]) -> str:
    return ", ".join(source.path for source in sources)


def _entry(words: Sequence[str], entry: str) -> str:
    """Return a C text with a function that calls main() with arguments."""
    texts = ", ".join(f'"{"".join(f"{chr(92)}{byte:03o}" for byte in os.fsencode(word))}"' for word in words)
    return f"""
        #include <stdio.h>
        int {entry}(int, char **, char **);
        extern char **environ;
        static char *words[] = {{ {texts}, 0 }};
        int {_ENTRY}(void) {{ int status = {entry}({len(words)}, words, environ); fflush(0); return status; }}
    """
