"""JITDylib: a namespace with a link order, as ORC has it; what may be added to one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

from uruk.errors import InvalidType, InvalidValue, LibraryError
from uruk.orc.lifetime.callback_errors import led_to
from uruk.orc.lookup.by_name import lookup_names, query
from uruk.orc.registry.entries import Contents, Unit
from uruk.orc.registry.inputs import PathLike, Source, check, check_flag, listed, read_source
from uruk.orc.registry.search import ArchiveEntry, DeferredLibrary, Generator, GeneratorEntry, library_entry
from uruk.orc.registry.symbols import encode_name
from uruk.special_methods import has_method

if TYPE_CHECKING:
    from typing_extensions import Self

    from uruk.graph.graph import Graph
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.tracker import ResourceTracker


@cache
def _adders() -> tuple[Callable[..., ResourceTracker], Callable[..., object]]:
    from uruk.orc.registry.adding import add, add_graph  # a session that was only opened has added nothing

    return add, add_graph


class JITDylib(Contents):
    """One namespace of a session; made by `Session.create_dylib`. Methods may be called from any thread.

    Code of a dylib sees what the dylibs of its link order define, one after the other, each with its archives,
    libraries and generators. The dylib itself is the first of them, unless the order says otherwise. Behind them,
    unless it is `bare`, come compiler builtins and the symbols of the process. What the others see themselves, this one
    does not see.
    """

    def __init__(self, session: Lifetime, name: str, *, bare: bool, implements: Self | None) -> None:
        super().__init__(name, session.new_names(), bare=bare, implements=implements)
        self.session = session
        self.runtime_libraries: set[tuple[str, str]] = set()
        """Libraries that were added for the languages of compiled sources: (kind, value)."""

    @classmethod
    def create(cls, session: Lifetime, name: str, *, bare: bool = False, implements: Self | None = None) -> Self:
        """See `Session.create_dylib`; `implements` is for the dylib of lazy bodies: the one that shows their stubs."""
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"{name!r} is not the name of a dylib, which is a str")
        with session.lock:
            session.check_open()
            if name in session.dylibs:
                raise InvalidValue(f"the session has a dylib {name} already")
            dylib = session.dylibs[name] = cls(session, name, bare=bare, implements=implements)
            if (
                session.platform is not None
                and session.platform.archive is not None
                and not bare
                and implements is None
            ):
                builtins = session.create_tracker(dylib, "compiler builtins")
                dylib.search.builtins = ArchiveEntry(session.platform.archive, builtins, 0, set())
            return dylib

    def check_open(self) -> None:
        """Raise SessionClosed after the session's end, UrukError after the dylib's."""
        self.session.check_dylib(self)

    # -- link order

    @property
    def link_order(self) -> list[tuple[Self, bool]]:
        """The link order of its code: dylibs, and for each whether its hidden symbols are visible, too."""
        return list(self.order)

    def set_link_order(self, others: Iterable[Self], *, self_first: bool = True) -> None:
        """Replace the link order: this dylib first, if `self_first`, then what the others export."""
        others = listed(others, "link_order")
        with self.session.lock:
            order = {dylib: dylib is self for dylib in others}
            if self_first:
                order = {self: True, **order}
            for dylib in order:
                self._check_neighbour(dylib)
            self.order = list(order.items())
            self.session.changed()

    def add_to_link_order(self, other: Self, *, hidden: bool = False) -> None:
        """Append a dylib to the link order; `hidden` makes its hidden symbols visible, too."""
        with self.session.lock:
            self._check_neighbour(other)
            if all(dylib is not other for dylib, _ in self.order):
                self.order.append((other, hidden))
            self.session.changed()

    def drop_from_link_order(self, other: JITDylib) -> None:
        """Take a dylib out of the link order."""
        with self.session.lock:
            self.drop_from_order(other)
            self.session.changed()

    def _check_neighbour(self, neighbour: JITDylib) -> None:
        self.session.check_open()
        if neighbour.session is not self.session or neighbour.removed:
            raise InvalidValue(f"dylib {neighbour.name} is not one of this session, or was removed")

    # -- trackers

    def create_tracker(self, name: str) -> ResourceTracker:
        """Return a new tracker that owns nothing yet."""
        return self.session.create_tracker(self, name)

    @property
    def tracker(self) -> ResourceTracker:
        """The default tracker: owns what was added without another one, where that is not given one of its own."""
        from uruk.orc.registry import adding  # to open a session, or to look a name up, takes none of it

        return adding.default_tracker(self.session, self)

    # -- definitions

    def add_object(
        self,
        source: PathLike | Source,
        name: str = "",
        *,
        tracker: ResourceTracker | None = None,
        lazy: bool = False,
        replaceable: bool | str = False,
    ) -> ResourceTracker:
        """Add a relocatable object: a path, bytes, or anything with the buffer protocol. Nothing is linked yet.

        `lazy`: its functions get stubs, and it is linked when one of them is called, or its data is needed.
        `replaceable`: they get stubs, and `ResourceTracker.replace` gives them other code while they run; ``"keep"``
        for programs that switch stacks themselves, whose old code then stays in memory. Returns the
        tracker that owns it, a new one if none is given. Raises ObjectFormatError for malformed bytes,
        DuplicateDefinition for a second strong definition.
        """
        return self._add_pairs([read_source(source, name)], name, tracker, lazy, replaceable)

    def add_objects(
        self,
        sources: Sequence[PathLike | Source],
        name: str = "",
        *,
        tracker: ResourceTracker | None = None,
        lazy: bool = False,
        replaceable: bool | str = False,
    ) -> ResourceTracker:
        """Add objects that are removed together, as one graph; see `add_object`."""
        pairs = [read_source(source, name) for source in listed(sources, "sources")]
        return self._add_pairs(pairs, name, tracker, lazy, replaceable)

    def _add_pairs(
        self,
        pairs: list[tuple[str, Source]],
        name: str,
        tracker: ResourceTracker | None,
        lazy: bool,
        replaceable: bool | str,
    ) -> ResourceTracker:
        if replaceable not in (False, True, "keep") or (replaceable and lazy):
            given = f"replaceable={replaceable!r}{', lazy=True' if lazy else ''}"
            raise InvalidValue(f'{given}: give True, or "keep" where the program switches stacks itself, and not lazy')

        add, add_graph = _adders()

        def work(own: ResourceTracker) -> None:
            if replaceable:
                from uruk.orc.replacing.replacing import add_replaceable  # programs that replace nothing do without

                keep = replaceable == "keep"
                add_replaceable(self.session, self, self.lazy_part(), pairs, own, keep=keep)
                return
            dylib = self.lazy_part() if lazy else self
            graph = self.session.parse(pairs, dylib)
            if lazy:
                from uruk.orc.registry import lazy_definitions  # programs without lazy functions start without it

                lazy_definitions.add_lazily(self.session, self, dylib, graph, own)
            else:
                add_graph(self.session, self, graph, own, roots=True)

        return add(self.session, self, tracker, name or ", ".join(file for file, _ in pairs[:3]), work)

    def add_graph(self, graph: Graph, tracker: ResourceTracker, *, roots: bool, orders: Sequence[int] = ()) -> None:
        """Add the objects of a graph that was read with this dylib's names.

        `roots`: those with initialisers are linked by the next lookup. Raises DuplicateDefinition, with nothing added.
        """
        from uruk.orc.registry.defining import add_graph

        add_graph(self.session, self, graph, tracker, roots=roots, orders=orders)

    def add_unit(self, unit: Unit, *, tracker: ResourceTracker | None = None, lazy: bool = False) -> ResourceTracker:
        """Add a unit, which makes its object when one of its symbols is needed (`lazy`: when a function is called).

        Raises DuplicateDefinition for a second strong definition of a name, UrukError for a unit without symbols.
        """
        from uruk.orc.registry import adding

        implementation = self.lazy_part if lazy else None
        return adding.add_unit(self.session, self, unit, tracker=tracker, implementation=implementation)

    def define(
        self, name: str | bytes, address: int, *, function: bool = False, tracker: ResourceTracker | None = None
    ) -> None:
        """Define an absolute symbol. `function`: it is code, which may be reached through a stub.

        Raises DuplicateDefinition if the name has a strong definition.
        """
        from uruk.orc.registry import adding

        adding.define(self.session, self, name, address, function=function, tracker=tracker)

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
        from uruk.orc.registry import adding, defining

        if source is not None:
            check(source, JITDylib, "source", "a dylib, as LLJIT.create_dylib returns one")
        check_flag(lazy, "lazy")
        if not has_method(offset, "__index__"):  # pyright: ignore[reportUnnecessaryComparison]
            raise InvalidType(f"offset is a number of bytes, an int, and {offset!r} is none")
        is_map = isinstance(names, Mapping)
        pairs = cast("Mapping[str, str]", names) if is_map else {name: name for name in listed(names, "names")}
        with self.session.lock:
            self.check_open()
            target_dylib = source or self
            self._check_neighbour(target_dylib)
            targets = {self.names[encode_name(new)]: target_dylib.names[encode_name(old)] for new, old in pairs.items()}
            own = adding.owner(self.session, self, tracker)

            def work() -> None:
                if lazy:
                    from uruk.orc.registry import lazy_definitions

                    lazy_definitions.add_lazy_names(self.session, self, targets, own, weak=weak, hidden=hidden)
                else:
                    defining.add_aliases(self.session, self, targets, own, weak=weak, hidden=hidden)
                    self.session.displaced.update(dict.fromkeys(targets, offset) if offset else {})

            adding.atomically(self.session, work)

    def wrap(self, name: str) -> None:
        """Redirect references to `name` to ``__wrap_NAME``, and those to ``__real_NAME`` to it, as ld's --wrap does.

        Of objects that are added from now on; within the object that defines it a name means that definition.
        """
        with self.session.lock:
            self.check_open()
            from uruk.orc.registry.wrapping import wrapped_names  # seldom needed

            self.redirections |= wrapped_names(encode_name(name))

    def lazy_part(self) -> Self:
        """Return the dylib behind this one's lazy functions: it holds their bodies, and looks names up here first."""
        if self.implementation is None:
            self.implementation = self.create(self.session, f"{self.name}.lazy", bare=self.bare, implements=self)
        return self.implementation

    def defines(self, name: str) -> bool:
        """Return True if something in the dylib itself defines a name by now, linked or not."""
        with self.session.lock:
            number, owner = self.names.get(encode_name(name)), self.session.table.owner
            return number is not None and number < owner.size and owner.item(number) >= 0

    # -- sources of definitions that are asked when a name is missing

    def add_archive(
        self,
        path: PathLike | Source,
        name: str | None = None,
        *,
        tracker: ResourceTracker | None = None,
        whole: bool = False,
        hidden: bool = False,
    ) -> ResourceTracker:
        """Add a static library; its members are linked when something needs them.

        `whole`: all members are added, as objects are (ld's --whole-archive). `hidden`: other dylibs do not see what
        the members define.
        """
        from uruk.formats.archive import Archive
        from uruk.orc.registry import adding

        self.check_open()
        archive = Archive.open(path, name)
        if not archive.has_index:
            from uruk.orc.lookup.member_symbols import make_index  # `ar` makes an index by default

            archive.make_entries = partial(make_index, target=self.session.target)

        def work(own: ResourceTracker) -> None:
            entry = ArchiveEntry(archive, own, self.session.next_order(), set(), hidden)
            if whole:
                offsets = [member.header_offset for member in archive.members()]
                adding.add_members(self.session, self, entry, offsets, roots=True)
                archive.close()
            else:
                self.search.add_archive(entry)
            self.session.changed()

        return adding.add(self.session, self, tracker, archive.name, work)

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

            raise LibraryError(
                error.library, error.problem, error.hint or hint_for(self.session, self, error)
            ) from None
        if self.session.platform is not None:
            self.session.platform.library_loaded(os.fspath(path))
        return handle

    def add_generator(self, generator: Generator) -> None:
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
        from uruk.orc.lifetime import dlopen  # dlopen's counting: programs that only look names up do without

        dlopen.initialize(self.session, self, lambda: query(self.session, self, [], roots=True, again=True).run())

    def deinitialize(self) -> bool:
        """Undo one `initialize`; whether finalisers ran, which they do with the last one, as with dlclose.

        atexit handlers and finalisers run, newest first; then the link order's turn comes, in reverse. The code stays.
        """
        from uruk.orc.lifetime import dlopen

        with led_to():
            return dlopen.deinitialize(self.session, self)

    def lookup(self, names: Sequence[str], **options: Any) -> dict[str, int]:
        """Return addresses of symbols, linked with all that they need; see `Session.lookup_names`."""
        return lookup_names(self.session, self, names, **options)

    def remove(self, *, force: bool = False) -> None:
        """Remove the dylib and all that it has; see `Session.remove_dylib`."""
        from uruk.orc.lifetime import removal  # many sessions remove nothing

        removal.remove_dylib(self.session, self, force=force)

    def __repr__(self) -> str:
        order = ", ".join(dylib.name for dylib, _ in self.order)
        return f"<JITDylib {self.name}{' (removed)' if self.removed else ''}: link order {order}>"
