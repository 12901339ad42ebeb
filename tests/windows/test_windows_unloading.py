"""Code of Windows that comes and goes many times: what the process has of it stays as it was.

``URUK_CYCLES`` says how many times; the figures of a long run are in docs/facts.md.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from native_programs import gxx_folders, wine_path
from windows_processes import address_of, put_code

import uruk

from support.coff_objects import compiled_text

pytestmark = pytest.mark.any_interpreter

CYCLES = int(os.environ.get("URUK_CYCLES", "40"))
EVERYTHING = """
    int alive;
    struct Noisy { int id; Noisy(int id) : id(id) { alive += id; } ~Noisy() { alive -= id; } };
    thread_local Noisy first(3), second(4);
    thread_local int plain = 5;
    __declspec(noinline) static int thrower(int x) { Noisy local(100); if (x & 1) throw x; return x; }
    extern "C" int use(int x) {
        static Noisy once(1000);
        try { return thrower(x) + first.id + plain; } catch (int n) { return n + alive + second.id; }
    }
"""
THROWER = """
    #include <stdexcept>
    #include <string>
    int thrower(int x) {
        std::string text = "over " + std::to_string(x);
        if (x > 2) throw std::runtime_error(text);
        return x;
    }
"""
CATCHER = """
    #include <stdexcept>
    #include <string>
    int thrower(int x);
    extern "C" int catches(int x) {
        try { return thrower(x); } catch (const std::exception &error) { return (int)std::string(error.what()).size(); }
    }
"""
ELSEWHERE = """
    #include <stdexcept>
    extern "C" int elsewhere(int x) {
        try { throw std::logic_error("text"); } catch (const std::logic_error &) { return x + 1; }
    }
"""
STAYING = """
    struct Mark { int n; Mark() : n(1) {} ~Mark() { n = 0; } };
    thread_local Mark mark;
    thread_local int numbers[1000];
    extern "C" int touch(int x) { numbers[999] += x; return mark.n + numbers[999]; }
"""

ENDING = """
    int alive;
    struct Noisy { int id; Noisy(int id) : id(id) { alive++; } ~Noisy() { alive--; } };  // natively, too, `id` is gone
    thread_local Noisy first(3), second(4);
    extern "C" int touch(int x) { return first.id + second.id + x; }
"""


@pytest.fixture
def jit(wine: Path) -> Iterator[uruk.LLJIT]:
    """A session in a process of Windows, which finds the DLLs of g++."""
    environment = {**os.environ, "WINEPATH": wine_path(gxx_folders())}
    executor = uruk.spawn(target="x86_64-windows", environment=environment)
    with uruk.LLJIT(executor=executor) as session:
        yield session


def function(jit: uruk.LLJIT, name: str) -> Callable[[int], int]:
    return jit.lookup(name).function("int(int)")


class Footprint:
    """What a process holds."""

    def __init__(self, jit: uruk.LLJIT) -> None:
        self._process = jit.executor.process
        self._count = address_of(jit.executor, "GetProcessHandleCount")
        self._child = jit.executor.child
        self._word = self._process.call(address_of(jit.executor, "VirtualAlloc"), 0, 4096, 0x3000, 4)

    def handles(self) -> int:
        self._process.call(self._count, (1 << 64) - 1, self._word)
        return int.from_bytes(self._process.read(self._word, 4), "little")

    def resident(self) -> int:
        """Bytes of memory in use."""
        with open(f"/proc/{self._child.pid}/statm") as file:
            return int(file.read().split()[1]) * 4096


def test_thread_locals_and_unwind_data_come_and_go(jit: uruk.LLJIT, tmp_path: Path) -> None:
    for name in ("vcruntime140.dll", "ucrtbase.dll"):
        jit.main.add_shared_library(name)
    path = compiled_text(tmp_path, "clang-msvc-O2", "everything.cc", EVERYTHING, "-w")
    footprint = Footprint(jit)
    carriers = jit.platform.process.tls
    find = address_of(jit.executor, "RtlLookupFunctionEntry", "ntdll.dll")
    before = (0, 0)
    for cycle in range(CYCLES):
        tracker = jit.add_object(path)
        use = function(jit, "use")
        assert [use(1), use(2)] == [1 + 1107 - 100 + 4, 2 + 3 + 5]
        (place,) = carriers.given.values()
        index = int.from_bytes(jit.executor.process.read(place.index_variable, 4), "little")
        address = jit.lookup("use").address
        tracker.remove()
        assert not carriers.given
        assert not carriers.paths
        assert index < 16
        if cycle == CYCLES // 4:
            before = (footprint.handles(), footprint.resident())
    assert jit.executor.process.call(find, address + 8, footprint._word, 0) == 0
    assert footprint.handles() <= before[0] + 2
    assert footprint.resident() <= before[1] + (2 << 20)


def test_a_throw_after_many_unloads(jit: uruk.LLJIT, tmp_path: Path) -> None:
    for name in ("libstdc++-6.dll", "libgcc_s_seh-1.dll", "msvcrt.dll"):
        jit.main.add_shared_library(name)
    thrower = compiled_text(tmp_path, "gcc-O2", "thrower.cc", THROWER)
    catcher = compiled_text(tmp_path, "gcc-O2", "catcher.cc", CATCHER)
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "elsewhere.cc", ELSEWHERE))
    elsewhere = function(jit, "elsewhere")
    assert elsewhere(1) == 2
    for cycle in range(CYCLES):
        trackers = [jit.add_object(thrower), jit.add_object(catcher)]
        catches = function(jit, "catches")
        assert [catches(1), catches(10 + cycle)] == [1, 5 + len(str(10 + cycle))]
        for tracker in reversed(trackers):
            tracker.remove()
    assert elsewhere(5) == 6


def test_threads_that_have_storage_outlive_its_module(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """The storage of a running thread goes with the module; the thread ends as if it had never been there."""
    for name in ("vcruntime140.dll", "ucrtbase.dll"):
        jit.main.add_shared_library(name)
    path = compiled_text(tmp_path, "clang-msvc-O2", "staying.cc", STAYING)
    sleep = address_of(jit.executor, "Sleep")
    for _ in range(5):
        tracker = jit.add_object(path)
        touch = function(jit, "touch")
        results: list[int] = []

        def work(touch: Callable[[int], int] = touch, results: list[int] = results) -> None:
            results.append(touch(5))

        threads = [threading.Thread(target=work) for _ in range(3)]
        sleepers = [threading.Thread(target=jit.executor.process.call, args=(sleep, 150)) for _ in range(3)]
        for thread in (*sleepers, *threads):
            thread.start()
        for thread in (*threads, *sleepers):
            thread.join()
        assert all(result % 5 == 1 for result in results)
        tracker.remove()
    assert not jit.platform.process.tls.given


def thread_that_touches(jit: uruk.LLJIT, milliseconds: int) -> int:
    """The handle of a thread that calls touch(0), and sleeps then, in code that is no module's."""
    executor = jit.executor
    touch, sleep = jit.lookup("touch").address.to_bytes(8, "little"), address_of(executor, "Sleep")
    # sub rsp, 40; xor ecx, ecx; mov rax, touch; call rax; mov ecx, time; mov rax, Sleep; call rax; add rsp, 40; ret
    code = b"\x48\x83\xec\x28\x31\xc9\x48\xb8" + touch + b"\xff\xd0\xb9" + milliseconds.to_bytes(4, "little")
    code += b"\x48\xb8" + sleep.to_bytes(8, "little") + b"\xff\xd0\x48\x83\xc4\x28\xc3"
    start = put_code(executor, code)
    return executor.process.call(address_of(executor, "CreateThread"), 0, 0, start, 0, 0, 0)


def test_code_stays_until_threads_have_run_its_destructors(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """Of thread-locals of g++: those of the calling thread run at once, those of others when they end."""
    for name in ("libstdc++-6.dll", "libgcc_s_seh-1.dll", "msvcrt.dll"):
        jit.main.add_shared_library(name)
    path = compiled_text(tmp_path, "gcc-O2", "ending.cc", ENDING)
    wait = address_of(jit.executor, "WaitForSingleObject")
    read = jit.executor.process.read

    tracker = jit.add_object(path)
    assert function(jit, "touch")(1) == 8
    alive = jit.lookup("alive").address
    assert read(alive, 4) == b"\2\0\0\0"
    thread = thread_that_touches(jit, 1500)
    deadline = time.monotonic() + 60
    while read(alive, 4) != b"\4\0\0\0":
        assert time.monotonic() < deadline
    released = tracker.remove()
    assert released.pending_thread_destructors == 2
    assert released.deferred
    assert read(alive, 4) == b"\2\0\0\0"  # those of the thread that removes have run
    assert jit.executor.process.call(wait, thread, 60_000) == 0
    assert read(alive, 4) == bytes(4)

    again = jit.add_object(path)  # gives back what waited
    assert function(jit, "touch")(2) == 9
    assert again.remove().pending_thread_destructors == 0
