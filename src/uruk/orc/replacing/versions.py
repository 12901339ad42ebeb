"""The versions of one replaceable tracker: what each link of it took, and which stubs lead to its functions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from uruk.graph.graph import Graph, SymbolKind, Zone
from uruk.orc.registry.added import has_initializers
from uruk.orc.registry.entries import Contents, LazyEntry, ObjectEntry
from uruk.orc.registry.tracker import Resources, ResourceTracker, Retained
from uruk.orc.replacing.functions import hidden_statics
from uruk.orc.replacing.statics import Key, Statics
from uruk.orc.replacing.withdrawing import Withdrawn
from uruk.records import field, record

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.passes.state import State

COLUMNS = ("memory", "frames", "entries", "names", "storage", "module_handles")
"""The columns of `Resources` that a link adds to."""


@record
class Part:
    """One link of a tracker's objects, by number, and what is new in each column of `Resources`.

    `has_data` and `has_constants`: it placed variables, or constants that pointers may have, which outlive its code.
    """

    objects: set[int]
    new: dict[str, list[Any]]
    has_data: bool = False
    has_constants: bool = False
    held: list[str] = field(default_factory=list[str])
    """Functions of it that are still reached, though its objects are replaced."""
    hidden: list[str] = field(default_factory=list[str])
    """Static functions of which nothing tells whether their address was handed out."""
    lends: bool = False
    """True if stubs of its own are the addresses of functions, as the session's lie out of reach of its references."""

    @property
    def size(self) -> int:
        """The size of what it placed, in bytes."""
        return size_of(self.new["memory"])


def size_of(memory: list[tuple[Any, list[int]]]) -> int:
    """Return the size of segments in bytes."""
    return sum(allocation.segments[index][2] for allocation, which in memory for index in which)


@record
class OldVersion:
    """Code that was replaced: `tracker` has its resources, `owner` is the tracker that it was replaced in.

    It is kept, unless `reason` is empty, whatever threads do.
    """

    tracker: ResourceTracker
    owner: ResourceTracker
    reason: str
    finalizing: bool = False
    """True while destructors of its variables run, or are about to."""
    found: str = ""
    """The reason why the last search did not give it back."""
    size_left: int = 0
    """Its size in bytes where its owner still has its resources."""

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.size_left or size_of(self.tracker.resources.memory)

    def retained(self) -> Retained:
        """Return what is told of it."""
        return Retained(self.tracker.name, self.size, self.reason or self.found or "it was not looked for yet")


class Versions:
    """See `uruk.orc.registry.tracker.Replaceable`. `bodies` has the functions, `public` their stubs.

    `keep`: old code is never given back, as the program switches stacks itself.
    """

    def __init__(
        self, session: Lifetime, tracker: ResourceTracker, public: Contents, bodies: Contents, *, keep: bool
    ) -> None:
        self.session = session
        self.tracker = tracker
        self.public = public
        self.bodies = bodies
        self.keep = keep
        self.statics = Statics()
        self.keys: set[Key] = set()
        """The names of the newest version's variables."""
        self.withdrawn = Withdrawn(session)
        self.parts: list[Part] = []
        self.number = 1
        """The number of the newest version."""
        self.changing = False
        """True while a new version is added and linked, to which nothing leads yet."""
        self.turn = threading.RLock()
        """Held by the thread that replaces."""
        self.alone: dict[str, set[int]] = {}
        """Functions that were replaced alone, and the objects that have them now, by number."""
        self.graphs: dict[int, Graph] = {}
        """Object number -> its graph, with which it is found out what lies where."""

    def objects(self, function: str = "") -> list[ObjectEntry]:
        """Return the objects of the newest versions, with the runtime's parts that these have.

        With `function` only those that replaced it alone.
        """
        own = [entry for entry in self.session.entries_of(self.tracker) if isinstance(entry, ObjectEntry)]
        alone = self.alone.get(function, set())
        return [entry for entry in own if entry.number in alone] if function else own

    def set_objects(self, function: str, objects: set[int]) -> None:
        """Note the objects that replaced a function alone; without one, those that replaced all."""
        if function:
            self.alone[function] = objects
        else:
            self.alone.clear()

    def stubs(self) -> Iterator[tuple[int, int, int]]:
        """Yield its functions: the public name, the name behind it, and the stub's address."""
        for entry in self.session.entries_of(self.tracker):
            if isinstance(entry, LazyEntry):
                for (public, name), address in zip(entry.targets.items(), entry.stubs.tolist(), strict=True):
                    yield public, name, address

    def linked(self, state: State, rows: Mapping[int, int], new: Callable[[str], list[Any]]) -> None:
        """See `uruk.orc.registry.tracker.Replaceable.linked`."""
        part = Part(set(rows), {column: new(column) for column in COLUMNS})
        for number, row in rows.items():
            graph = self.graphs.get(number)
            if graph is None:  # a part of the runtime
                continue
            part.has_constants |= self.statics.note(graph, state, row)
            part.has_data |= _has_data(graph)
            part.hidden += hidden_statics(graph)
            part.lends |= int(state.module_of_object[row]) in state.stub_modules.values()
        # The handle under which finalisers are registered lies beside variables: no other handle may get its address.
        part.has_data |= bool(part.new["module_handles"])
        self.parts.append(part)
        first = self.number == 1 and not self.changing
        if first and not any(True in has_initializers(self.graphs[row]) for row in rows if row in self.graphs):
            self._lead(set(rows))

    def _lead(self, objects: set[int]) -> None:
        """Lead the stubs of functions to the code of some objects, which is linked: no first call has to ask.

        An answer leaves addresses on the stack of the thread that asked, where they look like the thread's own.
        """
        table, lead = self.session.table, dict[int, int]()
        for _, name, stub in self.stubs():
            if table.ready[name] and int(table.owner[name]) in objects:
                lead[stub] = int(table.address[name]) & ((1 << 64) - 1)
        if lead:
            self.session.lazy.lead(list(lead), list(lead.values()))

    def lead_all(self) -> None:
        """See `uruk.orc.registry.tracker.Replaceable.lead_all`."""
        self._lead({entry.number for entry in self.objects()})

    def retire(self, gone: set[int], *, whole: bool) -> list[Part]:
        """Take out the parts whose objects are all gone; `whole`: their variables go as well."""
        for number in gone:
            self.graphs.pop(number, None)
        for part in self.parts:
            part.objects -= gone
        old = [part for part in self.parts if not part.objects]
        self.parts = [part for part in self.parts if part.objects]
        resources = self.tracker.resources
        for part in old:
            part.new["memory"] = [_divided(resources, pair, part, whole=whole) for pair in part.new["memory"]]
            for column in ("frames", "entries", "names") + (("storage",) if whole else ()):
                kept = getattr(resources, column)
                for item in part.new[column]:
                    kept.remove(item)
            if not whole:
                part.new["storage"] = part.new["module_handles"] = []
        return old

    def leave(self, gone: set[int]) -> list[Part]:
        """Return the parts whose objects are all gone now; they stay as they are."""
        before = [part for part in self.parts if part.objects]
        for number in gone:
            self.graphs.pop(number, None)
        for part in before:
            part.objects -= gone
        return [part for part in before if not part.objects]

    def retained(self) -> list[Retained]:
        """See `uruk.orc.registry.tracker.Replaceable.retained`."""
        with self.session.lock:
            old: list[OldVersion] = self.session.replaced
            return [version.retained() for version in old if version.owner is self.tracker]


def _has_data(graph: Graph) -> bool:
    """Return True if an object has variables of its own, named or not."""
    blocks, symbols = graph.blocks, graph.symbols
    return bool(((blocks.zone == Zone.RW) & (blocks.size > 0)).any() or (symbols.kind == SymbolKind.COMMON).any())


def _divided(resources: Resources, pair: tuple[Any, list[int]], part: Part, *, whole: bool) -> tuple[Any, list[int]]:
    """Return the segments that go with the code of a part; the others stay with the tracker."""
    allocation, which = pair
    stay = {Zone.RW} if part.has_data and not whole else set[int]()
    if part.has_constants and not whole:
        stay.add(Zone.R)
    kept = [index for index in which if allocation.segments[index][0] in stay]
    place = next(row for row, one in enumerate(resources.memory) if one[0] is allocation and one[1] is which)
    if kept:
        resources.memory[place] = (allocation, kept)
    else:
        del resources.memory[place]
    return allocation, [index for index in which if index not in kept]
