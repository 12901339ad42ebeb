"""Resource trackers: the unit of removal, and what linking left in memory for each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from uruk.records import Unique, Values, field, record

if TYPE_CHECKING:
    from uruk.graph.types import I64
    from uruk.memory.frame_table import FrameTable
    from uruk.memory.interface import Allocation
    from uruk.memory.symbol_table import Symbols, SymbolTable
    from uruk.orc.registry.namespace import Namespace
    from uruk.passes.tls.interface import Storage


@record
class Released(Values):
    """The result of a removal: memory given back, and errors.

    `memory` is in bytes. `tls_not_recovered`: bytes of static thread-local storage that other storage taken later keeps
    for now. `pending_thread_destructors`: how many threads have yet to run in this code, or in removed code that refers
    to it. `calls_under_way`: how many calls that Python made are in it. The code stays until then (`deferred`).
    """

    memory: int = 0
    objects: int = 0
    symbols: int = 0
    unwind_registrations: int = 0
    lazy_stubs: int = 0
    tls_not_recovered: int = 0
    pending_thread_destructors: int = 0
    calls_under_way: int = 0

    @property
    def deferred(self) -> bool:
        """True where the memory stays until threads have ended, or calls have returned; `LLJIT.collect`, and
        the next removal, look."""
        return self.pending_thread_destructors > 0 or self.calls_under_way > 0


@record
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
        self.stubs: list[I64] = []
        """Addresses of stubs that finalisers may need after the names are gone."""
        self.called: list[int] = []
        """Addresses of stubs by which functions were called, once the code goes."""
        self.arrays: list[FunctionArray] = []
        """Initialisers and finalisers that have run, for `deinitialize` and what comes after it."""
        self.uses: set[ResourceTracker] = set()
        """Trackers whose code this code refers to."""
        self.users: set[ResourceTracker] = set()
        """Trackers whose code refers to this code; retired ones included, whose destructors may still call it."""

    def forget(self) -> None:
        """Note that all of it is gone, with the process that it was in."""
        for column in (self.memory, self.frames, self.entries, self.names, self.storage, self.stubs, self.arrays):
            column.clear()

    @property
    def has_finalizers(self) -> bool:
        """True where something may have to run before the code goes, as far as a platform has noted."""
        return bool(self.module_handles or self.frames or self.arrays)

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

    def replace_tracker(self, tracker: ResourceTracker, replacement: Replacement) -> None:
        """Replace the code of a tracker; see `ResourceTracker.replace`."""
        ...


class IRLike(Protocol):
    """A module of llvmlite's, of `llvmlite.ir` or of `llvmlite.binding`."""

    @property
    def triple(self) -> Any:
        """The system that it is for."""
        ...

    @property
    def data_layout(self) -> Any:
        """The layout of its types."""
        ...


@record
class Replacement:
    """The code that is to replace other code: a `source` (a path, an object's bytes, LLVM IR), or a `text`.

    `statics` is as `ResourceTracker.replace` has it; `function`: the only one that is replaced, or the empty string.
    """

    source: str | os.PathLike[str] | bytes | bytearray | memoryview | IRLike | None = None
    text: str | None = None
    name: str = ""
    statics: str = "keep"
    function: str = ""

    @property
    def path(self) -> str | None:
        """The path of its file; None for bytes and texts."""
        return os.fspath(self.source) if isinstance(self.source, str | os.PathLike) else None


@record
class NewCode:
    """A compiled replacement: an object with its name, and the types that LLVM IR tells of what it defines, as
    `ResourceTracker.ir_functions` and `ir_variables` have them."""

    name: str
    data: bytes | bytearray | memoryview
    ir_functions: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, "tuple[str, str]"])
    ir_variables: Mapping[str, tuple[str, bool, Mapping[str, str]]] = field(
        default_factory=dict[str, "tuple[str, bool, Mapping[str, str]]"]
    )


@record
class Retained(Values):
    """Old code that stays in memory: `name` says which, `memory` how many bytes, `reason` why."""

    name: str
    memory: int
    reason: str

    def __str__(self) -> str:
        return f"{self.name}, {self.memory} bytes: {self.reason}"


class Replaceable(Protocol):
    """The state of a tracker whose code may be replaced; see `uruk.orc.replacing`."""

    def linked(self, state: Any, rows: Mapping[int, int], new: Callable[[str], list[Any]]) -> None:
        """Note a link: objects by number, with their rows in its batch, and what is new in a column of `Resources`."""
        ...

    def lead_all(self) -> None:
        """Lead its stubs to its code before its names go: what is called first by a finaliser is not looked up."""
        ...

    def retained(self) -> list[Retained]:
        """Return the old versions that are still in memory."""
        ...


class ResourceTracker(Unique):
    """Owns what was added with it, in one dylib; `remove()` takes all of it out again."""

    def __init__(self, owner: Owner, name: str, number: int, dylib: Namespace) -> None:
        self.name = name
        self.number = number
        self.dylib = dylib
        self.resources = Resources()
        self.removed = False
        """True from the moment that no lookup finds what it owns."""
        self.removal: Removal | None = None
        """Its removal, until all of it is done."""
        self.replaceable: Replaceable | None = None
        """The state of its versions, if its code may be replaced while it runs."""
        self.compile: Callable[[Replacement], NewCode | None] | None = None
        """Compiles a replacement as its first source was; returns None for what is no source of that kind."""
        self.ir_functions: dict[str, tuple[str, str]] = {}
        """The functions of LLVM IR that it owns, by the names of their symbols, as
        `uruk.compile.ir_symbols.IRSymbol.definition` has them."""
        self.ir_variables: dict[str, tuple[str, bool, Mapping[str, str]]] = {}
        """The types of its variables of LLVM IR, likewise: as LLVM prints them, whether they are constant, and what the
        names of structures stand for."""
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

    def replace(
        self,
        source: str | os.PathLike[str] | bytes | bytearray | memoryview | IRLike | None = None,
        *,
        text: str | None = None,
        name: str = "",
        statics: str = "keep",
    ) -> None:
        """Replace its code, which was added ``replaceable=True``, while it runs.

        By an object (a path or bytes), or a source: a path, or a `text`, compiled as the first one was; code of LLVM IR
        by bitcode and llvmlite's modules, too. All callers and
        function pointers lead to the new code when this returns; calls under way end in the old code, which is given
        back when no thread can be in it (see `retained`). Variables keep their places and values where names and sizes
        agree; with `statics` "new" they are made anew, and the old ones' finalisers run. Raises StaticsDiffer where
        variables cannot be kept, InvalidValue for code that was not added replaceable, and whatever compiling, adding
        and linking raise; the old code goes on then.
        """
        self._owner.replace_tracker(self, Replacement(source, text, name, statics))

    @property
    def retained(self) -> list[Retained]:
        """Old versions of its code that are still in memory, each with the reason; see `LLJIT.collect`."""
        return self.replaceable.retained() if self.replaceable is not None else []

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
