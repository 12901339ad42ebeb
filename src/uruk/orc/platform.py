"""The interface of a platform: the parts of running code that are not linking."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from uruk.executor.lazy_stubs import LazyStubs
    from uruk.formats.archive import Archive
    from uruk.graph.types import I64, Bool
    from uruk.link import Host, Linked
    from uruk.orc.registry.tracker import FunctionArray, Released, ResourceTracker
    from uruk.passes.state import State
    from uruk.row_link import RowLinked

ReadLines: TypeAlias = "Callable[[State], Sequence[tuple[int, int, int, bytes]]]"
"""Returns the lines of a link's code in order: an address, the line from there on, its discriminator, the file."""


class RowPlatform(Protocol):
    """The parts of a `Platform` for one object that was linked row by row (`uruk.row_link`)."""

    def wants_columns(self, name: bytes) -> bool:
        """Return True if code that refers to a name of the process must be linked by columns."""
        ...

    def known(self, names: Sequence[bytes]) -> list[tuple[int, bool]] | None:
        """Return addresses of names of the process, signed, and which are data, as `Platform.find` does.

        Returns None unless all of them were found before, at places that they have for certain, and none is the
        platform's own.
        """
        ...

    def loaded(self, linked: RowLinked, tracker: ResourceTracker) -> None:
        """See `Platform.loaded`."""
        ...

    def arrays(self, linked: RowLinked, tracker: ResourceTracker, order: tuple[int, int]) -> list[FunctionArray]:
        """See `Platform.arrays`."""
        ...


class Platform(Protocol):
    """Initialisers, unwind data, the runtime archive; one implementation an object format."""

    @property
    def host(self) -> Host:
        """The part of the process where the code will run that links need."""
        ...

    @property
    def archive(self) -> Archive | None:
        """The runtime archive, from which private parts and compiler builtins come."""
        ...

    @property
    def private_names(self) -> frozenset[bytes]:
        """Names that each module gets its own copy of, from the runtime archive."""
        ...

    @property
    def over_libraries(self) -> frozenset[bytes]:
        """Builtins that, where wanted, come before added libraries, which must not be asked for them."""
        ...

    @property
    def over_archives(self) -> frozenset[bytes]:
        """Those of `interposed_names` that no archive is asked for, either: its functions know nothing of removals."""
        ...

    @property
    def interposed_names(self) -> Collection[bytes]:
        """Names that something stands for whatever libraries say; see `interposed`."""
        ...

    def interposed(self, name: bytes) -> int:
        """Return the address that stands for a name whatever libraries say, or 0."""
        ...

    def absent_import(self, handle: int, library: str, name: bytes) -> int:
        """Return what code gets for an import that a library has not, as from the system's loader; or 0."""
        ...

    def wants_builtin(self, name: bytes) -> bool:
        """Return True if a compiler builtin is to come from the runtime archive."""
        ...

    def builtins_with(self, name: bytes) -> Archive | None:
        """Return the archive of builtins beside the runtime's that defines a name, if there is one."""
        ...

    def find(self, names: Sequence[bytes]) -> tuple[I64, Bool]:
        """Return addresses and whether they are data of names in the process (0 for those that it lacks); asked
        last."""
        ...

    def find_tls(self, name: bytes, libraries: Sequence[int]) -> str:
        """Return the loaded library that defines a thread-local, those with these handles first, or the empty
        string."""
        ...

    def library_loaded(self, path: str) -> None:
        """Note that a shared library was loaded: bind what must be bound before any thread uses it."""
        ...

    def loaded(self, linked: Linked, trackers: Sequence[ResourceTracker]) -> None:
        """Register the unwind data of code that is in memory now."""
        ...

    def for_rows(self) -> RowPlatform | None:
        """Return the same for one object that was linked row by row; None if all links are to go by columns."""
        ...

    def deregister_frames(self, address: int) -> None:
        """Undo the registration of unwind data that `loaded` noted at an address, before its memory goes."""
        ...

    def register_names(self, linked: Linked, trackers: Sequence[ResourceTracker], rows: I64) -> None:
        """Have the dynamic loader name what symbol rows of a batch define, where they show it to others."""
        ...

    def arrays(
        self, linked: Linked, trackers: Sequence[ResourceTracker], order: Sequence[tuple[int, int]]
    ) -> list[FunctionArray]:
        """Return the initialisers and finalisers of a batch; `order` has each object's place among the inputs."""
        ...

    def initialize(self, arrays: Sequence[FunctionArray]) -> None:
        """Run initialisers in their order, and have the finalisers run when their code goes; each array once."""
        ...

    def pending(self, tracker: ResourceTracker) -> int:
        """Return thread destructors that are still to run in a tracker's code."""
        ...

    def finalize(self, trackers: Sequence[ResourceTracker]) -> None:
        """Run what was registered to run when the code of trackers goes, in their order."""
        ...

    def keep_finalizers(self, old: ResourceTracker, owner: ResourceTracker) -> None:
        """Have what the code of `old` has registered to run at its end run with `owner`: its variables stay there."""
        ...

    def await_finalizers(self, tracker: ResourceTracker) -> None:
        """Wait until calls of `finalize` for a tracker have ended that go on though their callers were interrupted."""
        ...

    def unload(self, tracker: ResourceTracker, released: Released) -> None:
        """Take out names, unwind registrations and thread-local storage, before memory goes."""
        ...

    def note_removed(self, start: int, end: int, name: str) -> None:
        """Have a fault of this process at an address from `start` to `end` say that `name` was removed from there."""
        ...

    def forget_removed(self, start: int, end: int) -> None:
        """Undo `note_removed`."""
        ...

    def lazy_stubs(self, resolve: Callable[[int], int], on_error: Callable[[int, BaseException], object]) -> LazyStubs:
        """Return lazy stubs close to linked code; see `uruk.executor.lazy_stubs.LazyStubs`. `close` closes them."""
        ...

    def find_in_threads(self, ranges: Sequence[tuple[int, int]]) -> list[bool] | None:
        """Return for each range of addresses (start, size) whether any thread has one in its registers or on its stack.

        Returns None where not all threads can be looked through.
        """
        ...

    def close(self) -> None:
        """Give back what lies outside the executor's memory: the session is closed, and its process goes on."""
        ...
