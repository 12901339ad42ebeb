"""Entries of a session, which define names and have a state; and the contents of a dylib, which are entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from uruk.orc.registry.namespace import Namespace
from uruk.orc.registry.search import ArchiveEntry, SearchOrder
from uruk.orc.registry.symbols import decode_name
from uruk.records import Unique, field, record

if TYPE_CHECKING:
    from typing_extensions import Self

    from uruk.errors import MaterializationError, UrukError
    from uruk.formats.interface import Import
    from uruk.graph.graph import Graph
    from uruk.graph.names import Names
    from uruk.graph.types import I64
    from uruk.orc.dispatch import Task
    from uruk.orc.registry.added import Added
    from uruk.orc.registry.symbol_flags import SymbolFlags
    from uruk.orc.registry.tracker import ResourceTracker


class ObjectState(Enum):
    """The states of an entry."""

    PENDING = "pending"
    MATERIALIZING = "materializing"
    LINKED = "linked"
    REMOVED = "removed"


@record
class Entry:
    """Something that defines names of a dylib. `number` is the session's, never used again."""

    kind: ClassVar[str] = "entry"

    number: int
    dylib: Contents
    tracker: ResourceTracker
    order: int
    """Its place among the inputs of the session; initialisers run in this order."""
    state: ObjectState = ObjectState.PENDING

    @property
    def file(self) -> str:
        """Its name in errors."""
        return self.kind

    @property
    def ids(self) -> list[int]:
        """The names that it defines, or had wanted to."""
        return []


@record
class ObjectEntry(Entry):
    """One object of a dylib."""

    kind: ClassVar[str] = "object"

    added: Added = field(kw_only=True)
    index: int = field(kw_only=True)
    root: bool = False
    """True if the user named it and it has initialisers: the next lookup links it even if nothing refers to it."""
    failed: bool = False
    """A root whose linking failed: only `initialize()` and lookups that need it try again."""
    retry_alone: bool = False
    """A root of a batch whose link failed without naming an object: the next lookup links it alone, to find the
    cause."""
    archive: ArchiveEntry | None = None
    """The archive that it is a member of, and in `member` the offset of its header there."""
    member: int = 0
    place: int = 0
    """Among members of archives with the same `order`: which came first; see `uruk.orc.lookup.archive_order`."""
    private: bool = False
    """A part of the runtime that every module has for itself; it defines no name of the dylib."""

    @property
    def file(self) -> str:
        """The input's name."""
        return self.added.graph.files[self.index]

    @property
    def ids(self) -> list[int]:
        """The names that it defines, or had wanted to; those that it needs, too."""
        # Names that it needs do no harm here: callers ask the table which of them it owns.
        return self.added.ids_of(self.index)


class Delivery(Protocol):
    """The things that a unit handed in; see `uruk.orc.units.MaterializationResponsibility`."""

    @property
    def emitted(self) -> Sequence[tuple[str, Any]]:
        """Objects, as bytes or paths, each with its name in errors."""
        ...

    @property
    def defined(self) -> Mapping[str, int]:
        """Addresses of symbols."""
        ...

    @property
    def delegated(self) -> Sequence[tuple[Unit, tuple[str, ...]]]:
        """Other units, and the symbols that each is to deliver."""
        ...


@runtime_checkable
class Unit(Protocol):
    """Symbols that are announced, and whose object is made on request; see `uruk.orc.units.MaterializationUnit`."""

    name: str
    symbols: Mapping[str, SymbolFlags]
    initializes: bool
    defines_more: bool

    def materialize(self, responsibility: Any) -> Any:
        """Make what defines the symbols."""
        ...

    def discard(self, name: str) -> None:
        """Note that another definition took a name."""
        ...


@record
class UnitEntry(Entry):
    """A materialization unit whose symbols are known, and whose object is made when one of them is needed."""

    kind: ClassVar[str] = "unit"

    unit: Unit = field(kw_only=True)
    names: dict[int, int] = field(kw_only=True)
    """Name -> its SymbolFlags, for what the unit was still asked to deliver when last looked at."""
    task: Task | None = None
    wanted: set[int] = field(default_factory=set[int])
    """Those of its names that lookups asked for by now."""
    refusal: MaterializationError | None = None
    """The error that its `discard` raised, a bug of the unit: it is raised by lookups that need the unit."""
    failed: bool = False
    """One with initialisers that has failed: only `initialize()` and lookups that need it try again."""

    @property
    def file(self) -> str:
        """The unit's name."""
        return self.unit.name or type(self.unit).__name__

    @property
    def ids(self) -> list[int]:
        """The names that it announced."""
        return list(self.names)


@record
class AbsoluteEntry(Entry):
    """Addresses that the user gave names to."""

    kind: ClassVar[str] = "absolute"

    names: list[int] = field(kw_only=True)

    @property
    def ids(self) -> list[int]:
        """The names that it defines."""
        return self.names

    @property
    def file(self) -> str:
        """Its name in errors."""
        return "an absolute definition"


@record
class ImportEntry(Entry):
    """Names that an import library places in shared libraries, which are asked when a link needs an address."""

    kind: ClassVar[str] = "import"

    archive: str = field(kw_only=True)
    imports: dict[int, Import] = field(kw_only=True)
    """By name."""

    @property
    def ids(self) -> list[int]:
        """The names that it defines."""
        return list(self.imports)

    @property
    def file(self) -> str:
        """Its name in errors."""
        return f"an import of {self.archive}"


@record
class AliasEntry(Entry):
    """Names that stand for other names: aliases in one dylib, re-exports from another one."""

    kind: ClassVar[str] = "alias"

    targets: dict[int, int] = field(kw_only=True)
    """Name -> the name that it stands for."""
    origin: str = field(default="", kw_only=True)
    """The file of the definitions behind it, where that is one."""

    @property
    def file(self) -> str:
        """Its name in errors."""
        return self.origin or f"an alias in {self.dylib.name}"

    @property
    def ids(self) -> list[int]:
        """The names that it defines."""
        return list(self.targets)


@record
class LazyEntry(Entry):
    """Names whose address is that of a stub; what is behind it is made by the first call."""

    kind: ClassVar[str] = "lazy"

    targets: dict[int, int] = field(kw_only=True)
    """Name -> the name that it stands for."""
    stubs: I64 = field(kw_only=True)
    origin: str = field(default="", kw_only=True)
    """The file of the definitions behind it, where that is one."""

    @property
    def file(self) -> str:
        """Its name in errors."""
        return self.origin or f"a lazy re-export in {self.dylib.name}"

    @property
    def ids(self) -> list[int]:
        """The names that it defines."""
        return list(self.targets)


class Contents(Namespace, Unique):
    """A dylib as the rooms of the session see it: its entries that wait, its search order, its lazy bodies."""

    implementation: Self | None
    """The dylib that holds the bodies of this one's lazy functions (ORC's implementation dylib)."""

    adapts = True
    """False if objects are linked as they were read, whatever the format's rules would change in them."""

    def __init__(self, name: str, names: Names, *, bare: bool, implements: Self | None) -> None:
        super().__init__(name, names, implements)
        self.bare = bare
        self.implementation = None
        self.search = SearchOrder()
        self.roots: list[ObjectEntry] = []
        """Objects with initialisers that the next lookup links."""
        self.root_units: list[UnitEntry] = []
        """Units with initialisers that the next lookup has made."""
        self.opened = 0
        """The number of `initialize` calls that no `deinitialize` has met yet."""
        self.removed = False
        self.default_tracker: ResourceTracker | None = None
        """The owner of what is added without a tracker, where that is not given one of its own."""
        self.private: dict[bytes, Graph] = {}
        """Parts of the runtime that each module has for itself, read for this namespace."""
        self.announced: list[Task] = []
        """Sources that are being compiled, whose symbols are not known yet."""
        self.source_errors: list[UrukError] = []
        """Errors of sources that could not be compiled, for the next lookup to raise."""
        self.redirections: dict[bytes, bytes] = {}
        """Name -> the name that references to it get, in objects that are added from now on; see `JITDylib.wrap`."""

    def text(self, number: int) -> str:
        """Return the name that a number stands for."""
        return decode_name(self.names.text(number))

    def pending_roots(self, *, again: bool = False) -> list[ObjectEntry]:
        """Return roots that are not linked yet; `again` includes those whose linking has failed before."""
        # Linked roots are dropped here, where the list is read anyway, and not one by one when they are linked.
        self.roots = [entry for entry in self.roots if entry.state is ObjectState.PENDING]
        return [entry for entry in self.roots if again or not (entry.failed or entry.retry_alone)]

    def has_roots(self) -> bool:
        """Return True if a lookup here has more to do than to find what it is asked for: initialisers, or sources."""
        # As `_has_own_roots` has it: the common case of one dylib takes no call, and walks no graph.
        if self.roots or self.root_units or self.announced or self.source_errors:
            return True
        return not self.stands_alone and any(dylib._has_own_roots() for dylib in self.dependencies())

    def _has_own_roots(self) -> bool:
        return bool(self.roots or self.root_units or self.announced or self.source_errors)

    def announced_tasks(self) -> list[Task]:
        """Return tasks of sources that are still being compiled."""
        self.announced = [task for task in self.announced if not task.done.is_set()]
        return self.announced

    def announcements(self) -> list[Task]:
        """Return tasks of sources that are being compiled, here or in a dependency: their symbols are unknown."""
        return [task for dylib in self.dependencies() for task in dylib.announced_tasks()]


def contents_of(tracker: ResourceTracker) -> Contents:
    """Return the dylib of a tracker."""
    dylib = tracker.dylib
    assert isinstance(dylib, Contents)  # `Registry.create_tracker` makes none for another namespace
    return dylib
