"""``uruk run --watch``: sources run in a child, and those that are edited are replaced while main() runs."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence

from uruk.cli.arguments import Arguments
from uruk.cli.usage import UsageError, refuse
from uruk.compile.languages import language_of
from uruk.errors import ExecutorCrashed, ExecutorLost, UrukError
from uruk.executor.remote import RemoteExecutor
from uruk.lljit import LLJIT
from uruk.orc.registry.tracker import ResourceTracker
from uruk.spawning import spawn

INTERVAL = 0.2
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
        self._seen: dict[str, tuple[int, int]] = {}
        self._code: dict[str, ResourceTracker] = {}
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
                self._seen[item.value] = _state(item.value)
                self._code[item.value] = self._jit.add_source(
                    item.value,
                    flags=self._arguments.flags,
                    compiler=self._arguments.compiler or None,
                    cache=self._arguments.cache,
                    replaceable=True,
                )
            elif item.value.endswith(".a"):
                self._jit.add_archive(item.value, whole=item.whole)
            elif ".so" in os.path.basename(item.value):
                self._jit.add_library(item.value)
            else:
                self._jit.add_object(item.value)

    def _look(self) -> None:
        """Replace the sources that were written since the last look."""
        for path, tracker in self._code.items():
            now = _state(path)
            if now == self._seen[path] or now == (0, 0):  # an editor is at it
                continue
            self._seen[path] = now
            begun = time.monotonic()
            try:
                tracker.replace(path)
            except ExecutorLost:
                return
            except UrukError as error:
                print(f"uruk: {type(error).__name__}: {error}\nuruk: {path}: the old code goes on", file=sys.stderr)
            else:
                took = 1000 * (time.monotonic() - begun)
                print(f"uruk: {path}: replaced in {took:.0f} ms", file=sys.stderr)


def _state(path: str) -> tuple[int, int]:
    try:
        facts = os.stat(path)
    except OSError:
        return 0, 0
    return facts.st_mtime_ns, facts.st_size


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
