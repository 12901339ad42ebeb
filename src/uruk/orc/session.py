"""The session: dylibs, the executor, and the driver that links what a lookup needs as one batch."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from uruk.demangle import demangle
from uruk.errors import SessionClosed, TLSError, Undefined, UndefinedSymbols, UrukError
from uruk.executor.inprocess import InProcessExecutor
from uruk.formats import elf_x86_64
from uruk.formats.archive import Archive
from uruk.formats.elf import Pair, read_objects
from uruk.formats.elf_relocations import read_relocations
from uruk.formats.elf_sections import Span
from uruk.graph.arena import Arena
from uruk.graph.graph import Graph
from uruk.graph.names import Names
from uruk.graph.types import I32, Bool, every, true_rows
from uruk.orc.dylib import JITDylib
from uruk.orc.linking import link_batch
from uruk.orc.objects import ObjectEntry, ObjectState
from uruk.orc.platform import FunctionArray, Platform
from uruk.orc.removal import give_memory_back, remove_tracker
from uruk.orc.search import ArchiveEntry
from uruk.orc.symbols import Flag
from uruk.orc.tracker import Released, ResourceTracker
from uruk.passes.boundaries import PRIVATE

_ADDRESS = (1 << 64) - 1
SLIM_LTO = b"__gnu_lto_slim"
"""A common symbol with which gcc marks objects that have no machine code (lto-streamer.h)."""

Source = bytes | bytearray | memoryview
PATIENCE = 1.0
"""Seconds that the end of the process waits for a thread at work in a session."""


@dataclass(eq=False, repr=False)
class Options:
    """How a session links."""

    phony_externals: bool = False
    """Names that nobody defines become 0, as `llvm-jitlink -phony-externals` has it."""
    prune: bool = False
    """Keep only what the wanted names reach, section by section."""
    execute: bool = True
    """False: link only; nothing is run or registered."""


class Session:
    """Owns names, dylibs and trackers; links into the memory of one executor. Methods may be called from any thread."""

    def __init__(
        self,
        executor: InProcessExecutor,
        platform: Platform | None,
        options: Options | None = None,
        hint: Callable[[bytes], str | None] | None = None,
    ) -> None:
        self.names = Names()
        self.executor = executor
        self.platform = platform
        self.options = options or Options()
        self._hint = hint
        self.pair: Pair = elf_x86_64
        self.lock = threading.RLock()
        self.dylibs: dict[str, JITDylib] = {}
        self.trackers: dict[int, ResourceTracker] = {}
        self.retired: list[ResourceTracker] = []
        """Removed trackers whose memory waits for threads to end."""
        self.waiting: list[FunctionArray] = []
        """Initialisers and finalisers of linked code that did not run yet."""
        self.times: list[tuple[str, float]] = []
        self.hooks: dict[str, list[Callable[[Any], None]]] = {}
        self.closed = False
        self._next_tracker = 0
        self._private: dict[bytes, Graph] = {}
        texts = [*PRIVATE, *(platform.private_names if platform else ())]
        self.private_ids: I32 = np.array(self.names.intern(texts), np.int32)

    def create_dylib(self, name: str) -> JITDylib:
        """A new, empty dylib."""
        with self.lock:
            self.check_open()
            dylib = self.dylibs[name] = JITDylib(self, name)
            return dylib

    def create_tracker(self, name: str) -> ResourceTracker:
        """A new tracker that owns nothing yet."""
        with self.lock:
            self.check_open()
            number = self._next_tracker
            self._next_tracker += 1
            tracker = self.trackers[number] = ResourceTracker(self, name, number)
            return tracker

    def check_open(self) -> None:
        """Raise SessionClosed after close()."""
        if self.closed:
            raise SessionClosed("the session is closed")

    def parse(self, sources: Sequence[tuple[str, Source]], *, check_relocations: bool = True) -> Graph:
        """Read objects, (name, bytes) each, into one graph; the bytes are copied."""
        arena, starts = Arena.join([data for _, data in sources])
        spans = [Span(name, at, len(data)) for (name, data), at in zip(sources, starts, strict=True)]
        return self.parse_arena(arena, spans, check_relocations=check_relocations)

    def parse_arena(self, arena: Arena, spans: Sequence[Span], *, check_relocations: bool = True) -> Graph:
        """Read objects that lie in an arena already."""
        graph = read_objects(arena, spans, self.pair, self.names)
        if check_relocations:
            graph.edges = read_relocations(graph, self.pair)
        return graph

    def lookup(
        self,
        dylib: JITDylib,
        names: Sequence[bytes],
        *,
        roots: bool,
        again: bool = False,
        everything: bool = False,
    ) -> list[tuple[int, int]]:
        """Address and flags of each name, linking whatever is needed; only with `roots` do initialisers run.

        `again` includes roots whose linking has failed before. `everything` links every added object, as ld does with
        the objects that it is given, and finds hidden names, too.

        Raises UndefinedSymbols for names that nothing defines, and whatever linking raises.
        """
        with self.lock:
            self.check_open()
            ids = np.array(self.names.intern(names), np.int32)
            table = dylib.table
            table.grow(len(self.names))
            pending = dylib.pending() if everything else dylib.pending_roots(again=again) if roots else []
            try:
                pending = self._try_alone(dylib, pending, again or everything)
                if pending or not every(table.ready[ids] != 0):
                    self._materialize(dylib, ids, pending)
            finally:
                if roots and self.waiting:
                    self._initialize()
            return [self._answer(dylib, number, hidden=everything) for number in ids.tolist()]

    def _try_alone(self, dylib: JITDylib, roots: list[ObjectEntry], together: bool) -> list[ObjectEntry]:
        """Link roots that were in a batch that failed one by one, which shows whose fault it was; returns the others.

        The error was raised then, so that it is not raised again.
        """
        if together or not any(entry.doubtful for entry in roots):
            return roots
        none = np.empty(0, np.int32)
        for entry in roots:
            if entry.doubtful and entry.state is ObjectState.PENDING:
                with contextlib.suppress(UrukError):
                    self._materialize(dylib, none, [entry])
        return [entry for entry in roots if not entry.doubtful and entry.state is ObjectState.PENDING]

    def _materialize(self, dylib: JITDylib, ids: I32, roots: list[ObjectEntry]) -> None:
        try:
            chosen = dylib.closure(ids, roots)
            if chosen:
                link_batch(self, dylib, chosen, ids)
        except Exception:
            # A later lookup of something else must not fail for the same reason.
            for entry in roots:
                entry.doubtful = True
                entry.failed = len(roots) == 1 and ids.size == 0
            raise

    def _initialize(self) -> None:
        """Run the initialisers of what was linked since the last time."""
        arrays, self.waiting = self.waiting, []
        if self.platform is not None:
            self.platform.initialize(arrays)

    def _answer(self, dylib: JITDylib, number: int, *, hidden: bool) -> tuple[int, int]:
        table = dylib.table
        ready, flags = bool(table.ready[number]), int(table.flags[number])
        if ready and (hidden or not flags & Flag.HIDDEN):
            if flags & Flag.TLS:
                text = self.names.text(number).decode("utf-8", "replace")
                hint = "look up a function that returns its address"
                raise TLSError(f"`{text}'", "is thread-local: every thread has its own, so it has no one address", hint)
            return int(table.address[number]) & _ADDRESS, flags
        name = self.names.text(number)
        address, is_data = (0, False)
        if not ready:
            address, is_data = self.find_external(dylib, name)
        if address:
            return address, 0 if is_data else int(Flag.FUNCTION)
        hint = "it is hidden: visible only to code linked with it" if ready else ""
        text = name.decode("utf-8", "replace")
        raise UndefinedSymbols([Undefined(text, demangle(text), (), 0, hint or self.hint(name) or "")])

    def hint(self, name: bytes) -> str | None:
        """What to say of a name that nobody defines."""
        if SLIM_LTO in self.names:
            return "an object holds nothing but data for link-time optimisation: compile with -ffat-lto-objects"
        return self._hint(name) if self._hint else None

    def find_external(self, dylib: JITDylib, name: bytes) -> tuple[int, bool]:
        """Address and whether it is data of a name in the dylib's libraries, then in the process; 0 if none has it."""
        platform = self.platform
        if platform is None:
            return 0, False
        address = platform.interposed(name)
        if address:
            return address, False
        for library in dylib.search.libraries:
            address, is_data = self.executor.find_symbol(library.handle, name)
            if address:
                return address, is_data
        return platform.find(name)

    def archive_for(self, dylib: JITDylib, name: bytes) -> ArchiveEntry | None:
        """The archive whose member is to be linked for a missing name; None where something else comes first."""
        platform = self.platform
        entry = dylib.search.archive_with(name)
        if entry is not None and entry is not dylib.search.builtins:
            for library in dylib.search.libraries_before(entry.order):
                if self.executor.find_symbol(library.handle, name)[0]:
                    return None
            return entry
        if entry is None or platform is None or not platform.wants_builtin(name):
            return None
        if name in platform.over_libraries:
            return entry
        if any(self.executor.find_symbol(library.handle, name)[0] for library in dylib.search.libraries):
            return None
        return entry

    def add_members(self, dylib: JITDylib, entry: ArchiveEntry, offsets: list[int]) -> None:
        """Add archive members, given by header offset, as one graph."""
        archive = entry.archive
        members = [archive.member(offset) for offset in offsets]
        names = [f"{archive.name}({member.name})" for member in members]
        if archive.thin:  # its header's sizes are checked against the files when these are read, not before
            sources = list(zip(names, map(archive.read, members), strict=True))
            graph = self.parse(sources, check_relocations=False)
        else:
            arena, starts = Arena.of_sizes([member.size for member in members])
            view = memoryview(arena.buffers[0])
            for member, start in zip(members, starts, strict=True):
                archive.read_into(member, view[start : start + member.size])
            spans = [Span(name, start, member.size) for name, start, member in zip(names, starts, members, strict=True)]
            graph = self.parse_arena(arena, spans, check_relocations=False)
        dylib.add_graph(graph, entry.tracker, roots=False, orders=[entry.order] * len(members))

    def private_parts(self, dylib: JITDylib, entries: Sequence[ObjectEntry], ids: I32) -> list[int]:
        """Numbers of new private objects for modules that need names like `atexit` and have none in this batch.

        `ids` are the names that `entries` need, one entry's after the other's.
        """
        platform = self.platform
        if platform is None or platform.runtime is None:
            return []
        rows = true_rows(self._is_private(ids))
        if rows.size == 0:
            return []
        sizes = [entry.added.names_of(entry.index)[0].size for entry in entries]
        ends = np.array(sizes, np.int64).cumsum()
        user: list[int] = ends.searchsorted(rows, "right").tolist()
        wanted: dict[tuple[int, bytes], ResourceTracker] = {}
        for number, one in zip(ids[rows].tolist(), user, strict=True):
            entry, text = entries[one], self.names.text(number)
            if text in platform.private_names and not entry.private and dylib.table.owner[number] < 0:
                wanted[entry.tracker.number, text] = entry.tracker
        return [
            dylib.add_private(self._private_graph(platform.runtime, text), one) for (_, text), one in wanted.items()
        ]

    def _is_private(self, ids: I32) -> Bool:
        """Which names each module has for itself; their ids are the session's first."""
        return ids < self.private_ids.size

    def _private_graph(self, runtime: Archive, name: bytes) -> Graph:
        if name not in self._private:
            member = runtime.member(runtime.index()[name])
            self._private[name] = self.parse([(f"{runtime.name}({member.name})", runtime.read(member))])
        return self._private[name]

    def remove_tracker(self, tracker: ResourceTracker, force: bool) -> Released:
        """See `ResourceTracker.remove`."""
        with self.lock:
            return remove_tracker(self, tracker, force)

    def close(self) -> None:
        """Remove everything, newest first, and give all memory back. Closing twice does nothing."""
        with self.lock:
            if self.closed:
                return
            self._finalize()  # all of them before any code goes: they may call each other's
            for number in sorted(self.trackers, reverse=True):
                if number in self.trackers:
                    remove_tracker(self, self.trackers[number], force=True)
            self._end()
            give_memory_back(self)

    def finish(self) -> None:
        """Close at the end of the process: finalisers run, newest first, but all code stays where it is.

        Threads may still be in it, and libraries may call it while the process exits. Where a thread is at work in the
        session (an initialiser that does not end), finalisers are left to the C library's exit, which has them, too.
        """
        if not self.lock.acquire(timeout=PATIENCE):
            return
        try:
            if self.closed:
                return
            self._finalize()
            self._end()
        finally:
            self.lock.release()

    def _finalize(self) -> None:
        """Run the finalisers of everything, newest first."""
        for number in sorted(self.trackers, reverse=True):
            if number in self.trackers and self.platform is not None and self.options.execute:
                self.platform.finalize(self.trackers[number])

    def _end(self) -> None:
        self.closed = True
        for dylib in self.dylibs.values():
            dylib.search.close()
