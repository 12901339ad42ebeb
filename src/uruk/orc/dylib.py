"""JITDylib: a namespace with a link order, as ORC has it; what may be added to one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from uruk.errors import InvalidValue, LibraryError, UrukError
from uruk.formats.archive import Archive
from uruk.graph.graph import Graph
from uruk.graph.names import Names
from uruk.link_rules import rules_of
from uruk.orc.dispatch import Task
from uruk.orc.generators import DefinitionGenerator
from uruk.orc.registry import adding, defining
from uruk.orc.registry.entries import ObjectEntry, UnitEntry
from uruk.orc.registry.inputs import PathLike, Source, read_source
from uruk.orc.registry.search import ArchiveEntry, DeferredLibrary, GeneratorEntry, SearchOrder, library_entry
from uruk.orc.registry.symbols import decode_name, encode_name
from uruk.orc.registry.tracker import ResourceTracker
from uruk.orc.registry.wrapping import lead_references, split_stack_names, wrapped_names
from uruk.orc.units import MaterializationUnit

if TYPE_CHECKING:
    from uruk.orc.session import Session


class JITDylib:
    """One namespace of a session; made by `Session.create_dylib`. Methods may be called from any thread.

    Code of a dylib sees, in this order, what the dylibs of its link order define, itself included (first, unless the
    order says otherwise), each with its archives, libraries and generators; then, unless it is `bare`, compiler
    builtins and the symbols of the process. What the dylibs of the link order see themselves, this one does not see.
    """

    def __init__(self, session: Session, name: str, names: Names, *, bare: bool, facade: JITDylib | None) -> None:
        self.session = session
        self.name = name
        self.names = names
        self.bare = bare
        self.search = SearchOrder()
        self.roots: list[ObjectEntry] = []
        """Objects with initialisers that the next lookup links."""
        self.opened = 0
        """The number of `initialize` calls that no `deinitialize` has met yet."""
        self.removed = False
        self.facade = facade
        """For the dylib of lazy bodies: the one that it belongs to."""
        self.private: dict[bytes, Graph] = {}
        """Parts of the runtime that each module has for itself, read for this namespace."""
        self._order: list[tuple[JITDylib, bool]] = [(self, True)]
        self._tracker: ResourceTracker | None = None
        self.behind: JITDylib | None = None
        """The dylib with the bodies of its lazy functions."""
        self.announced: list[Task] = []
        """Sources that are being compiled, whose symbols nobody knows yet."""
        self.runtime_libraries: set[tuple[str, str]] = set()
        """Libraries that were added for the languages of compiled sources: (kind, value)."""
        self.source_errors: list[UrukError] = []
        """Errors of sources that could not be compiled, for the next lookup to raise."""
        self.root_units: list[UnitEntry] = []
        """Units with initialisers that the next lookup has made."""
        self._meant: dict[bytes, bytes] = {}
        """The meaning of references in objects that are added from now on; see `wrap`."""
        names.owner = self

    # -- link order

    @property
    def link_order(self) -> list[tuple[JITDylib, bool]]:
        """The link order of its code: dylibs, and for each whether its hidden symbols are visible, too."""
        return list(self._order)

    def set_link_order(self, others: Iterable[JITDylib], *, self_first: bool = True) -> None:
        """Replace the link order: this dylib first, if `self_first`, then what the others export."""
        with self.session.lock:
            order = {one: one is self for one in others}
            if self_first:
                order = {self: True, **order}
            for one in order:
                self._check_neighbour(one)
            self._order = list(order.items())
            self.session.changed()

    def add_to_link_order(self, other: JITDylib, *, hidden: bool = False) -> None:
        """Append a dylib to the link order; `hidden` makes its hidden symbols visible, too."""
        with self.session.lock:
            self._check_neighbour(other)
            if all(one is not other for one, _ in self._order):
                self._order.append((other, hidden))
            self.session.changed()

    def drop_from_link_order(self, other: JITDylib) -> None:
        """Take a dylib out of the link order."""
        with self.session.lock:
            self._order = [pair for pair in self._order if pair[0] is not other]
            self.session.changed()

    def _check_neighbour(self, other: JITDylib) -> None:
        self.session.check_open()
        if other.session is not self.session or other.removed:
            raise InvalidValue(f"dylib {other.name} is not one of this session, or was removed")

    @property
    def stands_alone(self) -> bool:
        """True if its link order is itself and nothing else."""
        return len(self._order) == 1 and self._order[0][0] is self and self.facade is None

    @property
    def is_first(self) -> bool:
        """True if its code sees its own symbols before any other's."""
        return self._order[0][0] is self and self.facade is None

    def dependencies(self) -> list[JITDylib]:
        """This dylib and all that it reaches by link orders, those first that others need: as ld.so initialises."""
        if self.stands_alone:
            return [self]
        if self.facade is not None:
            return self.facade.dependencies()
        found: dict[JITDylib, None] = {}
        entered: set[JITDylib] = set()
        stack: list[tuple[JITDylib, int]] = [(self, 0)]
        while stack:
            dylib, at = stack.pop()
            entered.add(dylib)
            below = [other for other, _ in dylib._order[at:]]
            for step, other in enumerate(below, at + 1):
                if other not in entered:
                    stack += [(dylib, step), (other, 0)]
                    break
            else:
                found.setdefault(dylib)
        return list(found)

    # -- trackers

    def create_tracker(self, name: str) -> ResourceTracker:
        """A new tracker that owns nothing yet."""
        return self.session.create_tracker(self, name)

    @property
    def tracker(self) -> ResourceTracker:
        """The default tracker: owns what was added without another one, where that is not given one of its own."""
        with self.session.lock:
            if self._tracker is None or self._tracker.removed:
                self._tracker = self.create_tracker(self.name)
            return self._tracker

    def _owner(self, tracker: ResourceTracker | None) -> ResourceTracker:
        return self.tracker if tracker is None else defining.checked(self, tracker)

    # -- definitions

    def add_object(
        self, source: PathLike | Source, name: str = "", *, tracker: ResourceTracker | None = None, lazy: bool = False
    ) -> ResourceTracker:
        """Add a relocatable object: a path, bytes, or anything with the buffer protocol. Nothing is linked yet.

        `lazy`: its functions get stubs, and it is linked when one of them is called, or its data is needed. Returns the
        tracker that owns it, a new one if none is given. Raises ObjectFormatError for malformed bytes,
        DuplicateDefinition for a second strong definition.
        """
        return self.add_objects([source], name, tracker=tracker, lazy=lazy)

    def add_objects(
        self,
        sources: Sequence[PathLike | Source],
        name: str = "",
        *,
        tracker: ResourceTracker | None = None,
        lazy: bool = False,
    ) -> ResourceTracker:
        """Add objects that are removed together, as one graph; see `add_object`."""
        pairs = [read_source(source, name) for source in sources]

        def work(own: ResourceTracker) -> None:
            dylib = self.lazy_part() if lazy else self
            graph = self.session.parse(pairs, dylib)
            if lazy:
                defining.add_lazily(self, dylib, graph, own)
            else:
                self.add_graph(graph, own, roots=True)

        return adding.add(self, tracker, name or ", ".join(file for file, _ in pairs[:3]), work)

    def add_graph(self, graph: Graph, tracker: ResourceTracker, *, roots: bool, orders: Sequence[int] = ()) -> None:
        """Add the objects of a graph that was read with this dylib's names.

        `roots`: those with initialisers are linked by the next lookup. Raises DuplicateDefinition, with nothing added.
        """
        defining.add_graph(self, graph, tracker, roots=roots, orders=orders)

    def add_unit(
        self, unit: MaterializationUnit, *, tracker: ResourceTracker | None = None, lazy: bool = False
    ) -> ResourceTracker:
        """Add a unit, which makes its object when one of its symbols is needed (`lazy`: when a function is called).

        Raises DuplicateDefinition for a second strong definition of a name, UrukError for a unit without symbols.
        """

        def work(own: ResourceTracker) -> None:
            if lazy:
                defining.add_unit_lazily(self, self.lazy_part(), unit, own)
            else:
                defining.add_unit(self, unit, own)

        return adding.add(self, tracker, unit.name or type(unit).__name__, work)

    def define(
        self, name: str | bytes, address: int, *, function: bool = False, tracker: ResourceTracker | None = None
    ) -> None:
        """Define an absolute symbol. `function`: it is code, which may be reached through a stub.

        Raises DuplicateDefinition if the name has a strong definition.
        """
        with self.session.lock:
            self.check_open()
            text = encode_name(name) if isinstance(name, str) else name
            own = self._owner(tracker)
            adding.atomically(self.session, lambda: defining.define(self, text, address, own, function=function))

    def alias(
        self,
        names: Mapping[str, str] | Iterable[str],
        source: JITDylib | None = None,
        *,
        tracker: ResourceTracker | None = None,
        lazy: bool = False,
        weak: bool = False,
        hidden: bool = False,
        offset: int = 0,
    ) -> None:
        """Let names of this dylib stand for others: new name -> old one (or the same, for a sequence of names).

        `source` is the dylib whose symbols the old names are (a re-export); without it they are this dylib's. `lazy`
        gives them stubs: what is behind a name is made by the first call, so that it must be a function.
        `offset`: they stand for what lies that many bytes behind (not lazily).
        Raises DuplicateDefinition for a second strong definition of a name.
        """
        pairs = cast("Mapping[str, str]", names) if isinstance(names, Mapping) else {name: name for name in names}
        with self.session.lock:
            self.check_open()
            other = source or self
            self._check_neighbour(other)
            targets = {self.names[encode_name(new)]: other.names[encode_name(old)] for new, old in pairs.items()}
            own = self._owner(tracker)

            def work() -> None:
                if lazy:
                    defining.add_lazy_names(self, targets, own, weak=weak, hidden=hidden)
                else:
                    defining.add_aliases(self, targets, own, weak=weak, hidden=hidden)
                    self.session.displaced.update(dict.fromkeys(targets, offset) if offset else {})

            adding.atomically(self.session, work)

    def wrap(self, name: str) -> None:
        """Lead references to `name` to ``__wrap_NAME``, and those to ``__real_NAME`` to it, as ld's --wrap does.

        Of objects that are added from now on; within the object that defines it a name means that definition.
        """
        with self.session.lock:
            self.check_open()
            self._meant |= wrapped_names(encode_name(name))

    def lazy_part(self) -> JITDylib:
        """The dylib behind this one's lazy functions: it holds their bodies, and looks names up here first."""
        if self.behind is None:
            self.behind = self.session.create_dylib(f"{self.name}.lazy", bare=self.bare, facade=self)
        return self.behind

    @property
    def has_roots(self) -> bool:
        """True if lookups here have more to do than to find what they are asked for."""
        return bool(self.roots or self.root_units or self.announced or self.source_errors)

    def defines(self, name: str) -> bool:
        """True if something in the dylib itself defines a name by now, linked or not."""
        with self.session.lock:
            number, owner = self.names.get(encode_name(name)), self.session.table.owner
            return number is not None and number < owner.size and owner.item(number) >= 0

    def announced_tasks(self) -> list[Task]:
        """Sources that are still being compiled."""
        self.announced = [task for task in self.announced if not task.done.is_set()]
        return self.announced

    def order_for_code(self) -> list[tuple[JITDylib, bool]]:
        """The link order that its code has: lazy bodies use their facade's, with themselves behind it."""
        facade = self.facade
        if facade is None:
            return self._order
        return [
            pair
            for other, hidden in facade._order
            for pair in ([(facade, True), (self, True)] if other is facade else [(other, hidden)])
        ]

    # -- sources of definitions that are asked when a name is missing

    def add_archive(
        self,
        path: PathLike | Source,
        name: str | None = None,
        *,
        tracker: ResourceTracker | None = None,
        whole: bool = False,
    ) -> ResourceTracker:
        """Add a static library; its members are linked when something needs them.

        `whole`: all members are added, as objects are (ld's --whole-archive).
        """
        self.check_open()
        archive = Archive.open(path, name)
        if not archive.has_index:
            from uruk.orc.lookup.member_symbols import make_index  # `ar` makes an index unless it is told not to

            archive.make_entries = partial(make_index, target=self.session.target)

        def work(own: ResourceTracker) -> None:
            entry = ArchiveEntry(archive, own, self.session.next_order(), set())
            if whole:
                offsets = [member.header_offset for member in archive.members()]
                self.session.add_members(self, entry, offsets, roots=True)
                archive.close()
            else:
                self.search.add_archive(entry)
            self.session.changed()

        return adding.add(self, tracker, archive.name, work)

    def add_shared_library(self, path: PathLike, *, everywhere: bool = False) -> None:
        """Load a shared library; its symbols are visible to this dylib's code. Raises LibraryError."""
        with self.session.lock:
            self.check_open()
            handle = self.load_library(path, everywhere=everywhere)
            self.place_library(path, handle, self.session.next_order())

    def place_library(self, path: PathLike, handle: int, order: int) -> None:
        """Make a loaded library visible to this dylib's code, at a place in the order of inputs."""
        with self.session.lock:
            self.search.place_library(library_entry(os.fspath(path), handle, order))
            self.session.changed()

    def defer_library(self, path: PathLike, load: Callable[[], int]) -> None:
        """Have a shared library loaded by `load` when something needs it; see `DeferredLibrary`."""
        with self.session.lock:
            self.check_open()
            self.search.deferred.append(DeferredLibrary(os.fspath(path), self.session.next_order(), load))
            self.session.changed()

    def load_library(self, path: PathLike, *, everywhere: bool = False) -> int:
        """Load a shared library without adding it; the executor's handle. Raises LibraryError."""
        try:
            handle = self.session.executor.libraries.load(os.fspath(path), everywhere=everywhere)
        except LibraryError as error:
            from uruk.orc.lookup.exports import hint_for

            raise LibraryError(error.library, error.problem, hint_for(self, error)) from None
        if self.session.platform is not None:
            self.session.platform.library_loaded(os.fspath(path))
        return handle

    def add_generator(self, generator: DefinitionGenerator) -> None:
        """Add a generator: it is asked for names that nothing before it has."""
        with self.session.lock:
            self.check_open()
            self.search.generators.append(GeneratorEntry(generator, self.session.next_order()))
            self.session.changed()

    # -- as dlopen and its relatives

    def initialize(self) -> None:
        """Link and initialise what it and its link order have with initialisers, those first that others need.

        As dlopen does, it counts; a dylib that was deinitialised is initialised again (its data stays as it is).
        """
        self.session.initialize(self)

    def deinitialize(self) -> bool:
        """Undo one `initialize`; whether finalisers ran, which they do with the last one, as with dlclose.

        atexit handlers and finalisers run, newest first; then the link order's turn comes, in reverse. The code stays.
        """
        return self.session.deinitialize(self)

    def lookup(self, names: Sequence[str], **options: Any) -> dict[str, int]:
        """Addresses of symbols, linked with all that they need; see `Session.lookup_names`."""
        return self.session.lookup_names(self, names, **options)

    def remove(self, *, force: bool = False) -> None:
        """Remove the dylib and all that it has; see `Session.remove_dylib`."""
        self.session.remove_dylib(self, force=force)

    def check_open(self) -> None:
        """Raise SessionClosed after the session's end, UrukError after the dylib's."""
        self.session.check_open()
        if self.removed:
            raise UrukError(f"dylib {self.name} was removed")

    def text(self, number: int) -> str:
        """The name that a number stands for."""
        return decode_name(self.names.text(number))

    def adapt(self, graph: Graph) -> None:
        """Let the format's rules change what was read; see `uruk.passes.rules.Rules.adapt`."""
        rules_of(graph).adapt(graph, self.names)

    def lead_references(self, graph: Graph) -> None:
        """See `wrap`; once for each graph."""
        meant = (self.facade or self)._meant
        meant |= split_stack_names(graph, self.names)  # for the graphs that follow, too, as ld wraps in all of a line
        if meant:
            lead_references(graph, self.names, meant)

    def __repr__(self) -> str:
        order = ", ".join(other.name for other, _ in self._order)
        return f"<JITDylib {self.name}{' (removed)' if self.removed else ''}: link order {order}>"
