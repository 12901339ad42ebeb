"""The names that LLVM's llvm-jitlink has in its process, for the programs that were written for it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from uruk.errors import LibraryNotFound
from uruk.orc.dylib import JITDylib
from uruk.platforms.linux.platform import linux_platform
from uruk.program.program_linker import ProgramLinker

SET_RESULT = b"llvm_jitlink_setTestResultOverride"
"""The function by which LLVM's tests set the exit status, also from functions of atexit."""
LIBRARIES = ("libstdc++.so.6", "libm.so.6", "libgcc_s.so.1")
"""The libraries of a process of C++ beside the C library; one is loaded when something needs it."""


def serve(linker: ProgramLinker, dylibs: Sequence[JITDylib]) -> None:
    """See `uruk.program.interface.ProgramSystem.serve_as_jitlink`."""
    platform = linux_platform(linker.platform)
    platform.replacements[SET_RESULT] = b"uruk_rt_set_result"
    # Before any code of the program runs: functions of atexit run last in, first out.
    platform.runtime.call(b"uruk_rt_end_with_result")
    for dylib in dylibs:
        for name in LIBRARIES:
            # A machine without the library has no program that needs it, or says so by the names that are missing.
            with contextlib.suppress(LibraryNotFound):
                linker.add_library(f":{name}", dylib=dylib, as_needed=True)
