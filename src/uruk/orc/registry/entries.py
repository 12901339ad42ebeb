"""Entries of a session: whatever defines names, and how far it has come."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from uruk.errors import MaterializationError
from uruk.formats.interface import Import
from uruk.graph.types import I64
from uruk.orc.registry.added import Added
from uruk.orc.registry.tracker import ResourceTracker
from uruk.records import record

if TYPE_CHECKING:
    from uruk.orc.dispatch import Task
    from uruk.orc.dylib import JITDylib
    from uruk.orc.registry.search import ArchiveEntry
    from uruk.orc.units import MaterializationUnit


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
    dylib: JITDylib
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
    """Named by the user and with initialisers: linked by the next lookup even if nothing refers to it."""
    failed: bool = False
    """A root whose linking failed: only `initialize()` and lookups that need it try again."""
    doubtful: bool = False
    """A root that was in a batch whose linking failed for no object's fault: the next lookup tries it alone."""
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
        return self.added.names_of(self.index)[0].tolist()


@record
class UnitEntry(Entry):
    """A materialization unit whose symbols are known, and whose object is made when one of them is needed."""

    kind: ClassVar[str] = "unit"

    unit: MaterializationUnit = field(kw_only=True)
    names: dict[int, int] = field(kw_only=True)
    """Name -> its SymbolFlags, for what the unit was still asked to deliver when last looked at."""
    task: Task | None = None
    wanted: set[int] = field(default_factory=set[int])
    """Those of its names that somebody asked for by now."""
    refusal: MaterializationError | None = None
    """The error that its `discard` raised: the unit's author's bug, told to whoever needs the unit."""
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
    """Names that an import library says are in shared libraries; these are asked when a link needs an address."""

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

    @property
    def file(self) -> str:
        """Its name in errors."""
        return f"an alias in {self.dylib.name}"

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

    @property
    def file(self) -> str:
        """Its name in errors."""
        return f"a lazy re-export in {self.dylib.name}"

    @property
    def ids(self) -> list[int]:
        """The names that it defines."""
        return list(self.targets)
