"""Pages that are given back and kept for the next module: writable, zero, few, and forgotten with their memory."""

from __future__ import annotations

import ctypes
import mmap
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from uruk.lljit import LLJIT
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.linux.ready_pages import MOST
from uruk.memory.mapper import Protection

PAGE = mmap.PAGESIZE
CODE = Protection.R | Protection.X
pytestmark = pytest.mark.quick


def protection(address: int) -> str:
    """The protection of the page at an address, as `/proc/self/maps` has it."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, end = (int(part, 16) for part in line.split()[0].split("-"))
        if begin <= address < end:
            return line.split()[1]
    raise AssertionError(f"nothing is mapped at {address:#x}")


def resident(address: int, pages: int) -> int:
    """How many pages have memory."""
    found = (ctypes.c_ubyte * pages)()
    assert ctypes.CDLL(None).mincore(ctypes.c_void_p(address), ctypes.c_size_t(pages * PAGE), found) == 0
    return sum(byte & 1 for byte in found)


def use(mapper: InProcessMapper, address: int, size: int = PAGE) -> None:
    """Put something there as code, as a link does."""
    mapper.prepare([(address, size)])
    assert not any(ctypes.string_at(address, size))
    ctypes.memset(address, 7, size)
    mapper.initialize([(address, size)], CODE)
    assert protection(address) == "r-xp"


def test_no_page_fault_where_a_module_was() -> None:
    mapper = InProcessMapper()
    address = mapper.reserve(PAGE)
    use(mapper, address)
    before = 0
    for turn in range(101):
        if turn == 1:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        mapper.deinitialize([(address, PAGE)])
        mapper.prepare([(address, PAGE)])
        ctypes.memset(address, 7, PAGE)
        mapper.initialize([(address, PAGE)], CODE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 50  # one a round, were pages discarded
    mapper.release(address, PAGE)


@pytest.mark.parametrize("pages", [1, MOST, MOST + 1])
def test_kept_pages_are_zero_and_nothing_runs_in_them(pages: int) -> None:
    mapper, size = InProcessMapper(), pages * PAGE
    address = mapper.reserve(size)
    use(mapper, address, size)
    mapper.deinitialize([(address, size)])
    assert not any(ctypes.string_at(address, size))
    assert protection(address) == ("rw-p" if pages <= MOST else "r-xp")
    use(mapper, address, size)
    mapper.release(address, size)


def test_more_than_a_few_go_back_to_the_system() -> None:
    mapper, count = InProcessMapper(), 4 * MOST
    address = mapper.reserve(count * PAGE)
    for page in range(address, address + count * PAGE, PAGE):
        use(mapper, page)
    assert resident(address, count) == count
    for page in range(address, address + count * PAGE, PAGE):
        mapper.deinitialize([(page, PAGE)])
    assert resident(address, count) == MOST
    use(mapper, address, count * PAGE)  # a large range takes those that are kept, too
    mapper.release(address, count * PAGE)


@pytest.mark.parametrize("change", ["released", "withheld"])
def test_pages_are_forgotten_with_their_memory_and_their_protection(change: str) -> None:
    mapper = InProcessMapper()
    address = mapper.reserve(PAGE, 1 << 40, 1 << 41)  # far from where the system maps what others ask for
    use(mapper, address)
    mapper.deinitialize([(address, PAGE)])
    if change == "released":
        mapper.release(address, PAGE)
        assert mapper.reserve(PAGE, address, address + PAGE) == address
    else:
        mapper.initialize([(address, PAGE)], Protection.NONE, [])
    mapper.prepare([(address, PAGE)])
    assert protection(address) == "rw-p"
    mapper.release(address, PAGE)


def test_a_removed_function_cannot_run_and_the_next_one_can(cc: Callable[..., Path]) -> None:
    text = "const int table[99] = {{{0}}}; int value(void) {{ return {0}; }} const int *where(void) {{ return table; }}"
    with LLJIT() as jit:
        for number in range(1, 4):
            tracker = jit.add_object(cc(text.format(number)))
            address = jit.lookup("value").address
            assert protection(address) == "r-xp"
            assert jit.lookup("value").function("int(void)")() == number
            constants = jit.lookup("where").function("void *(void)")()
            assert protection(constants) == "r--p"
            assert ctypes.c_int.from_address(constants).value == number
            tracker.remove()
            assert protection(address) == protection(constants) == "rw-p"
            assert not any(ctypes.string_at(address & -PAGE, PAGE))
