"""Layout of one object: the same order, gaps and segments as `uruk.passes.layout` gives it."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.graph.graph import Zone
from uruk.graph.types import ADDRESSES, HALF, signed
from uruk.passes.layout import CODE_SKIP, ZEROS, Segment
from uruk.passes.rows.work import Block, Work


def lay_out(work: Work) -> tuple[list[Segment], list[list[Block]]]:
    """Place every block; returns the segments, and the blocks of each. `address` is a block's offset there until
    `settle`."""
    zones: dict[int, list[Block]] = {}
    for block in work.blocks:
        if block.zone in zones:
            zones[block.zone].append(block)
        else:
            zones[block.zone] = [block]
    segments: list[Segment] = []
    groups: list[list[Block]] = []
    for zone in sorted(zones):
        segments.append(_segment(zone, zones[zone]))
        groups.append(zones[zone])
    return segments, groups


def _segment(zone: int, blocks: list[Block]) -> Segment:
    """Place the blocks of one zone: the widest alignment first, and zero-fill behind all that has content."""
    if len(blocks) > 1:
        blocks.sort(key=_key)
    # The gap in front of code is a multiple of its widest alignment, which the first block has.
    skip = max(blocks[0].align, CODE_SKIP) if zone == Zone.RX else 0
    at = stored = end = 0
    begun = blocks[0].stored < blocks[0].size
    widest = 1
    for block in blocks:
        align, size = block.align, block.size
        if not begun and block.stored < size:
            # Zero-fill begins at its own widest alignment.
            begun = True
            at += -(at + skip) % align
        begin = block.address = at + skip
        if align > widest:
            widest = align
        if begin + size > end:
            end = begin + size
        if block.stored and begin + block.stored > stored:
            stored = begin + block.stored
        # Rounded up to its own alignment, each size is a multiple of all narrower ones that follow.
        at += (size + align - 1) & -align
    # Without zero-fill all of it counts as content, empty blocks at the end included.
    return Segment(0, zone, end, widest, stored if begun else end)


def _key(block: Block) -> tuple[int, int]:
    return ZEROS * (block.stored < block.size), -block.align


def settle(blocks: list[list[Block]], segments: Sequence[tuple[int, int, int]], base: int) -> None:
    """Fill in addresses and positions, from those of segments, (zone, address, size) each, and of the image's first
    byte."""
    for group, (_, start, _) in zip(blocks, segments, strict=True):
        for block in group:
            address = start + block.address
            # Without a call for the addresses that programs have.
            block.address = address if address < HALF else signed(address)
            block.position = (address - base) % ADDRESSES
