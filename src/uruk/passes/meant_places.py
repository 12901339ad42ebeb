"""The places that edges mean, as offsets from their symbols: compilers name sections where a symbol is local."""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Blocks, Edges, Graph, Zone
from uruk.graph.kinds import Base, Operand
from uruk.graph.types import I64, Bool, true_rows


def meant_offsets(graph: Graph, blocks: Blocks, edges: Edges) -> I64:
    """Return for each edge how far behind its symbol the place lies that it means.

    Fields of x86-64's instructions count from the end of these, and are taken to be their last bytes.
    """
    if graph.target is None or graph.target.architecture != "x86_64":
        return edges.addend
    relative = (graph.kinds.base[edges.kind] == Base.PLACE) & (blocks.zone[edges.block] == Zone.RX)
    return edges.addend + np.where(relative, graph.kinds.width[edges.kind].astype(np.int64), 0)


def calls_and_jumps(graph: Graph, blocks: Blocks, edges: Edges) -> Bool:
    """Mark the edges of direct calls and jumps.

    On x86-64 assemblers write a call of a local function as any other reference: the opcode before the field tells.
    """
    marked = graph.kinds.having((Operand.BRANCH,)).take(edges.kind)
    if graph.target is None or graph.target.architecture != "x86_64":
        return marked
    doubtful = ~marked & (graph.kinds.base[edges.kind] == Base.PLACE) & (blocks.zone[edges.block] == Zone.RX)
    doubtful &= (graph.kinds.operand[edges.kind] == Operand.SYMBOL) & (edges.offset > 0)
    for row in true_rows(doubtful & (blocks.content[edges.block] >= 0)).tolist():
        offset = int(edges.offset[row])
        start = max(offset - 2, 0)
        before = graph.arena.bytes_at(int(blocks.content[edges.block[row]]) + start, offset - start)
        # CALL and JMP rel32, and Jcc rel32 (Intel SDM, volume 2).
        marked[row] = before[-1] in (0xE8, 0xE9) or (before[:1] == b"\x0f" and before[-1] & 0xF0 == 0x80)
    return marked
