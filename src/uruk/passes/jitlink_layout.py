"""Layout in the order of the input, as LLVM's JITLink has it, for tools whose addresses must be those of its own.

Each module has a segment for constants, one for data and one for code, in this order. In a segment blocks with content
come first, zero-fill behind, both by sections in the order in which the object has them; what passes made comes behind
the object's own. Blocks are aligned by their absolute addresses (JITLink, BasicLayout), so that they are aligned in
memory that begins at an unaligned address, too. uruk's own layout, which needs no padding, is `uruk.passes.layout`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.graph.graph import Role, Zone
from uruk.graph.types import I32, I64, NONE, U8, Bool, filled, some, true_rows, unique
from uruk.passes.layout import Chunk, Layout, Segment
from uruk.passes.state import State

_RANK = np.full(8, 3, np.uint8)
"""Zone -> the place of its segment among those of a module: by protection, as JITLink orders them; others come last."""
_RANK[[Zone.R, Zone.RW, Zone.TLS, Zone.RX]] = 0, 1, 1, 2


class JITLinkLayout(Layout):
    """A layout whose offsets are settled once the segments have addresses; see `settle`."""

    rows: I64
    """The placed blocks in their order."""
    align: I64
    size: I64

    def settle(self, start: I64) -> None:
        """Give every block its offset in its segment, whose address `start` has; alignments are those of addresses."""
        segment = self.segment[self.rows]
        self.offset[self.rows] = _aligned(segment, self.size, self.align, start)
        for chunk in self.kept.values():
            chunk.offset[:] = self.offset[chunk.rows] - self.offset[chunk.rows[0]]
        for chunk in self.tls.values():
            first = chunk.rows[0]
            lead = (int(start[self.segment[first]]) + int(self.offset[first])) % chunk.align
            chunk.offset[:] = self.offset[chunk.rows] - (self.offset[first] - lead)


def lay_out(state: State, together: Sequence[tuple[int, str, I64]], written: U8, got_zone: int) -> JITLinkLayout:
    """Place every live block. `written` has the zone of each block by the section's own flags, `got_zone` that of GOTs.

    `together` lists (module, name, block rows) of sections between bounds, which lie in one row by themselves.
    """
    blocks = state.blocks
    rows = true_rows(state.live)
    module = state.block_module[rows].astype(np.int64)
    place = module if state.module_order is None else state.module_order[module]
    rank = _RANK.take(_with_tables(state, written, got_zone)[rows])
    # Blocks that passes have made get their content later, commons never.
    zeros = (blocks.content[rows] < 0) & ((rows < len(state.graph.blocks)) | (blocks.role[rows] == Role.COMMON))
    # lexsort takes the most significant key last: module, protection, zero-fill, section, then place in it.
    section, within = _section_order(state), np.arange(len(blocks))
    _order_tables(state, section)
    if state.execute:
        _gather(together, rows, section, within, rank, zeros)
    order = np.lexsort((within[rows], section[rows], zeros, rank, place))
    rows, module, rank, zeros = rows[order], module[order], rank[order].astype(np.int64), zeros[order]
    # A rank has 2 bits. Rows are in the order of these keys, so that a segment's number is its key's place among them.
    key_of = place[order] << 2 | rank
    keys = unique(key_of)
    segment = np.searchsorted(keys, key_of)
    size, align = blocks.size[rows], blocks.align[rows]
    # Sizes must be known before there are addresses: they are those of segments that begin at 0, until `settle`.
    offset = _aligned(segment, size, align, np.zeros(keys.size, np.int64))
    segments: list[Segment] = []
    for number, key in enumerate(keys.tolist()):
        own = segment == number
        ends = offset[own] + size[own]
        segments.append(_segment(int(module[own.argmax()]), key & 3, ends, zeros[own], int(align[own].max())))
    segment_of = filled(len(blocks), NONE, np.int32)
    offset_of = np.zeros(len(blocks), np.int64)
    segment_of[rows], offset_of[rows] = segment, offset
    plan = JITLinkLayout(segments, segment_of, offset_of, _thread_locals(state, offset_of), {})
    for module_of, name, kept in together:
        plan.kept[module_of, name] = _chunk(state, module_of, kept, offset_of, int(offset_of[kept[0]]))
    plan.rows, plan.size, plan.align = rows, size, align
    return plan


_ZONE_OF_RANK = (Zone.R, Zone.RW, Zone.RX, Zone.RW)


def _segment(module: int, rank: int, ends: I64, zeros: Bool, align: int) -> Segment:
    stored = ends[~zeros]
    return Segment(module, _ZONE_OF_RANK[rank], int(ends.max()), align, int(stored.max()) if stored.size else 0)


def _with_tables(state: State, written: U8, got_zone: int) -> U8:
    """Return zones in which GOTs have theirs: not where resolvers choose functions, as slots are written late then."""
    tables = state.synthetic["got"]
    if got_zone == Zone.R or (state.execute and some(state.stubs.ifunc)):
        return written
    zones = written.copy()
    zones[tables[tables >= 0]] = got_zone
    return zones


def _order_tables(state: State, section: I64) -> None:
    """Put each module's table of stubs before its GOT if its code refers to a stub first: JITLink makes it then."""
    first = [np.full(len(state.modules), len(state.edges), np.int64) for _ in range(2)]
    for rows, least in zip((state.slot_edges, state.stub_edges), first, strict=True):
        np.minimum.at(least, state.block_module[state.edges.block[rows]], rows)
    for module in true_rows(first[1] < first[0]).tolist():
        got, stubs = state.synthetic["got"][module], state.synthetic["stubs"][module]
        if got >= 0 and stubs >= 0:
            section[[got, stubs]] = section[[stubs, got]]


def _gather(
    together: Sequence[tuple[int, str, I64]], rows: I64, section: I64, within: I64, rank: U8, zeros: Bool
) -> None:
    """Have the blocks of each row follow each other, where its first one stands; code that runs relies on that."""
    for _, _, kept in together:
        at = rows.searchsorted(kept)
        # Of an array with constant parts and written ones the widest protection counts; code is apart from data.
        rank[at] = rank[at].max()
        zeros[at] = False
        section[kept], within[kept] = section[kept[0]], np.arange(kept.size)


def _aligned(segment: I64 | I32, size: I64, align: I64, start: I64) -> I64:
    """Return offsets of rows, ordered by segment, one after the other in segments that begin at addresses `start`."""
    offsets: list[int] = []
    # Unsigned, as Python's numbers do not wrap around.
    ends = start.view(np.uint64).tolist()
    begins = list(ends)
    # Each place depends on the one before it: with alignments in any order there is no sum that gives them all.
    for number, length, unit in zip(segment.tolist(), size.tolist(), align.tolist(), strict=True):
        # Rounded up: // rounds down, and so the negative of the negative quotient rounds up.
        place = -(-ends[number] // unit) * unit
        offsets.append(place - begins[number])
        ends[number] = place + length
    return np.array(offsets, np.int64)


def _section_order(state: State) -> I64:
    """Return a number a block by which sections of an object follow each other, those of one name together."""
    graph, count = state.graph, len(state.blocks)
    order = np.arange(count, dtype=np.int64)
    first: dict[tuple[int, str], int] = {}
    owner = state.blocks.object
    for row in true_rows(state.live[: len(graph.blocks)] | (graph.blocks.role == Role.UNWIND)).tolist():
        # All sections of one name in an object are one for JITLink, where the first of them stands.
        order[row] = first.setdefault((int(owner[row]), graph.section_name(row)), row)
    for row in state.synthetic.get("unwind", np.empty(0, np.int32)).tolist():
        if row >= len(graph.blocks):  # it stands where the module's first block of unwind data stood
            own = (graph.blocks.role == Role.UNWIND) & (
                state.block_module[: len(graph.blocks)] == state.block_module[row]
            )
            # argmax of a mask is its first True row.
            order[row] = int(own.argmax())
    return order


def _chunk(state: State, module: int, rows: I64, offset: I64, begin: int) -> Chunk:
    """Return blocks of one row, which begins at an offset, as the chunk that later passes know them by."""
    align = int(state.blocks.align[rows].max())
    # The rows are in the order of their offsets, the first lowest.
    end = int(offset[rows[-1]]) + int(state.blocks.size[rows[-1]])
    zone = int(state.blocks.zone[rows].max())
    return Chunk(module, zone, rows, offset[rows] - begin, end - begin, align, end - begin)


def _thread_locals(state: State, offset: I64) -> dict[int, Chunk]:
    """Return the thread-local image of each module: blocks with content, then zero-fill."""
    rows = true_rows(state.live & (state.blocks.zone == Zone.TLS))
    # Zero-fill lies behind all content of a segment: the stored image is one piece in front, as a PT_TLS header has
    # p_filesz before p_memsz (gABI). Other data between its sections is part of it, and never used.
    rows = rows[offset[rows].argsort(kind="stable")]
    chunks: dict[int, Chunk] = {}
    for module in unique(state.block_module[rows]).tolist():
        own = rows[state.block_module[rows] == module]
        # A copy of the image begins at its alignment, and so must the image, or its parts would not be aligned there.
        align = int(state.blocks.align[own].max())
        chunks[module] = chunk = _chunk(state, module, own, offset, int(offset[own[0]]) // align * align)
        ends = (chunk.offset + state.blocks.size[own])[state.blocks.content[own] >= 0]
        chunk.stored = int(ends.max()) if ends.size else 0
    return chunks
