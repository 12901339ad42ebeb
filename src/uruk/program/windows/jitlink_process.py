"""The names that LLVM's llvm-jitlink has in its process, for programs of Windows that were written for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.errors import LibraryError, LibraryNotFound

if TYPE_CHECKING:
    from uruk.program.program_linker import ProgramLinker

SET_RESULT = "llvm_jitlink_setTestResultOverride"
"""The function by which LLVM's tests set the exit status, also from functions of atexit."""
_CXX = ("libstdc++-6.dll", ("stdc++",), (":libstdc++.a", ":libpthread.a"))
_THREADS = ("libwinpthread-1.dll", (), (":libpthread.a",))
"""MinGW's libraries of C++ and of threads: the DLL, what is added for -l where that is found (threads' is one of the
driver's), and where it is not: the archive, with what it needs and is a DLL otherwise."""


def serve_result(linker: ProgramLinker) -> None:
    """Give the program the function for its result. Its C runtime is ready, and none of its code has run."""
    runtime = linker.platform.process.runtime
    # Before any code of the program runs: functions of atexit run last in, first out.
    runtime.call(b"uruk_rt_end_with_result")
    if not linker.knows(SET_RESULT):
        linker.main.define(SET_RESULT, runtime.address[b"uruk_rt_set_result"], function=True)


def serve_libraries(linker: ProgramLinker, *, cxx: bool, threads: bool) -> None:
    """Add MinGW's library of C++ or that of threads, as the program wants, behind what the line names."""
    if not (cxx or threads):
        return
    dll, shared, static = _CXX if cxx else _THREADS
    try:
        linker.executor.libraries.load(dll)
        names = shared
    except LibraryError:  # WINEPATH does not name its folder
        names = static
    for name in names:
        try:
            linker.add_library(name)
        except LibraryNotFound:  # a machine without it has no program that needs it, or says so by the missing names
            return
