"""The mappers for memory of another process: the suite that any mapper must pass, real children, failures, mappings."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import uruk
from uruk.errors import AllocationError
from uruk.executor.remote import RemoteExecutor
from uruk.memory.manager import SlabManager
from uruk.memory.mapper import Mapper
from uruk.memory.shared import SharedMapper
from uruk.passes.state import State
from uruk.platforms.windows.attach import path_there
from uruk.testing import FailingMapper, check_mapper

from support.executors import TARGETS, compiled_for
from support.mapper_kinds import MAPPERS

SOURCE = (
    "int value = 5; int room[100000]; const int table[3] = {1, 2, 3}; int add(int a) { return a + value + table[2]; }"
)
LINUX = "x86_64-linux"
MANY = 20_000
FEW = 100


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    """The mappers are the same for executors of both systems."""
    if request.param == "x86_64-windows":
        request.getfixturevalue("wine")
    return str(request.param)


@pytest.fixture(params=["memfd", "shm", "wire"])
def executor(request: pytest.FixtureRequest, target: str) -> Iterator[RemoteExecutor]:
    one = uruk.spawn(shared_memory=request.param != "wire", target=target)
    if request.param != "wire":
        name_there = path_there if target == "x86_64-windows" else None
        one.memory.mapper = SharedMapper(one.process, one.runtime, request.param, path_there=name_there)
    yield one
    one.close()


@pytest.fixture
def code(target: str, tmp_path: Path) -> bytes:
    return compiled_for(target, tmp_path, SOURCE)


def mappings(pid: int | str = "self") -> int:
    return len(Path(f"/proc/{pid}/maps").read_text().splitlines())


@pytest.mark.parametrize("make", MAPPERS.values(), ids=MAPPERS)
def test_the_suite_against_this_process(make: Callable[[], Mapper]) -> None:
    check_mapper(make, ctypes.string_at)


def test_the_suite_against_a_child(executor: RemoteExecutor) -> None:
    check_mapper(lambda: executor.memory.mapper, executor.process.read)


def pages_of_files() -> int:
    """The pages of files and shared memory that this process has mapped (proc(5), /proc/pid/statm)."""
    return int(Path("/proc/self/statm").read_text().split()[2])


def test_a_large_link_has_its_memory_made_ready(tmp_path: Path) -> None:
    """The pages are there before the link asks for them, and what it then gets is the same memory."""
    code = compiled_for(LINUX, tmp_path, "char large[16 << 20] = {42}; int get(int at) { return large[at]; }")
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        before = pages_of_files()
        found: list[int] = []

        def look(state: State) -> None:
            for thread in threading.enumerate():
                if thread.name == "uruk memory":
                    thread.join()
            found.append(pages_of_files() - before)

        jit.add_pass("before layout", look)
        jit.add_object(code, name="large.o")
        get = jit.lookup("get").function("int(int)")
        assert (get(0), get(1)) == (42, 0)
        assert found[0] * 4096 >= 16 << 20


def test_a_large_link_needs_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives none, memory is made ready as it is written."""
    start = threading.Thread.start
    refused: list[str] = []

    def start_others(thread: threading.Thread) -> None:
        if thread.name == "uruk memory":
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_others)
    code = compiled_for(LINUX, tmp_path, "char large[16 << 20] = {42}; int get(int at) { return large[at]; }")
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_pass("before layout", lambda _: None)  # a lone object without passes is linked row by row
        jit.add_object(code, name="large.o")
        assert jit.lookup("get").function("int(int)")(0) == 42
    assert refused


@pytest.mark.parametrize("make", MAPPERS.values(), ids=MAPPERS)
@pytest.mark.parametrize("verb", ["reserve", "view", "prepare", "initialize"])
def test_a_mapper_that_fails(make: Callable[[], Mapper], verb: str, tmp_path: Path) -> None:
    """At any call: the error is the mapper's, nothing is lost, and the next link works."""
    code = compiled_for(LINUX, tmp_path, SOURCE)
    for call in (1, 2, 3):
        mapper = FailingMapper(make())
        with uruk.LLJIT(mapper=mapper) as jit:
            mapper.fail(verb, call)  # pyright: ignore[reportArgumentType]
            jit.add_object(code)
            with contextlib.suppress(AllocationError):  # a smaller slab may do
                jit.lookup("add")
            assert mapper.failed == (mapper.calls[verb] >= call)
            mapper.heal()
            assert jit.lookup("add").function("int(int)")(4) == 12
        assert mapper.reserved == {}


def test_no_page_is_writable_and_executable(executor: RemoteExecutor, code: bytes) -> None:
    assert executor.child is not None
    with uruk.LLJIT(executor=executor) as jit:
        jit.add_object(code)
        jit.lookup("add")
        lines = Path(f"/proc/{executor.child.pid}/maps").read_text().splitlines()
        assert not [line for line in lines if " rwx" in line]
        assert [line for line in lines if " r-x" in line]


def test_no_byte_of_code_or_data_on_the_wire_with_shared_memory(target: str, tmp_path: Path) -> None:
    """A megabyte of constants and one of data: what is sent stays as it is without them."""
    constants = ".rodata" if target == LINUX else '.rdata,\\"dr\\"'
    lines = f".data\\n.fill %d, 1, 7\\n.section {constants}\\n.fill %d, 1, 9\\n.text\\n"
    text = f'int f(void) {{ return 7; }} __asm__("{lines}");'
    sent: dict[tuple[bool, int], int] = {}
    for shared in (True, False):
        for size in (8, 1 << 20):
            executor = uruk.spawn(shared_memory=shared, target=target)
            with uruk.LLJIT(executor=executor) as jit:
                jit.add_object(compiled_for(target, tmp_path, text % (size, size)))
                before = executor.connection.sent
                assert jit.lookup("f").function("int(void)")() == 7
                sent[shared, size] = executor.connection.sent - before
    assert sent[True, 1 << 20] == sent[True, 8]
    assert sent[False, 1 << 20] > 2 << 20


def test_zero_fill_costs_nothing(executor: RemoteExecutor, target: str, tmp_path: Path) -> None:
    text = "char room[1 << 29]; int f(void) { room[1 << 28] = 3; return room[1 << 28]; }"
    big = compiled_for(target, tmp_path, text)
    with uruk.LLJIT(executor=executor) as jit:
        jit.add_object(big)
        assert jit.lookup("f").function("int(void)")() == 3
        assert executor.connection.sent < 1 << 20


def test_memory_is_used_again(executor: RemoteExecutor, code: bytes) -> None:
    """Freed data reads as zero there, and the process does not grow."""
    assert executor.child is not None
    with uruk.LLJIT(executor=executor) as jit:
        sizes = []
        for _ in range(50):
            tracker = jit.add_object(code)
            add = jit.lookup("add").function("int(int)")
            room = jit.lookup("room").address
            assert executor.process.read(room, 400_000) == bytes(400_000)
            executor.process.write(room, b"\1" * 400_000)
            assert add(4) == 12
            tracker.remove()
            sizes.append(mappings(executor.child.pid))
        assert sizes[-1] < sizes[5] + 10  # a thread that reads first gets an arena of malloc


@pytest.mark.parametrize("kind", ["in process", "shared", "wire"])
def test_twenty_thousand_objects_take_few_mappings(kind: str, target: str, tmp_path: Path) -> None:
    """As one batch; then one by one, and with every other one removed (trap T20)."""
    if kind == "in process" and target != LINUX:
        return  # this process is not one of Windows
    template = compiled_for(target, tmp_path, "int f_00000(void) { return 7; } int v_00000 = 3;")
    objects = [template.replace(b"_00000", b"_%05d" % number) for number in range(MANY)]
    executor = None if kind == "in process" else uruk.spawn(shared_memory=kind == "shared", target=target)
    pid = "self" if executor is None or executor.child is None else executor.child.pid
    with uruk.LLJIT(executor=executor) as jit:
        before = mappings(pid)
        batch = jit.add_objects(objects)
        last = f"f_{MANY - 1:05d}"
        jit.lookup_all(["f_00000", last])
        assert jit.lookup(last).function("int(void)")() == 7
        assert mappings(pid) - before < FEW
        batch.remove()
        few = objects[: MANY // 10 if executor is not None else MANY]  # a link of its own each, in turns
        trackers = []
        for number, one in enumerate(few):
            trackers.append(jit.add_object(one))
            jit.lookup(f"f_{number:05d}")
        assert mappings(pid) - before < FEW
        for tracker in trackers[::2]:
            tracker.remove()
        assert mappings(pid) - before < FEW
        assert jit.lookup("f_00001").function("int(void)")() == 7


def test_slabs_are_given_back(executor: RemoteExecutor, target: str, code: bytes, tmp_path: Path) -> None:
    """A slab beyond the first goes when it is empty."""
    executor.memory = SlabManager(executor.memory.mapper, 64 << 20)
    with uruk.LLJIT(executor=executor) as jit:
        jit.add_object(code)
        jit.lookup("add")
        assert len(executor.memory.slabs) == 1
        big = "char more[60 << 20] = {1}; int g(void) { return more[0]; }"
        tracker = jit.add_object(compiled_for(target, tmp_path, big, "big"))
        assert jit.lookup("g").function("int(void)")() == 1
        assert len(executor.memory.slabs) == 2
        tracker.remove()
        assert len(executor.memory.slabs) == 1
