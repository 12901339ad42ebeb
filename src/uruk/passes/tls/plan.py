"""Thread-local storage: what each module needs, and its loading.

ld.so owns the storage. A module's initial image goes into a carrier (a tiny shared object, see
`uruk.formats.elf.carrier`); loading it yields the module id, the thread-pointer offset if the module's code asks for
static storage (local-exec and initial-exec models), and descriptors. Thread-locals of libraries are bound by name
through a carrier that imports them. Source of the models: "ELF Handling For Thread-Local Storage", Drepper, 2005.
"""

from __future__ import annotations

import numpy as np

from uruk.errors import TLSError
from uruk.graph.kinds import Operand
from uruk.graph.types import AnyArray, true_rows, unique
from uruk.passes.faults import Faults
from uruk.passes.layout import Chunk, Layout
from uruk.passes.state import State
from uruk.passes.tls import checks
from uruk.passes.tls.interface import STATIC, USERS, Storage, TLSLoader
from uruk.records import field, record


@record
class TLSPlan:
    """The needs of the batch's modules: which want static storage, which symbol rows are thread-local."""

    static: set[int] = field(default_factory=set[int])
    optional: set[int] = field(default_factory=set[int])
    """Modules whose code has descriptors only: static storage is better, dynamic does."""


def plan_tls(state: State, layout: Layout) -> TLSPlan:
    """Fill `tls_offset`; decide which modules ask for static storage. Raises LinkFaults of `uruk.passes.tls.checks`."""
    edges, symbols = state.edges, state.symbols
    plan = TLSPlan()
    # Edges that only thread-locals may have, whatever their symbols say.
    rows = true_rows(state.graph.kinds.having(USERS).take(edges.kind))
    operand = state.graph.kinds.operand.take(edges.kind)
    faults = Faults()
    # All checks come before anything is loaded, and together, so that every object at fault is named at once.
    checks.refuse_addresses(state, faults)
    checks.refuse_other_targets(state, rows, operand, faults)
    checks.refuse_foreign_offsets(state, rows, operand, faults)
    for module, chunk in layout.tls.items():
        checks.refuse_alignment(state, rows, operand, module, chunk.align, faults)
    faults.raise_any()
    state.tls_offset = np.zeros(len(symbols), np.int64)
    for chunk in layout.tls.values():
        inside = true_rows(np.isin(symbols.block, chunk.rows))
        # Thread-locals are few: a dictionary does.
        offset_of = dict(zip(chunk.rows.tolist(), chunk.offset.tolist(), strict=True))
        offsets = np.array([offset_of[row] for row in symbols.block[inside].tolist()], np.int64)
        # A symbol's value counts from the start of its block.
        state.tls_offset[inside] = offsets + symbols.value[inside].view(np.int64)
    for row, home in (state.external.tls if state.external else {}).items():
        # Linked before: the offset counts from the block of the module that defines it.
        state.tls_offset[state.undefined[row]] = home.offset
    static = rows[np.isin(operand[rows], np.array(STATIC, np.uint8))]
    # One module a symbol; -1 means all from outside, whose storage is there already.
    for row in unique(state.canonical[edges.target[static]]).tolist():
        module = own_module(state, row)
        wants = operand[static[state.canonical[edges.target[static]] == row]]
        # A descriptor works with either storage; every other model of STATIC needs a fixed offset.
        (plan.static if (wants != Operand.TLS_DESC).any() else plan.optional).add(module)
    # One reference that must be static decides for its module.
    plan.optional -= plan.static
    return plan


def own_module(state: State, row: int) -> int:
    """Return the module of this batch that defines a thread-local, or whose block a `_TLS_MODULE_BASE_` row means; else
    -1."""
    block = int(state.symbols.block[row])
    if block >= 0:
        return int(state.block_module[block])
    # `_TLS_MODULE_BASE_` stays undefined, and means the module of the object that names it.
    if row in state.undefined[state.tls_starts]:
        return int(state.module_of_object[state.graph.object_of_symbol(row)])
    return -1


def load_storage(state: State, plan: Layout, needs: TLSPlan, loader: TLSLoader, storage: dict[int, Storage]) -> None:
    """Load each module's thread-local image; `storage` is filled as it goes, so that a failure can undo it.

    Raises LinkFaults of TLSError for modules that can have none: the fault of their objects with thread-locals, and of
    those whose code wants them static.
    """
    faults = Faults()
    for module, chunk in plan.tls.items():
        described = has_descriptors(state, module)
        # None leaves it to the loader: static if it has room, else dynamic.
        static = None if module in needs.optional else module in needs.static
        image = image_of(state, chunk)
        try:
            storage[module] = loader.load(image, chunk.size, chunk.align, static, described, state.modules[module])
        except TLSError as error:
            faults.add_error(_objects_of_storage(state, chunk), error)
    faults.raise_any()


def _objects_of_storage(state: State, chunk: Chunk) -> AnyArray:
    """Return objects with blocks in a thread-local image, or code that wants it static."""
    rows = true_rows(state.graph.kinds.having(STATIC).take(state.edges.kind))
    home = state.symbols.block[state.canonical[state.edges.target[rows]]]
    # Symbols without a block have -1, which no chunk has.
    users = state.objects_of(rows[np.isin(home, chunk.rows)])
    return np.concatenate([state.blocks.object[chunk.rows], users])


def has_descriptors(state: State, module: int) -> bool:
    """Return True if the batch needs descriptors for thread-locals of one of its modules."""
    slots = state.slots
    rows = slots.row[slots.operand == Operand.TLS_DESC].tolist()
    return any(own_module(state, row) == module for row in rows)


def image_of(state: State, chunk: Chunk) -> bytes:
    """Return the stored part of a module's initial image, fixed up."""
    # The first row's position, less its offset in the chunk, is where the chunk begins.
    start = int(state.position[chunk.rows[0]] - chunk.offset[0])
    return state.image[start : start + chunk.stored].tobytes()
