"""Memory of lazy stubs: few mappings, near the code, used again, and not before a late call is unlikely."""

from __future__ import annotations

import ctypes
import time

import numpy as np
import pytest
from capstone import CS_ARCH_X86, CS_MODE_64, Cs

import uruk
from uruk.errors import AllocationError
from uruk.executor import stub_pool
from uruk.executor.lazy_stubs import LazyStubs
from uruk.executor.stub_pool import CHUNK, DISTANCE, QUARANTINE, Retired, StubPool
from uruk.isa.interface import LAZY_PAGE, LAZY_SLOTS, LAZY_STUB_SIZE, LAZY_STUBS
from uruk.isa.x86_64_runtime import FIRST_CALL, stub_page
from uruk.memory.inprocess import InProcessMapper
from uruk.platforms.linux.runtime_functions import lazy_functions
from uruk.platforms.linux.runtime_here import process_runtime
from uruk.testing import FailingMapper
from uruk.testing.mappers import Verb

from support.compiling import Compile, Footprint


def no_one(stub: int) -> int:
    raise AssertionError("nothing is called here")


def stubs_of_a_session(**options: object) -> LazyStubs:
    return LazyStubs(lazy_functions(process_runtime()), no_one, lambda stub, error: None, **options)


def test_what_a_stub_does() -> None:
    page = stub_page(DISTANCE).tobytes()
    data = 0x10000 + DISTANCE
    for stub in (0, 1, LAZY_STUBS - 1):
        at = 0x10000 + LAZY_STUB_SIZE * stub
        code = page[LAZY_STUB_SIZE * stub :][:LAZY_STUB_SIZE]
        found = list(Cs(CS_ARCH_X86, CS_MODE_64).disasm(code, at))
        assert [one.mnemonic for one in found][:6] == ["endbr64", "jmp", "endbr64", "lea", "jmp", "int3"]
        assert found[2].address == at + FIRST_CALL
        reached = [one.address + one.size + int.from_bytes(one.bytes[-4:], "little") for one in found[:5]]
        slot = data + LAZY_SLOTS + 8 * stub
        assert [reached[1], reached[3], reached[4]] == [slot, slot, data]
    assert len(page) == LAZY_PAGE == LAZY_STUB_SIZE * LAZY_STUBS


def test_ten_thousand_stubs() -> None:
    one = stubs_of_a_session()
    for turn in range(12):
        begin = time.perf_counter()
        addresses = one.take(10_000)
        assert time.perf_counter() - begin < 0.5
        assert np.unique(addresses).size == 10_000
        numbers = one.numbers(addresses)
        assert (one.addresses(numbers) == addresses).all()
        one.bind(numbers, addresses + 5)
        assert one.target(int(numbers[77])) == int(addresses[77]) + 5
        one.give(numbers[::-1])
        assert one.target(int(numbers[77])) == 0
        if turn == 1:
            before = Footprint.now()
    after = Footprint.now()
    assert after.mappings - before.mappings <= 20  # a stub's own would be thousands
    assert after.resident - before.resident < 1024
    assert one.numbers(one.take(10_000)).tolist() == numbers[::-1].tolist()
    one.close()


def test_two_thousand_sessions() -> None:
    def session() -> None:
        with uruk.LLJIT() as jit:
            jit.platform.process.lazy_stubs(no_one, lambda stub, error: None, jit.session.lock).take(300)

    for _ in range(200):  # fills the quarantine
        session()
    before = Footprint.now()
    for _ in range(1800):
        session()
    after = Footprint.now()
    assert after.mappings - before.mappings <= 20  # the interpreter's own heap may come apart
    assert after.address_space - before.address_space < 4 * CHUNK >> 10
    assert after.resident - before.resident < 2048


def test_a_late_call_reaches_the_handler_while_sessions_come_and_go(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int handler(int a) { return -a; } int late(int (*f)(int), int a) { return f(a); }"))
    late = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(jit.lookup("late").address)
    old = stubs_of_a_session()
    address = int(old.take(200)[150])
    old.handler = jit.lookup("handler").address
    old.close()
    mine: set[int] = set()
    for _ in range(QUARANTINE - 2):
        one = stubs_of_a_session()
        mine.add(int(one.take(1)[0]))
        one.close()
        assert late(address, 5) == -5
    assert address & -LAZY_PAGE not in mine
    for _ in range(2 * QUARANTINE):
        one = stubs_of_a_session()
        mine.add(int(one.take(1)[0]))
        one.close()
    assert address & -LAZY_PAGE in mine


def test_one_near_the_code_and_few_mappings(cc: Compile, jit: uruk.LLJIT, monkeypatch: pytest.MonkeyPatch) -> None:
    # Sessions of other tests that are still open may have used up the chunks that this process reserves nearby.
    monkeypatch.setattr(stub_pool, "MOST_CHUNKS", 1 << 10)
    jit.add_object(cc("int f(void) { return 5; }"))
    jit.lookup("f")
    slab = jit.session.executor.memory.slabs[0]
    stubs = jit.platform.process.lazy_stubs(no_one, lambda stub, error: None, jit.session.lock)
    addresses = stubs.take(20_000)
    assert (np.abs(addresses - slab.base) < 1 << 31).all()
    assert (np.abs(addresses - slab.base - slab.size) < 1 << 31).all()
    with open("/proc/self/maps") as maps:
        rows = [line.split()[:2] for line in maps]
    ends = [[int(end, 16) for end in row[0].split("-")] for row in rows]
    mine = [
        row[1] for row, (low, high) in zip(rows, ends, strict=True) if ((low <= addresses) & (addresses < high)).any()
    ]
    assert set(mine) == {"r-xp"}
    assert len(mine) <= 2
    data = addresses + DISTANCE
    behind = [row[1] for row, (low, high) in zip(rows, ends, strict=True) if ((low <= data) & (data < high)).any()]
    assert set(behind) == {"rw-p"}


def test_a_pool_of_its_own() -> None:
    pool = StubPool(InProcessMapper())
    blocks = pool.take(CHUNK // LAZY_PAGE, None)  # two chunks full
    assert len(set(blocks)) == CHUNK // LAZY_PAGE
    far = (blocks[0] - (1 << 42), 1 << 20)
    (one,) = pool.take(1, far)
    assert abs(one - far[0]) < 1 << 31
    busy, gone = [1], list[str]()
    pool.retire(Retired(blocks[:QUARANTINE], lambda: busy[0], lambda: gone.append("busy")))
    pool.retire(Retired(blocks[QUARANTINE:], lambda: 0, lambda: gone.append("second")))
    assert gone == []  # the first is in use, the second the newest
    pool.retire(Retired([one], lambda: 0, lambda: gone.append("third")))
    assert gone == ["second"]
    busy[0] = 0
    pool.retire(Retired([], lambda: 0, lambda: None))
    assert sorted(pool.take(len(blocks) - QUARANTINE, None)) == sorted(blocks[QUARANTINE:])


@pytest.mark.parametrize("verb", ["reserve", "prepare", "initialize"])
def test_no_memory_takes_nothing(verb: Verb) -> None:
    mapper = FailingMapper(InProcessMapper())
    pool = StubPool(mapper)
    first = pool.take(16, None)  # what is committed at a time
    mapper.fail(verb, 1 if verb == "reserve" else 3)
    with pytest.raises(AllocationError):
        pool.take(CHUNK // LAZY_PAGE if verb == "reserve" else 100, None)
    again = pool.take(100, None)
    assert len({*first, *again}) == 116
    assert len(mapper.reserved) == 1
