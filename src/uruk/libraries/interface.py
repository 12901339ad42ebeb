"""The demands of a search for libraries on a system; `uruk.libraries.linux.host` answers for Linux.

The search itself (`uruk.libraries.search`) knows directories, archives and linker scripts, which every system has. A
host says what a library's file is called, where the system keeps libraries, and what its dynamic loader finds itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from uruk.formats.byte_source import ByteSource
from uruk.target import Target

Kind = Literal["shared", "archive", "object"]


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """One input that a name stands for, and what kind of file it is.

    `as_needed`: it is of no use unless some name is undefined without it.
    """

    kind: Kind
    path: str
    as_needed: bool = False


class Find(Protocol):
    """A search for libraries, as a host sees it; `uruk.libraries.search.LibrarySearch` is one."""

    def find(self, name: str, *, static: bool = False) -> list[LibraryFile]:
        """See `LibrarySearch.find`."""
        ...

    def runtime_path(self, name: str) -> str | None:
        """See `LibrarySearch.runtime_path`."""
        ...


class HostLibraries(Protocol):
    """The names and places of libraries on one system, for one architecture."""

    @property
    def architecture(self) -> str:
        """The architecture that the libraries are for, as the first part of a triple has it."""
        ...

    def directories(self) -> Sequence[str]:
        """Return the directories behind those of -L: the environment's, then those that compilers search by default."""
        ...

    def file_names(self, name: str, *, static: bool) -> Sequence[str]:
        """Return what the file of ``-l name`` may be called, the preferred name first; `static`: names of archives."""
        ...

    def is_file_name(self, text: str) -> bool:
        """True for the name of a library's file, which somebody wrote where NAME of ``-l NAME`` is wanted."""
        ...

    def is_of_every_process(self, name: str) -> bool:
        """True for the C library's own libraries: a process has their state once, so an archive's copy is of no use."""
        ...

    def loader_path(self, file_name: str) -> str | None:
        """Return where the dynamic loader finds a library by the whole name of its file; None if it does not."""
        ...

    def runtime_files(self, name: str, directories: Sequence[str]) -> Iterable[str]:
        """Return paths of the libraries that programs load for ``-l name``, the preferred one first.

        They are for people who have nothing to link against. Some of the paths may be those of no file.
        """
        ...

    def searched_at_run_time(self) -> Sequence[str]:
        """Return the places that `loader_path` and `runtime_files` look into, for errors."""
        ...

    def hints_for(self, names: Iterable[bytes], find: Find) -> dict[bytes, str]:
        """Return, for each name that a well-known library defines, what to add, such as ``add -l m``.

        `find` is how the search looks for libraries. It is for errors, and may take milliseconds.
        """
        ...

    def hint_at(self, place: str) -> str:
        """Return what is wrong with linking code that needs a name at `place`; empty for most places."""
        ...

    def target_of_head(self, head: bytes) -> Target | None:
        """Return the target of a file or a member of an archive by its first bytes; None for what is no code."""
        ...

    def kind_of(self, source: ByteSource) -> Kind | None:
        """Return what a file that is no archive is; None where it may be a linker script.

        Raises ObjectFormatError for code that cannot be an input, such as a program.
        """
        ...
