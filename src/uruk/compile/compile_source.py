"""Compiling a source file or a text to an object, as ``cc -c`` does with the same flags, or taking it from the cache.

compiled = compile_source("util.cpp", flags=["-O2"])
jit.add_object(compiled.object, compiled.name)
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from uruk.compile.cache import ObjectCache, cache_from_environment
from uruk.compile.cache_key import is_settled, object_key, text_key, without_zig_names
from uruk.compile.cacheable import flags_are_known, stands_for_itself, takes_other_files
from uruk.compile.compilers import find_compiler
from uruk.compile.first_time import folders_in, is_of, load_first, store_first
from uruk.compile.identity import Compiler, identify
from uruk.compile.languages import NAMES, language_of
from uruk.compile.process import Ended, Processes, private_folder
from uruk.compile.zig import zig_environment, zig_runtimes
from uruk.errors import CompileError, InputNotFound, ObjectFormatError
from uruk.regular_files import read_regular, what_it_is


@dataclass(frozen=True)
class Compiled:
    """An object's bytes, and the `name` to show for it: that of its source.

    `language` is as ``-x`` takes it, `warnings` what the compiler printed, `cached` whether it did not have to run.
    """

    object: bytes
    name: str
    language: str
    warnings: str
    compiler: Compiler
    flags: tuple[str, ...]
    cached: bool


def compile_source(
    path: str | os.PathLike[str],
    *,
    flags: Sequence[str] = (),
    compiler: str | Sequence[str] | None = None,
    language: str | None = None,
    timeout: float | None = None,
    cache: ObjectCache | bool = True,
    processes: Processes | None = None,
) -> Compiled:
    """Compile a file. Its suffix tells the language, unless `language` does (``c``, ``c++``, or as ``-x`` has it).

    `flags` go to the compiler as they are; `compiler` is described at `find_compiler`. `timeout` is in seconds, for a
    command (one preprocesses for the cache). `cache`:
    False for none, or one other than that of `cache_from_environment`. `processes.stop()` ends it from another thread.
    Raises CompilerNotFound, InputNotFound, and CompileError with the compiler's text.
    """
    name = os.fspath(path)
    language = language or language_of(name)
    # A path must not look like an option or a response file.
    word = os.path.join(".", name) if name.startswith(("-", "@")) else name
    job = _Job(name, language, word, None, flags, compiler, timeout, processes)
    return job.compile(_chosen(cache))


def compile_text(
    text: str,
    language: str = "c",
    *,
    name: str = "",
    flags: Sequence[str] = (),
    compiler: str | Sequence[str] | None = None,
    timeout: float | None = None,
    cache: ObjectCache | bool = True,
    processes: Processes | None = None,
) -> Compiled:
    """Compile a text; `name` stands for it in diagnostics and in ``__FILE__``. The rest is as for `compile_source`.

    ``#include "x.h"`` is looked for in the current folder. A text with directives of the preprocessor is kept in the
    cache with the files that it comes from, and is preprocessed when it is compiled for the second time.
    """
    name = name or f"<{NAMES.get(language, language)}>"
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    head = "" if language == "assembler" else f'#line 1 "{quoted}"\n'
    job = _Job(
        name, language, "-", (head + text).encode("utf-8", "surrogateescape"), flags, compiler, timeout, processes
    )
    return job.compile(_chosen(cache))


def _chosen(cache: ObjectCache | bool) -> ObjectCache | None:
    if isinstance(cache, ObjectCache):
        return cache
    return cache_from_environment() if cache else None


class _Job:
    """One compilation: a file (`word` is its path), or `text` (`word` is ``-``)."""

    def __init__(
        self,
        name: str,
        language: str,
        word: str,
        text: bytes | None,
        flags: Sequence[str],
        compiler: str | Sequence[str] | None,
        timeout: float | None,
        processes: Processes | None,
    ) -> None:
        if language not in NAMES:
            problem = f"`{language}' is not a language that uruk compiles: give language={' or '.join(NAMES)}"
            raise CompileError(name, "uruk", problem if language else "its suffix tells no language: give language=")
        if isinstance(flags, str):
            raise CompileError(name, "uruk", f"flags are a sequence, as [{flags!r}], not one text")
        self.name, self.language, self.word, self.text = name, language, word, text
        self.flags = tuple(flags)
        self.compiler = identify(find_compiler(language, compiler))
        self.timeout = timeout
        self.processes = processes or Processes()
        self._report = ""

    def compile(self, cache: ObjectCache | None) -> Compiled:
        """Compile, or take the object from the cache. Raises CompileError."""
        self._refuse_odd_file()
        with private_folder() as folder:
            if cache is None or not self._may_be_cached():
                return self._result(*self._run(folder), cached=False)
            since, source = time.time_ns(), self._source()
            seen, first = self._seen(), None
            if seen and (first := load_first(cache, seen)) is None:
                return self._compile_first(folder, cache, seen, since)
            preprocessed = self._preprocess(folder, source)
            if source is None or preprocessed is None:
                return self._result(*self._run(folder), cached=False)
            key = object_key(self.compiler, self.language, self.name, self.flags, source, preprocessed)
            if (stored := cache.load(key)) is not None:
                return self._result(*stored, cached=True)
            if first is not None and is_of(first, self.name, source, preprocessed, folders_in(self._report)):
                cache.store(key, first.data, first.warnings)
                return self._result(first.data, first.warnings, cached=True)
            data, warnings = self._run(folder)
            if self._source() == source and is_settled(preprocessed, self.word, since):
                cache.store(key, data, warnings)
            return self._result(data, warnings, cached=False)

    def _compile_first(self, folder: str, cache: ObjectCache, key: str, since: int) -> Compiled:
        """Compile a text that the cache has not seen yet, and keep it with the files that it comes from."""
        depfile = os.path.join(folder, "unit.d")
        asks = ("-MD", "-MF", depfile, "-MT", "unit.o") if self.compiler.kind in ("gcc", "clang") else ()
        data, warnings = self._run(folder, *asks)
        store_first(cache, key, (data, warnings), since, depfile)
        return self._result(data, warnings, cached=False)

    def _result(self, data: bytes, warnings: str, *, cached: bool) -> Compiled:
        return Compiled(data, self.name, self.language, warnings, self.compiler, self.flags, cached)

    def _may_be_cached(self) -> bool:
        """Return False for assembly: it takes files by directives that nothing expands, and is quick."""
        own = [word for word in self.compiler.words[1:] if word.startswith(("-", "@"))]
        return self.language in ("c", "c++") and flags_are_known([*own, *self.flags])

    def _stands_for_itself(self, source: bytes) -> bool:
        own = [word for word in self.compiler.words[1:] if word.startswith(("-", "@"))]
        return self.compiler.kind in ("gcc", "clang") and stands_for_itself(source, [*own, *self.flags])

    def _seen(self) -> str | None:
        """Return the key of the first compilation of a text that has to be preprocessed; None for other sources."""
        if self.text is None or self._stands_for_itself(self.text):
            return None
        return text_key(self.compiler, self.language, self.flags, self.text)

    def _refuse_odd_file(self) -> None:
        """Raise InputNotFound for a source that is not there, CompileError for one that is not a file.

        Compilers wait for a pipe, and read it once only.
        """
        try:
            kind = what_it_is(os.stat(self.word).st_mode) if self.text is None else ""
        except FileNotFoundError as error:
            raise InputNotFound(self.name, "file", f"cannot be opened: {error.strerror}") from error
        except (OSError, ValueError):
            return  # the compiler says it better
        if kind:
            raise CompileError(self.name, "uruk", f"is {kind}, not a regular file")

    def _source(self) -> bytes | None:
        if self.text is not None:
            return self.text
        try:
            return read_regular(self.word)
        except ObjectFormatError:
            return None  # the compiler says it better

    def _preprocess(self, folder: str, source: bytes | None) -> bytes | None:
        """Return the preprocessed source; None if it does not stand for all that the compiler reads.

        It is empty where the source stands for itself, which saves a run of the compiler.
        """
        if source is not None and self._stands_for_itself(source):
            return b""
        ended = self._command(folder, "-E", *(["-v"] if self.text is not None else []))
        self._report = ended.err
        if ended.status or takes_other_files(ended.out):
            return None
        return without_zig_names(ended.out) if self.compiler.kind == "zig" and self.text is not None else ended.out

    def _run(self, folder: str, *more: str) -> tuple[bytes, str]:
        """Return the object and the warnings. Raises CompileError."""
        output = os.path.join(folder, "unit.o")
        ended = self._command(folder, "-c", "-o", output, *more)
        if ended.status:
            signal = f"was ended by signal {-ended.status}" if ended.status < 0 else f"exit status {ended.status}"
            raise CompileError(self.name, self.compiler.shown, signal, ended.status, ended.err)
        try:
            with open(output, "rb") as file:
                return file.read(), ended.err
        except OSError as error:
            problem = f"made no object ({error.strerror}): is there a flag that asks for something else?"
            raise CompileError(self.name, self.compiler.shown, problem, ended.status, ended.err) from error

    def _command(self, folder: str, *mode: str) -> Ended:
        """Run the compiler; its temporary files lie in `folder`, and go with it even when it is killed."""
        words = [*self.compiler.words, *self.flags, *mode]
        if self.compiler.kind == "zig" and self.text is not None:
            words += ["-iquote", "."]  # zig reads a copy of its input, elsewhere
        with zig_environment(self.compiler.words, folder) as environment:
            environment = {**(environment or os.environ), "TMPDIR": folder}
            command = [*words, "-x", self.language, self.word]
            return self.processes.run(
                command, self.name, self.compiler.shown, self.text or b"", self.timeout, environment
            )


def runtime_libraries(compiled: Iterable[Compiled], processes: Processes | None = None) -> list[tuple[str, str]]:
    """(kind, value) pairs, each once: ``library`` is a name as for -l, ``input`` a path.

    `processes.stop()` ends it from another thread. Raises CompileError when the C++ library of zig cannot be had.
    """
    needs: dict[tuple[str, str], None] = {}
    for result in compiled:
        words, flags = result.compiler.words, (*result.compiler.words, *result.flags)
        if result.compiler.kind == "zig":
            if result.language != "c++" and b"__ubsan_" not in result.object:
                continue  # zig checks for undefined behaviour unless it optimises
            needs.update(dict.fromkeys(("input", path) for path in zig_runtimes(words, result.flags, processes)))
        elif result.language == "c++":
            needs["library", "c++" if "-stdlib=libc++" in flags else "stdc++"] = None
    return list(needs)
