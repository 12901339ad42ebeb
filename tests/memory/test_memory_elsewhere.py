"""Real objects linked through every mapper; what is sent, and what it leaves when something fails."""

from __future__ import annotations

import ctypes
import errno
import itertools
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import uruk
from uruk.executor.this_process import THIS_PROCESS
from uruk.memory.epc import EPCMapper
from uruk.memory.linux.shared_object import KINDS, SharedObject, open_memory_file, open_named_file, remove_leftovers
from uruk.memory.manager import MiB, Reach, SlabManager
from uruk.memory.shared import SharedMapper
from uruk.passes.layout import Segment
from uruk.platforms.linux.runtime_here import process_runtime
from uruk.testing import FailingMapper, Verb

from support.compiling import Compile, Footprint
from support.mapper_kinds import MAPPERS, RecordingProcess, shared_mappings

RICH = """
    #include <stdlib.h>
    static __thread int mine = 3;
    int zeros[5000], values[100] = {1};
    const char *words[] = {"a", "b"};
    const int table[1000] = {5, 6};
    int seen;
    static int chosen(void) { return 9; }
    static void *choose(void) { seen += table[1]; return chosen; }
    int indirect(void) __attribute__((ifunc("choose")));
    static int begun;
    __attribute__((constructor)) static void begin(void) { begun = 1; }
    int rich(void) { return indirect() + mine++ + begun + values[0]++ + zeros[7]++ + words[0][0] + abs(-1) + seen; }
"""
RICH_VALUE = 9 + 3 + 1 + 1 + 0 + 97 + 1 + 6
BIG = "char big[1 << 30]; int mark = 7; int f(void) { big[999999999] = 1; return big[999999999] + big[0] + mark; }"
THROWS = """
    #include <stdexcept>
    #include <string>
    extern "C" int thrown(int n) {
        try { if (n) throw std::runtime_error(std::string(n, 'x')); }
        catch (std::exception &e) { return e.what()[n - 1]; }
        return 0;
    }
"""


def write(address: int, data: bytes) -> None:
    ctypes.memmove(address, data, len(data))


@pytest.fixture(params=MAPPERS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def used(jit: uruk.LLJIT) -> int:
    return sum(slab.used for slab in jit.session.executor.memory.slabs)


def test_real_objects(cc: Compile, kind: str) -> None:
    """Constructors, IFUNC, thread-locals, exceptions, and data that a second object on the same page leaves alone."""
    process_runtime()  # its slab stays mapped
    before = shared_mappings()
    with uruk.LLJIT(mapper=MAPPERS[kind]()) as jit:
        jit.add_library("stdc++")
        jit.add_object(cc(RICH, "-fPIC"))
        rich = jit.lookup("rich").function("int(void)")
        assert [rich(), rich()] == [RICH_VALUE, RICH_VALUE + 3]
        other = jit.add_object(cc("int more[3] = {4, 5, 6}, none[9]; int other(void) { return more[1] + none[2]; }"))
        assert jit.lookup("other").function("int(void)")() == 5
        assert rich() == RICH_VALUE + 6
        other.remove()
        assert rich() == RICH_VALUE + 9
        jit.add_object(cc.cpp(THROWS, "-fPIC"))
        assert jit.lookup("thrown").function("int(int)")(40) == ord("x")
    assert shared_mappings() == before


def test_a_gigabyte_of_zeros_costs_nothing(cc: Compile, kind: str) -> None:
    path = cc(BIG, "-mcmodel=large", "-fno-pic")
    with uruk.LLJIT(mapper=MAPPERS[kind](), slab_size=1800 * MiB) as jit:
        jit.add_object(cc("int one(void) { return 1; }"))
        jit.lookup("one")
        before = Footprint.now().resident
        code = jit.add_object(path)
        assert jit.lookup("f").function("int(void)")() == 8
        code.remove()
        assert Footprint.now().resident - before < 8 << 10


def test_what_is_sent(cc: Compile) -> None:
    """Every byte of content once, no zero-fill; with resolvers, their slots again."""
    process = RecordingProcess()
    text = (
        "int none[100000]; int full[1000] = {1}; const int more[100] = {2}; int f(int i) { return none[i] + full[0]; }"
    )
    with uruk.LLJIT(mapper=EPCMapper(process, process_runtime())) as jit:
        jit.add_object(cc(text, "-fPIC"))
        assert jit.lookup("f").function("int(int)")(0) == 1
        sent = process.sent()
        assert all(a + size <= b for (a, size), (b, _) in itertools.pairwise(sent)), "bytes are sent twice"
        assert 4000 + 400 < sum(size for _, size in sent) < 4000 + 400 + 1000
        assert len(process.messages) == 3
        full = jit.lookup("full").address
        assert any(address <= full and full + 4000 <= address + size for address, size in sent)
        process.messages.clear()
        jit.add_object(cc(RICH, "-fPIC"))
        assert jit.lookup("rich").function("int(void)")() == RICH_VALUE
        *first, slots = process.messages
        assert len(first) == 3
        assert slots == [(slots[0][0], 8)], "after resolvers only their slots are sent"
        values = jit.lookup("values").address
        assert sum(address <= values < address + size for one in process.messages for address, size in one) == 1


def test_what_shared_memory_calls(cc: Compile) -> None:
    """Content is never sent, and only protections are called for; giving memory back needs no call."""
    process = RecordingProcess()
    calls: list[bytes] = []

    class Runtime:
        def call(self, name: bytes, *arguments: int | bytes | bytearray) -> int:
            calls.append(name.removeprefix(b"uruk_rt_mem_"))
            return process_runtime().call(name, *arguments)

    with uruk.LLJIT(mapper=SharedMapper(process, Runtime())) as jit:
        code = jit.add_object(cc("int none[3], full = 1; const int two = 2; int f(void) { return full + two; }"))
        assert jit.lookup("f").function("int(void)")() == 3
        code.remove()
    assert [name for name in calls if name not in (b"map_shared", b"release")] == [b"protect"] * 3
    assert not process.messages


@pytest.mark.parametrize("verb", ["reserve", "view", "prepare", "initialize"])
def test_a_failure_at_every_call(cc: Compile, kind: str, verb: Verb) -> None:
    path, good = cc(RICH, "-fPIC"), cc("int good(void) { return 5; }")
    before = shared_mappings()
    mapper = FailingMapper(MAPPERS[kind]())
    with uruk.LLJIT(mapper=mapper) as jit:
        for call in itertools.count(1):
            mapper.fail(verb, call)
            failed = mapper.failed
            code = jit.add_object(path)
            try:
                assert jit.lookup("rich").function("int(void)")() == RICH_VALUE
            except uruk.AllocationError:
                mapper.heal()
                assert used(jit) == 0
                other = jit.add_object(good)
                assert jit.lookup("good").function("int(void)")() == 5
                other.remove()
                assert jit.lookup("rich").function("int(void)")() == RICH_VALUE
            mapper.heal()
            code.remove()
            assert used(jit) == 0
            if mapper.failed == failed or verb in ("reserve", "view"):
                break
    assert mapper.failed
    assert mapper.reserved == {}
    assert shared_mappings() == before


def test_a_failure_to_give_back(cc: Compile, kind: str) -> None:
    """What cannot be given up stays taken, and all of it goes at the end; one slab that stays does not keep others."""
    mapper = FailingMapper(MAPPERS[kind]())
    with uruk.LLJIT(mapper=mapper) as jit:
        code = jit.add_object(cc(RICH, "-fPIC"))
        assert jit.lookup("rich").function("int(void)")() == RICH_VALUE
        held = used(jit)
        mapper.fail("deinitialize")
        with pytest.raises(uruk.AllocationError):
            code.remove()
        assert used(jit) == held
        jit.add_object(cc("int good(void) { return 5; }"))
        assert jit.lookup("good").function("int(void)")() == 5
    assert mapper.reserved == {}
    memory = SlabManager(mapper, 64 * MiB)
    memory.allocate([Segment(0, 0, 8, 1, 8)], Reach())
    memory.allocate([Segment(0, 0, 60 * MiB, 1, 8)], Reach())
    assert len(memory.slabs) == 2
    base = memory.slabs[0].base
    mapper.fail("release")
    with pytest.raises(uruk.AllocationError, match="told to fail"):
        memory.close()
    assert list(mapper.reserved) == [base]
    for address, size in list(mapper.reserved.items()):
        mapper.release(address, size)


SHARE = """
    import sys, time
    from uruk.executor.this_process import THIS_PROCESS
    from uruk.memory.shared import SharedMapper
    from uruk.platforms.linux.runtime_here import process_runtime
    runtime = process_runtime()
    class Slow:
        def call(self, name, *arguments):
            if name.endswith(b"map_shared"):
                print("named", flush=True)
                time.sleep(float(sys.argv[2]))
            return runtime.call(name, *arguments)
    mapper = SharedMapper(THIS_PROCESS, Slow(), sys.argv[1])
    address = mapper.reserve(1 << 30)
    mapper.prepare([(address, 5)])
    mapper.view(address, 5)[:] = 7
    print("shared", flush=True)
    sys.stdin.read()
"""


def _start(kind: str, pause: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(SHARE), kind, str(pause)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _files(process: subprocess.Popen[str]) -> list[Path]:
    return list(Path("/dev/shm").glob(f"uruk-{process.pid}-*"))


@pytest.mark.parametrize("which", ["memfd", "shm"])
def test_who_is_killed_leaves_nothing(which: str) -> None:
    """Killed with memory shared, there is nothing; killed before it is opened there, the next one removes it."""
    with _start(which, 0) as process:
        assert process.stdout is not None
        assert [process.stdout.readline(), process.stdout.readline()] == ["named\n", "shared\n"]
        assert not _files(process)
        process.kill()
    with _start(which, 60) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "named\n"
        files = _files(process)
        assert len(files) == (which == "shm")
        remove_leftovers()
        assert _files(process) == files, "a name that is still needed is taken away"
        process.kill()
        process.wait()
        open_named_file(MiB).opened()
        assert not _files(process)


def test_another_kind_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other process cannot open is not used; what is forced is not replaced."""

    def unreachable(size: int) -> SharedObject:
        shared = open_memory_file(size)
        shared.path = b"/proc/self/fd/nowhere"
        return shared

    before = shared_mappings()
    forced = SharedMapper(THIS_PROCESS, process_runtime(), unreachable)
    with pytest.raises(uruk.AllocationError, match="No such file or directory"):
        forced.reserve(MiB)
    monkeypatch.setitem(KINDS, "memfd", unreachable)
    mapper = SharedMapper(THIS_PROCESS, process_runtime())
    address = mapper.reserve(MiB)
    with open("/proc/self/maps", encoding="utf-8") as maps:
        assert any("/dev/shm/uruk-" in line for line in maps)
    mapper.release(address, MiB)
    assert shared_mappings() == before


def test_a_memory_file_cannot_be_cut_short() -> None:
    """The other process is not trusted: what it does to the file must not make accesses here fault."""
    shared = open_memory_file(MiB)
    with open(shared.path, "r+b") as file, pytest.raises(PermissionError):
        file.truncate(0)
    shared.release(MiB)


@pytest.mark.parametrize("verb", ["protect", "zero"])
def test_the_runtime_refuses(verb: str) -> None:
    runtime = process_runtime()
    name = b"uruk_rt_mem_" + verb.encode()
    nowhere = struct.pack("<2Q", 1 << 12, 100)
    assert runtime.call(name, nowhere, 1, 3) == -errno.ENOMEM
    if verb == "protect":
        here = runtime.call(b"uruk_rt_mem_reserve", MiB, 0, 0)
        for protection in (2 | 4, 7, 8):
            assert runtime.call(name, struct.pack("<2Q", here, 100), 1, protection) == -errno.EINVAL
        assert runtime.call(b"uruk_rt_mem_release", here, MiB) == 0
    assert runtime.call(b"uruk_rt_mem_release", 1, 1) == -errno.EINVAL
    assert runtime.call(b"uruk_rt_mem_reserve", MiB, 1 << 40, (1 << 40) + 100) == -errno.ENOMEM
