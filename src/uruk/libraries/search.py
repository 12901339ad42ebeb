"""Finds what `-l NAME` means, as ld does, then as the dynamic loader does.

First libNAME.so and libNAME.a in every directory of -L, of $LIBRARY_PATH and of the system's compilers; a
file of another machine is passed over; a linker script is replaced by what it names. Failing that,
libNAME.so.N by soname in $LD_LIBRARY_PATH, the loader's cache and the system's directories: people who only
run programs have no libNAME.so.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from uruk.errors import LibraryNotFound, ObjectFormatError
from uruk.formats.archive import Archive, is_archive
from uruk.formats.byte_source import ByteSource
from uruk.formats.elf.head import target_of_head
from uruk.libraries.linker_script import parse_linker_script
from uruk.libraries.loader_cache import CACHE_PATH, loader_cache
from uruk.target import HERE

C_LIBRARY = frozenset("c m pthread dl rt util resolv anl mvec".split())
"""Names for -l of glibc's own libraries."""

Kind = Literal["shared", "archive", "object"]

_FILE_NAME = re.compile(r".+\.(so(\.\d+)*|a|o)")
_LARGEST_SCRIPT = 1 << 20
_DEEPEST_SCRIPT = 16


@dataclass(frozen=True, slots=True)
class Found:
    """One input: what it is and where. `as_needed`: of no use unless some name is undefined without it."""

    kind: Kind
    path: str
    as_needed: bool = False


@dataclass
class _Search:
    """State of one find(): directories in order (scripts can add some), scripts being read and done."""

    directories: list[str]
    static: bool = False
    reading: list[str] = field(default_factory=list[str])
    done: set[str] = field(default_factory=set[str])
    found: list[Found] = field(default_factory=list[Found])


class LibrarySearch:
    """Where libraries are looked for. `directories` are those of -L, in order; `architecture` is that of a
    target.
    """

    def __init__(
        self,
        directories: Iterable[str | os.PathLike[str]] = (),
        *,
        architecture: str = HERE.architecture,
        system: Sequence[str] | None = None,
        cache_path: str = CACHE_PATH,
    ) -> None:
        """`system` takes the place of the system's own directories."""
        self.directories = [os.fspath(directory) for directory in directories]
        self.architecture = architecture
        self._system = None if system is None else list(system)
        self.cache_path = cache_path

    def find(self, name: str | os.PathLike[str], *, static: bool = False) -> list[Found]:
        """What `-l NAME`, `-l :FILE` or a path (a PathLike, or text with a slash) stands for, in order.

        `static`: NAME is an archive, shared libraries are passed over (ld's -Bstatic); those of the C library are the
        process's all the same, whose state a second copy would not share.

        Raises LibraryNotFound, and ObjectFormatError for a file that is neither library, object nor linker
        script.
        """
        search = _Search(self._all_directories(), static=static and name not in C_LIBRARY)
        if not isinstance(name, str) or "/" in name:
            self._add_path(search, os.fspath(name), False)
        elif _FILE_NAME.fullmatch(name) and name[0] != ":" and not self._has(search, name):
            # `libm.so.6` and `libz.a` are no names for -l, but what is meant is plain.
            self._add_path(search, name if os.path.isfile(name) else self._file(search, name), False)
        else:
            self._add_path(search, self._library(search, name), False)
        return search.found

    def soname_path(self, name: str) -> str | None:
        """Path of the newest libNAME.so.N that the loader knows, None if there is none."""
        return self._by_soname(f"lib{name}.so", _Search(self._all_directories()))

    def _has(self, search: _Search, name: str) -> bool:
        return any(os.path.isfile(path) for path in _candidates(search.directories, name))

    def _all_directories(self) -> list[str]:
        own = [*self.directories, *_environment("LIBRARY_PATH")]
        return own + (list(system_directories(self.architecture)) if self._system is None else self._system)

    def _library(self, search: _Search, name: str) -> str:
        """Path of `-l NAME`."""
        if name.startswith(":"):
            return self._file(search, name[1:])
        for path in _candidates(search.directories, name):
            if (not search.static or path.endswith(".a")) and os.path.isfile(path) and self._fits(path):
                return path
        path = None if search.static else self._by_soname(f"lib{name}.so", search)
        if path is None:
            raise LibraryNotFound(name, self._searched(search))
        return path

    def _file(self, search: _Search, name: str) -> str:
        """Path of a file looked for by its whole name."""
        for directory in search.directories:
            path = os.path.join(directory, name)
            if os.path.isfile(path) and self._fits(path):
                return path
        known = self._sonames().get(name)
        if known is None or not os.path.isfile(known):
            raise LibraryNotFound(name, self._searched(search))
        return known

    def _by_soname(self, stem: str, search: _Search) -> str | None:
        """The library whose soname is `stem` with the highest version behind it."""
        pattern = re.compile(re.escape(stem) + r"((?:\.\d+)+)")
        best: tuple[list[int], str] | None = None
        for soname, path in self._runtime_libraries(stem, search):
            match = pattern.fullmatch(soname)
            if match is None:
                continue
            version = [int(part[:18]) for part in match[1].split(".")[1:]]
            if (best is None or version > best[0]) and os.path.isfile(path) and self._fits(path):
                best = (version, path)
        return None if best is None else best[1]

    def _runtime_libraries(self, stem: str, search: _Search) -> Iterator[tuple[str, str]]:
        for directory in _environment("LD_LIBRARY_PATH"):
            yield from _versions_in(directory, stem)
        cached = self._sonames()
        yield from cached.items()
        if not cached:
            for directory in search.directories:
                yield from _versions_in(directory, stem)

    def _sonames(self) -> dict[str, str]:
        return loader_cache(self.architecture, self.cache_path)

    def _searched(self, search: _Search) -> list[str]:
        return [*search.directories, *_environment("LD_LIBRARY_PATH"), self.cache_path]

    def _add_path(self, search: _Search, path: str, as_needed: bool) -> None:
        """Append what the file at `path` is, or what it names."""
        if not os.path.exists(path):
            raise LibraryNotFound(path, [os.path.dirname(path) or "."])
        kind = _kind(path)
        if kind is not None:
            search.found.append(Found(kind, path, as_needed))
            return
        real = os.path.realpath(path)
        if real in search.reading:
            raise ObjectFormatError(path, "linker script", "the script includes itself")
        if len(search.reading) == _DEEPEST_SCRIPT:
            raise ObjectFormatError(path, "linker script", f"scripts nested {_DEEPEST_SCRIPT} deep")
        if real not in search.done:
            search.reading.append(real)
            self._add_script(search, path, as_needed)
            search.reading.pop()
            search.done.add(real)

    def _add_script(self, search: _Search, path: str, as_needed: bool) -> None:
        with ByteSource(path) as source:
            if source.size > _LARGEST_SCRIPT:
                raise source.error("file", "neither a library nor a linker script", 0)
            text = source.read(0, source.size, "linker script")
        for wanted in parse_linker_script(path, text):
            if wanted.directory:
                search.directories.append(wanted.text)
                continue
            if wanted.text.startswith("-l"):
                target = self._library(search, wanted.text[2:])
            else:
                target = self._named_in_script(search, wanted.text, path)
            self._add_path(search, target, as_needed or wanted.as_needed)

    def _named_in_script(self, search: _Search, name: str, script: str) -> str:
        """A file that a script names: as it is, beside the script, or in the directories."""
        for path in (name, os.path.join(os.path.dirname(script), name)):
            if os.path.isfile(path):
                return path
        if os.path.isabs(name):
            raise LibraryNotFound(name, [os.path.dirname(name)])
        return self._file(search, name)

    def _fits(self, path: str) -> bool:
        """Whether the file is for this machine; what is neither library nor object is taken for a script."""
        try:
            with ByteSource(path) as source:
                start = source.read(0, min(20, source.size), "file")
                if is_archive(start[:8]):
                    start = _first_member(source)
        except ObjectFormatError:
            return False
        target = target_of_head(start)
        return target is None or target.architecture == self.architecture


@lru_cache(maxsize=8)
def system_directories(architecture: str) -> tuple[str, ...]:
    """The directories that gcc and ld search by default for an architecture, those of gcc first; only ones that
    exist.
    """
    compilers = [
        directory
        for place in ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")
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
            seen.setdefault(os.path.realpath(place), place)
    return tuple(seen.values())


def _version_of(path: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", os.path.basename(path))]


def find_library(name: str | os.PathLike[str], directories: Iterable[str | os.PathLike[str]] = ()) -> list[Found]:
    """LibrarySearch(directories).find(name)."""
    return LibrarySearch(directories).find(name)


def _candidates(directories: Iterable[str], name: str) -> Iterator[str]:
    for directory in directories:
        yield os.path.join(directory, f"lib{name}.so")
        yield os.path.join(directory, f"lib{name}.a")


def _environment(variable: str) -> list[str]:
    return [place for place in os.environ.get(variable, "").split(":") if place]


def _versions_in(directory: str, stem: str) -> list[tuple[str, str]]:
    paths = glob.glob(f"{glob.escape(os.path.join(directory, stem))}.*")
    return [(os.path.basename(path), path) for path in paths]


def _kind(path: str) -> Kind | None:
    """What the file is by its first bytes; None for what may be a linker script."""
    with ByteSource(path) as source:
        start = source.read(0, min(20, source.size), "file")
        if is_archive(start[:8]):
            return "archive"
        if start[:4] != b"\x7fELF":
            return None
        kind = int.from_bytes(start[16:18], "little")
        if kind not in (1, 3):  # ET_REL, ET_DYN
            from uruk.formats.foreign import kind_of, linked_kind

            what = linked_kind(source.start) if kind == 2 else kind_of(source.start)  # ET_EXEC
            raise source.error(
                "ELF header", f"e_type {kind} is neither an object nor a shared library: it is {what}", 16
            )
        return "object" if kind == 1 else "shared"


def _first_member(source: ByteSource) -> bytes:
    """The first bytes of the first member of an archive, which decide whether it fits; b"" where there is
    none.
    """
    archive = Archive(source)
    for member in archive.members():
        return archive.start_of(member, 20)
    return b""
