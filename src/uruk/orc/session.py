"""The session: dylibs, the executor, and all that its lookups share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from uruk.errors import InUse, InvalidValue, SessionClosed
from uruk.executor.interface import Executor
from uruk.formats.interface import Span
from uruk.formats.registry import format_named, read_objects, read_relocations
from uruk.graph.arena import Arena
from uruk.graph.graph import Graph
from uruk.graph.names import Ids, Names
from uruk.graph.types import I32
from uruk.link_rules import private_names
from uruk.orc.dispatch import Dispatcher, InlineDispatcher, Task, ThreadPoolDispatcher
from uruk.orc.dylib import JITDylib
from uruk.orc.lifetime import closing, removal
from uruk.orc.lifetime.forking import watch
from uruk.orc.lifetime.initialization import Initializers
from uruk.orc.lifetime.withheld import Withheld
from uruk.orc.lookup.materialize import generator_task, unit_task
from uruk.orc.lookup.query import Answer, Query
from uruk.orc.platform import Platform
from uruk.orc.registry import adding, defining
from uruk.orc.registry.entries import AliasEntry, Entry, LazyEntry, ObjectEntry, ObjectState, UnitEntry
from uruk.orc.registry.importing import ImportBinder
from uruk.orc.registry.inputs import Source
from uruk.orc.registry.lazy import LazyFunctions
from uruk.orc.registry.options import Options
from uruk.orc.registry.search import ArchiveEntry, GeneratorEntry, LookupKind
from uruk.orc.registry.symbols import NameLike, SymbolTable, encode_name, final_names
from uruk.orc.registry.tracker import Released, ResourceTracker
from uruk.passes.state import StandIn, State
from uruk.passes.steps import check_point
from uruk.passes.tls.interface import Storage

if TYPE_CHECKING:
    from concurrent.futures import Future

    from uruk.formats.archive import Archive
    from uruk.orc.introspection import MappedRange

SLIM_LTO = b"__gnu_lto_slim"
"""A common symbol with which gcc marks objects that have no machine code (lto-streamer.h)."""
NO_MACHINE_CODE = "holds nothing but data for link-time optimisation: compile with -ffat-lto-objects"
MOST_LOOKUPS = 1000
"""The most lookups that are under way in the background; further ones begin when one of them is done."""


Hints = Callable[["JITDylib", Mapping[bytes, str]], Mapping[bytes, str]]
"""See `Session.hints`."""


class Session:
    """Owns names, dylibs and trackers; links into the memory of one executor. Methods may be called from any thread.

    `lock` is held while names are searched and code is linked. Hooks of the link and IFUNC resolvers run under it;
    units, generators, initialisers and finalisers do not.
    """

    def __init__(
        self,
        executor: Executor,
        platform: Platform | None,
        options: Options | None = None,
        hints: Hints | None = None,
        dispatcher: Dispatcher | None = None,
    ) -> None:
        self.executor = executor
        self.platform = platform
        self.options = options or Options()
        self.dispatcher: Dispatcher = dispatcher or InlineDispatcher()
        self.background = ThreadPoolDispatcher(MOST_LOOKUPS)
        """The pool with threads for lookups that nobody waits for."""
        self._hints = hints
        self.target = self.options.target_for(executor.process.triple)
        format_named(self.target.format).instruction_set(self.target.architecture)  # or UnknownTarget, before all else
        self.lock = threading.RLock()
        self.ids = Ids()
        self.table = SymbolTable()
        self.dylibs: dict[str, JITDylib] = {}
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
        self.withheld = Withheld(self)
        self.initializers = Initializers(self)
        self.lazy, self.imports = LazyFunctions(self), ImportBinder(self.table)
        self.storage_of: dict[int, Storage] = {}
        """Object number -> the thread-local storage that its symbols' offsets count in."""
        self.asking: dict[tuple[int, int], Task] = {}
        """(Generator, name) -> the task that asks it."""
        self.stand_ins: dict[int, StandIn] | None = None
        """Addresses of libraries' data and functions -> the program's own in their place, for whoever rebinds libraries
        to these; None: nobody."""
        self.times: list[tuple[str, float]] = []
        self.hooks: dict[str, list[Callable[[State], None]]] = {}
        self.closed = False
        self.closing = False
        """Finalisers run for the last time; they may still look names up."""
        self.end = closing.End()
        self._next_order = self._next_tracker = 0
        self._by_tracker: dict[int, dict[int, Entry]] = {}
        self._spare_names: list[Names] = []
        shared = Names(self.ids)
        private = [*private_names(), *(platform.private_names if platform else ())]
        self.private_ids: I32 = np.array(shared.intern(private), np.int32)
        self._shared = dict(shared)
        watch(self)

    @property
    def only_links(self) -> bool:
        """True where linked code is nothing that any process could run."""
        return bool(self.options.linked_only_for) or self.executor.memory.fixed

    # -- dylibs and trackers

    def create_dylib(self, name: str, *, bare: bool = False, facade: JITDylib | None = None) -> JITDylib:
        """A new, empty dylib. `bare`: its code sees neither the process nor compiler builtins.

        `facade` is for the dylib of lazy bodies: the one that shows their stubs.

        Raises UrukError if the session has one of that name.
        """
        with self.lock:
            self.check_open()
            if name in self.dylibs:
                raise InvalidValue(f"the session has a dylib {name} already")
            names = self._spare_names.pop() if self._spare_names else Names(self.ids, self._shared)
            dylib = self.dylibs[name] = JITDylib(self, name, names, bare=bare, facade=facade)
            if self.platform is not None and self.platform.archive is not None and not bare and facade is None:
                builtins = self.create_tracker(dylib, "compiler builtins")
                dylib.search.builtins = ArchiveEntry(self.platform.archive, builtins, 0, set())
            return dylib

    def remove_dylib(self, dylib: JITDylib, *, force: bool = False) -> None:
        """Finalise and remove everything in a dylib, newest first, and the dylib itself.

        Raises InUse, with nothing removed, if code of other dylibs uses it, unless `force`.
        """
        with self.lock:
            if self.closed or (dylib.removed and self.dylibs.get(dylib.name) is not dylib):
                return  # where an interrupted call has begun to remove it, this one goes on
            mine = [one for one in self.trackers.values() if one.dylib is dylib]
            others = {user for one in mine for user in one.resources.users if user.dylib is not dylib}
            users = [other.name for other in sorted(others, key=lambda one: one.number) if not other.removed]
            if users and not force and not dylib.removed:
                raise InUse(f"dylib {dylib.name}", users)
            dylib.removed = True
            for other in self.dylibs.values():
                if other is not dylib:
                    other.drop_from_link_order(dylib)
        for tracker in sorted(mine, key=lambda one: -one.number):
            tracker.remove(force=True)
        with self.lock:
            dylib.search.close()
            for one in (dylib, *((dylib.behind,) if dylib.behind is not None else ())):
                self.dylibs.pop(one.name, None)
                one.removed = True
                one.private.clear()
                if not self._stood_for(one):  # the next owner of the names is not what those meant
                    self._spare_names.append(one.names)

    def _stood_for(self, dylib: JITDylib) -> bool:
        """True if names of other dylibs are aliases of a dylib's."""
        others = (entry for entry in self.objects.values() if isinstance(entry, AliasEntry | LazyEntry))
        return any(self.ids.home(one) is dylib.names for entry in others for one in entry.targets.values())

    def create_tracker(self, dylib: JITDylib, name: str) -> ResourceTracker:
        """A new tracker of a dylib that owns nothing yet."""
        with self.lock:
            dylib.check_open()
            number = self._next_tracker
            self._next_tracker += 1
            tracker = self.trackers[number] = ResourceTracker(self, name, number, dylib)
            return tracker

    def remove_tracker(self, tracker: ResourceTracker, force: bool) -> Released:
        """See `ResourceTracker.remove`."""
        return removal.remove_tracker(self, tracker, force)

    def transfer(self, source: ResourceTracker, target: ResourceTracker) -> None:
        """See `ResourceTracker.transfer_to`."""
        with self.lock:
            self.check_open()
            removal.transfer(self, source, target)

    def check_open(self) -> None:
        """Raise SessionClosed after close()."""
        if self.closed:
            raise SessionClosed("the session is closed")

    # -- entries

    def next_order(self) -> int:
        """The next place among the inputs."""
        self._next_order += 1
        return self._next_order

    def changed(self) -> None:
        """Names may have other definitions than before: lookups in progress search again."""
        self.changes += 1

    @contextmanager
    def unchanged(self) -> Generator[None, None, None]:
        """For what lookups asked for themselves, and which gives only names that nobody else had: they just go on."""
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
        if not owned:
            self._by_tracker.pop(entry.tracker.number, None)

    def move(self, entry: Entry, tracker: ResourceTracker) -> None:
        """Make an entry another tracker's."""
        self._by_tracker[entry.tracker.number].pop(entry.number, None)
        entry.tracker = tracker
        self._by_tracker.setdefault(tracker.number, {})[entry.number] = entry

    def __repr__(self) -> str:
        state = ", closed" if self.closed else ""
        return f"<Session of {len(self.dylibs)} dylibs and {len(self.objects)} entries in {self.executor!r}{state}>"

    def entries_of(self, tracker: ResourceTracker) -> list[Entry]:
        """The entries that a tracker owns, as they were added."""
        return list(self._by_tracker.get(tracker.number, {}).values())

    def home(self, number: int, user: JITDylib) -> JITDylib:
        """The dylib whose name a number is; for names that all dylibs share, the one of the code that uses it."""
        owner: JITDylib | None = self.ids.home(number).owner
        return user if owner is None else owner

    def stands_for(self, ids: I32) -> I32:
        """The names that names stood for when they were last looked for."""
        return final_names(self.table, ids) if self.has_imports else ids

    # -- reading

    def parse(self, sources: Sequence[tuple[str, Source]], dylib: JITDylib, *, check_relocations: bool = True) -> Graph:
        """Read objects, (name, bytes) each, into one graph with a dylib's names; the bytes are copied."""
        arena, starts = Arena.join([data for _, data in sources])
        spans = [Span(name, at, len(data)) for (name, data), at in zip(sources, starts, strict=True)]
        return self.parse_arena(arena, spans, dylib, check_relocations=check_relocations)

    def parse_arena(
        self, arena: Arena, spans: Sequence[Span], dylib: JITDylib, *, check_relocations: bool = True
    ) -> Graph:
        """Read objects that lie in an arena already."""
        graph = read_objects(arena, spans, self.target, dylib.names)
        if check_relocations:
            graph.edges = read_relocations(graph)
        return graph

    def add_members(self, dylib: JITDylib, entry: ArchiveEntry, offsets: list[int], *, roots: bool = False) -> None:
        """Add archive members, given by header offset, as one graph; with `roots` they are inputs like objects.

        Members that are imports from shared libraries give these their names.
        """
        imports, objects = entry.divided(offsets, self.target)
        graph = self._read_members(dylib, entry.archive, objects) if objects else None

        def work() -> None:
            if imports:
                defining.add_imports(dylib, entry, imports)
            if graph is not None:
                orders = [] if roots else [entry.order] * len(objects)
                added = defining.add_graph(dylib, graph, entry.tracker, roots=roots, orders=orders)
                if roots:
                    return
                if graph.fallbacks.symbol.size:
                    defining.add_alternatives(dylib, graph, entry.tracker)
                for object_entry, offset in zip(added, objects, strict=True):
                    object_entry.archive, object_entry.member = entry, offset
            entry.taken.update(offsets)

        try:
            with self.unchanged():
                adding.atomically(self, work)
        except BaseException:  # a member that could not be read is asked for again, and so are those with it
            entry.taken.difference_update(offsets)
            raise

    def _read_members(self, dylib: JITDylib, archive: Archive, offsets: list[int]) -> Graph:
        """Archive members as one graph."""
        members = [archive.member(offset) for offset in offsets]
        names = [f"{archive.name}({member.name})" for member in members]
        if archive.thin:  # its header's sizes are checked against the files when these are read, not before
            sources = list(zip(names, map(archive.read, members), strict=True))
            return self.parse(sources, dylib, check_relocations=False)
        arena, starts = Arena.of_sizes([member.size for member in members])
        view = memoryview(arena.buffers[0])
        for member, start in zip(members, starts, strict=True):
            archive.read_into(member, view[start : start + member.size])
        spans = [Span(name, start, member.size) for name, start, member in zip(names, starts, members, strict=True)]
        return self.parse_arena(arena, spans, dylib, check_relocations=False)

    def bind_imports(self, names: I32) -> None:
        """Have the executor's libraries say where those of the names are that are imported from them."""
        self.imports.bind(names, None if self.only_links else self.executor.libraries)

    # -- lookups

    def lookup(
        self,
        dylib: JITDylib,
        names: Sequence[bytes],
        *,
        roots: bool,
        again: bool = False,
        everything: bool = False,
    ) -> list[Answer]:
        """Address and flags of each name, linking whatever is needed; only with `roots` do initialisers run.

        See `Query` for the options. Raises UndefinedSymbols for names that nothing defines, and whatever
        materialization and linking raise.
        """
        query = self.query(dylib, names, roots=roots, again=again, everything=everything)
        return [answer for answer in query.run() if answer is not None]

    def query(self, dylib: JITDylib, names: Sequence[bytes], **options: Any) -> Query:
        """A lookup that has not begun; see `Query` for the options."""
        with self.lock:
            dylib.check_open()
            if dylib.session is not self:
                raise InvalidValue(f"dylib {dylib.name} is not one of this session")
            ids = np.array(dylib.names.intern(names), np.int32)
            self.table.grow(len(self.ids))
        return Query(self, dylib, ids, **options)

    def lookup_names(
        self,
        dylib: JITDylib,
        names: Sequence[NameLike],
        *,
        weak: Sequence[NameLike] = (),
        kind: LookupKind = LookupKind.STATIC,
        initialize: bool = True,
        timeout: float | None = None,
    ) -> dict[NameLike, int]:
        """Addresses by name: of all `names`, and of those of the `weak` ones that something defines.

        Everything that is needed is linked as one batch. `initialize`: initialisers run. `timeout` in seconds: then
        LookupTimeout says what was not done. Raises UndefinedSymbols, and whatever materialization and linking raise.
        """
        texts = [*names, *weak]
        query = self.query(
            dylib,
            [encode_name(name) for name in texts],
            weak=np.arange(len(texts)) >= len(names) if weak else None,
            kind=kind,
            roots=initialize,
            timeout=timeout,
        )
        return {name: one[0] for name, one in zip(texts, query.run(), strict=True) if one is not None}

    def in_background(self, work: Callable[[], Any]) -> Future[Any]:
        """Do something in a thread that is not the dispatcher's: waiting must not keep a place of those who work."""
        from concurrent.futures import Future  # brings logging, which costs start-up time

        future: Future[Any] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)

        self.background.dispatch(Task("a lookup in the background", run))
        return future

    def materialization(self, entry: UnitEntry) -> Task:
        """The task that makes a unit's object: the one that is at it, or a new one."""
        if entry.state is ObjectState.PENDING or entry.task is None:
            return unit_task(entry)
        return entry.task

    def generation(
        self, dylib: JITDylib, entry: GeneratorEntry, numbers: Sequence[int], kind: LookupKind
    ) -> list[Task]:
        """Tasks that ask a generator for names; those that another lookup has asked for already are its task's."""
        asked = {number: self.asking.get((id(entry), number)) for number in numbers}
        tasks = {id(task): task for task in asked.values() if task is not None}
        new = [number for number, task in asked.items() if task is None]
        if new:
            task = generator_task(self, dylib, entry, new, kind)
            self.asking.update(dict.fromkeys([(id(entry), number) for number in new], task))
            tasks[id(task)] = task
        return list(tasks.values())

    def has_roots(self, dylib: JITDylib) -> bool:
        """True if a lookup has objects with initialisers to link, or sources to wait for."""
        if dylib.stands_alone:
            return dylib.has_roots
        return any(one.has_roots for one in dylib.dependencies())

    def announcements(self, dylib: JITDylib) -> list[Task]:
        """Sources that are being compiled, in what a dylib reaches: until then nobody knows what they define."""
        return [task for other in dylib.dependencies() for task in other.announced_tasks()]

    def hints(self, dylib: JITDylib, needs: Mapping[bytes, str]) -> Mapping[bytes, str]:
        """Hints about names that nobody defines for a dylib's code; `needs` has the first place that needs each."""
        if any(SLIM_LTO in other.names for other in self.dylibs.values()):
            return dict.fromkeys(needs, f"an object {NO_MACHINE_CODE}")
        hints: Mapping[bytes, str] = self._hints(dylib, needs) if self._hints else {}
        problems = self.imports.problems
        return {**hints, **{name: problems[name] for name in needs if name in problems}} if problems else hints

    # -- passes

    def add_pass(self, point: str, plugin: Callable[[State], None]) -> None:
        """Have every link call `plugin` with its state at a point; several at one point run as they were added.

        The points are in `uruk.passes.steps`, what a plug-in may do in `uruk.passes.editing`. It runs with the session
        locked. What it raises ends that link, as a PassError. Raises UrukError for an unknown point.
        """
        with self.lock:
            self.check_open()
            self.hooks.setdefault(check_point(point), []).append(plugin)

    def remove_pass(self, point: str, plugin: Callable[[State], None]) -> None:
        """Take a plug-in out again. Raises UrukError if it is not there."""
        with self.lock:
            plugins = self.hooks.get(check_point(point), [])
            if plugin not in plugins:
                raise InvalidValue(f"no such pass at {point}")
            plugins.remove(plugin)

    # -- what is there

    def dump(self) -> str:
        """Dylibs, symbols and their states, units in the making and who waits for them, as text."""
        with self.lock:
            from uruk.orc import introspection

            return introspection.text(introspection.describe(self))

    def describe(self) -> dict[str, Any]:
        """The content of `dump`, as plain data for JSON."""
        with self.lock:
            from uruk.orc import introspection

            return introspection.describe(self)

    def memory_map(self) -> list[MappedRange]:
        """The memory map: segments of linked code by address, each with its tracker."""
        with self.lock:
            from uruk.orc import introspection

            return introspection.memory_map(self)

    # -- initialisers, and the end

    def initialize(self, dylib: JITDylib) -> None:
        """See `JITDylib.initialize`."""
        from uruk.orc.lifetime import dlopen  # dlopen's counting: programs that only look names up do without

        dlopen.initialize(self, dylib)

    def deinitialize(self, dylib: JITDylib) -> bool:
        """See `JITDylib.deinitialize`."""
        from uruk.orc.lifetime import dlopen

        return dlopen.deinitialize(self, dylib)

    def finalize(self, trackers: Sequence[ResourceTracker]) -> None:
        """Run the finalisers of trackers, newest first."""
        if self.platform is not None and self.options.execute:
            self.platform.finalize(sorted(trackers, key=lambda one: -one.number))

    def close(self) -> None:
        """Remove everything, newest first, and give all memory back. Closing twice does nothing.

        Another process ends within a few seconds, whatever it does; who waits for it raises an ExecutorError then.
        """
        closing.close(self)

    def finish(self) -> None:
        """Close when the interpreter ends: code stays where it is, finalisers are left to the C library's exit."""
        closing.finish(self)
