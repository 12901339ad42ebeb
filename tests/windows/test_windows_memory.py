"""Memory of Windows's executor: shared with this process, or reached by messages; what VirtualQuery says of it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from windows_processes import PAGE, descriptors, function

import uruk
from uruk.errors import AllocationError
from uruk.executor.remote import RemoteExecutor
from uruk.memory.epc import EPCMapper
from uruk.memory.linux.shared_object import KINDS
from uruk.memory.manager import SlabManager
from uruk.memory.mapper import Mapper, Protection, Range
from uruk.memory.runtime_memory import RuntimeMemory
from uruk.memory.shared import SharedMapper
from uruk.platforms.windows.attach import path_there
from uruk.testing import CountingMapper, check_mapper

from support.executors import compiled_for

pytestmark = pytest.mark.any_interpreter

WINDOWS = "x86_64-windows"
MIB = 1 << 20
GRANULARITY = 1 << 16
COMMITTED, RESERVED, FREE = 0x1000, 0x2000, 0x10000
NO_ACCESS = 0x01
WRITABLE_AND_EXECUTABLE = 0x40 | 0x80  # PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY
BITS = {
    Protection.R: 0x02,
    Protection.R | Protection.W: 0x04,
    Protection.R | Protection.X: 0x20,
    Protection.NONE: NO_ACCESS,
}
SOURCE = (
    "int value = 5; int room[100000]; const int table[3] = {1, 2, 3}; int add(int a) { return a + value + table[2]; }"
)
MAPPERS = ("memfd", "shm", "wire")


def mapper_of(executor: RemoteExecutor, kind: str) -> Mapper:
    """A mapper for this process, of one of `MAPPERS`."""
    process, runtime = executor.process, executor.runtime
    if kind == "wire":
        return EPCMapper(process, runtime)
    return SharedMapper(process, runtime, next(each for each in KINDS if each == kind), path_there=path_there)


def regions(executor: RemoteExecutor, address: int, size: int) -> Iterator[tuple[int, int, int, int]]:
    """What VirtualQuery says of a range: address, size, state and protection of each of its regions."""
    query: Any = function(executor, "size_t(size_t, void *, size_t)", "VirtualQuery")
    at = address
    while at < address + size:
        region = bytearray(48)  # MEMORY_BASIC_INFORMATION: BaseAddress 0, RegionSize 24, State 32, Protect 36
        assert query(at, region, len(region)) == len(region)
        base, length, state, protection = struct.unpack_from("<Q16xQ2I", region)
        yield at, base + length - at, state, protection
        at = base + length


def state_of(executor: RemoteExecutor, address: int) -> tuple[int, int]:
    """State and protection of a page."""
    return next(regions(executor, address, 1))[2:]


@pytest.mark.parametrize("kind", MAPPERS)
def test_the_mapper_passes_the_suite(kind: str, executor: RemoteExecutor) -> None:
    process = executor.process
    check_mapper(lambda: mapper_of(executor, kind), process.read, process.write)


def test_memory_is_shared_unless_that_is_not_wanted(wine: Path, tmp_path: Path) -> None:
    code = compiled_for(WINDOWS, tmp_path, SOURCE)
    for shared in (True, False):
        with uruk.LLJIT(executor=uruk.spawn(target=WINDOWS, shared_memory=shared)) as jit:
            jit.add_object(code)
            assert jit.lookup("add").function("int(int)")(4) == 12
            assert isinstance(jit.executor, RemoteExecutor)
            assert jit.executor.shares_memory is shared
            assert jit.executor.shared_memory_refused == ""
            value = jit.executor.array(jit.lookup("value").address, 1, "int32")
            assert value.flags.writeable is shared
            if shared:
                value[0] = 6
            assert jit.lookup("add").function("int(int)")(4) == (13 if shared else 12)


def test_by_messages_where_wine_does_not_see_the_files(
    wine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A process on another machine has no such paths; the reason is told, and everything works."""
    monkeypatch.setattr("uruk.platforms.windows.attach.path_there", lambda path: b"Z:\\no such folder\\1")
    code = compiled_for(WINDOWS, tmp_path, SOURCE)
    with (
        caplog.at_level(logging.INFO, "uruk"),
        uruk.LLJIT(executor=uruk.spawn(target=WINDOWS)) as jit,
    ):
        jit.add_object(code)
        assert jit.lookup("add").function("int(int)")(4) == 12
        assert isinstance(jit.executor, RemoteExecutor)
        assert not jit.executor.shares_memory
        assert "No such file or directory" in jit.executor.shared_memory_refused
    assert "by messages: the process where code runs cannot reserve" in caplog.text


def test_a_reservation_by_messages_is_committed_as_it_is_used(executor: RemoteExecutor) -> None:
    """A GiB is address space only; what is protected is committed."""
    mapper = mapper_of(executor, "wire")
    address = mapper.reserve(1 << 30)
    assert address % GRANULARITY == 0
    assert state_of(executor, address)[0] == state_of(executor, address + (1 << 29))[0] == RESERVED
    for protection, bits in BITS.items():
        mapper.initialize([(address + PAGE, PAGE)], protection, [])
        assert state_of(executor, address + PAGE) == (COMMITTED, bits)
    assert state_of(executor, address)[0] == state_of(executor, address + 2 * PAGE)[0] == RESERVED
    mapper.release(address, 1 << 30)
    assert state_of(executor, address)[0] == FREE


@pytest.mark.parametrize("kind", ["memfd", "shm"])
def test_shared_memory_begins_without_access(kind: str, executor: RemoteExecutor) -> None:
    """Its view is born writable and executable, and neither from then on."""
    mapper = mapper_of(executor, kind)
    address = mapper.reserve(1 << 30)
    assert list(regions(executor, address, 1 << 30)) == [(address, 1 << 30, COMMITTED, NO_ACCESS)]
    for protection, bits in BITS.items():
        mapper.initialize([(address + PAGE, PAGE)], protection, [])
        assert state_of(executor, address + PAGE) == (COMMITTED, bits)
    with pytest.raises(AllocationError, match="writable and executable at once"):
        mapper.initialize([(address, PAGE)], Protection.W | Protection.X)
    with pytest.raises(AllocationError, match="Invalid argument"):
        RuntimeMemory(executor.runtime, PAGE).protect([(address, PAGE)], Protection.R | Protection.W | Protection.X)
    mapper.release(address + MIB, MIB)
    assert state_of(executor, address + MIB) == (COMMITTED, NO_ACCESS)
    assert state_of(executor, address)[0] == COMMITTED
    mapper.release(address, MIB)
    mapper.release(address + 2 * MIB, (1 << 30) - 2 * MIB)
    assert state_of(executor, address)[0] == FREE


@pytest.mark.parametrize("kind", MAPPERS)
def test_a_place_can_be_asked_for(kind: str, executor: RemoteExecutor) -> None:
    mapper = mapper_of(executor, kind)
    low, high = 0x10_0000_0000, 0x10_0100_0000
    first, second = (mapper.reserve(4 * MIB, low, high) for _ in range(2))
    assert low <= second < first < high
    with pytest.raises(AllocationError, match="cannot reserve"):
        mapper.reserve(16 * MIB, low, high)
    mapper.release(first, 4 * MIB)
    assert mapper.reserve(4 * MIB, low, high) == first


class Watching(CountingMapper):
    """Looks at every page of what is reserved after every verb."""

    def __init__(self, inner: Mapper, executor: RemoteExecutor) -> None:
        super().__init__(inner)
        self.executor = executor
        self.seen: set[int] = set()

    def look(self) -> None:
        """Note the protections of all that is reserved, and what this process maps of it."""
        for address, size in self.reserved.items():
            for at, length, _, protection in regions(self.executor, address, size):
                assert not protection & WRITABLE_AND_EXECUTABLE, f"{length:#x} bytes at {at:#x}: {protection:#x}"
                self.seen.add(protection)

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        address = super().reserve(size, low, high)
        self.look()
        return address

    def prepare(self, ranges: Sequence[Range], content: Sequence[Range] | None = None) -> None:
        super().prepare(ranges, content)
        self.look()

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        super().initialize(ranges, protection, content)
        self.look()

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        super().deinitialize(ranges)
        self.look()

    def release(self, address: int, size: int) -> None:
        super().release(address, size)
        self.look()


@pytest.mark.parametrize("kind", MAPPERS)
def test_no_page_is_ever_writable_and_executable(kind: str, wine: Path, tmp_path: Path) -> None:
    """Sampled after every verb of the mapper, while code is added, run, replaced and removed."""
    other = SOURCE.replace("add", "more").replace("value", "start").replace("table", "chart").replace("room", "hall")
    codes = [compiled_for(WINDOWS, tmp_path, text) for text in (SOURCE, other)]
    executor = uruk.spawn(target=WINDOWS)
    mapper = Watching(mapper_of(executor, kind), executor)
    executor.memory = SlabManager(mapper, 64 * MIB)
    with uruk.LLJIT(executor=executor) as jit:
        for _ in range(3):
            trackers = [jit.add_object(codes[0])]
            assert jit.lookup("add").function("int(int)")(4) == 12
            with contextlib.suppress(uruk.errors.UrukError):
                jit.lookup("nothing")
            trackers.append(jit.add_object(codes[1]))
            assert jit.lookup("more").function("int(int)")(4) == 12
            for tracker in trackers:
                tracker.remove()
                mapper.look()
    assert mapper.seen >= {0x02, 0x04, 0x20}, "the pages were looked at while code was there"
    assert min(mapper.calls[verb] for verb in ("reserve", "prepare", "initialize", "deinitialize")) > 0


class Section:
    """A named section of another process of Windows, as an object that a mapper shares; it has no memory here."""

    def __init__(self, owner: RemoteExecutor, size: int) -> None:
        self.name = f"Local\\uruk-{os.getpid()}-{size:x}".encode()
        create = function(owner, "size_t(size_t, void *, int, int, int, size_t)", "CreateFileMappingA")
        text = self.name + bytes(8 - len(self.name) % 8)
        place = owner.runtime.call(b"uruk_rt_keep_words", text, len(text) // 8)
        map_view = function(owner, "size_t(size_t, int, int, int, size_t)", "MapViewOfFile")
        section = create((1 << 64) - 1, 0, 0x40, size >> 32, size & 0xFFFFFFFF, place)
        self.address = map_view(section, 0x2, 0, 0, size)  # FILE_MAP_WRITE
        assert self.address


def test_between_processes_of_windows_sections_have_names(executor: RemoteExecutor) -> None:
    with uruk.spawn(target=WINDOWS) as owner:
        section = Section(owner, MIB)
        there = RuntimeMemory(executor.runtime, PAGE)
        address = there.map_shared(section.name, MIB, 0, 0)
        assert list(regions(executor, address, MIB)) == [(address, MIB, COMMITTED, NO_ACCESS)]
        owner.process.write(section.address, b"\xb8\x2a\x00\x00\x00\xc3")  # mov eax, 42; ret
        there.protect([(address, PAGE)], Protection.R | Protection.X)
        assert executor.call(address) == 42
        there.release(address, MIB)
        with pytest.raises(AllocationError, match="No such file"):
            there.map_shared(b"Local\\uruk-nothing", MIB, 0, 0)
        with pytest.raises(AllocationError, match="cannot map"):
            there.map_shared(section.name, 2 * MIB, 0, 0)


def test_what_cannot_be_mapped_is_refused(executor: RemoteExecutor, tmp_path: Path) -> None:
    """A folder, no file, a device."""
    there = RuntimeMemory(executor.runtime, PAGE)
    for name in (tmp_path, tmp_path / "missing", Path("/dev/null")):
        with pytest.raises(AllocationError):
            there.map_shared(path_there(os.fsencode(name)), MIB, 0, 0)


def test_a_lost_process_leaves_no_memory_here(wine: Path) -> None:
    executor = uruk.spawn(target=WINDOWS)
    before = descriptors()
    mapper = mapper_of(executor, "memfd")
    address = mapper.reserve(MIB)
    assert executor.child is not None
    os.kill(executor.child.pid, signal.SIGKILL)
    with pytest.raises(uruk.errors.ExecutorError):
        mapper.release(address, MIB)
    assert set(descriptors()) <= set(before)
    executor.close()
