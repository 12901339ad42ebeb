"""The sources of names that nothing in a dylib defines: archives, libraries and generators, in the order added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from uruk.errors import some_of
from uruk.records import field, record

if TYPE_CHECKING:
    from uruk.formats.archive import Archive
    from uruk.formats.interface import Import, ImportLibrary
    from uruk.orc.registry.tracker import ResourceTracker
    from uruk.target import Target


@record
class ArchiveEntry:
    """A static library; members are linked when something needs them."""

    archive: Archive
    tracker: ResourceTracker
    order: int
    taken: set[int]
    """Header offsets of members that were added already."""
    hides: bool = False
    """True if what its members define is not seen by other dylibs."""
    _imports: ImportLibrary | Literal[False] | None = None
    """False where there are none."""

    @cached_property
    def file(self) -> object:
        """The same for all mentions of one file."""
        return self.archive.identity()

    def imports(self, target: Target) -> ImportLibrary | None:
        """Return the members that are imports from shared libraries, for a target; None where there are none."""
        if self._imports is None:
            from uruk.formats.registry import import_library  # most sessions have no archives

            # `or False` tells "there are none" from "not asked yet", which is None.
            self._imports = (self.archive.has_imports and import_library(self.archive, target)) or False
        return self._imports or None

    def divided(self, offsets: list[int], target: Target) -> tuple[list[Import], list[int]]:
        """Return the imports among members, and the members that are objects. Raises ObjectFormatError."""
        library = self.imports(target)
        if library is None:
            return [], offsets
        imported: list[Import] = []
        objects: list[int] = []
        for offset in offsets:
            imports = library.imports_of(offset)
            if imports is None:
                objects.append(offset)
            else:
                imported += imports
        return imported, objects

    def index(self) -> dict[bytes, int]:
        """Return by symbol the header offset of the first member that defines it."""
        return self.archive.index()


@record
class LibraryEntry:
    """A shared library that is loaded; `handle` is the executor's."""

    path: str
    handle: int
    order: int
    hidden: Mapping[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """Names whose base version is not the default, with what to ask for instead; see `SharedLibrary.hidden_bases`."""

    def asked(self, name: bytes) -> bytes:
        """Return the symbol to ask the library for by a name; empty for what it has under no such name."""
        return self.hidden.get(name, name)


def library_entry(path: str, handle: int, order: int) -> LibraryEntry:
    """Return the entry of a library that was loaded."""
    from uruk.formats.registry import hidden_bases_of  # most sessions have no libraries

    return LibraryEntry(path, handle, order, hidden_bases_of(path))


@record
class DeferredLibrary:
    """A shared library that is loaded only if it is needed (ld's --as-needed).

    GNU ld keeps such a library if it defines a name that an object refers to, other than weakly, and that nothing
    before it on the line defines. `load` gives the executor's handle, and may raise LibraryError.
    """

    path: str
    order: int
    load: Callable[[], int]
    _known: dict[bytes, bool] = field(default_factory=dict[bytes, bool])

    def defined(self, names: Iterable[bytes]) -> set[bytes]:
        """Return those of the names that it defines; ``f@V`` is `f`, or a name of a DLL. Raises ObjectFormatError."""
        forms = {name: {name, name.partition(b"@")[0]} for name in names}
        # The file is opened only for names that it was not asked for before.
        unknown = set[bytes]().union(*forms.values()) - self._known.keys()
        if unknown:
            from uruk.formats.registry import open_library

            with open_library(self.path) as library:
                self._known.update((name, library.defines(name)) for name in unknown)
        return {name for name, spelled in forms.items() if any(self._known[form] for form in spelled)}


class LookupKind(Enum):
    """The kind of a lookup (ORC's LookupKind)."""

    STATIC = "static"
    """As a linker resolves a reference: archive members are pulled."""
    DLSYM = "dlsym"
    """As dlsym(): what is in the dylib and its libraries; archives are not asked."""


class Generator(Protocol):
    """A source of definitions that the user wrote; see `uruk.orc.generators.DefinitionGenerator`."""

    name: str

    def generate(self, dylib: Any, names: Sequence[str], kind: LookupKind) -> Any:
        """Define what it can of `names` in a dylib: by itself, or by what it returns."""
        ...


@record
class GeneratorEntry:
    """A generator of the user's: it is asked for names, and defines what it has."""

    generator: Generator
    order: int

    def title(self, names: Sequence[str]) -> str:
        """Return the work of the generator when it is asked for names, for errors and dumps."""
        return f"generator {self.generator.name or type(self.generator).__name__}, asked for {some_of(names)}"


_OFFSET_BITS = 44  # a number of 64 bits for an archive and an offset: no archive has 16 TiB
_OFFSET_MASK = (1 << _OFFSET_BITS) - 1
Source = ArchiveEntry | LibraryEntry | GeneratorEntry


class SearchOrder:
    """Archives, libraries and generators in the order given, with one merged index over all archives."""

    def __init__(self) -> None:
        self.archives: list[ArchiveEntry] = []
        self.libraries: list[LibraryEntry] = []
        self.deferred: list[DeferredLibrary] = []
        """Libraries that wait until something needs them."""
        self.before_loading: Callable[[list[str]], None] = lambda paths: None
        """Called before some of them are loaded, with their paths in order."""
        self.generators: list[GeneratorEntry] = []
        self.builtins: ArchiveEntry | None = None
        """The runtime archive, asked after all others."""
        self._of_compilers: list[ArchiveEntry] = []
        self._index: dict[bytes, int] | None = None
        """Name -> number of the first archive with it, and, below `_OFFSET_BITS`, the offset of the member there."""

    def add_archive(self, entry: ArchiveEntry) -> None:
        """Append an archive."""
        self.archives.append(entry)
        self._index = None

    def load(self, libraries: Sequence[DeferredLibrary]) -> None:
        """Load libraries that were deferred; they keep their places in the order. Raises LibraryError."""
        if libraries:
            self.before_loading([library.path for library in libraries])
        for library in libraries:
            if library not in self.deferred:
                continue  # loaded meanwhile, as one of the others lacked a name of it
            # Before the load, which may need other deferred libraries and come back here.
            self.deferred.remove(library)
            self.place_library(library_entry(library.path, library.load(), library.order))

    def place_library(self, entry: LibraryEntry) -> None:
        """Put a library at its place in the order."""
        from bisect import insort  # most sessions have no libraries

        insort(self.libraries, entry, key=lambda library: library.order)

    def remove_archives(self, tracker: ResourceTracker) -> None:
        """Forget a tracker's archives."""
        gone = [entry for entry in self.archives if entry.tracker is tracker]
        if not gone:
            return
        for entry in gone:
            entry.archive.close()
        self.archives = [entry for entry in self.archives if entry.tracker is not tracker]
        self._index = None

    def members(self) -> Mapping[bytes, int]:
        """Return the merged index: the names that archives have, without the runtime's, each with a number for
        `member_at`."""
        if self._index is None:
            merged: dict[bytes, int] = {}
            # Backwards, so that the first member of the first archive with a name overwrites the others.
            for number in range(len(self.archives) - 1, -1, -1):
                names, members = self.archives[number].archive.entries()
                merged.update(zip(reversed(names), (members[::-1] + (number << _OFFSET_BITS)).tolist(), strict=True))
            self._index = merged
        return self._index

    def member_with(self, name: bytes) -> tuple[ArchiveEntry, int] | None:
        """Return the first archive whose index has a name, and the header offset of its first member with that.

        The runtime archive is not among them.
        """
        place = self.members().get(name)
        return None if place is None else self.member_at(place)

    def member_at(self, place: int) -> tuple[ArchiveEntry, int]:
        """Return the archive of a member, and the offset of its header there, by its number in `members`."""
        return self.archives[place >> _OFFSET_BITS], place & _OFFSET_MASK

    def archive_with(self, name: bytes) -> ArchiveEntry | None:
        """Return the first archive whose index has a name."""
        found = self.member_with(name)
        if found is not None:
            return found[0]
        # The runtime archive is no part of the merged index: the user's archives come first, whenever they are added.
        return self.builtins if self.builtins is not None and name in self.builtins.index() else None

    def compilers_builtins(self, archive: Archive | None) -> ArchiveEntry | None:
        """Return the entry of a compiler's own archive of builtins, which counts as a part of `builtins`; None for
        None."""
        if archive is None or self.builtins is None:
            return None
        known = next((entry for entry in self._of_compilers if entry.archive is archive), None)
        if known is None:
            known = ArchiveEntry(archive, self.builtins.tracker, 0, set())
            self._of_compilers.append(known)
        return known

    def from_order(self) -> list[Source]:
        """Return all of them as they were added, without the runtime archive."""
        # Sorting is stable, and each list is in order already: the sort merges them.
        sources: list[Source] = [*self.archives, *self.libraries, *self.generators]
        return sorted(sources, key=lambda source: source.order)

    def libraries_before(self, order: int) -> Iterator[LibraryEntry]:
        """Return libraries that come before a place in the order."""
        return (entry for entry in self.libraries if entry.order < order)

    def close(self) -> None:
        """Close every archive."""
        for entry in self.archives:
            entry.archive.close()
