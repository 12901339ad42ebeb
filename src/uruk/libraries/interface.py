"""The interface of a system to the search for libraries; `uruk.libraries.linux.host` is Linux's.

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
    """One input for which a name stands, and the kind of its file.

    With `as_needed` it is linked only if some name is undefined without it.
    """

    kind: Kind
    path: str
    as_needed: bool = False


class Find(Protocol):
    """A search for libraries, as hosts use it; `uruk.libraries.search.LibrarySearch` is one."""

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
        """The architecture of the libraries, as the first part of a triple has it."""
        ...

    def directories(self) -> Sequence[str]:
        """Return the directories behind those of -L: the environment's, then those that compilers search by default."""
        ...

    def file_names(self, name: str, *, static: bool) -> Sequence[str]:
        """Return the possible names of the file of ``-l name``, the preferred one first; only archives if `static`."""
        ...

    def is_file_name(self, text: str) -> bool:
        """Return True for the name of a library's file: users write it where NAME of ``-l NAME`` is wanted."""
        ...

    def is_of_every_process(self, name: str) -> bool:
        """Return True for the C library's own libraries: a process has their state once, so an archive's copy is of no
        use."""
        ...

    def loader_path(self, file_name: str) -> str | None:
        """Return the path at which the dynamic loader finds a library by the whole name of its file.

        Returns None if it does not.
        """
        ...

    def runtime_files(self, name: str, directories: Sequence[str]) -> Iterable[str]:
        """Return paths of the libraries that programs load for ``-l name``, the preferred one first.

        They serve users without development files. Some of the paths may not exist.
        """
        ...

    def searched_at_run_time(self) -> Sequence[str]:
        """Return the places in which `loader_path` and `runtime_files` look, for errors."""
        ...

    def hints_for(self, names: Iterable[bytes], find: Find) -> dict[bytes, str]:
        """Return the advice for each name that a well-known library defines, such as ``add -l m``.

        `find` is the search for libraries. This is for errors, and may take milliseconds.
        """
        ...

    def hint_at(self, place: str) -> str:
        """Return the reason for which code at `place` cannot be linked; empty for most places."""
        ...

    def target_of_head(self, head: bytes) -> Target | None:
        """Return the target of a file or an archive's member by its first bytes; None if it is not code."""
        ...

    def kind_of(self, source: ByteSource) -> Kind | None:
        """Return the kind of a file that is not an archive; None if it may be a linker script.

        Raises ObjectFormatError for code that cannot be an input, such as a program.
        """
        ...
