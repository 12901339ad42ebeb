"""The link: one batch of objects, from graph to code that can run. Every step is one call; invariants between them.

A batch may hold objects of several modules. A module is the unit of removal (what one resource tracker owns): it has
its own code and constant pages, GOT, stubs, unwind registration, thread-local storage and `__dso_handle`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from uruk.formats.elf import Pair
from uruk.formats.elf_relocations import read_relocations
from uruk.graph.graph import Graph
from uruk.graph.names import Names
from uruk.graph.types import I32, Bool, every, some
from uruk.isa import x86_64
from uruk.memory.manager import Allocation, Reach, SlabManager
from uruk.passes import (
    boundaries,
    comdat,
    copy,
    eh_frame,
    fixup,
    got_plt,
    layout,
    placement,
    prune,
    resolve,
    stubs,
    tls,
    undefined,
)
from uruk.passes.layout import Layout
from uruk.passes.state import NO_EXTERNALS, Externals, State

Hook = Callable[[State], None]


class Host(Protocol):
    """What the link needs of the place where the code will run."""

    @property
    def memory(self) -> SlabManager:
        """Where linked code is put."""
        ...

    @property
    def tls(self) -> tls.TLSLoader:
        """Who gives thread-local storage."""
        ...

    def read_object(self, address: int) -> bytes:
        """The content of a library's variable; empty if its size is not known."""
        ...

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """Call IFUNC resolvers; returns the addresses they choose."""
        ...


class ResolveNames(Protocol):
    """Answers for undefined names: ids, and for each whether it is weak only, thread-local, hidden."""

    def __call__(self, names: I32, weak: Bool, tls: Bool, hidden: Bool) -> Externals: ...


@dataclass(eq=False, repr=False)
class Request:
    """What to link. Row columns: `module_of_object` (objects), `defines` (symbols), `dropped_groups` (groups)."""

    graph: Graph
    pair: Pair
    names: Names
    modules: list[str]
    module_of_object: I32
    defines: Bool
    dropped_groups: Bool
    resolve: ResolveNames
    private: I32
    """Names that each module has for itself."""
    dso_handles: list[int]
    """`__dso_handle` of each module, 0 where an earlier batch made none."""
    phony_externals: bool = False
    execute: bool = True
    """False: IFUNC resolvers are not called, and the slots of IFUNC stubs stay empty."""
    hint: Callable[[bytes], str | None] | None = None
    """What to say of a name that nobody defines."""
    reach: Reach | None = None
    prune_from: I32 | None = None
    """Symbol rows to keep, with all they need; None keeps everything."""
    hooks: dict[str, list[Hook]] = field(default_factory=dict[str, list[Hook]])


@dataclass(eq=False, repr=False)
class Linked:
    """A finished batch; nothing of it has run except IFUNC resolvers."""

    state: State
    layout: Layout
    allocation: Allocation
    storage: dict[int, tls.Storage]
    times: list[tuple[str, float]]


class Clock:
    """Times the steps of one link, for `--time`."""

    def __init__(self) -> None:
        self.times: list[tuple[str, float]] = []
        self._last = time.perf_counter()

    def step(self, name: str) -> None:
        """What ran since the last step was `name`."""
        now = time.perf_counter()
        self.times.append((name, now - self._last))
        self._last = now


def link(request: Request, host: Host) -> Linked:
    """Link a batch into memory of `host`. On any error all that it took is given back."""
    clock = Clock()
    state = _start(request, clock)
    if request.prune_from is not None:
        prune.prune(state, request.prune_from, boundaries.bounded_blocks(state, request.names))
        clock.step("prune")
    eh_frame.rebuild_eh_frame(state)
    clock.step("eh_frame")
    _run_hooks(request, "post-prune", state)

    resolve.place_commons(state, request.defines)
    boundaries.find(state, request.names)
    _ask_for_externals(state, request)
    placement.copy_constants(state, request.names, host.read_object)
    clock.step("resolve names")
    # Every symbol row has a canonical row, and every canonical row a block, an absolute value or an answer.

    got_plt.build_got_and_stubs(state, x86_64.STUB_SIZE)
    clock.step("got, stubs")
    plan = layout.lay_out(state, boundaries.groups(state))
    needs = tls.plan_tls(state, plan)
    clock.step("layout")
    # No blocks are added below this line.

    reach = request.reach or placement.reach_of(state)
    allocation = host.memory.allocate(plan.segments, reach)
    storage: dict[int, tls.Storage] = {}
    try:
        clock.step("allocate")
        _assign_addresses(state, plan, allocation)
        boundaries.assign(state, plan)
        resolve.address_symbols(state)
        _run_hooks(request, "post-allocate", state)
        clock.step("addresses")
        # Addresses are final below this line.

        copy.copy_content(state, _exact(state, plan))
        clock.step("copy")
        _run_hooks(request, "pre-fixup", state)
        stubs.write(state)
        fixup.fix_up(state, x86_64.relax_got_loads)
        clock.step("relax, fixup")
        words = _load_tls(state, plan, needs, host.tls, storage)
        tls.fill_slots(state, words)
        stubs.fill_own_slots(state)
        tls.fix_up_late(state, words)
        clock.step("slots, tls")
        _run_hooks(request, "post-fixup", state)
        allocation.protect_code()
        if request.execute:
            stubs.resolve_ifuncs(state, host.call_resolvers)
        allocation.seal()
        clock.step("protect")
    except BaseException:
        for one in storage.values():
            one.close()
        host.memory.free(allocation)
        raise
    return Linked(state, plan, allocation, storage, clock.times)


def _start(request: Request, clock: Clock) -> State:
    """COMDAT, edges of what stays, names bound to rows."""
    graph = request.graph
    live = comdat.live_blocks(graph, request.dropped_groups)
    has_dead = some(request.dropped_groups) and not every(live)
    edges = graph.edges
    if edges is None:
        edges = read_relocations(graph, request.pair, live)
    elif has_dead:
        edges = edges.rows(live[edges.block])
    graph.notes["edges"] = len(edges)
    clock.step("read relocations")
    state = State(
        graph, graph.blocks, graph.symbols, graph.groups, edges, request.module_of_object, request.modules,
        live, request.module_of_object[graph.blocks.object],
        has_dead=has_dead, dso_handles=list(request.dso_handles),
    )  # fmt: skip
    resolve.bind_names(state, request.names, request.defines, request.private)
    return state


def _ask_for_externals(state: State, request: Request) -> None:
    """Fill `external`: the session's answers, and what the link itself provides (boundaries)."""
    rows = state.undefined
    if rows.size == 0:
        state.external = NO_EXTERNALS
        return
    own = boundaries.provided(state)
    weak, is_tls, hidden = resolve.undefined_facts(state)
    asked = ~own
    count = rows.size
    state.external = Externals(np.ones(count, np.bool_), np.zeros(count, np.int64), np.ones(count, np.bool_))
    if not some(asked):
        return
    answer = request.resolve(state.symbols.name[rows[asked]], weak[asked], is_tls[asked], hidden[asked])
    state.external.found[asked] = answer.found
    state.external.address[asked] = answer.address
    state.external.is_data[asked] = answer.is_data
    where = np.flatnonzero(asked)
    state.external.tls = {int(where[row]): home for row, home in answer.tls.items()}
    resolve.functions_are_no_data(state)
    state.external.is_data |= ~state.external.found & weak  # 0 is no place for a stub to stand for
    missing = ~state.external.found & ~weak
    if some(missing) and not request.phony_externals:
        raise undefined.error(state, rows[missing], request.names, request.hint)


def _assign_addresses(state: State, plan: Layout, allocation: Allocation) -> None:
    """Fill `address`, `position` and `image` from the allocation."""
    start = np.array([address for _, address, _ in allocation.segments], np.int64)
    if start.size == 0:
        start = np.array([allocation.base], np.int64)
    state.address = start[plan.segment] + plan.offset
    state.address[plan.segment < 0] = 0
    state.position = state.address - allocation.base
    state.base = allocation.base
    state.image = allocation.image


def _exact(state: State, plan: Layout) -> Bool:
    """Blocks placed in input order (chunks), whose neighbours the copy pass must not assume."""
    exact = np.zeros(len(state.blocks), np.bool_)
    for chunk in [*plan.tls.values(), *plan.kept.values()]:
        exact[chunk.rows] = True
    return exact


def _load_tls(
    state: State, plan: Layout, needs: tls.TLSPlan, loader: tls.TLSLoader, storage: dict[int, tls.Storage]
) -> tls.TLSWords:
    """Load each module's thread-local image; `storage` is filled as it goes, so that a failure can undo it."""
    for module, chunk in plan.tls.items():
        described = tls.has_descriptors(state, module)
        static = None if module in needs.optional else module in needs.static
        image = tls.image_of(state, chunk)
        storage[module] = loader.load(image, chunk.size, chunk.align, static, described, state.modules[module])
    return tls.TLSWords(state, storage, loader)


def _run_hooks(request: Request, point: str, state: State) -> None:
    for hook in request.hooks.get(point, ()):
        hook(state)
