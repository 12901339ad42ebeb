"""Prune: keep what the roots reach, drop every other block. Only on request; a JIT keeps whole objects by default."""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Role
from uruk.graph.types import I32, I64, Bool, ranges, true_rows, unique
from uruk.passes.rules import Rules
from uruk.passes.state import State


def prune(state: State, roots: I32, rules: Rules) -> None:
    """Mark dead every block that is reached neither from the symbols `roots` nor from initialisers.

    Blocks that must stay whatever refers to them are roots, too: retained ones, and those between bounds.
    References from unwind records keep nothing alive on their own: a record is kept with its function, and then what
    it refers to (language-specific data, personality routines) is.
    """
    edges = state.edges
    target = state.symbols.block[state.canonical[edges.target]]
    # An edge of an unwind record would keep every function that has one, as each record refers to its function.
    useful = (target >= 0) & (edges.kind != 0) & (state.blocks.role[edges.block] != Role.UNWIND)
    functions, needs = rules.unwind_needs()
    source = np.concatenate([edges.block[useful].astype(np.int64), functions])
    target = np.concatenate([target[useful].astype(np.int64), needs])
    reached = np.zeros(len(state.blocks), np.bool_)
    root_blocks = state.symbols.block[state.canonical[roots]]
    reached[root_blocks[root_blocks >= 0]] = True
    reached[rules.bounded_blocks()] = True
    if state.execute or not state.as_jitlink:  # JITLink keeps what symbols reach, and its platforms keep initialisers
        reached[rules.initialisers()] = True
        reached |= state.blocks.role == Role.RETAINED
    # Members of groups that have lost are gone, whatever else asks for them.
    reached &= state.live
    _spread(reached, source, target)
    # Unwind blocks stay whole here; the next step drops the records of functions that are gone.
    state.live &= reached | (state.blocks.role == Role.UNWIND)
    state.has_dead = True
    _forget_dead_edges(state)


def _forget_dead_edges(state: State) -> None:
    """Drop the edges of dead blocks; what only these refer to need not be defined."""
    state.edges = state.edges.rows(state.live[state.edges.block])
    edges = state.edges
    referenced = np.zeros(len(state.symbols), np.bool_)
    wants = (edges.kind != 0) & (state.blocks.role[edges.block] != Role.UNWIND)
    referenced[state.canonical[edges.target[wants]]] = True
    # personality routines from outside: some unwind record may need them
    referenced[state.canonical[edges.target[~wants]]] |= state.symbols.block[edges.target[~wants]] < 0
    state.undefined = state.undefined[referenced[state.undefined]]


def _spread(reached: Bool, source: I64, target: I64) -> None:
    """Mark reachable blocks breadth first, a wave at a time, over edges sorted by source."""
    order = source.argsort(kind="stable")
    source, target = source[order], target[order]
    # The edges of block i are rows begin[i] to begin[i + 1] of the sorted columns.
    begin = source.searchsorted(np.arange(reached.size + 1))
    wave = true_rows(reached)
    while wave.size:
        out = ranges(begin[wave], begin[wave + 1] - begin[wave])
        neighbours = unique(target[out])
        wave = neighbours[~reached[neighbours]]
        reached[wave] = True
