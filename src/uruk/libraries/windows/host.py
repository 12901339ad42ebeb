"""Names and places of Windows's libraries on a machine that compiles for Windows: those of MinGW's compilers.

Sources: ld's manual, "ld and WIN32" ("direct linking to a dll", the order of names); Debian's packages of MinGW-w64
(``/usr/lib/gcc/x86_64-w64-mingw32``, ``/usr/x86_64-w64-mingw32/lib``), Fedora's (``sys-root/mingw/lib``); the PE/COFF
specification, "Signature", "Characteristics".
"""

from __future__ import annotations

import glob
import os
import re
import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache

from uruk.formats.byte_source import ByteSource
from uruk.formats.coff.head import target_of_head
from uruk.libraries.interface import Find, Kind
from uruk.target import Target

_FILE_NAME = re.compile(r".+\.(a|lib|dll|o|obj)", re.IGNORECASE)
_IS_DLL = 0x2000
"""A flag of Characteristics."""


class WindowsLibraries:
    """See `uruk.libraries.interface.HostLibraries`."""

    def __init__(self, architecture: str, *, system: Sequence[str] | None = None) -> None:
        """`system` takes the place of the compilers' own directories."""
        self.architecture = architecture
        self._system = None if system is None else tuple(system)

    def directories(self) -> list[str]:
        """See `HostLibraries.directories`."""
        system = compiler_directories(self.architecture) if self._system is None else self._system
        return [*(place for place in os.environ.get("LIBRARY_PATH", "").split(":") if place), *system]

    def file_names(self, name: str, *, static: bool) -> Sequence[str]:
        """See `HostLibraries.file_names`: an import library comes before an archive, and that before a DLL."""
        if static:
            return f"lib{name}.a", f"{name}.lib"
        return f"lib{name}.dll.a", f"{name}.lib", f"lib{name}.a", f"{name}.dll", f"lib{name}.dll"

    def is_file_name(self, text: str) -> bool:
        """See `HostLibraries.is_file_name`."""
        return _FILE_NAME.fullmatch(text) is not None

    def is_of_every_process(self, name: str) -> bool:
        """See `HostLibraries.is_of_every_process`: a program says which C runtime it has."""
        return False

    def loader_path(self, file_name: str) -> str | None:
        """See `HostLibraries.loader_path`: what Windows's loader finds, the process knows in which it runs."""
        return None

    def runtime_files(self, name: str, directories: Sequence[str]) -> Iterable[str]:
        """See `HostLibraries.runtime_files`: DLLs are among `file_names`."""
        return ()

    def searched_at_run_time(self) -> Sequence[str]:
        """See `HostLibraries.searched_at_run_time`."""
        return ()

    def hints_for(self, names: Iterable[bytes], find: Find) -> dict[bytes, str]:
        """See `HostLibraries.hints_for`."""
        from uruk.libraries.windows import hints  # for errors

        return hints.hints_for(names, find)

    def hint_at(self, place: str) -> str:
        """See `HostLibraries.hint_at`."""
        return ""

    def target_of_head(self, head: bytes) -> Target | None:
        """See `HostLibraries.target_of_head`."""
        return target_of_head(head)

    def kind_of(self, source: ByteSource) -> Kind | None:
        """See `HostLibraries.kind_of`."""
        start = source.start
        if start[:2] != b"MZ":
            return None if target_of_head(start[:20]) is None else "object"
        (at,) = struct.unpack_from("<I", start.ljust(64, b"\0"), 60)
        header = source.read(at, 24, "PE header")
        if header[:4] != b"PE\0\0":
            raise source.error("PE header", "neither a DLL nor a library: a program of DOS", at)
        if not int.from_bytes(header[22:24], "little") & _IS_DLL:
            raise source.error("PE header", "a program, and no DLL: give the objects that it is made of", at)
        return "shared"


@lru_cache(maxsize=8)
def compiler_directories(architecture: str) -> tuple[str, ...]:
    """Return the directories of MinGW's compilers that exist: the newest gcc's, of threads as POSIX has them, first."""
    triple = f"{architecture}-w64-mingw32"
    compilers = [place for place in glob.glob(f"/usr/lib*/gcc/{triple}/*") if os.path.isdir(place)]
    compilers.sort(key=_rank, reverse=True)
    places = [*compilers[:1], f"/usr/{triple}/lib", f"/usr/{triple}/sys-root/mingw/lib"]
    return tuple(place for place in places if os.path.isdir(place))


def _rank(path: str) -> tuple[list[int], bool]:
    """Return numbers of the version, then its model of threads: ``12-posix``, ``12-win32``."""
    name = os.path.basename(path)
    return [int(part) for part in re.findall(r"\d+", name.partition("-")[0])], name.endswith("posix")
