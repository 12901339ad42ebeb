"""Reservations in another process: parts that are given back are forgotten, so that their addresses may come again."""

from __future__ import annotations

import mmap

import pytest

from uruk.errors import AllocationError
from uruk.memory.reservations import Reservations

pytestmark = pytest.mark.quick

PAGE = mmap.PAGESIZE
BASE = 1 << 40


def test_a_part_that_comes_again_is_another_memory() -> None:
    one: Reservations[None] = Reservations()
    first, second = mmap.mmap(-1, 4 * PAGE), mmap.mmap(-1, PAGE)
    one.add(BASE, 4 * PAGE, first, None)
    one.cut(BASE + PAGE, PAGE)
    with pytest.raises(AllocationError):
        one.find(BASE + PAGE, PAGE)
    one.add(BASE + PAGE, PAGE, second, None)
    one.view(BASE + PAGE, PAGE)[:] = 7
    one.view(BASE + 2 * PAGE, PAGE)[:] = 9
    assert second[:2] == b"\7\7"
    assert (first[:1], first[PAGE : PAGE + 1], first[2 * PAGE : 2 * PAGE + 1]) == (b"\0", b"\0", b"\11")


def test_first_and_last_parts() -> None:
    one: Reservations[None] = Reservations()
    memory = mmap.mmap(-1, 3 * PAGE)
    one.add(BASE, 3 * PAGE, memory, None)
    one.cut(BASE, PAGE)
    one.cut(BASE + 2 * PAGE, PAGE)
    one.view(BASE + PAGE, PAGE)[:] = 5
    assert memory[PAGE : PAGE + 1] == b"\5"
    one.cut(BASE + PAGE, PAGE)
    with pytest.raises(AllocationError):
        one.find(BASE + PAGE, 1)
