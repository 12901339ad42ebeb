"""Resource trackers: the unit of removal, and what linking left in memory for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from uruk.memory.frame_table import FrameTable
from uruk.orc.registry.namespace import Namespace
from uruk.passes.tls.interface import Storage

if TYPE_CHECKING:
    from uruk.memory.interface import Allocation
    from uruk.memory.symbol_table import Symbols, SymbolTable


@dataclass
class Released:
    """The result of a removal: memory given back, and errors.

    `memory` in bytes; `tls_not_recovered`: bytes of static thread-local storage that other storage taken later keeps
    for now; `pending_thread_destructors`: how many threads have yet to run in this code, or in removed code that refers
    to it; it stays until then (`deferred`).
    """

    memory: int = 0
    objects: int = 0
    symbols: int = 0
    unwind_registrations: int = 0
    lazy_stubs: int = 0
    tls_not_recovered: int = 0
    pending_thread_destructors: int = 0

    @property
    def deferred(self) -> bool:
        """True where the memory stays until threads have ended."""
        return self.pending_thread_destructors > 0


@dataclass(eq=False)
class FunctionArray:
    """Functions of one section that are to run when a tracker's code starts or, if `final`, when it goes."""

    tracker: ResourceTracker
    functions: list[int]
    """Addresses, in the order in which they run (finalisers run backwards)."""
    priority: int
    order: tuple[int, int]
    """The object's place among the inputs, and within that."""
    early: bool
    """Before everything else (.preinit_array)."""
    final: bool
    begun: bool = False
    """True once they run, or have run; the platform sets it at the last moment before."""


class Removal:
    """A removal that has begun. `running`: a call of `remove` is at it; else one was interrupted, another goes on."""

    def __init__(self) -> None:
        self.released = Released()
        self.running = False


class Resources:
    """The resources that linking left for one tracker."""

    def __init__(self) -> None:
        self.module_handles: list[int] = []
        """Addresses of `__dso_handle`, under which finalisers and atexit handlers are registered; the tracker's own
        first, behind it those of trackers that were transferred to it."""
        self.memory: list[tuple[Allocation, list[int]]] = []
        self.frames: list[int] = []
        """Addresses of registered unwind data."""
        self.entries: list[tuple[FrameTable, int]] = []
        """Tables that have unwind data, each with the address of the code it is for."""
        self.names: list[tuple[SymbolTable, Symbols]] = []
        """Tables that have names for `dladdr`, each with those of one link."""
        self.storage: list[Storage] = []
        self.arrays: list[FunctionArray] = []
        """Initialisers and finalisers that have run, for `deinitialize` and what comes after it."""
        self.uses: set[ResourceTracker] = set()
        """Trackers whose code this code refers to."""
        self.users: set[ResourceTracker] = set()
        """Trackers whose code refers to this code; retired ones included, whose destructors may still call it."""

    def forget(self) -> None:
        """Note that all of it is gone, with the process that it was in."""
        for column in (self.memory, self.frames, self.entries, self.names, self.storage, self.arrays):
            column.clear()

    @property
    def module_handle(self) -> int | None:
        """The handle of code that is linked from now on; None if there is none yet."""
        return self.module_handles[0] if self.module_handles else None


class Owner(Protocol):
    """The owner of a tracker."""

    def remove_tracker(self, tracker: ResourceTracker, force: bool) -> Released:
        """Remove all that a tracker owns; see `ResourceTracker.remove`."""
        ...

    def transfer(self, source: ResourceTracker, target: ResourceTracker) -> None:
        """Hand all that one tracker owns to another one; see `ResourceTracker.transfer_to`."""
        ...


class ResourceTracker:
    """Owns what was added with it, in one dylib; `remove()` takes all of it out again."""

    def __init__(self, owner: Owner, name: str, number: int, dylib: Namespace) -> None:
        self.name = name
        self.number = number
        self.dylib = dylib
        self.resources = Resources()
        self.removed = False
        """True from the moment that nobody finds what it owns."""
        self.removal: Removal | None = None
        """Its removal, until all of it is done."""
        self._owner = owner

    def remove(self, *, force: bool = False) -> Released:
        """Take the objects out: finalisers and atexit handlers run, then memory, symbols, unwind data and storage go.

        Raises InUse, naming the users, if other code refers to it (unless `force`). Removing twice does nothing, but
        where Ctrl-C, or an error, ended the first call: the second one does the rest.
        """
        return self._owner.remove_tracker(self, force)

    def transfer_to(self, other: ResourceTracker) -> None:
        """Hand everything to another tracker of the same dylib; this one owns nothing afterwards, and stays usable.

        What it owned is then removed together with the other's. Raises UrukError if a tracker is removed already, or
        the trackers' dylibs differ.
        """
        self._owner.transfer(self, other)

    def use(self, used: ResourceTracker) -> None:
        """Note that its code refers to another tracker's."""
        if used is not self:
            self.resources.uses.add(used)
            used.resources.users.add(self)

    def forget_uses(self, *, users: bool = True) -> None:
        """Note that its code is gone and refers to nothing; with `users`, that nothing can refer to it, either."""
        resources = self.resources
        # Both ends of an edge know it, so that neither keeps a tracker that is gone.
        for neighbour in resources.uses:
            neighbour.resources.users.discard(self)
        resources.uses.clear()
        if users:
            for neighbour in resources.users:
                neighbour.resources.uses.discard(self)
            resources.users.clear()

    def __repr__(self) -> str:
        return f"<ResourceTracker {self.name}{' (removed)' if self.removed else ''}>"
