"""The conditions on references to thread-locals before any storage is loaded; each check adds to the faults."""

from __future__ import annotations

from functools import partial

import numpy as np

from uruk.errors import TLSError, UnsupportedRelocation
from uruk.graph.graph import SymbolType, Zone
from uruk.graph.kinds import Operand
from uruk.graph.types import I64, NONE, U8, AnyArray, Bool, some, true_rows
from uruk.passes.faults import Faults
from uruk.passes.state import State

PLAIN = (Operand.SYMBOL, Operand.BRANCH, Operand.GOT, Operand.STUB)
"""Operands that mean an address, which a thread-local does not have."""
STATIC_ALIGNMENT = 64
"""The alignment of every thread pointer in bytes (glibc, x86-64)."""


def is_tls(state: State) -> Bool:
    """Return which canonical rows are thread-local: by type, or because they lie in a thread-local section."""
    symbols = state.symbols
    in_tls = symbols.block >= 0
    # Index -1 looks at the last block; the line above has these rows false.
    in_tls &= state.blocks.zone[symbols.block] == Zone.TLS
    return in_tls | (symbols.type == SymbolType.TLS)


def refuse_other_targets(state: State, rows: I64, operand: U8, faults: Faults) -> None:
    """Refuse, by UnsupportedRelocation, thread-local edges to symbols that have no place in a thread-local block."""
    local = is_tls(state) & (state.symbols.block >= 0)
    # `_TLS_MODULE_BASE_` is no variable, but local-dynamic code with descriptors adds offsets to it as to one.
    local[state.undefined[state.tls_starts]] = True
    if state.external is not None:
        # A weak thread-local that nothing defines is allowed, and is null.
        absent = ~state.external.found
        absent[list(state.external.tls)] = True
        local[state.undefined] |= absent
    target = state.canonical[state.edges.target[rows]]
    # A local-dynamic slot is the module's, whatever symbol it names.
    bad = rows[~local[target] & (operand[rows] != Operand.TLS_LD)]
    make_error = partial(_mismatch, state, "is not thread-local", "but this code takes it for one")
    faults.add(bad, state.objects_of(bad), make_error)


def refuse_addresses(state: State, faults: Faults) -> None:
    """Refuse, by UnsupportedRelocation, code or data that takes a thread-local for an ordinary variable or function."""
    local = is_tls(state) & (state.symbols.block >= 0)
    if state.external is not None:
        # What is undefined has no block; the answers have a home for each thread-local from elsewhere.
        local[state.undefined[list(state.external.tls)]] = True
    if not some(local):
        return
    edges, kinds = state.edges, state.graph.kinds
    bad = true_rows(local.take(state.canonical).take(edges.target))
    bad = bad[kinds.having(PLAIN)[edges.kind[bad]]]
    make_error = partial(_mismatch, state, "is thread-local", "but this code takes it for an ordinary one")
    faults.add(bad, state.objects_of(bad), make_error)


def refuse_foreign_offsets(state: State, rows: I64, operand: U8, faults: Faults) -> None:
    """Refuse, by TLSError, local-dynamic accesses to another module's thread-local: they add offsets to their own."""
    offsets = rows[operand[rows] == Operand.DTP_OFFSET]
    row = state.canonical[state.edges.target[offsets]]
    block = state.symbols.block[row]
    # Rows without a block come from elsewhere: `external.tls` knows of them.
    theirs = np.where(block >= 0, state.block_module[block], NONE)
    # Offsets count from the start of the thread-local block of the code's own module.
    away = (theirs != state.block_module[state.edges.block[offsets]]) & (block >= 0)
    if state.external is not None:
        of_others = np.zeros(len(state.symbols), np.bool_)
        of_others[state.undefined[list(state.external.tls)]] = True
        away |= of_others[row]

    def make_error(edges: AnyArray) -> TLSError:
        name = state.graph.symbol_name(int(state.edges.target[edges[0]]))
        return TLSError(
            state.place_of(int(edges[0])),
            f"local-dynamic code refers to `{name}', which belongs to a module linked or removed apart from it",
            "add both objects with one add_objects, or do not declare the variable hidden",
        )

    faults.add(offsets[away], state.objects_of(offsets[away]), make_error)


def refuse_alignment(state: State, rows: I64, operand: U8, module: int, align: int, faults: Faults) -> None:
    """Refuse, by TLSError naming an edge, a module whose alignment static storage cannot have."""
    # ld.so places static storage at a distance from the thread pointer, which itself is aligned to no more.
    if align <= STATIC_ALIGNMENT:
        return
    # Local-exec and initial-exec code has no call that could find storage elsewhere; descriptors do without a fixed
    # offset.
    wants = rows[(operand[rows] == Operand.TP_OFFSET) | (operand[rows] == Operand.TLS_IE)]
    block = state.symbols.block[state.canonical[state.edges.target[wants]]]
    # Only references to this module's thread-locals want its storage.
    bad = wants[(block >= 0) & (state.block_module[block] == module)]

    def make_error(edges: AnyArray) -> TLSError:
        edge = int(edges[0])
        model = "local-exec" if operand[edge] == Operand.TP_OFFSET else "initial-exec"
        name = state.graph.symbol_name(int(state.edges.target[edge]))
        return TLSError(
            state.place_of(edge),
            f"{model} code refers to `{name}', but thread-locals of its module are aligned to {align}, "
            f"and thread pointers only to {STATIC_ALIGNMENT}",
            "compile with -fPIC, so that the code reaches its thread-locals through __tls_get_addr",
        )

    faults.add(bad, state.objects_of(bad), make_error)


def _mismatch(state: State, fact: str, use: str, edges: AnyArray) -> UnsupportedRelocation:
    graph, edge = state.graph, int(edges[0])
    target = int(state.edges.target[edge])
    # The name is that of the reference, the file that of the definition.
    row = int(state.canonical[target])
    where = ""
    owner = graph.object_of_symbol(row)
    if state.symbols.block[row] >= 0 and owner >= 0:
        where = f" in {graph.files[owner]}"
    kind = graph.kinds[int(state.edges.kind[edge])].name
    return UnsupportedRelocation(
        state.place_of(edge),
        kind,
        f"`{graph.symbol_name(target)}' {fact}{where}, {use}",
        "declare it alike (__thread, thread_local) wherever it is used",
    )
