"""Fixed memory by itself: which addresses it gives out, and what can be read there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uruk.errors import AllocationError
from uruk.memory.fixed import FixedAllocation, FixedMemory
from uruk.memory.mapper import Reach

pytestmark = pytest.mark.quick

TOP = 1 << 64
PAGE = 4096


@dataclass
class Segment:
    module: int
    zone: int
    size: int
    align: int = 1
    stored: int = 0


def take(memory: FixedMemory, *segments: Segment) -> FixedAllocation:
    return memory.allocate(segments, Reach(1 << 20, 1 << 21, together=True))


def test_segments_follow_one_another_by_zone() -> None:
    memory = FixedMemory(0x6000, 1 << 20)
    found = take(memory, Segment(0, 2, 10), Segment(0, 0, 5000, 64), Segment(1, 0, 20), Segment(0, 1, 1, 8192))
    assert found.segments == [(2, 0xB000, 10), (0, 0x6000, 5000), (0, 0x8000, 20), (1, 0xA000, 1)]
    assert (found.base, found.image.size) == (0x6000, 0x6000)
    assert memory.used == 5 * PAGE  # the gap that the alignment left is free
    again = take(memory, Segment(0, 0, PAGE))
    assert again.segments == [(0, 0x9000, PAGE)]


@pytest.mark.parametrize(("address", "size"), [(-1, 10), (TOP, 1), (0, 0), (0, -5), (TOP - 10, 11), (0, TOP + 1)])
def test_what_is_no_memory(address: int, size: int) -> None:
    with pytest.raises(ValueError, match=r"2\*\*64"):
        FixedMemory(address, size)


@pytest.mark.parametrize("page", [0, -4096, 3, 4097])
def test_what_is_no_page_size(page: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        FixedMemory(0, 10, page)


def test_units_follow_one_another() -> None:
    memory = FixedMemory(1, 100, 16)
    first = take(memory, Segment(0, 0, 90, 4))
    assert (first.segments, memory.end) == ([(0, 4, 90)], 101)
    second = take(memory, Segment(0, 0, 250, 32))
    assert (second.segments, memory.end) == ([(0, 96, 250)], 401)
    first.free()
    assert take(memory, Segment(0, 0, 93)).segments == [(0, 1, 93)]


def test_nothing_is_taken_where_there_is_no_room() -> None:
    memory = FixedMemory(TOP - 3 * PAGE, PAGE)
    first = take(memory, Segment(0, 0, 1))
    with pytest.raises(AllocationError, match=r"0x2001 bytes"):
        take(memory, Segment(0, 0, 0x2000), Segment(0, 2, 1))
    assert memory.used == PAGE
    assert memory.end == TOP - 2 * PAGE
    second = take(memory, Segment(0, 0, 1), Segment(0, 1, 0), Segment(0, 2, PAGE))
    assert second.segments == [(0, TOP - 2 * PAGE, 1), (1, TOP - PAGE, 0), (2, TOP - PAGE, PAGE)]
    assert memory.end == TOP
    assert take(memory, Segment(0, 0, 0)).segments == [(0, 0, 0)]  # the end of all addresses is 0 again
    first.free()
    second.free()
    assert memory.used == 0


def test_reading() -> None:
    memory = FixedMemory(TOP - 4 * PAGE, PAGE)
    first, second = take(memory, Segment(0, 0, 10)), take(memory, Segment(0, 0, 10), Segment(0, 2, 10))
    first.image[:10] = 1
    second.image[:10] = 2
    second.image[PAGE : PAGE + 10] = 3
    content = memory.read(memory.address, 3 * PAGE)
    assert content == b"".join(bytes([n]) * 10 + bytes(PAGE - 10) for n in (1, 2, 3))
    assert memory.read(memory.address + PAGE - 1, 2) == b"\0\2"
    assert memory.read(memory.end, 0) == b""
    for address, size in ((memory.address - 1, 2), (memory.end - 1, 2), (0, 1), (memory.address, -1)):
        with pytest.raises(AllocationError, match="are not in the memory"):
            memory.read(address, size)
    second.free_segments([0])
    assert memory.read(memory.address + PAGE, 1) == b"\0"
    assert second.withhold([1]) == 10
    assert memory.read(memory.address + 2 * PAGE, 1) == b"\0"
    assert memory.used == 2 * PAGE
    second.give_withheld([1])
    assert memory.used == PAGE
    memory.close()
    assert (memory.used, memory.end) == (0, TOP - 3 * PAGE)


def test_nothing_in_full_memory() -> None:
    """A link without bytes takes no further unit, and the next link with some does."""
    memory = FixedMemory(PAGE, PAGE)
    full = take(memory, Segment(0, 0, PAGE, 1))
    assert take(memory).segments == []
    assert take(memory, Segment(0, 0, 0, 1)).segments == [(0, 2 * PAGE, 0)]
    assert (memory.end, memory.used) == (2 * PAGE, PAGE)
    assert take(memory, Segment(0, 0, 1, 1)).segments == [(0, 2 * PAGE, 1)]
    assert memory.end == 3 * PAGE
    full.free()
    assert memory.used == PAGE


sizes = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 9000), st.sampled_from([1, 4, 64, 4096, 16384])), max_size=5
)
steps = st.lists(st.one_of(sizes, st.integers(0, 20)), max_size=30)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([0, 1, 0xFFF00000, (1 << 63) - 5000, 1 << 63, TOP - (1 << 22)]),
    st.sampled_from([100, 5000, 1 << 16]), st.sampled_from([1, 64, PAGE]), steps,
)  # fmt: skip
def test_any_order(address: int, size: int, page: int, steps: list[list[tuple[int, int, int]] | int]) -> None:
    """Segments are aligned, share no pages, lie in what is reserved; all comes back."""
    memory = FixedMemory(address, size, page)
    live: list[FixedAllocation] = []
    for step in steps:
        if isinstance(step, int):
            if live:
                live.pop(step % len(live)).free()
            continue
        live.append(take(memory, *(Segment(0, zone, wanted, align) for zone, wanted, align in step)))
        for (_, start, wanted), (zone, asked, align) in zip(live[-1].segments, step, strict=True):
            assert (wanted, start % align) == (asked, 0)
            assert zone in (0, 1, 2)
            assert not wanted or (memory.address <= start and start + wanted <= memory.end)
        taken = sorted((start, start + wanted) for one in live for _, start, wanted in one.segments if wanted)
        for (_, end), (start, _) in pairwise(taken):
            assert -(-end // page) * page <= start
        assert memory.used == sum(-(-end // page) * page - start for start, end in taken)
        assert (memory.end - address) % size == 0 or memory.end == TOP
    for one in live:
        one.free()
    assert memory.used == 0


def test_more_bytes_than_the_process_has() -> None:
    """The bytes of a link lie in this process, which has no room for them; their addresses are free again."""
    memory = FixedMemory(0x6000, PAGE)
    with pytest.raises(AllocationError, match="no memory for 0x400000001000 bytes"):
        take(memory, Segment(0, 0, PAGE), Segment(0, 2, 1 << 46))
    assert memory.used == 0
    assert take(memory, Segment(0, 0, PAGE)).base == 0x6000
