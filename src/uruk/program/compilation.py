"""Compiling the sources of a command line, as many at a time as there are processors."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from uruk.compile.compile_source import Compiled, compile_source, runtime_libraries
from uruk.compile.compilers import cross_compiler, find_compiler
from uruk.compile.identity import identify
from uruk.compile.languages import is_ir, language_of
from uruk.compile.process import Processes
from uruk.errors import CompileError, UrukError
from uruk.executor.locks import awaited_thread

PROFILES = ("-fprofile-generate", "-fprofile-instr-generate", "-fcs-profile-generate", "-fprofile-arcs")
"""Flags of sources that write data files when they run."""


@dataclass(frozen=True)
class HowToCompile:
    """The settings of compilations: the command (empty: look for one), its flags, whether to use a cache.

    `target`: for which, as ``aarch64-linux``; empty for this machine's.
    """

    compiler: str = ""
    flags: tuple[str, ...] = ()
    cache: bool = True
    target: str = ""
    output: str = ""
    """The program's name, after which data files of instrumented sources are named."""
    instruments: bool = False
    """True if any flag asks for such files."""


class Compilation:
    """Compiles `paths` in threads of its own, from the moment it is made."""

    def __init__(self, paths: Iterable[str], how: HowToCompile) -> None:
        self._waiting = list(dict.fromkeys(paths))[::-1]
        self._order = self._waiting[::-1]
        self._how = how
        self._processes = Processes()
        self._done: dict[str, Compiled | UrukError] = {}
        self._began = time.perf_counter()
        self.seconds = 0.0
        count = min(len(os.sched_getaffinity(0)), len(self._waiting))
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    @awaited_thread()
    def _run(self) -> None:
        while True:
            try:
                path = self._waiting.pop()
            except IndexError:
                return
            self._done[path] = self._compile(path)

    def _compile(self, path: str) -> Compiled | UrukError:
        how = self._how
        try:
            if is_ir(path):
                from uruk.compile.ir import compile_ir  # loads LLVM, which most programs do without

                return compile_ir(path, how.flags, how.cache)
            compiler = how.compiler or cross_compiler(how.target)
            return compile_source(
                path,
                flags=(*how.flags, *self._more_flags(path, compiler)),
                compiler=compiler,
                cache=how.cache,
                processes=self._processes,
            )
        except UrukError as error:
            return error

    def _more_flags(self, path: str, compiler: str | None) -> list[str]:
        if not self._how.instruments:
            return []
        kind = identify(find_compiler(language_of(path), compiler)).kind
        return list(data_file_flags(self._how.output, path, self._how.flags, kind))

    def stop(self) -> None:
        """End the compilers, and wait until they have cleaned up."""
        self._processes.stop()
        for thread in self._threads:
            thread.join()

    def result(self) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
        """Return objects by path, and the libraries that they need (see `runtime_libraries`).

        Raises the first error.
        """
        for thread in self._threads:
            thread.join()
        self.seconds = time.perf_counter() - self._began
        if errors := self.errors:
            raise errors[0]
        compiled = {path: result for path, result in self._done.items() if isinstance(result, Compiled)}
        libraries = runtime_libraries([compiled[path] for path in self._order], self._processes)
        return {path: result.object for path, result in compiled.items()}, libraries

    @property
    def errors(self) -> list[UrukError]:
        """Return what went wrong, in the order of the command line; a compiler that is not there once."""
        errors = [error for path in self._order if isinstance(error := self._done.get(path), UrukError)]
        compiling = [error for error in errors if isinstance(error, CompileError)]
        by_text = {str(error): error for error in errors if not isinstance(error, CompileError)}
        return [*by_text.values(), *compiling]

    @property
    def warnings(self) -> str:
        """Return what the compilers printed about what they compiled, in the order of the command line."""
        return "".join(result.warnings for path in self._order if isinstance(result := self._done.get(path), Compiled))


def data_file_flags(output: str, source: str, flags: Sequence[str], kind: str) -> Iterator[str]:
    """Yield flags for the compiler of an instrumented source, so that its data files are named as when it links, too.

    ``cc t.c`` makes ``a-t.gcda``, and ``cc t.c -o prog`` ``prog-t.gcda``, in the current folder (gcc's -dumpdir).
    """
    if not any(
        flag.startswith((*PROFILES, "-fprofile-use", "-ftest-coverage", "--coverage", "-coverage")) for flag in flags
    ):
        return
    folder = f"{output or 'a'}-"
    base = os.path.basename(source)
    if kind == "gcc":
        yield from ("-dumpdir", folder, "-dumpbase", base, "-dumpbase-ext", os.path.splitext(base)[1])
    elif kind == "clang":
        stem = os.path.abspath(folder + os.path.splitext(base)[0])
        yield from ("-Xclang", f"-coverage-notes-file={stem}.gcno", "-Xclang", f"-coverage-data-file={stem}.gcda")
