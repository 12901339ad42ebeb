"""The public tools for mappers, over the mapper of this process, and the suite against mappers that are wrong."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from uruk.errors import AllocationError
from uruk.executor.this_process import THIS_PROCESS
from uruk.memory.epc import EPCMapper
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.mapper import Mapper, Protection, Range, enclosing_pages
from uruk.platforms.linux.runtime_here import process_runtime
from uruk.testing import CountingMapper, FailingMapper, check_mapper

from support.mapper_kinds import MAPPERS, shared_mappings

MIB = 1 << 20


def write(address: int, data: bytes) -> None:
    """Store bytes as code would."""
    ctypes.memmove(address, data, len(data))


@pytest.mark.parametrize("name", MAPPERS)
@pytest.mark.parametrize("around", [lambda one: one, CountingMapper, FailingMapper], ids=["", "counting", "failing"])
def test_the_suite(name: str, around: Callable[[Mapper], Mapper]) -> None:
    process_runtime()  # its thread-locals lie in a mapping that stays
    before = shared_mappings()
    check_mapper(lambda: around(MAPPERS[name]()), ctypes.string_at, write)
    assert shared_mappings() == before
    assert not list(Path("/dev/shm").glob(f"uruk-{os.getpid()}-*"))


class Unaligned(InProcessMapper):
    """Returns an address inside a page."""

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        return super().reserve(size, low, high) + 8


class Anywhere(InProcessMapper):
    """Does not look at the range."""

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        return super().reserve(size)


class Keeping(InProcessMapper):
    """Does not give content up."""

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        pass


class Open(InProcessMapper):
    """Does not keep writable and executable apart."""

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        self._protect(ranges, protection)


class WholePages(EPCMapper):
    """Sends whole pages, and with them what code has overwritten."""

    def __init__(self) -> None:
        super().__init__(THIS_PROCESS, process_runtime())

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        super().initialize(enclosing_pages(ranges, self.page_size), protection)


class WritesAll(WholePages):
    """Does not look at what has content."""

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        EPCMapper.initialize(self, ranges, protection)


class Stale(WholePages):
    """Keeps its copy of what is given up."""

    initialize = EPCMapper.initialize

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        before = [self.view(*one).copy() for one in ranges]
        super().deinitialize(ranges)
        for one, old in zip(ranges, before, strict=True):
            self.view(*one)[:] = old


class Greedy(InProcessMapper):
    """Gives up a page more than it was asked to."""

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        super().deinitialize([(address, size + self.page_size) for address, size in ranges])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (Unaligned, "not a multiple of the page size"),
        (Anywhere, "is not within"),
        (Keeping, "leaves content"),
        (Open, "writable and executable"),
        (Greedy, "takes the page behind"),
        (WholePages, "overwrites what code wrote beside it"),
        (WritesAll, "what is not content is overwritten"),
        (Stale, "given up memory is not zero when it is used again"),
    ],
)
def test_the_suite_finds_a_wrong_mapper(make: type[Mapper], text: str) -> None:
    with pytest.raises(AssertionError, match=text):
        check_mapper(make, ctypes.string_at, write)


def test_counts() -> None:
    mapper = CountingMapper(InProcessMapper())
    address = mapper.reserve(4 * MIB)
    assert mapper.reserved == {address: 4 * MIB}
    mapper.release(address + MIB, MIB)
    assert mapper.reserved == {address: MIB, address + 2 * MIB: 2 * MIB}
    mapper.prepare([(address, MIB)])
    mapper.initialize([(address, MIB)], Protection.R)
    mapper.deinitialize([(address, MIB)])
    mapper.release(address, MIB)
    mapper.release(address + 2 * MIB, 2 * MIB)
    assert mapper.reserved == {}
    assert mapper.calls == {"reserve": 1, "prepare": 1, "initialize": 1, "deinitialize": 1, "release": 3}
    assert [verb for verb, _ in mapper.log][:3] == ["reserve", "release", "prepare"]
    assert mapper.log[3] == ("initialize", (((address, MIB),), Protection.R))


def test_failures() -> None:
    mapper = FailingMapper(InProcessMapper())
    mapper.fail("reserve", 2)
    first = mapper.reserve(MIB)
    with pytest.raises(AllocationError, match="reserve: told to fail at call 2"):
        mapper.reserve(MIB)
    second = mapper.reserve(MIB)
    mapper.fail("prepare", times=0)
    for _ in range(3):
        with pytest.raises(AllocationError):
            mapper.prepare([(first, MIB)])
    assert mapper.failed == 4
    mapper.heal()
    mapper.prepare([(first, MIB)])
    mapper.release(first, MIB)
    mapper.release(second, MIB)
    assert mapper.reserved == {}
