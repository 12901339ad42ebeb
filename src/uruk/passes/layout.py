"""Layout: where each block lies in its module's segments, before anything has an address.

Inside a segment blocks go by alignment, the widest first: with every size rounded up to its own alignment, a running
sum keeps all of them aligned, so that one sort and one cumulative sum place everything. Blocks that must stay
together (thread-local images, sections between `__start_X` and `__stop_X`) are laid out first and move as one.
A segment's zero-fill comes last, so that what has content is one range, and nothing else need be written or sent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.graph.graph import ZONE_BITS, Role, Zone
from uruk.graph.types import I32, I64, NONE, U8, AnyArray, Bool, filled, some, true_rows, unique
from uruk.passes.state import State
from uruk.records import record


@record
class Segment:
    """One zone of one module: `size` bytes at a multiple of `align`; those behind the first `stored` are zero-fill."""

    module: int
    zone: int
    size: int
    align: int
    stored: int


@record
class Chunk:
    """Blocks that stay together, at `offset`s from the chunk's start."""

    module: int
    zone: int
    rows: I64
    offset: I64
    size: int
    align: int
    stored: int = 0
    """The number of bytes that have content; the rest is zero."""


@record
class Layout:
    """Segments in the order of their blocks; `segment` and `offset` have a row a block (-1 for dead ones)."""

    segments: list[Segment]
    segment: I32
    offset: I64
    tls: dict[int, Chunk]
    """Module -> its thread-local image."""
    kept: dict[tuple[int, str], Chunk]

    def settle(self, start: I64) -> None:
        """Adapt `offset` to the addresses of segments, where alignments of these were not asked for."""


CODE_SKIP = 16
"""Bytes in front of the first function: sanitizers read a few bytes before it."""
_ZONE_MASK = (1 << ZONE_BITS) - 1
_NARROW = 1 << (15 - 5 - 2 - ZONE_BITS)
"""Modules up to which a key of layout fits into 15 bits: 5 of alignment, 2 of parts, the zone."""
MIXED, ZEROS = 1, 2
"""Parts of a segment behind the first, which is all content: what ends in zeros (a thread-local image), zero-fill."""


def lay_out(state: State, together: Sequence[tuple[int, str, I64]] = ()) -> Layout:
    """Place every live block. `together` lists (module, name, block rows) that must be contiguous and in order."""
    chunks = [_chunk_in_order(state, module, rows) for module, _, rows in together]
    kept = {(module, name): chunk for (module, name, _), chunk in zip(together, chunks, strict=True)}
    tls = _tls_chunks(state)
    chunks += tls.values()
    plain = state.live & (state.blocks.zone != Zone.TLS)
    for chunk in chunks:
        # Chunks are placed as one row each, below; their blocks must not be placed once more.
        plain[chunk.rows] = False
    rows = true_rows(plain)
    group = _group(state.block_module[rows], state.blocks.zone[rows])
    size, align = state.blocks.size[rows], state.blocks.align[rows]
    stored = _stored(state, rows, size)
    if chunks:
        own = [_group(np.array([c.module]), np.array([c.zone])) for c in chunks]
        group = np.concatenate([group, *own])
        size = np.concatenate([size, np.array([c.size for c in chunks], np.int64)])
        align = np.concatenate([align, np.array([c.align for c in chunks], np.int64)])
        stored = np.concatenate([stored, np.array([c.stored for c in chunks], np.int64)])
    part = _parts(stored, size)
    if state.region is not None:
        part = _with_regions(state, rows, part, size)
    order = _order(group, part, align, len(state.modules) if state.region is None else 0)
    group, size, align = group[order], size[order], align[order]
    part, stored = (None, size) if part is None else (part[order], stored[order])
    first, count, offset = _pack(group, part, size, align)
    segments = _segments(group, size, stored, align, offset, first)
    number = np.arange(len(segments), dtype=np.int32).repeat(count)
    segment_of = filled(len(state.blocks), NONE, np.int32)
    offset_of = np.zeros(len(state.blocks), np.int64)
    if chunks:
        for at in true_rows(order >= rows.size).tolist():
            chunk = chunks[int(order[at]) - rows.size]
            segment_of[chunk.rows] = number[at]
            offset_of[chunk.rows] = chunk.offset + offset[at]
        # Rows from `rows.size` on stand for chunks, which have been placed.
        is_block = true_rows(order < rows.size)
        order, number, offset = order[is_block], number[is_block], offset[is_block]
    rows = rows[order]
    segment_of[rows] = number
    offset_of[rows] = offset
    return Layout(segments, segment_of, offset_of, tls, kept)


def _group(module: AnyArray, zone: AnyArray) -> I64:
    """Return one number for the segment that blocks go to."""
    return (module.astype(np.int64) << ZONE_BITS) | zone


def _stored(state: State, rows: I64, size: I64) -> I64:
    """Return how many bytes of each block may be written: none of zero-fill in the input and of commons, all of others.

    Blocks that uruk makes itself are filled later. (Relocations of zero-fill are refused when it is read.)
    """
    zeros = state.blocks.content[rows] < 0
    if not some(zeros):
        return size
    # Rows behind the graph's are blocks that passes made: their content comes later, so that it has to be sent.
    zeros &= (rows < len(state.graph.blocks)) | (state.blocks.role[rows] == Role.COMMON)
    return size * ~zeros


def _parts(stored: I64, size: I64) -> U8 | None:
    """Return the part of its segment that each row belongs to; None if all are in the first."""
    partial = stored < size
    if not some(partial):
        return None
    # Of what ends in zeros: 1 where there is some content in front, 2 where there is none.
    return partial.view(np.uint8) * np.where(stored, np.uint8(MIXED), np.uint8(ZEROS))


def _with_regions(state: State, rows: I64, part: U8 | None, size: I64) -> U8:
    """Return parts, where regions of code are parts of theirs; there is no zero-fill in code."""
    assert state.region is not None
    parts = np.zeros(size.size, np.uint8) if part is None else part
    # Rows behind `rows.size` are chunks, which are never code.
    parts[: rows.size] = np.where(state.blocks.zone[rows] == Zone.RX, state.region[rows], parts[: rows.size])
    return parts


def _order(group: I64, part: U8 | None, align: I64, modules: int) -> I64:
    """Return rows by segment, in each by part, in each from the widest alignment down; of equals, input order.

    `modules`: how many there are, if parts are those of zero-fill only; else 0.
    """
    # Parts of zero-fill need 2 bits, regions of code 8.
    bits = 2 if modules else 8
    major = group << bits if part is None else (group << bits) | part
    # `frexp` gives n + 1 for an alignment of 2^n. Subtracted from 31, the widest comes first in 5 bits.
    key = (major << 5) + (31 - np.frexp(align)[1])
    narrow = key.astype(np.int16) if 0 < modules <= _NARROW else key  # 16 bits are sorted digit by digit
    return narrow.argsort(kind="stable")


def _pack(group: I64, part: U8 | None, size: I64, align: I64) -> tuple[I64, I64, I64]:
    """Return first row and number of rows of each segment, and each row's offset in its segment; rows in order."""
    begins = np.empty(group.size, np.bool_)
    # A slice, as there may be no row at all.
    begins[:1] = True
    np.not_equal(group[1:], group[:-1], out=begins[1:])
    first = true_rows(begins)
    count = np.concatenate([first[1:], [group.size]]) - first
    # The gap in front of a segment's code is a multiple of its widest alignment, which the first row has.
    skip = np.maximum(align[first], CODE_SKIP) * (group[first] & _ZONE_MASK == Zone.RX)
    # Rounded up to its own alignment, each size is a multiple of all narrower ones that follow.
    padded = (size + align - 1) & -align
    if part is not None:
        turns = ~begins
        # Rows at which a segment goes on to its next part.
        turns[1:] &= part[1:] != part[:-1]
        for later in unique(part[turns]).tolist():  # a later part begins at its own widest alignment
            rows = true_rows(turns & (part == later))
            segment = first.searchsorted(rows, "right") - 1
            begin = np.add.accumulate(padded) - padded
            # The row in front grows by what is missing: -x % a is the distance from x up to the next multiple of a.
            padded[rows - 1] += -(begin[rows] - begin[first[segment]] + skip[segment]) % align[rows]
    begin = np.add.accumulate(padded) - padded
    # The running sum goes over all segments; each row counts from the start of its own.
    return first, count, begin - (begin[first] - skip).repeat(count)


def _segments(group: I64, size: I64, stored: I64, align: I64, offset: I64, first: I64) -> list[Segment]:
    """Return one segment a (module, zone)."""
    if first.size == 0:
        return []
    # reduceat goes from each first row to the next one. No segment is empty, for which it would give the row itself.
    end = np.maximum.reduceat(offset + size, first)
    content, widest = end, align[first]
    if stored is not size:
        # The end of the last row that has content; 0 in a segment without any.
        content = np.maximum.reduceat((offset + stored) * (stored > 0), first)
        widest = np.maximum.reduceat(align, first)
    columns = group[first].tolist(), end.tolist(), widest.tolist(), content.tolist()
    return [Segment(key >> ZONE_BITS, key & _ZONE_MASK, *rest) for key, *rest in zip(*columns, strict=True)]


def _chunk_in_order(state: State, module: int, rows: I64) -> Chunk:
    """Return blocks one after the other as they come, each at its alignment, as ld lays out one output section."""
    offsets: list[int] = []
    end, widest = 0, 1
    for size, align in zip(state.blocks.size[rows].tolist(), state.blocks.align[rows].tolist(), strict=True):
        # Rounded up: // rounds down, and so the negative of the negative quotient rounds up.
        begin = -(-end // align) * align
        offsets.append(begin)
        end, widest = begin + size, max(widest, align)
    zones = state.blocks.zone[rows]
    return Chunk(module, int(zones.max()), rows, np.array(offsets, np.int64), end, widest, end)


def _tls_chunks(state: State) -> dict[int, Chunk]:
    """Return the thread-local image of each module: blocks with content first, zero-fill behind."""
    rows = true_rows(state.live & (state.blocks.zone == Zone.TLS))
    chunks: dict[int, Chunk] = {}
    if rows.size == 0:
        return chunks
    for module in unique(state.block_module[rows]).tolist():
        blocks = rows[state.block_module[rows] == module]
        filled: Bool = state.blocks.content[blocks] >= 0
        # The stored image must be one piece in front, as a PT_TLS header has p_filesz before p_memsz (gABI).
        chunk = _chunk_in_order(state, module, np.concatenate([blocks[filled], blocks[~filled]]))
        # Threads get copies; the image itself is never written.
        chunk.zone = Zone.R
        count = int(filled.sum())
        chunk.stored = int(chunk.offset[count - 1] + state.blocks.size[chunk.rows[count - 1]]) if count else 0
        chunks[module] = chunk
    return chunks
