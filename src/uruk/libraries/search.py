"""The search for the files that `-l NAME` stands for, as ld looks for them, then as the dynamic loader does.

The names that a library's file has on the system are looked for in every directory of -L, of the environment and of the
system's compilers. A file of another machine is passed over, and a linker script is replaced by the files that it
names. Failing that, a library that programs load is taken: people who only run programs have nothing to link against.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from uruk.errors import LibraryNotFound, ObjectFormatError, UnknownTarget
from uruk.formats.archive import Archive, is_archive
from uruk.formats.byte_source import ByteSource
from uruk.libraries.interface import HostLibraries, Kind, LibraryFile
from uruk.libraries.linker_script import parse_linker_script
from uruk.libraries.start_files import surrounds_objects
from uruk.machines import TARGETS
from uruk.target import HERE, Target

_LARGEST_SCRIPT = 1 << 20
_DEEPEST_SCRIPT = 16
_HEAD = 20
"""The number of bytes of a file or a member by which its machine is known."""


def host_libraries(target: Target) -> HostLibraries:
    """Return the names and places of a system's libraries.

    Raises UnknownTarget for a system whose libraries uruk does not look for.
    """
    if target.system == "windows":
        from uruk.libraries.windows.host import WindowsLibraries

        return WindowsLibraries(target.architecture)
    if target.system != "linux":
        raise UnknownTarget(str(target), TARGETS)
    from uruk.libraries.linux.host import LinuxLibraries

    return LinuxLibraries(target.architecture)


@dataclass
class _Search:
    """The state of one `find`: directories in order (scripts can add some), scripts that are being read or done."""

    directories: list[str]
    static: bool = False
    reading: list[str] = field(default_factory=list[str])
    done: set[str] = field(default_factory=set[str])
    files: dict[LibraryFile, None] = field(default_factory=dict[LibraryFile, None])
    """Each file once, in order: a script of a MiB can name one a hundred thousand times."""


class LibrarySearch:
    """A search for libraries. `directories` are those of -L, in order."""

    def __init__(
        self,
        directories: Iterable[str | os.PathLike[str]] = (),
        *,
        target: Target = HERE,
        host: HostLibraries | None = None,
    ) -> None:
        """`host` has the names and places of libraries; by default it is that of `target`'s system.

        Raises UnknownTarget for a system whose libraries uruk does not look for.
        """
        self.directories = [os.fspath(directory) for directory in directories]
        self.host = host or host_libraries(target)

    def find(self, name: str | os.PathLike[str], *, static: bool = False) -> list[LibraryFile]:
        """Return the inputs for which `-l NAME`, `-l :FILE` or a path (a PathLike, or text with a slash) stands, in
        order.

        `static`: NAME is an archive, shared libraries are passed over (ld's -Bstatic); those of the C library are the
        process's all the same, whose state a second copy would not share.

        Raises LibraryNotFound, and ObjectFormatError for a file that is neither library, object nor linker script.
        """
        search = self._begin(static and not (isinstance(name, str) and self.host.is_of_every_process(name)))
        if not isinstance(name, str) or "/" in name:
            self._add_path(search, os.fspath(name), False)
        elif name[:1] != ":" and self.host.is_file_name(name) and not self._has(search, name):
            # `libm.so.6` and `libz.a` are not names for -l, but it is plain which file the user wants.
            self._add_path(search, name if os.path.isfile(name) else self._file(search, name), False)
        else:
            self._add_path(search, self._library(search, name), False)
        return list(search.files)

    def runtime_path(self, name: str) -> str | None:
        """Return the path of the library that programs load for `-l NAME`; None if there is none."""
        return self._at_run_time(name, self._begin())

    def hints_for(self, names: Iterable[bytes]) -> dict[bytes, str]:
        """Return the advice for each name that a well-known library defines. See `HostLibraries.hints_for`."""
        return self.host.hints_for(names, self)

    def _begin(self, static: bool = False) -> _Search:
        return _Search([*self.directories, *self.host.directories()], static)

    def _has(self, search: _Search, name: str) -> bool:
        return any(os.path.isfile(path) for path in self._candidates(search, name, static=False))

    def _candidates(self, search: _Search, name: str, *, static: bool) -> Iterator[str]:
        """Yield the possible paths of the file of -l NAME: every name of it in one directory, then in the next."""
        file_names = self.host.file_names(name, static=static)
        for directory in search.directories:
            for file_name in file_names:
                yield os.path.join(directory, file_name)

    def _library(self, search: _Search, name: str) -> str:
        """Return the path of `-l NAME`."""
        if name.startswith(":"):
            return self._file(search, name[1:])
        for path in self._candidates(search, name, static=search.static):
            if os.path.isfile(path) and self._fits(path):
                return path
        path = None if search.static else self._at_run_time(name, search)
        if path is None:
            raise LibraryNotFound(name, self._searched(search))
        return path

    def _file(self, search: _Search, name: str) -> str:
        """Return the path of a file by its whole name."""
        for directory in search.directories:
            path = os.path.join(directory, name)
            if os.path.isfile(path) and self._fits(path):
                return path
        known = self.host.loader_path(name)
        if known is None or not os.path.isfile(known):
            raise LibraryNotFound(name, self._searched(search))
        return known

    def _at_run_time(self, name: str, search: _Search) -> str | None:
        """Return the first of the host's libraries at run time that is there and is for this machine."""
        paths = self.host.runtime_files(name, search.directories)
        return next((path for path in paths if os.path.isfile(path) and self._fits(path)), None)

    def _searched(self, search: _Search) -> list[str]:
        return [*search.directories, *self.host.searched_at_run_time()]

    def _add_path(self, search: _Search, path: str, as_needed: bool) -> None:
        """Append the file at `path`, or the files that it names if it is a linker script."""
        if not os.path.exists(path):
            raise LibraryNotFound(path, [os.path.dirname(path) or "."])
        kind = self._kind(path)
        if kind is not None:
            search.files[LibraryFile(kind, path, as_needed)] = None
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
        for wanted in parse_linker_script(path, _script(path)):
            if wanted.directory:
                search.directories.append(wanted.text)
                continue
            if surrounds_objects(wanted.text):
                continue
            if wanted.text.startswith("-l"):
                named = self._library(search, wanted.text[2:])
            else:
                named = self._named_in_script(search, wanted.text, path)
            self._add_path(search, named, as_needed or wanted.as_needed)

    def _named_in_script(self, search: _Search, name: str, script: str) -> str:
        """Return the path of a file that a script names: as it is, beside the script, or in the directories."""
        for path in (name, os.path.join(os.path.dirname(script), name)):
            if os.path.isfile(path):
                return path
        if os.path.isabs(name):
            raise LibraryNotFound(name, [os.path.dirname(name)])
        return self._file(search, name)

    def _kind(self, path: str) -> Kind | None:
        """Return the kind of a file by its first bytes; None if it may be a linker script."""
        with ByteSource(path) as source:
            return "archive" if is_archive(_head_of(source)[:8]) else self.host.kind_of(source)

    def _fits(self, path: str) -> bool:
        """Return True for a file for this machine; a file that is neither library nor object is taken for a script."""
        try:
            with ByteSource(path) as source:
                head = _first_member(source) if is_archive(source.start[:8]) else source.start
        except ObjectFormatError:
            return False
        target = self.host.target_of_head(head)
        return target is None or target.architecture == self.host.architecture


def find_library(name: str | os.PathLike[str], directories: Iterable[str | os.PathLike[str]] = ()) -> list[LibraryFile]:
    """Return ``LibrarySearch(directories).find(name)``."""
    return LibrarySearch(directories).find(name)


def check_script(path: str) -> None:
    """Raise ObjectFormatError for a file that is no linker script, or does more than name inputs."""
    text = _script(path)
    parse_linker_script(path, text)
    if match := re.search(rb"\b(?:ENTRY|EXTERN)\b", text):
        problem = f"{match[0].decode()}: give the option {'-e' if match[0] == b'ENTRY' else '-u'} instead"
        raise ObjectFormatError(path, "linker script", problem, match.start())


def _script(path: str) -> bytes:
    with ByteSource(path) as source:
        if source.size > _LARGEST_SCRIPT:
            raise source.error("file", "this is neither a library nor a linker script", 0)
        return source.read(0, source.size, "linker script")


def _head_of(source: ByteSource) -> bytes:
    return source.read(0, min(_HEAD, source.size), "file")


def _first_member(source: ByteSource) -> bytes:
    """Return the first bytes of an archive's first member, whose machine is the archive's; empty if it has no
    member."""
    archive = Archive(source)
    for member in archive.members():
        return archive.start_of(member, _HEAD)
    return b""
