"""Hints for errors about undefined symbols of Windows: the well-known library that defines such a name.

The libraries are those of MinGW's compilers, and the DLLs of Microsoft's C++.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Set

from uruk.errors import LibraryNotFound, ObjectFormatError
from uruk.formats.archive import Archive
from uruk.libraries.interface import Find

KNOWN = tuple(
    "stdc++ gcc_s gcc gcc_eh mingwex msvcrt kernel32 user32 gdi32 advapi32 shell32 ole32 oleaut32 ws2_32 winmm pthread "
    "gomp gfortran quadmath atomic z ssp bcrypt crypt32 secur32 dbghelp psapi shlwapi version comctl32 comdlg32 "
    "iphlpapi opengl32 uuid mingw32".split()
)
"""Names for -l of the libraries that are searched, the likelier ones first."""
_ZIGS = "libc++ of zig c++ defines it: `uruk run' links it; for a session, ZIG_VERBOSE_LINK=1 shows its files"
_OF_CXX = (b"_Z", b"__cxa_", b"__gxx_", b"_Unwind_")
_BY_PREFIX: tuple[tuple[tuple[bytes, ...], str], ...] = (
    (
        (b"__CxxFrameHandler4",),
        'defined in vcruntime140_1.dll, of Microsoft\'s C++: add_shared_library("vcruntime140_1.dll")',
    ),
    (
        (b"__CxxFrameHandler", b"__std_", b"__RT", b"__CxxLongjmpUnwind", b"__vcrt_", b"__current_exception"),
        'defined in vcruntime140.dll, of Microsoft\'s C++: add_shared_library("vcruntime140.dll")',
    ),
    ((b"?terminate@@",), 'defined in ucrtbase.dll: add_shared_library("ucrtbase.dll")'),
    ((b"__asan_", b"__ubsan_", b"__tsan_"), "code built with a sanitizer, whose runtime its compiler's driver links"),
)
"""Beginnings of names -> hint, for what MinGW's libraries do not have."""


def hints_for(names: Iterable[bytes], search: Find) -> dict[bytes, str]:
    """Return a text for each name that a well-known library defines, such as ``defined in libm.a: add -l m``.

    Indexes of archives and import libraries are read. This takes milliseconds: it is for errors.
    """
    wanted = set(names)
    hints: dict[bytes, str] = {}
    # The names of libc++'s own have its inline namespace; what it shares with libstdc++ is as the rest of them.
    if any(b"St3__1" in name for name in wanted):
        hints.update((name, _ZIGS) for name in wanted if name.startswith(_OF_CXX))
        wanted -= hints.keys()
    hints.update((name, text) for name in wanted for prefixes, text in _BY_PREFIX if name.startswith(prefixes))
    wanted -= hints.keys()
    for library in KNOWN:
        if not wanted:
            break
        file, defined = _defined_in(library, wanted, search)
        hints.update((name, f"defined in {file}: add -l {library}") for name in defined)
        wanted -= defined
    return hints


def _defined_in(library: str, names: Set[bytes], search: Find) -> tuple[str, Set[bytes]]:
    """Return the file of a library, and those of the names that it defines; none where it is not there, or broken."""
    try:
        path = search.find(library)[0].path
        with Archive.open(path) as archive:
            return os.path.basename(path), names & archive.index().keys()
    except (LibraryNotFound, ObjectFormatError, IndexError):
        return "", frozenset()
