"""``uruk run --watch``: sources run in a child, and those that are edited are replaced while main() runs."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence

from uruk.cli.arguments import Arguments
from uruk.cli.usage import UsageError, refuse
from uruk.cli.watched_source import WatchedSource, command_of
from uruk.compile.compilers import cross_compiler
from uruk.compile.languages import is_ir, language_of
from uruk.errors import ExecutorCrashed, ExecutorLost, StaticsDiffer, UrukError
from uruk.executor.remote import RemoteExecutor
from uruk.lljit import LLJIT
from uruk.spawning import spawn

INTERVAL = 0.1
"""Seconds between two looks at the files."""
_ENTRY = "uruk_watch_entry"


def watch(arguments: Arguments) -> int:
    """Run the program of a command line until its main() returns, or Ctrl-C; returns the exit status."""
    if arguments.in_process or arguments.connect or not arguments.execute or arguments.driver or arguments.linker:
        text = "--watch runs sources in a child: it goes without --in-process, --connect, --no-exec and link lines"
        return refuse("run", UsageError(text))
    if not any(language_of(item.value) for item in arguments.plan.inputs if item.kind == "input"):
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
            elif language_of(item.value):
                self._sources.append(self._add_source(item.value))
            elif is_ir(item.value):
                self._jit.add_source(item.value)
            elif item.value.endswith(".a"):
                self._jit.add_archive(item.value, whole=item.whole)
            elif ".so" in os.path.basename(item.value):
                self._jit.add_library(item.value)
            else:
                self._jit.add_object(item.value)

    def _add_source(self, path: str) -> WatchedSource:
        flags, process = self._arguments.flags, self._jit.executor.process
        compiler = self._arguments.compiler or cross_compiler(process.triple)
        tracker = self._jit.add_source(
            path, flags=flags, compiler=compiler, cache=self._arguments.cache, replaceable=True
        )
        return WatchedSource(path, tracker, command_of(path, compiler, flags))

    def _look(self) -> None:
        """Replace the sources that were edited; those that failed before are tried again when another one is new."""
        edited = [source for source in self._sources if source.is_edited()]
        again = False
        while edited:
            replaced = [source for source in edited if self._replace(source, again=again)]
            again = True
            edited = [source for source in self._sources if replaced and source.failed and source not in replaced]

    def _replace(self, source: WatchedSource, *, again: bool) -> bool:
        """Replace the code of one source; returns False after an error, which is printed once."""
        source.take()
        begun = time.monotonic()
        others = [other for other in self._sources if other is not source]
        try:
            assert source.tracker.compile is not None
            data, name = source.tracker.compile(source.path, None, "")
            source.check_left_out(data, others)
            _replace_code(source, data, name)
        except ExecutorLost:
            return False
        except UrukError as error:
            source.failed = True
            if not again:
                text = f"uruk: {type(error).__name__}: {error}\nuruk: {source.path}: the old code goes on"
                print(text, file=sys.stderr)
            return False
        source.failed = False
        took = 1000 * (time.monotonic() - begun)
        print(f"uruk: {source.path}: replaced in {took:.0f} ms", file=sys.stderr)
        return True


def _replace_code(source: WatchedSource, data: bytes, name: str) -> None:
    try:
        source.tracker.replace(data, name=name)
    except StaticsDiffer as error:
        raise StaticsDiffer(error.file, error.problems, "start the program again to make them anew") from None


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
