"""Hints for errors about undefined symbols: the well-known library that defines such a name.

The libraries are those of Linux, with the names that gcc, clang and Debian give them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from uruk.builtin_names import is_builtin
from uruk.errors import LibraryNotFound, ObjectFormatError
from uruk.formats.archive import Archive
from uruk.formats.elf.dynamic import SharedLibrary, read_shared_library
from uruk.libraries.interface import Find

_LIKELIER_FIRST = (
    "m stdc++ gcc_s pthread dl rt z gomp gfortran quadmath atomic tinfo ncurses ncursesw readline sqlite3 "
    "crypt crypto ssl bz2 lzma zstd lz4 xml2 curl ffi uuid expat png16 jpeg gmp mpfr blas lapack openblas "
    "fftw3 lua5.4 c++ c++abi unwind omp objc tbb X11 GL pcre2-8 bsd numa edit mvec resolv util"
)
KNOWN = tuple(_LIKELIER_FIRST.split())
"""Names for -l of the libraries that are searched."""


_MLIR = "MLIR's runner library: add -l {}, with -L for LLVM's directory of libraries"
_MINIMAL = "code built with clang's -fsanitize-minimal-runtime: add the path of libclang_rt.ubsan_minimal.a"
_BY_PREFIX: tuple[tuple[tuple[bytes, ...], str], ...] = (
    (
        (b"__asan_",),
        (
            "code built with -fsanitize=address: give uruk run that flag; otherwise add -l asan, and start "
            "the process with LD_PRELOAD=$(gcc -print-file-name=libasan.so)"
        ),
    ),
    ((b"__ubsan_",), "code built with -fsanitize=undefined: add -l ubsan"),
    ((b"__tsan_",), "code built with -fsanitize=thread: add -l tsan"),
    ((b"__lsan_",), "code built with -fsanitize=leak: add -l lsan"),
    (
        (b"__msan_", b"__dfsan_", b"__hwasan_"),
        "code built with a sanitizer of clang's that works in a linked program only",
    ),
    ((b"__sanitizer_cov_",), "code built with -fsanitize-coverage: a fuzzer's library defines it"),
    ((b"__gcov_", b"llvm_gcov_", b"llvm_gcda_"), "code built with --coverage or -fprofile-generate: add -l gcov"),
    ((b"__llvm_profile_",), "code built with -fprofile-instr-generate: add the path of libclang_rt.profile.a"),
    ((b"__kmpc_",), "code built with clang's -fopenmp: add -l omp"),
    ((b"GOMP_",), "code built with -fopenmp: add -l gomp"),
    ((b"_mlir_ciface_printMemref", b"printMemref", b"_mlir_ciface_verifyMemref"), _MLIR.format("mlir_runner_utils")),
    ((b"mlirAsyncRuntime",), _MLIR.format("mlir_async_runtime")),
    ((b"mgpuModule", b"mgpuLaunch", b"mgpuStream", b"mgpuMem"), _MLIR.format("mlir_cuda_runtime")),
)
"""Beginnings of names -> hint, for libraries that may not be in the loader's cache, or that take more than -l."""
_MLIR_C_RUNNER = frozenset(
    b"printI64 printU64 printF16 printBF16 printF32 printF64 printString printOpen printClose printComma printNewline "
    b"memrefCopy rtclock rtsrand rtrand rtdrand _mlir_memref_to_llvm_alloc _mlir_memref_to_llvm_free".split()
)
"""The functions that LLVM's CRunnerUtils.h declares."""
_STATIC_GLIBC = re.compile(r"(?:.*/)?lib(c|m|m-[0-9.]+|mvec|pthread|dl|rt|resolv|util|anl|crypt|c_nonshared)\.a\(.*")
_ONE_BY_ONE = 100
"""The number of names that are looked up one by one in each library; others must be in its table of strings first."""


def of_static_archive(place: str) -> str:
    """Return the hint for a name that is needed at `place` in a static archive of glibc; empty for other places."""
    match = _STATIC_GLIBC.fullmatch(place)
    if match is None:
        return ""
    name = match[1]
    shared = "it is always there" if name == "c" else f"use the shared library, -l {name.partition('-')[0]}"
    return f"lib{name}.a is glibc's archive for static programs, and needs the whole of one: leave it out; {shared}"


def hints_for(names: Iterable[bytes], search: Find) -> dict[bytes, str]:
    """Return a text for each name that a well-known library defines, such as ``defined in libm.so.6: add -l m``.

    Only libraries that programs load are looked at, and each is opened once. This takes milliseconds: it is for errors.
    """
    wanted = set(names)
    hints: dict[bytes, str] = {}
    for library in KNOWN:
        if not wanted:
            break
        path = search.runtime_path(library)
        if path is None:
            continue
        try:
            with read_shared_library(path) as opened:
                defined = _defined_in(opened, wanted)
        except ObjectFormatError:
            continue  # a broken library has no hint to give
        for name in defined:
            hints[name] = f"defined in {os.path.basename(path)}: add -l {library}"
        wanted -= defined
    for name in wanted & _in_libgcc(search):
        hints[name] = "defined in libgcc.a: add -l gcc"
    hints.update((name, hint) for name in wanted - hints.keys() if (hint := _by_prefix(name)))
    return hints


def _by_prefix(name: bytes) -> str:
    if is_builtin(name):
        return "compilers have it in a library of their own, libgcc.a or compiler-rt, and none is found: install gcc"
    if name in _MLIR_C_RUNNER:
        return _MLIR.format("mlir_c_runner_utils")
    if name.startswith(b"__ubsan_") and name.endswith((b"_minimal", b"_minimal_abort")):
        return _MINIMAL
    return next((hint for prefixes, hint in _BY_PREFIX if name.startswith(prefixes)), "")


def _defined_in(library: SharedLibrary, names: set[bytes]) -> set[bytes]:
    """Return the names among `names` that a library defines."""
    few = sorted(names)[:_ONE_BY_ONE]
    # A lookup costs a few reads. For thousands of names one pass over the strings finds the few that can be there.
    if len(names) > len(few):
        few += sorted((names - set(few)) & set(library.strings().split(b"\0")))
    return {name for name in few if library.find(name) is not None}


def _in_libgcc(search: Find) -> set[bytes]:
    """Return the names in gcc's own library, which gcc links with every program: decimal numbers, split stacks, ..."""
    try:
        with Archive.open(search.find("gcc")[0].path) as archive:
            return set(archive.index())
    except (LibraryNotFound, ObjectFormatError, IndexError):
        return set()
