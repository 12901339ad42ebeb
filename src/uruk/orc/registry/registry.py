"""The registry: all that a session holds, and the few steps by which entries come and go."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from uruk.errors import SessionClosed, UrukError
from uruk.executor.locks import SessionLock
from uruk.graph.names import Ids, Names
from uruk.link_rules import private_names
from uruk.orc.dispatch import Dispatcher, Task, ThreadPoolDispatcher
from uruk.orc.registry.entries import AliasEntry, Contents, Delivery, Entry, LazyEntry, ObjectEntry, ObjectState
from uruk.orc.registry.importing import ImportBinder
from uruk.orc.registry.lazy import LazyFunctions, LookUp
from uruk.orc.registry.symbols import SymbolTable, final_names
from uruk.orc.registry.tracker import Owner, ResourceTracker
from uruk.records import Unique
from uruk.target import HERE, Target

if TYPE_CHECKING:
    from uruk.executor.interface import Executor
    from uruk.executor.lazy_stubs import LazyStubs
    from uruk.formats.interface import Span
    from uruk.formats.read_ahead import ReadAhead
    from uruk.graph.arena import Arena
    from uruk.graph.graph import Graph
    from uruk.graph.types import I32
    from uruk.orc.platform import Platform
    from uruk.orc.registry.inputs import Source
    from uruk.orc.registry.options import Options
    from uruk.orc.registry.symbol_flags import SymbolFlags
    from uruk.passes.state import StandIn, State
    from uruk.passes.tls.interface import Storage

Hints: TypeAlias = "Callable[[Registry, Contents, Mapping[bytes, str]], Mapping[bytes, str]]"
"""Hints about names that nothing defines for a dylib's code, with the first place that needs each."""
NewDelivery: TypeAlias = "Callable[[Any, dict[str, SymbolFlags], frozenset[str]], Delivery]"
"""Makes what a unit gets: its dylib, the symbols that it is to deliver, and those that were asked for."""


MOST_LOOKUPS = 1000
"""The most lookups that are under way in the background; further ones begin when one of them is done."""


@cache
def _readers() -> tuple[Callable[..., tuple[Arena, list[Span]]], Callable[..., Graph]]:
    from uruk.orc.registry.reading import in_arena, parse  # a session that was only opened has read nothing

    return in_arena, parse


def _nothing_ahead() -> None:
    """Return no archives that were read before it was known what is needed of them."""


def _check_target(target: Target) -> None:
    """Raise UnknownTarget if uruk cannot link for it. This process's instruction set comes with the first object."""
    if target != HERE:
        from uruk.formats.registry import format_named

        format_named(target.format).instruction_set(target.architecture)


class Registry(Owner, Unique):
    """Names, entries, dylibs and trackers of a session, and what its lookups share. `lock` guards all of it."""

    take_ahead: Callable[[], ReadAhead | None] = staticmethod(_nothing_ahead)
    """Returns archives that were read before it was known what is needed of them, if there are any."""

    def __init__(
        self,
        executor: Executor,
        platform: Platform | None,
        options: Options,
        dispatcher: Dispatcher,
        hints: Hints | None,
        new_delivery: NewDelivery,
        look_up: LookUp,
    ) -> None:
        self.executor = executor
        self.platform = platform
        self.options = options
        self.dispatcher = dispatcher
        self.background = ThreadPoolDispatcher(MOST_LOOKUPS)
        """The pool for lookups in the background: in that of units they could take all threads that they wait for."""
        self.find_hints = hints
        self.new_delivery = new_delivery
        self.target = self.options.target_for(executor.process.triple)
        _check_target(self.target)

        self.lock = SessionLock()
        self.ids = Ids()
        self.table = SymbolTable()
        self.dylibs: dict[str, Any] = {}
        """Dylibs by name; see `uruk.orc.session.Session`."""
        self.objects: dict[int, Entry] = {}
        """Entry number -> what defines names: objects, units, aliases, ..."""
        self.pending: dict[int, ObjectEntry] = {}
        """Those of them that are objects and not linked yet."""
        self.next_number = 0
        self.changes = 0
        """Counts what may make a lookup in progress see other definitions."""
        self.has_imports = False
        """True if any name stands for one of another namespace, or for another one by an alias."""
        self.aliases = False
        self.displaced: dict[int, int] = {}
        """Aliases that stand for places behind their targets, in bytes."""
        self.trackers: dict[int, ResourceTracker] = {}
        self.retired: list[ResourceTracker] = []
        """Removed trackers whose memory waits for threads to end."""

        self.lazy = LazyFunctions(self.ids, self._open_stubs, look_up)
        self.imports = ImportBinder(self.table)
        self.storage_of: dict[int, Storage] = {}
        """Object number -> the thread-local storage that its symbols' offsets count in."""
        self.asking: dict[tuple[int, int], Task] = {}
        """(Generator, name) -> the task that asks it."""
        self.stand_ins: dict[int, StandIn] | None = None
        """Addresses of libraries' data and functions -> those of the program's own in their place; None if unused."""

        self.times: list[tuple[str, float]] = []
        self.hooks: dict[str, list[Callable[[State], None]]] = {}
        self.closed = False
        self.closing = False
        """Finalisers run for the last time; they may still look names up."""
        self._next_order = self._next_tracker = 0
        self._by_tracker: dict[int, dict[int, Entry]] = {}
        self._spare_names: list[Names] = []
        self._intern_private_names()

    def _intern_private_names(self) -> None:
        """Number the names that every module has for itself alike in all dylibs."""
        shared = Names(self.ids)
        private = [*private_names(self.target), *(self.platform.private_names if self.platform else ())]
        self.private_ids: I32 = np.array(shared.intern(private), np.int32)
        self._shared = dict(shared)

    @property
    def only_links(self) -> bool:
        """True where linked code is nothing that any process could run."""
        options = self.options
        return (not options.execute and bool(options.linked_only_for)) or self.executor.memory.fixed

    def check_open(self) -> None:
        """Raise SessionClosed after close()."""
        if self.closed:
            raise SessionClosed("the session is closed")

    def check_dylib(self, dylib: Contents) -> None:
        """Raise SessionClosed after the session's end, UrukError after the dylib's."""
        if self.closed:
            self.check_open()
        if dylib.removed:
            raise UrukError(f"dylib {dylib.name} was removed")

    def _open_stubs(self, resolve: Callable[[int], int], note: Callable[[int, BaseException], object]) -> LazyStubs:
        """See `uruk.orc.registry.lazy.OpenStubs`."""
        self.check_open()
        if self.only_links:
            raise UrukError("lazy functions are made when they are called, and this session only links")
        if self.platform is None:
            raise UrukError("lazy functions are made when they are called, and this session has no platform")
        return self.platform.lazy_stubs(resolve, note)

    # -- dylibs and trackers

    def new_names(self) -> Names:
        """Return a table of names for a new dylib: that of a removed one, if there is one, or an empty one."""
        # Numbers of names are never given back: a table of a removed dylib keeps programs that come and go from
        # growing.
        return self._spare_names.pop() if self._spare_names else Names(self.ids, self._shared)

    def spare_names(self, dylib: Contents) -> None:
        """Keep the table of names of a removed dylib for the next new one, unless aliases of others stand for it."""
        entries = (entry for entry in self.objects.values() if isinstance(entry, AliasEntry | LazyEntry))
        if not any(self.ids.home(target) is dylib.names for entry in entries for target in entry.targets.values()):
            self._spare_names.append(dylib.names)

    def create_tracker(self, dylib: Contents, name: str) -> ResourceTracker:
        """Return a new tracker of a dylib that owns nothing yet."""
        with self.lock:
            self.check_dylib(dylib)
            return self.new_tracker(dylib, name)

    def new_tracker(self, dylib: Contents, name: str) -> ResourceTracker:
        """Do the same under the lock, for a dylib that was checked."""
        number = self._next_tracker
        self._next_tracker += 1
        tracker = self.trackers[number] = ResourceTracker(self, name, number, dylib)
        return tracker

    # -- entries

    def next_order(self) -> int:
        """Return the next place among the inputs."""
        self._next_order += 1
        return self._next_order

    def changed(self) -> None:
        """Note that names may have other definitions than before: lookups in progress search again."""
        self.changes += 1

    @contextmanager
    def unchanged(self) -> Generator[None, None, None]:
        """Let running lookups go on: what is added inside was requested by them, and defines only undefined names."""
        changes = self.changes
        yield
        self.changes = changes

    def enter(self, entry: Entry) -> None:
        """Count an entry among the session's; its number is the next one."""
        self.objects[entry.number] = entry
        self._by_tracker.setdefault(entry.tracker.number, {})[entry.number] = entry
        self.next_number = entry.number + 1
        if isinstance(entry, ObjectEntry):
            self.pending[entry.number] = entry

    def leave(self, entry: Entry) -> None:
        """Forget an entry; its number is not used again."""
        entry.state = ObjectState.REMOVED
        self.objects.pop(entry.number, None)
        self.pending.pop(entry.number, None)
        self.storage_of.pop(entry.number, None)
        owned = self._by_tracker.get(entry.tracker.number, {})
        owned.pop(entry.number, None)
        # Empty dicts of trackers would stay for the life of the session.
        if not owned:
            self._by_tracker.pop(entry.tracker.number, None)

    def move(self, entry: Entry, tracker: ResourceTracker) -> None:
        """Make an entry another tracker's."""
        self._by_tracker[entry.tracker.number].pop(entry.number, None)
        entry.tracker = tracker
        self._by_tracker.setdefault(tracker.number, {})[entry.number] = entry

    def entries_of(self, tracker: ResourceTracker) -> list[Entry]:
        """Return the entries that a tracker owns, as they were added."""
        return list(self._by_tracker.get(tracker.number, {}).values())

    def home(self, number: int, user: Contents) -> Contents:
        """Return the dylib whose name a number is; for names that all dylibs share, the one of the code that uses
        it."""
        owner: Contents | None = self.ids.home(number).owner
        return user if owner is None else owner

    def stands_for(self, ids: I32) -> I32:
        """Return the names that names stood for when they were last looked for."""
        return final_names(self.table, ids) if self.has_imports else ids

    def bind_imports(self, names: I32) -> None:
        """Have the executor's libraries say where those of the names are that are imported from them."""
        self.imports.bind(names, None if self.only_links else self.executor.libraries, self.platform)

    # -- reading

    def parse(self, sources: Sequence[tuple[str, Source]], dylib: Contents, *, check_relocations: bool = True) -> Graph:
        """Read objects, (name, bytes) each, into one graph with a dylib's names; the bytes are copied."""
        in_arena, parse = _readers()
        runs, check = self.options.execute and not self.only_links, check_relocations
        arena, spans = in_arena(sources)
        return parse(arena, spans, self.target, dylib.names, runs=runs, check_relocations=check)

    def parse_arena(
        self, arena: Arena, spans: Sequence[Span], dylib: Contents, *, check_relocations: bool = True
    ) -> Graph:
        """Read objects that lie in an arena already. Members of archives are not checked."""
        _, parse = _readers()
        runs, check = self.options.execute and not self.only_links, check_relocations
        return parse(arena, spans, self.target, dylib.names, runs=runs, check_relocations=check)
