"""The places that a link line's inputs would get their names from: each other, archives, libraries, the process."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import numpy as np

from uruk.cli.show_facts import ShownObject
from uruk.errors import UrukError
from uruk.formats.archive import Archive
from uruk.formats.archive_index import Entries
from uruk.formats.byte_source import ByteSource
from uruk.formats.heads import is_shared_library
from uruk.formats.registry import import_library, open_library
from uruk.graph.graph import Binding, SymbolKind
from uruk.libraries.search import LibrarySearch
from uruk.named_tuples import NamedTuple
from uruk.program.link_plan import LinkPlan
from uruk.program.reading import Objects, Other
from uruk.target import Target


class Source(NamedTuple):
    """The holder of a name: `kind` is object, archive, library, import, line, default, link or none."""

    kind: str
    file: str


class Sources:
    """The inputs of a line: `objects`, with members of archives that they need, and `of`: name -> its source."""

    def __init__(self, plan: LinkPlan, target: Target, members: Collection[tuple[str, int]] | None = None) -> None:
        """`members` of archives were linked, None where nothing was; see `uruk.program.trial.Trial`."""
        self.objects: list[ShownObject] = []
        self.of: dict[bytes, Source] = {}
        self.errors: list[UrukError] = []
        """Errors of inputs that cannot be read, each once."""
        self._target = target
        self._search = LibrarySearch(plan.directories, target=target)
        self._archives: list[Archive] = []
        self._libraries: list[str] = []
        self._kinds: dict[int, str] = {}
        self._taken: set[tuple[str, int]] = set()
        self._members = members
        self._wrapped = [name.encode() for name in plan.wrapped]
        named = [name for name, *_ in (*plan.defines, *plan.aliases)]
        self.of |= {name.encode(): Source("line", "") for name in named}

    def add(self, inputs: Iterable[Objects | Other]) -> None:
        """Add inputs in order, and then what archives and libraries have of what they need."""
        for item in inputs:
            self._guarded(lambda item=item: self._add(item))
        self._take_members()
        for path in self._libraries:
            self._guarded(lambda path=path: self._ask_library(path))
        for archive in self._archives:
            archive.close()
        for name in self._wrapped:
            # What refers to the name means __wrap_NAME, and __real_NAME means it.
            plain, wrapping = self.of.pop(name, None), self.of.get(b"__wrap_" + name)
            self.of |= {b"__real_" + name: plain} if plain else {}
            self.of |= {name: wrapping} if wrapping else {}

    def missing(self, *, weak: bool = True) -> set[bytes]:
        """Return the names that no input has; without `weak`, only those that something refers to strongly."""
        names = {name for one in self.objects for name, only_weak in undefined_names(one) if weak or not only_weak}
        return names - self.of.keys()

    def from_where(self, shown: ShownObject) -> str:
        """Return the kind of the input that brought an object: object, or archive for a member that is needed."""
        return self._kinds[id(shown)]

    def _guarded(self, step: Callable[[], None]) -> None:
        """Do a step, and note its error: the report goes on with the other inputs."""
        try:
            step()
        except UrukError as error:
            if str(error) not in map(str, self.errors):
                self.errors.append(error)

    def _add(self, item: Objects | Other) -> None:
        if isinstance(item, Objects):
            for file, start, size in zip(item.files, item.starts, item.sizes, strict=True):
                data = item.buffer[start : start + size]
                self._guarded(lambda file=file, data=data: self._add_object(file, data, "object"))
        elif item.content is not None:
            self._add_archive(Archive.open(item.content, item.input.value), item.input.whole)
        else:
            # Text may be a library's name; a path is nothing else.
            name = item.input.value if item.input.kind == "library" else Path(item.input.value)
            for file in self._search.find(name, static=item.input.static):
                if file.kind == "archive":
                    self._add_archive(Archive.open(file.path), item.input.whole)
                elif file.kind == "shared":
                    self._add_library(file.path)
                else:
                    with open(file.path, "rb") as opened:
                        self._add_object(file.path, opened.read(), "object")

    def _add_object(self, file: str, data: bytes, kind: str) -> None:
        shown = ShownObject(file, data)
        self.objects.append(shown)
        self._kinds[id(shown)] = kind
        for name in defined_names(shown):
            self.of.setdefault(name, Source(kind, file))

    def _add_archive(self, archive: Archive, whole: bool) -> None:
        archive.make_entries = self._entries
        self._archives.append(archive)
        if whole:
            for member in archive.members():
                self._guarded(lambda member=member: self._take(archive, member.header_offset))

    def _entries(self, archive: Archive) -> Entries:
        """Return an index of an archive that was written without one."""
        names: list[bytes] = []
        offsets: list[int] = []
        for member in archive.members():
            shown = ShownObject(f"{archive.name}({member.name})", archive.read(member))
            found = defined_names(shown)
            names += found
            offsets += [member.header_offset] * len(found)
        return names, np.array(offsets, np.int64)

    def _take_members(self) -> None:
        """Take the members that were linked, else those that seem to be needed, until no further one is.

        A link that fails leaves open what it would have taken, and the report is to name all that is missing.
        """
        for archive in self._archives:
            path = os.path.normpath(archive.name)
            for offset in sorted(offset for its_path, offset in self._members or () if its_path == path):
                self._guarded(lambda archive=archive, offset=offset: self._take(archive, offset))
        before = -1
        while len(self._taken) != before:
            before = len(self._taken)
            for archive in self._archives:
                self._guarded(lambda archive=archive: self._take_needed(archive))

    def _take_needed(self, archive: Archive) -> None:
        index = archive.index()
        for name in sorted(self.missing(weak=False)):
            if name in index and name not in self.of:
                self._guarded(lambda name=name: self._take(archive, index[name], name))

    def _take(self, archive: Archive, offset: int, name: bytes = b"") -> None:
        """Take a member, once; a member of an import library says in which library `name` is."""
        key = os.path.normpath(archive.name), offset
        if archive.has_imports:
            library = import_library(archive, self._target)
            imports = library.imports_of(offset) if library is not None else None
            if imports is not None:
                self._taken.add(key)
                self.of.setdefault(name, Source("import", imports[0].library if imports else archive.name))
                return
        if key not in self._taken and (self._members is None or key in self._members):
            self._taken.add(key)
            file, data = archive.content_of(offset)
            self._add_object(file, data, "archive")

    def _add_library(self, path: str) -> None:
        """Note a library that is read; of others only the process knows what they have."""
        with ByteSource(path) as source:
            if is_shared_library(source.start):
                self._libraries.append(path)

    def _ask_library(self, path: str) -> None:
        with open_library(path) as library:
            for name in self.missing():
                if library.defines(name):
                    self.of[name] = Source("library", path)


def defined_names(shown: ShownObject) -> list[bytes]:
    """Return the names that an object defines for others."""
    symbols = shown.graph.symbols
    outer = (symbols.name >= 0) & (symbols.kind != SymbolKind.UNDEFINED) & (symbols.kind != SymbolKind.DROPPED)
    return [shown.names.text(number) for number in symbols.name[outer].tolist()]


def undefined_names(shown: ShownObject) -> list[tuple[bytes, bool]]:
    """Return the names that an object needs from outside, and whether it refers to them weakly only."""
    symbols = shown.graph.symbols
    rows = np.flatnonzero((symbols.kind == SymbolKind.UNDEFINED) & (symbols.name >= 0))
    weak = (symbols.binding[rows] == Binding.WEAK).tolist()
    return [(shown.names.text(number), one) for number, one in zip(symbols.name[rows].tolist(), weak, strict=True)]
