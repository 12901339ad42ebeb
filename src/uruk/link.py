"""The link: one batch of objects, from graph to code that can run. Every step is one call, by its name.

A batch may hold objects of several modules. A module is the unit of removal (what one resource tracker owns): it has
its own code and constant pages, GOT, stubs, unwind registration, thread-local storage and module handle. Modules of one
dylib are a program. What only some object formats have is asked of the `Rules` of the objects' format.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from uruk.formats.registry import instruction_set_of, read_relocations
from uruk.graph.graph import Graph, Role, Zone
from uruk.graph.names import Names
from uruk.graph.types import I32, Bool, filled, signed, some, true_rows
from uruk.isa.interface import InstructionSet
from uruk.link_rules import rules_of
from uruk.memory.mapper import Range, Reach
from uruk.passes import copy, externals, fixup, layout, placement, prune, resolve, stubs
from uruk.passes.externals import ResolveNames
from uruk.passes.faults import Faults
from uruk.passes.layout import Layout
from uruk.passes.rules import Rules
from uruk.passes.state import State
from uruk.passes.steps import Hook, Steps
from uruk.passes.tls.interface import Storage, TLSLoader
from uruk.passes.undefined import Hints
from uruk.records import field, record

if TYPE_CHECKING:
    from uruk.memory.interface import Allocation, Memory


_LARGE = 8 << 20
"""Bytes of sections from which on a thread that makes memory ready costs less than it saves."""


class Host(Protocol):
    """The needs of a link of the place where the code will run."""

    @property
    def memory(self) -> Memory:
        """Return where linked code is put."""
        ...

    @property
    def tls(self) -> TLSLoader:
        """Return the loader of thread-local storage."""
        ...

    def read_object(self, address: int) -> bytes:
        """Return the content of a library's variable; empty if its size is not known."""
        ...

    def is_constant(self, address: int, size: int) -> bool:
        """Return True if a library's variable is never written to."""
        ...

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """Call IFUNC resolvers; returns the addresses they choose."""
        ...


@record
class Request:
    """The order of a link; columns: `module_of_object` (objects), `defines` (symbols), `dropped_groups` (groups)."""

    graph: Graph
    names: Names
    modules: list[str]
    module_of_object: I32
    defines: Bool
    dropped_groups: Bool
    resolve: ResolveNames
    private: I32
    """Names that each module has for itself."""
    module_handles: list[int | None]
    """The address by which code of each module names the module; None where no earlier batch made one."""
    programs: Sequence[int] = ()
    """The program that each module is part of, by any number; without them all are one."""
    phony_externals: bool = False
    execute: bool = True
    """False: IFUNC resolvers are not called, and the slots of IFUNC stubs stay empty."""
    hints: Hints | None = None
    """The texts for names that nothing defines."""
    reach: Reach | None = None
    copy_data: bool = False
    """True if libraries are rebound to copies of their data, so that all of it may be copied."""
    in_child: bool = False
    """True if the code will run in another process; errors say so."""
    prune_from: I32 | None = None
    """Symbol rows to keep, with all they need; None keeps everything."""
    as_jitlink: bool = False
    """True if modules are linked and laid out as LLVM's JITLink does it; see `uruk.passes.jitlink_layout`."""
    hooks: dict[str, list[Hook]] = field(default_factory=dict[str, list[Hook]])
    """Plug-ins by point; see `uruk.passes.steps`."""


@record
class Linked:
    """A finished batch; nothing of it has run except IFUNC resolvers."""

    state: State
    layout: Layout
    allocation: Allocation
    storage: dict[int, Storage]
    times: list[tuple[str, float]]


def link(request: Request, host: Host) -> Linked:
    """Link a batch into memory of `host`. On any error all that it took is given back.

    Raises LinkFaults for what is some objects' fault, PassError for a plug-in's. What holds after each step stands in
    `uruk.passes.steps.STEPS`.
    """
    state = _start(request)
    step, isa = Steps(state, request.hooks), instruction_set_of(request.graph)
    rules = rules_of(request.graph)(state)
    state.is_own_name, state.unwind_data = rules.is_own_name, rules.unwind_data
    step("groups", rules.drop_groups, request.dropped_groups)
    step("read relocations", _read_edges, state, request)
    step("bind names", resolve.bind_names, state, state.names, request.defines, request.private)
    step("prune", _prune, state, request, rules)
    _expect(state, request, host)
    step("unwind", rules.lay_out_unwind_data, isa.UNWIND_REGISTERS)
    step("commons", resolve.place_commons, state, request.defines)
    step("provided names", rules.find_names)
    step("resolve names", externals.ask, state, rules, request.resolve, request.phony_externals, request.hints)
    step("library data", rules.copy_library_data, host, request.copy_data)
    step("got, stubs", rules.make_imports, isa)
    plan = step("layout", _lay_out, state, rules, isa)
    step("tls plan", rules.plan_thread_locals, plan, host.tls)
    reach = step("placement", _reach_of, state, request, host)
    taken: list[Allocation] = []
    storage: dict[int, Storage] = {}
    try:
        allocation = step("allocate", _allocate, host, plan, reach, taken)
        step("addresses", _assign_addresses, state, rules, plan, allocation, request.hints)
        step("copy", copy.copy_content, state, _exact(state, plan))
        step("stubs", stubs.write, state, isa)
        step("relax, fixup", fixup.fix_up, state, isa.relax_got_loads, rules.dead_data)
        step("tls storage", rules.load_thread_locals, plan, host.tls, storage)
        step("slots, tls", _fill_slots, state, rules, host, storage, isa)
        step("protect", _bring, state, request, allocation)
        changed = step("resolvers", _resolve_ifuncs, state, request, host)
        step("seal", allocation.seal, changed)
        return Linked(state, plan, allocation, storage, step.times)
    except BaseException:
        for loaded in storage.values():
            loaded.close()
        for allocation in taken:
            allocation.free()
        raise


def _start(request: Request) -> State:
    """Return the state before any step: tables as they were read, every block live."""
    state = State(request.graph, request.names, request.module_of_object, request.modules)
    state.module_handles = list(request.module_handles)
    state.programs = request.programs or [0] * len(request.modules)
    state.in_child, state.execute = request.in_child, request.execute
    state.as_jitlink = request.as_jitlink
    return state


def _read_edges(state: State, request: Request) -> None:
    """Read the edges of live blocks. Raises LinkFaults of ObjectFormatError and UnsupportedRelocation."""
    graph = state.graph
    if graph.edges is None:
        faults = Faults()
        state.edges = read_relocations(graph, state.live, faults.add)
        faults.raise_any()
    elif state.has_dead:
        state.edges = graph.edges.rows(state.live[graph.edges.block])
    graph.notes["edges"] = len(state.edges)


def _prune(state: State, request: Request, rules: Rules) -> None:
    if request.prune_from is not None:
        prune.prune(state, request.prune_from, rules)


def _expect(state: State, request: Request, host: Host) -> None:
    """Have memory for a large batch made ready while the steps before "allocate" go on; it may lie anywhere."""
    blocks = state.blocks
    if int(blocks.size.sum()) < _LARGE or request.reach is not None:
        return
    # Such code has to lie low: where, is known only with the addresses that it refers to.
    if some(state.graph.kinds.narrow_absolute.take(state.edges.kind)):
        return
    stored = true_rows(state.live & (blocks.content >= 0) & (blocks.role != Role.UNWIND) & (blocks.zone < Zone.TLS))
    host.memory.expect([int(blocks.size[stored[blocks.zone[stored] == zone]].sum()) for zone in range(Zone.TLS)])


def _lay_out(state: State, rules: Rules, isa: InstructionSet) -> Layout:
    if state.as_jitlink:
        from uruk.passes import jitlink_layout  # for a tool, and for links that run nothing

        got_zone = isa.JITLINK_TABLES.got_zone
        plan: Layout = jitlink_layout.lay_out(state, rules.together(), rules.written_zones(), got_zone)
    else:
        plan = layout.lay_out(state, rules.together())
    state.segment, state.offset = plan.segment, plan.offset
    return plan


def _reach_of(state: State, request: Request, host: Host) -> Reach:
    """Return where memory can be chosen, where it must lie; elsewhere the range checks say what cannot be met."""
    return request.reach or (Reach() if host.memory.fixed else placement.reach_of(state))


def _allocate(host: Host, plan: Layout, reach: Reach, taken: list[Allocation]) -> Allocation:
    """Return the memory for the plan; it is noted in `taken` at once, so that whatever comes next can give it back."""
    allocation = host.memory.allocate(plan.segments, reach)
    taken.append(allocation)
    return allocation


def _assign_addresses(state: State, rules: Rules, plan: Layout, allocation: Allocation, hints: Hints | None) -> None:
    """Fill `address`, `position`, `image` and `symbol_address` from the allocation."""
    base = allocation.base
    # Columns of addresses are int64: from 2^63 on an address is the negative number with the same 64 bits.
    base -= base >> 63 << 64  # as columns have addresses: int64
    start = np.array([address for _, address, _ in allocation.segments], np.uint64).view(np.int64)
    # Where no block is live there is no segment; the -1 of dead blocks still needs a row to pick.
    if start.size == 0:
        start = np.array([base], np.int64)
    plan.settle(start)
    state.address = start[plan.segment] + plan.offset
    # Dead blocks have segment -1, which has picked the last segment's start.
    state.address[plan.segment < 0] = 0
    state.position = state.address - base
    state.base = base
    state.image = allocation.image
    if state.graph.kinds.counts_from_starts:
        state.image_base = np.full(len(state.modules), signed(allocation.image_base), np.int64)
        state.section_address = state.address
        state.section_number = np.zeros(len(state.blocks), np.int64)
    rules.define_names(plan, start, allocation.header, hints)
    resolve.address_symbols(state)


def _exact(state: State, plan: Layout) -> Bool:
    """Return blocks placed in input order (chunks), whose neighbours the copy pass must not assume."""
    exact = filled(len(state.blocks), state.as_jitlink, np.bool_)
    for chunk in [*plan.tls.values(), *plan.kept.values()]:
        exact[chunk.rows] = True
    return exact


def _fill_slots(state: State, rules: Rules, host: Host, storage: dict[int, Storage], isa: InstructionSet) -> None:
    stubs.fill_slots(state)
    stubs.fill_own_slots(state)
    rules.write_thread_locals(host.tls, storage, isa)


def _bring(state: State, request: Request, allocation: Allocation) -> None:
    """Bring code and data; constants only where resolvers run now, else `seal` brings them with all else done."""
    allocation.protect_code()
    allocation.bring_data()
    if request.execute and some(state.stubs.ifunc):
        allocation.bring_constants()


def _resolve_ifuncs(state: State, request: Request, host: Host) -> list[Range]:
    return stubs.resolve_ifuncs(state, host.call_resolvers) if request.execute else []
