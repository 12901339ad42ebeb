"""The directories where libraries of a program are looked for at run time, as the loader does for a linked one."""

from __future__ import annotations

import os
from collections.abc import Sequence

from uruk.errors import AllocationError, ObjectFormatError
from uruk.platforms.linux.platform import LinuxPlatform
from uruk.platforms.linux.process_symbols import RTLD_GLOBAL, RTLD_NOW
from uruk.records import record


@record
class SearchPath:
    """Directories as of -rpath, ``$ORIGIN`` in them included. `origin`: the folder of the program.

    `inherited`: libraries' own needs are searched there, too (DT_RPATH, ld's --disable-new-dtags); by default they are
    not (DT_RUNPATH).
    """

    origin: str
    directories: Sequence[str] = ()
    inherited: bool = False

    def apply(self, platform: LinuxPlatform) -> None:
        """Have the program's dlopen use it, in the process where it runs. Raises AllocationError."""
        texts = b"".join(os.fsencode(folder) + b"\0" for folder in (self.origin, *self.directories))
        count = 1 + len(self.directories)
        runtime = platform.runtime
        if runtime.call(b"uruk_rt_set_search_path", texts, len(texts), count, int(self.inherited)):
            raise AllocationError("uruk_rt_set_search_path has no memory")
        platform.replacements[b"dlopen"] = b"uruk_rt_dlopen"

    def replacement(self, path: str) -> str:
        """Return the library in these directories that the loader would take in place of one that a linker found."""
        if not self.directories:
            return path
        from uruk.formats.elf.dynamic import read_shared_library  # most programs name no directories

        with read_shared_library(path) as library:
            soname, machine = library.soname or os.path.basename(path), library.machine
        for directory in self.directories:
            expanded = directory.replace("${ORIGIN}", self.origin).replace("$ORIGIN", self.origin)
            candidate = os.path.join(expanded or ".", soname)
            if os.path.isfile(candidate) and _machine(candidate) == machine:
                return candidate
        return path

    def open_with_needs(self, platform: LinuxPlatform, path: str, *, everywhere: bool) -> None:
        """Open a library whose needs may lie in here. Errors are raised when it is loaded."""
        if self.inherited:
            flags = RTLD_NOW | (RTLD_GLOBAL if everywhere else 0)
            platform.runtime.call(b"uruk_rt_dlopen", os.fsencode(path) + b"\0", flags)


def _machine(path: str) -> int:
    """Return the machine of a library; 0 for what is none, which the loader passes over."""
    from uruk.formats.elf.dynamic import read_shared_library

    try:
        with read_shared_library(path) as library:
            return library.machine
    except ObjectFormatError:
        return 0
