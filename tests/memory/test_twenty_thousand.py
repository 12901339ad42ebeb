"""T20: twenty thousand tiny modules cost few mappings, however they come and go, with every mapper."""

from __future__ import annotations

import pytest

import uruk
from uruk.memory.interface import Allocation
from uruk.memory.manager import MiB, SlabManager
from uruk.memory.mapper import Reach
from uruk.memory.zones import CODE, CONSTANT, DATA
from uruk.passes.layout import Segment
from uruk.testing import CountingMapper

from support.compiling import Compile, Footprint
from support.mapper_kinds import MAPPERS

COUNT, LIMIT = 20_000, 100
TINY = "int XXXXXX(int x) { static int n = 3; return x + n++; } const int YYYYYY[3] = {5};"


@pytest.fixture(params=MAPPERS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def _segments(module: int) -> list[Segment]:
    return [Segment(module, CODE, 40, 16, 40), Segment(module, CONSTANT, 12, 4, 12), Segment(module, DATA, 20, 8, 4)]


def _finish(memory: SlabManager, modules: int) -> Allocation:
    """What a link does with memory, for so many modules in one batch."""
    one = memory.allocate([segment for module in range(modules) for segment in _segments(module)], Reach())
    for _, address, size in one.segments:
        one.image[address - one.base : address - one.base + min(size, 4)] = 1
    one.protect_code()
    one.bring_data()
    one.seal()
    return one


def test_memory(kind: str) -> None:
    """As one batch of as many modules, one by one, and with every other one removed; then all fits in again."""
    mapper = CountingMapper(MAPPERS[kind]())
    memory = SlabManager(mapper)
    memory.allocate(_segments(0), Reach())
    base, before = memory.slabs[0].base, Footprint.now().mappings
    batch = _finish(memory, COUNT)
    assert Footprint.now().mappings - before < LIMIT
    for module in range(0, COUNT, 2):
        memory.free_segments(batch, [3 * module, 3 * module + 1, 3 * module + 2])
    assert Footprint.now().mappings - before < LIMIT
    single = [_finish(memory, 1) for _ in range(COUNT)]
    assert Footprint.now().mappings - before < LIMIT
    highest = max(address for _, address, _ in single[-1].segments)
    for one in single[::2]:
        memory.free(one)
    assert Footprint.now().mappings - before < LIMIT
    again = [_finish(memory, 1) for _ in single[::2]]
    assert Footprint.now().mappings - before < LIMIT
    assert max(address for one in again for _, address, _ in one.segments) <= highest, "freed ranges are not used again"
    for one in [*single[1::2], *again, batch]:
        memory.free(one)
    assert len(memory.slabs) == 1
    whole = memory.allocate([Segment(0, DATA, 380 * MiB, 1, 0)], Reach())
    assert whole.base == base, "freed ranges have not coalesced"
    memory.close()
    assert mapper.reserved == {}


def test_linked(cc: Compile, kind: str) -> None:
    """Real objects, each with a tracker of its own, by the thousand."""
    data = cc(TINY).read_bytes()
    count = COUNT // 20
    objects = [data.replace(b"XXXXXX", b"f%05d" % i).replace(b"YYYYYY", b"t%05d" % i) for i in range(count)]
    with uruk.LLJIT(mapper=MAPPERS[kind]()) as jit:
        jit.add_object(cc("int warm(void) { return 1; }"))
        jit.lookup("warm")
        before = Footprint.now().mappings
        code = [jit.add_object(one, f"o{index}") for index, one in enumerate(objects)]
        jit.lookup_all([f"f{i:05}" for i in range(count)])
        assert Footprint.now().mappings - before < LIMIT
        for index in range(0, count, 2):
            code[index].remove()
        assert Footprint.now().mappings - before < LIMIT
        assert jit.lookup("f00001").function("int(int)")(4) == 7
        for index in range(0, count, 2):
            code[index] = jit.add_object(objects[index], f"o{index}")
            assert jit.lookup(f"f{index:05}").function("int(int)")(4) == 7
        assert jit.lookup("f00001").function("int(int)")(4) == 8
        assert Footprint.now().mappings - before < LIMIT
        assert len(jit.session.executor.memory.slabs) == 1


def test_emptied_slabs_go(kind: str) -> None:
    """Slabs are whole MiB, 1 GiB by default; those after the first go when they are empty."""
    mapper = CountingMapper(MAPPERS[kind]())
    memory = SlabManager(mapper)
    first = memory.allocate(_segments(0), Reach())
    assert memory.slabs[0].size == 1024 * MiB
    second = memory.allocate([Segment(0, CONSTANT, 700 * MiB + 1, 1, 8)], Reach())
    assert len(memory.slabs) == 2
    assert memory.slabs[1].size % MiB == 0
    memory.free(second)
    assert len(memory.slabs) == 1
    memory.free(first)
    assert len(memory.slabs) == 1
    memory.close()
    assert mapper.reserved == {}
