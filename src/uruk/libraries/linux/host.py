"""Names and places of Linux's libraries: libNAME.so and libNAME.a for gcc and ld, libNAME.so.N for the dynamic loader.

Sources: ld's manual, "Options" (-l, -L) and ``ld --verbose`` (SEARCH_DIR); gcc's manual, "Environment Variables"
(LIBRARY_PATH); ld.so(8) for LD_LIBRARY_PATH and the cache; Debian's multiarch folders (``/usr/lib/x86_64-linux-gnu``).
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from uruk.formats.byte_source import ByteSource
from uruk.formats.elf.head import target_of_head
from uruk.libraries.interface import Find, Kind
from uruk.libraries.linux.loader_cache import CACHE_PATH, loader_cache
from uruk.target import HERE, Target

C_LIBRARY = frozenset("c m pthread dl rt util resolv anl mvec".split())
"""Names for -l of glibc's own libraries."""

_FILE_NAME = re.compile(r".+\.(so(\.\d+)*|a|o)")
_ET_REL, _ET_EXEC, _ET_DYN = 1, 2, 3  # gABI chapter 4, e_type
_COMPILERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")
"""Below these gcc has directories of its own: ``gcc/x86_64-linux-gnu/12``."""


class LinuxLibraries:
    """See `uruk.libraries.interface.HostLibraries`."""

    def __init__(
        self,
        architecture: str = HERE.architecture,
        *,
        system: Sequence[str] | None = None,
        cache_path: str = CACHE_PATH,
    ) -> None:
        """`system` replaces the system's own directories."""
        self.architecture = architecture
        self.cache_path = cache_path
        self._system = None if system is None else tuple(system)

    def directories(self) -> list[str]:
        """See `HostLibraries.directories`."""
        system = system_directories(self.architecture) if self._system is None else self._system
        return [*_environment("LIBRARY_PATH"), *system]

    def file_names(self, name: str, *, static: bool) -> Sequence[str]:
        """See `HostLibraries.file_names`."""
        return (f"lib{name}.a",) if static else (f"lib{name}.so", f"lib{name}.a")

    def is_file_name(self, text: str) -> bool:
        """See `HostLibraries.is_file_name`."""
        return _FILE_NAME.fullmatch(text) is not None

    def is_of_every_process(self, name: str) -> bool:
        """See `HostLibraries.is_of_every_process`."""
        return name in C_LIBRARY

    def loader_path(self, file_name: str) -> str | None:
        """See `HostLibraries.loader_path`."""
        return self._sonames().get(file_name)

    def runtime_files(self, name: str, directories: Sequence[str]) -> list[str]:
        """See `HostLibraries.runtime_files`: the library whose soname has the highest version is the first."""
        stem = f"lib{name}.so"
        pattern = re.compile(re.escape(stem) + r"((?:\.\d+)+)")
        versions: list[tuple[list[int], str]] = []
        for soname, path in self._runtime_libraries(stem, directories):
            match = pattern.fullmatch(soname)
            if match is not None:
                # Cut to 18 digits: Python refuses to read numbers of thousands of them.
                versions.append(([int(part[:18]) for part in match[1].split(".")[1:]], path))
        versions.sort(key=lambda row: row[0], reverse=True)  # stable: the first one of a version stays first
        return [path for _, path in versions]

    def searched_at_run_time(self) -> list[str]:
        """See `HostLibraries.searched_at_run_time`."""
        return [*_environment("LD_LIBRARY_PATH"), self.cache_path]

    def hints_for(self, names: Iterable[bytes], find: Find) -> dict[bytes, str]:
        """See `HostLibraries.hints_for`."""
        from uruk.libraries.linux.hints import hints_for  # for errors only

        return hints_for(names, find)

    def hint_at(self, place: str) -> str:
        """See `HostLibraries.hint_at`."""
        from uruk.libraries.linux.hints import of_static_archive  # for errors only

        return of_static_archive(place)

    def target_of_head(self, head: bytes) -> Target | None:
        """See `HostLibraries.target_of_head`."""
        return target_of_head(head)

    def kind_of(self, source: ByteSource) -> Kind | None:
        """See `HostLibraries.kind_of`."""
        start = source.read(0, min(20, source.size), "file")
        if start[:4] != b"\x7fELF":
            return None
        kind = int.from_bytes(start[16:18], "little")
        if kind in (_ET_REL, _ET_DYN):
            return "object" if kind == _ET_REL else "shared"
        from uruk.formats.foreign import kind_of, linked_kind  # for an error text only

        title = linked_kind(source.start) if kind == _ET_EXEC else kind_of(source.start)
        problem = f"e_type {kind} is neither an object nor a shared library: it is {title}"
        raise source.error("ELF header", problem, 16)

    def _runtime_libraries(self, stem: str, directories: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield soname and path of libraries in the loader's order; without a cache, of those in `directories`."""
        for directory in _environment("LD_LIBRARY_PATH"):
            yield from _versions_in(directory, stem)
        cached = self._sonames()
        yield from cached.items()
        if not cached:
            for directory in directories:
                yield from _versions_in(directory, stem)

    def _sonames(self) -> dict[str, str]:
        return loader_cache(self.architecture, self.cache_path)


@lru_cache(maxsize=8)
def system_directories(architecture: str) -> tuple[str, ...]:
    """Return the existing directories that gcc and ld search by default for an architecture; gcc's own come first."""
    compilers = [
        directory
        for place in _COMPILERS
        for directory in (
            *glob.glob(f"{place}/gcc/{architecture}-*linux*/*"),
            *glob.glob(f"{place}/gcc-cross/{architecture}-*linux*/*"),
        )
        if os.path.isfile(os.path.join(directory, "libgcc.a"))
    ]
    compilers.sort(key=_version_of, reverse=True)
    places = [
        *compilers,
        *(
            f"/usr/lib/{architecture}-linux-gnu",
            f"/lib/{architecture}-linux-gnu",
            "/usr/lib64",
            "/lib64",
            "/usr/lib",
            "/lib",
        ),
        *(f"/usr/local/lib/{architecture}-linux-gnu", "/usr/local/lib64", "/usr/local/lib"),
        f"/usr/{architecture}-linux-gnu/lib",  # of a cross compiler
    ]
    seen: dict[str, str] = {}
    for place in places:
        if os.path.isdir(place):
            # /lib is a link to /usr/lib on many systems: the first name of a directory stays.
            seen.setdefault(os.path.realpath(place), place)
    return tuple(seen.values())


def _version_of(path: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", os.path.basename(path))]


def _environment(variable: str) -> list[str]:
    return [place for place in os.environ.get(variable, "").split(":") if place]


def _versions_in(directory: str, stem: str) -> list[tuple[str, str]]:
    paths = glob.glob(f"{glob.escape(os.path.join(directory, stem))}.*")
    return [(os.path.basename(path), path) for path in paths]
