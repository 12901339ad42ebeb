"""Slabs in rows: segments one after the other, as LLVM's mappers have them, behind a page that is left empty."""

from __future__ import annotations

import ctypes

import pytest

from uruk.memory.inprocess import InProcessMapper
from uruk.memory.manager import SlabAllocation, SlabManager
from uruk.memory.mapper import Reach
from uruk.passes.layout import Segment

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

PAGE = 4096
R, RW, RX = 1, 2, 0


def manager(granule: int = PAGE, page: int = PAGE) -> SlabManager:
    return SlabManager(InProcessMapper(), granule, row_page=page)


def take(memory: SlabManager, *rows: tuple[int, int, int]) -> SlabAllocation:
    return memory.allocate([Segment(0, zone, size, align, size) for zone, size, align in rows], Reach())


def addresses(allocation: SlabAllocation) -> list[int]:
    return [address - allocation.slab.base for _, address, _ in allocation.segments]


def test_a_row_behind_the_empty_page() -> None:
    memory = manager()
    first = take(memory, (R, 10, 8), (RW, PAGE + 1, 64), (RX, 3, 1))
    assert addresses(first) == [PAGE, 2 * PAGE, 4 * PAGE]
    assert first.slab.size == 5 * PAGE
    first.protect_code()
    # A sanitizer reads in front of the first function, be that the first thing in the slab.
    assert ctypes.string_at(first.slab.base, PAGE) == bytes(PAGE)
    # The slab is full: the next graph gets a reservation of its own, of whole granules.
    second = take(memory, (RX, 1, 1))
    assert second.slab is not first.slab
    assert addresses(second) == [PAGE]
    memory.close()


def test_graphs_follow_each_other_and_room_is_used_again() -> None:
    memory = manager(granule=20 * PAGE)
    first, second = take(memory, (R, 1, 1), (RX, 1, 1)), take(memory, (RX, PAGE, 1))
    assert (addresses(first), addresses(second)) == ([PAGE, 2 * PAGE], [3 * PAGE])
    assert first.free() == 2
    # No part of a row lies in front of what was linked before, unless all of it has room there.
    assert addresses(take(memory, (R, 1, 1), (RW, 1, 1), (RX, 1, 1))) == [4 * PAGE, 5 * PAGE, 6 * PAGE]
    assert addresses(take(memory, (RW, 1, 1), (RX, 1, 1))) == [PAGE, 2 * PAGE]
    memory.close()


def test_wide_alignments_and_pages() -> None:
    """What a wide alignment skips is free for others, and nothing is lost when the row goes."""
    memory = manager(granule=64 * PAGE, page=2 * PAGE)
    wide = take(memory, (R, 1, 1), (RW, 1, 8 * PAGE))
    starts = [address for _, address, _ in wide.segments]
    assert starts[1] % (8 * PAGE) == 0
    assert wide.slab.used == 4 * PAGE
    beside = take(memory, (RX, 1, 1), (RX, 2 * PAGE + 1, 1))
    assert addresses(beside)[1] - addresses(beside)[0] == 2 * PAGE
    assert not set(range(*span(beside))) & set(starts)
    used = wide.slab
    wide.free()
    beside.free()
    assert used.used == 0
    assert addresses(take(memory, (RX, 62 * PAGE, 1))) == [2 * PAGE]
    assert memory.slabs == [used]
    memory.close()


def span(allocation: SlabAllocation) -> tuple[int, int]:
    return allocation.segments[0][1], allocation.segments[-1][1] + allocation.segments[-1][2]
