"""Unwind data: drop the records of code that is gone, and lay the rest out as one block a module.

`.eh_frame` is a chain of records (CIE and FDE, LSB "Exception Frames"), each beginning with its length; an FDE names
its CIE by the distance back to it, and its function by a relocated field 8 bytes in. Sections of discarded COMDAT
groups are gone, so their FDEs must go too: the unwinder would find a function at a wrong address. The chain is the one
thing that is walked in a plain loop, as each record says where the next begins; all else is columns.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.gather import gather_runs
from uruk.graph.graph import Edges, Graph, Role, Zone
from uruk.graph.types import I32, I64, NONE, U32, AnyArray, Bool, every, filled, some, true_rows
from uruk.passes.elf.frame_checks import FrameChecks
from uruk.passes.elf.frame_records import Records, malformed
from uruk.passes.elf.frame_rules import EXTENDED
from uruk.passes.elf.small_frames import SMALL, fields_of, is_sound
from uruk.passes.faults import Faults
from uruk.passes.state import State, synthetic_blocks
from uruk.records import record

if TYPE_CHECKING:
    from uruk.passes.elf.unaligned_frames import WholeWords


def rebuild_eh_frame(state: State, registers: int) -> None:
    """Replace every `.eh_frame` block by one block a module without dead records, and end it in a terminator.

    `registers`: how many unwinders know. Raises LinkFaults of all objects with records that unwinders cannot read.
    """
    blocks = state.blocks
    rows = true_rows((blocks.role == Role.UNWIND) & state.live & (blocks.content >= 0) & (blocks.size > 0))
    modules = len(state.modules)
    state.synthetic["unwind"] = filled(modules, NONE, np.int32)
    # One object is the case of a JIT; a batch goes through the columns.
    if rows.size == 0 or (rows.size == 1 and _keep_whole(state, int(rows[0]), registers)):
        return
    records = _read_records(state.now(), rows)
    edges = state.edges
    is_frame = np.zeros(len(blocks), np.bool_)
    is_frame[rows] = True
    fields = true_rows(is_frame[edges.block])
    place = records.places(edges.block[fields], edges.offset[fields])
    home = _check_fields(state, records, fields, place)
    checks = FrameChecks(state, records, registers)
    keep = _kept(state, records, fields, place)
    if state.execute or not state.as_jitlink:  # else no unwinder will read them
        checks.check(keep, fields, place, home)
    module = state.block_module[records.block]
    target = _place_records(state, records, keep, module)
    state.live[rows] = False
    _move_edges(state, records, keep, target, fields, place, home)
    _move_symbols(state, records, keep, target, is_frame)


def _keep_whole(state: State, row: int, registers: int) -> bool:
    """Keep a small block as it is, if nothing in it is dead or wrong; anything else is left to the general way."""
    size = int(state.blocks.size[row])
    # Records of dead functions have to be cut out, and records of odd length filled up: both change offsets.
    if size > SMALL or size % 4 or state.has_dead or state.as_jitlink:
        return False
    content = state.graph.arena.bytes_at(int(state.blocks.content[row]), size)
    if not is_sound(content, fields_of(state, true_rows(state.edges.block == row)), registers):
        return False
    blocks = state.blocks
    block_size, begin = blocks.size.copy(), blocks.content.copy()
    align, zone = blocks.align.copy(), blocks.zone.copy()
    # Four zero bytes more: a record of length 0 ends the chain for unwinders (LSB, "Exception Frames").
    begin[row] = state.graph.arena.append(np.frombuffer(content + bytes(4), np.uint8))
    # The rebuilt block is aligned to 8 and never written again.
    block_size[row], align[row], zone[row] = size + 4, 8, Zone.R
    state.blocks = blocks.replaced(size=block_size, content=begin, align=align, zone=zone)
    state.synthetic["unwind"][state.block_module[row]] = row
    return True


def _read_records(graph: Graph, rows: I64) -> Records:
    """Return the records of blocks, gathered in whole words.

    Raises LinkFaults of all objects whose records make no sense.
    """
    faults = Faults()
    words, begin, starts, counts, unaligned = _gather_records(graph, rows, faults)
    start = np.array(starts, np.int64) * 4
    block = rows.repeat(counts).astype(np.int32)
    # The length does not count its own 4 bytes.
    size = (words[start // 4].astype(np.int64)) + 4
    pointer = words[start // 4 + 1].astype(np.int64)
    # The second word is 0 in a CIE, and in an FDE the distance from that word back to its CIE.
    is_cie = pointer == 0
    where = start + 4 - pointer
    cie = start.searchsorted(where)
    # `searchsorted` gives the row behind the last for places behind all records; row 0 then fails the comparison below.
    cie[cie == start.size] = 0
    # The CIE of an FDE must be a record that begins exactly there, is a CIE, and lies in the same section.
    good = is_cie | ((start[cie] == where) & is_cie[cie] & (block[cie] == block))
    if not every(good):

        def make_error(bad: AnyArray) -> ObjectFormatError:
            row = int(block[bad[0]])
            offset = int(start[bad[0]] - begin[rows.searchsorted(row)])
            return malformed(graph, row, offset, "frame record names no CIE")

        bad = true_rows(~good)
        faults.add(bad, graph.blocks.object[block[bad]], make_error)
    faults.raise_any()
    cie[is_cie] = NONE
    return Records(words, start, size, block, cie, rows, begin, unaligned)


_NOTHING = bytes(4)
"""The record that stands for unwind data that makes no sense: a terminator."""


def _gather_records(
    graph: Graph, rows: I64, faults: Faults
) -> tuple[U32, I64, list[int], list[int], dict[int, WholeWords]]:
    """Gather the words of blocks, and walk their records.

    Returns the words, where each block begins (bytes), the word index of each record, the number of records of each
    block, and the blocks that were brought to whole words, by their position in `rows`.
    """
    blocks = graph.blocks
    content = [
        graph.arena.bytes_at(offset, size)
        for offset, size in zip(blocks.content[rows].tolist(), blocks.size[rows].tolist(), strict=True)
    ]
    unaligned: dict[int, WholeWords] = {}
    # Sections whose size is not a multiple of 4 cannot be seen as words.
    bad = [number for number, section in enumerate(content) if len(section) % 4]
    # A walk may find further blocks that are unaligned or broken. These are replaced, and all blocks are walked once
    # more; each round settles at least one block, so that this ends.
    while True:
        for number in bad:
            try:
                from uruk.passes.elf.unaligned_frames import whole_words  # few compilers need it

                unaligned[number] = whole_words(content[number], partial(malformed, graph, int(rows[number])))
            except ObjectFormatError as error:
                faults.add_error(blocks.object[rows[number : number + 1]], error)
                content[number] = _NOTHING
        pieces = [
            unaligned[number].words if number in unaligned else np.frombuffer(section, np.uint32)
            for number, section in enumerate(content)
        ]
        sizes = np.array([4 * piece.size for piece in pieces], np.int64)
        words = np.concatenate(pieces)
        # Where each block begins in the joined words, in bytes.
        begin = sizes.cumsum() - sizes
        walk = _walk(memoryview(words), (begin // 4).tolist(), (sizes // 4).tolist())
        for number, offset, problem in walk.broken:
            row = rows[number : number + 1]
            faults.add_error(blocks.object[row], malformed(graph, int(row[0]), offset, problem))
            content[number] = _NOTHING
        bad = walk.unaligned
        if not bad and not walk.broken:
            return words, begin, walk.starts, walk.counts, unaligned


def _check_fields(state: State, records: Records, fields: I64, place: I64) -> I64:
    """Return the record of every edge, -1 for none. A field must lie in one record, behind its length and CIE pointer.

    Raises LinkFaults of all objects where one does not.
    """
    record = records.start.searchsorted(place, "right") - 1
    if records.start.size == 0:
        return record
    end = records.start[record] + records.size[record]
    # Bytes between records (zero words that were skipped) belong to none.
    record[place >= end] = NONE
    width = state.graph.kinds.width[state.edges.kind[fields]]
    # The first 8 bytes of a record, its length and pointer, are rewritten by uruk: no relocation may change them.
    bad = (record >= 0) & (width > 0) & ((place < records.start[record] + 8) | (place + width > end))
    if some(bad):
        edges, graph, faults = state.edges, state.now(), Faults()

        def make_error(rows: AnyArray) -> ObjectFormatError:
            row, offset = int(edges.block[rows[0]]), int(edges.offset[rows[0]])
            return malformed(graph, row, offset, "relocates a field that is not inside one frame record")

        faults.add(fields[bad], state.objects_of(fields[bad]), make_error)
        faults.raise_any()
    return record


@record
class _Walk:
    """Word index of every record, and how many each block has; `unaligned` blocks have records of odd length."""

    starts: list[int]
    counts: list[int]
    unaligned: list[int]
    broken: list[tuple[int, int, str]]
    """Blocks that make no sense: (number, offset in bytes, problem)."""


def _walk(words: memoryview, begins: list[int], sizes: list[int]) -> _Walk:
    """Walk the records of all blocks. Zero words between records are skipped."""
    starts: list[int] = []
    counts: list[int] = []
    unaligned: list[int] = []
    broken: list[tuple[int, int, str]] = []
    append = starts.append
    for number, (begin, size) in enumerate(zip(begins, sizes, strict=True)):
        before = len(starts)
        end = begin + size
        at = begin
        while at < end:
            length = words[at]
            if length == 0:  # a terminator; partial links leave some in the middle
                at += 1
                continue
            if length & 3:
                unaligned.append(number)
                at = end
                break
            if length < 8 or length >= EXTENDED:
                broken.append((number, 4 * (at - begin), f"frame record of {length:#x} bytes"))
                at = end
                break
            append(at)
            # One word for the length itself, and a quarter of its bytes.
            at += 1 + (length >> 2)
        if at > end:
            broken.append((number, 4 * (starts[-1] - begin), "frame record ends behind its section"))
        counts.append(len(starts) - before)
    return _Walk(starts, counts, unaligned, broken)


def _kept(state: State, records: Records, fields: I64, place: I64) -> Bool:
    """Select the records that stay: FDEs of live functions that are their object's to define, and their CIEs."""
    # None edges, as of pruned code, do not say what an FDE is for.
    written = true_rows(state.graph.kinds.width.take(state.edges.kind[fields]) > 0)
    fields, place = fields[written], place[written]
    order = place.argsort(kind="stable")
    sorted_place = place[order]
    # The address of an FDE's function is relocated 8 bytes in, behind the length and the CIE pointer.
    where = sorted_place.searchsorted(records.start + 8)
    # As above: a row behind the last is compared with row 0, and found unequal.
    where[where == place.size] = 0
    has_function = np.zeros(records.start.size, np.bool_)
    is_fde = records.cie >= 0
    if place.size:
        has_function = is_fde & (sorted_place[where] == records.start + 8)
    target = state.edges.target[fields[order[where[has_function]]]]
    block = state.symbols.block[target]
    keep = np.zeros(records.start.size, np.bool_)
    # A row that is not its own canonical one has lost to another object's definition, which has records of its own.
    keep[has_function] = (block >= 0) & state.live[block] & (state.canonical[target] == target)
    # A CIE stays if one of its FDEs does.
    keep[records.cie[keep]] = True
    return keep


def _place_records(state: State, records: Records, keep: Bool, module: I32) -> tuple[I64, I32]:
    """Lay the kept records out, one block a module; returns each record's new offset and block."""
    kept, whole = true_rows(keep), records.words.view(np.uint8)
    offset = np.full(keep.size, NONE, np.int64)
    block = np.full(keep.size, NONE, np.int32)
    pieces: list[U32] = []
    present = np.bincount(module[kept]).nonzero()[0].astype(np.int32)
    sizes: list[int] = []
    starts: list[I64] = []
    for owner in present.tolist():
        chosen = kept[module[kept] == owner]
        size = records.size[chosen]
        offset[chosen] = size.cumsum() - size
        content = gather_runs(whole, records.start[chosen], size, 4).view(np.uint32)
        fde = chosen[records.cie[chosen] >= 0]
        # The distance from the pointer's own place, 4 bytes in, back to where the CIE is now.
        content[offset[fde] // 4 + 1] = offset[fde] + 4 - offset[records.cie[fde]]
        # The terminator, a length of 0.
        pieces += [content, np.zeros(1, np.uint32)]
        starts.append(offset[chosen] // 4)
        sizes.append(4 * content.size + 4)
    if not sizes:
        return offset, block
    # All modules' blocks are appended at once; each begins where the ones before it end.
    base = state.graph.arena.append(np.concatenate(pieces).view(np.uint8))
    length = np.array(sizes, np.int64)
    new = synthetic_blocks(length, np.full(length.size, 8), Zone.R, base + length.cumsum() - length, Role.UNWIND)
    new_rows = state.add_blocks(new, present.astype(np.int32))
    state.synthetic["unwind"][present] = new_rows
    state.frame_records = dict(zip(new_rows.tolist(), starts, strict=True))
    block[kept] = state.synthetic["unwind"][module[kept]]
    return offset, block


def _move_edges(
    state: State, records: Records, keep: Bool, target: tuple[I64, I32], fields: I64, place: I64, record: I64
) -> None:
    """Move edges with their records; those of dropped records become None edges."""
    new_offset, new_block = target
    stays = record >= 0
    # Indexed on both sides: edges outside all records have -1, which must not pick the last record.
    stays[stays] = keep[record[stays]]
    edges = state.edges
    block, offset, kind = edges.block.copy(), edges.offset.copy(), edges.kind.copy()
    kind[fields[~stays]] = 0
    record, moved = record[stays], fields[stays]
    block[moved] = new_block[record]
    offset[moved] = place[stays] - records.start[record] + new_offset[record]
    state.read_edges = edges
    state.edges = Edges(block, offset, kind, edges.target, edges.addend)


def _move_symbols(state: State, records: Records, keep: Bool, target: tuple[I64, I32], is_frame: Bool) -> None:
    """Move symbols with the records in which they lie; those of dropped records stay in the section that is gone."""
    symbols = state.symbols
    rows = true_rows(symbols.block >= 0)
    rows = rows[is_frame[symbols.block[rows]]]
    if rows.size == 0:
        return
    place = records.places(symbols.block[rows], symbols.value[rows].view(np.int64))
    record = records.start.searchsorted(place, "right") - 1
    # A symbol behind the last byte of a record, or before the first record, is in none.
    inside = (record >= 0) & (place < records.start[record] + records.size[record])
    inside[inside] = keep[record[inside]]
    rows, place, record = rows[inside], place[inside], record[inside]
    block, value = symbols.block.copy(), symbols.value.copy()
    block[rows] = target[1][record]
    value[rows] = (place - records.start[record] + target[0][record]).view(np.uint64)
    state.symbols = symbols.replaced(block=block, value=value)


def function_needs(state: State) -> tuple[I64, I64]:
    """Return what records add to the needs of functions, before a rebuild: (block of a function, needed block) rows.

    A function that is kept needs what its FDE (language-specific data) and its CIE (the personality routine) refer to.
    """
    blocks, edges = state.blocks, state.edges
    rows = true_rows((blocks.role == Role.UNWIND) & state.live & (blocks.content >= 0) & (blocks.size > 0))
    if rows.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    records = _read_records(state.now(), rows)
    is_frame = np.zeros(len(blocks), np.bool_)
    is_frame[rows] = True
    fields = true_rows(is_frame[edges.block])
    place = records.places(edges.block[fields], edges.offset[fields])
    record = records.start.searchsorted(place, "right") - 1
    home = state.symbols.block[state.canonical[edges.target[fields]]].astype(np.int64)
    function = np.full(records.start.size, NONE, np.int64)
    names_function = (record >= 0) & (records.cie[record] >= 0) & (place == records.start[record] + 8)
    function[record[names_function]] = home[names_function]
    needed = (record >= 0) & ~names_function & (home >= 0)
    of_fde = needed & (records.cie[record] >= 0)
    common = np.full(records.start.size, NONE, np.int64)
    of_cie = needed & (records.cie[record] < 0)
    common[record[of_cie]] = home[of_cie]
    # First what FDEs refer to, then what their CIEs refer to, each with the function that needs it.
    source = np.concatenate([function[record[of_fde]], function])
    target = np.concatenate([home[of_fde], np.where(records.cie >= 0, common[records.cie], NONE)])
    known = (source >= 0) & (target >= 0)
    return source[known], target[known]
