"""The names that LLVM's llvm-jitlink has in its process, for programs of Windows that were written for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.errors import LibraryError, LibraryNotFound

if TYPE_CHECKING:
    from uruk.program.program_linker import ProgramLinker

SET_RESULT = "llvm_jitlink_setTestResultOverride"
"""The function by which LLVM's tests set the exit status, also from functions of atexit."""
_CXX_DLL = "libstdc++-6.dll"
_SHARED, _STATIC = ("stdc++",), (":libstdc++.a", ":libpthread.a")
"""MinGW's library of C++, for -l: the DLL, or the archive with what it needs and is a DLL otherwise."""


def serve_result(linker: ProgramLinker) -> None:
    """Give the program the function for its result. Its C runtime is ready, and none of its code has run."""
    runtime = linker.platform.process.runtime
    # Before any code of the program runs: functions of atexit run last in, first out.
    runtime.call(b"uruk_rt_end_with_result")
    if not linker.knows(SET_RESULT):
        linker.main.define(SET_RESULT, runtime.address[b"uruk_rt_set_result"], function=True)


def serve_cxx(linker: ProgramLinker) -> None:
    """Add MinGW's library of C++, behind what the line names."""
    try:
        linker.executor.libraries.load(_CXX_DLL)
        names = _SHARED
    except LibraryError:  # WINEPATH does not name its folder
        names = _STATIC
    for name in names:
        try:
            linker.add_library(name)
        except LibraryNotFound:  # a machine without it has no program that needs it, or says so by the missing names
            return
