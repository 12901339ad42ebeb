"""C++ thread-locals with destructors: removed code stays until the threads that have to run them have ended."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

import pytest

import uruk
from uruk.orc.lifetime.removal import sweep

from support.compiling import Compile, RunChild

COUNTED = """
    struct Counted { int *where; int value; Counted(); ~Counted(); };
    static int *last;
    static Counted *none;
    Counted::Counted() : where(last), value(40) {}
    Counted::~Counted() { __atomic_add_fetch(where, 1, __ATOMIC_SEQ_CST); }
    static thread_local Counted counted;
    extern "C" int touch(int *where) {
        last = where;
        if (!counted.where) counted.where = where;
        return ++counted.value;
    }
"""


class Worker:
    """A thread that calls a function once and then waits to be told to end."""

    def __init__(self, function: object, argument: int) -> None:
        self.result = 0
        self._ready, self._end = threading.Event(), threading.Event()

        def run() -> None:
            self.result = function(argument)  # type: ignore[operator]
            self._ready.set()
            self._end.wait()

        self._thread = threading.Thread(target=run)
        self._thread.start()
        self._ready.wait()

    def end(self) -> None:
        self._end.set()
        self._thread.join()


def wait_for(condition: Callable[[], bool]) -> None:
    """A joined Python thread has not ended yet for the C library: it is about to run its destructors."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def settled(jit: uruk.LLJIT) -> bool:
    """Whether nothing waits for threads any more; asks the session to look."""
    sweep(jit.session)
    return not jit.session.retired


def used(jit: uruk.LLJIT) -> int:
    return sum(slab.used for slab in jit.session.executor.memory.slabs)


def opened(cc: Compile, jit: uruk.LLJIT, *flags: str) -> tuple[uruk.ResourceTracker, object]:
    code = jit.add_object(cc.cpp(COUNTED, *flags))
    return code, jit.lookup("touch").function(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p))


def test_code_stays_while_a_thread_has_a_destructor_to_run(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library("stdc++")
    count = ctypes.c_int(0)
    code, touch = opened(cc, jit)
    worker = Worker(touch, ctypes.addressof(count))
    assert worker.result == 41
    released = code.remove()
    assert released.deferred
    assert released.pending_thread_destructors == 1
    assert released.memory == 0
    assert used(jit) > 0
    assert count.value == 0
    worker.end()
    wait_for(lambda: count.value == 1)
    wait_for(lambda: settled(jit))
    assert used(jit) == 0


def test_the_removing_threads_own_destructors_run_at_once(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library("stdc++")
    count = ctypes.c_int(0)
    code, touch = opened(cc, jit)
    assert touch(ctypes.addressof(count)) == 41  # type: ignore[operator]
    released = code.remove()
    assert not released.deferred
    assert count.value == 1
    assert used(jit) == 0


def test_several_threads_and_names_that_come_again(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library("stdc++")
    count = ctypes.c_int(0)
    workers: list[Worker] = []
    for _ in range(4):
        code, touch = opened(cc, jit, "-fPIC")
        workers += [Worker(touch, ctypes.addressof(count)) for _ in range(3)]
        assert all(worker.result == 41 for worker in workers)
        assert code.remove().pending_thread_destructors == 3
    assert len(jit.session.retired) == 4
    for worker in workers:
        worker.end()
    wait_for(lambda: count.value == 12)
    wait_for(lambda: settled(jit))
    assert used(jit) == 0


@pytest.mark.parametrize("how", ["removed", "forced", "closed"])
def test_code_stays_that_pending_destructors_call(cc: Compile, how: str) -> None:
    source = """
        extern "C" void helper(int *);
        struct Last { int *count = nullptr; ~Last() { helper(count); } };
        thread_local Last last;
        extern "C" int touch(int *count) { last.count = count; return 1; }
    """
    count = ctypes.c_int(0)
    jit = uruk.LLJIT()
    jit.add_library("stdc++")
    first = jit.add_object(cc.cpp(source, "-fPIC"))
    second = jit.add_object(cc("void helper(int *count) { ++*count; }"))
    touch = jit.lookup("touch").function(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p))
    worker = Worker(touch, ctypes.addressof(count))
    if how == "closed":
        jit.close()
    elif how == "forced":
        assert second.remove(force=True).deferred
    else:
        assert first.remove().deferred
        with pytest.raises(uruk.InUse):
            second.remove()
    worker.end()
    wait_for(lambda: count.value == 1)
    wait_for(lambda: settled(jit))
    jit.close()
    assert not jit.session.executor.memory.slabs


def test_a_closed_session_keeps_pending_code_until_the_thread_ends(cc: Compile) -> None:
    count = ctypes.c_int(0)
    with uruk.LLJIT(slab_size=64 << 20) as jit:
        jit.add_library("stdc++")
        _, touch = opened(cc, jit)
        worker = Worker(touch, ctypes.addressof(count))
    base = jit.session.executor.memory.slabs[0].base
    assert _is_mapped(base)
    worker.end()
    wait_for(lambda: count.value == 1)
    with uruk.LLJIT(slab_size=64 << 20) as other:  # what waits is freed when any session works again
        wait_for(lambda: settled(other) and not jit.session.retired)
    assert not jit.session.executor.memory.slabs


def _is_mapped(address: int) -> bool:
    with open("/proc/self/maps") as maps:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if start <= address < end:
                return True
    return False


def test_a_process_that_ends_with_threads_pending(cc: Compile, child: RunChild) -> None:
    text = """
        import ctypes, sys, threading, time, uruk
        jit = uruk.LLJIT()
        jit.add_library("stdc++")
        code = jit.add_object(sys.argv[1])
        touch = jit.lookup("touch").function(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p))
        count = ctypes.c_int(0)
        begun, end = threading.Event(), threading.Event()
        def work():
            touch(ctypes.addressof(count))
            begun.set()
            end.wait()
        thread = threading.Thread(target=work, daemon=sys.argv[2] == "daemon")
        thread.start()
        begun.wait()
        touch(ctypes.addressof(count))
        print(code.remove().deferred, count.value, flush=True)
        end.set() if sys.argv[2] == "joined" else None
        if sys.argv[2] == "joined":
            thread.join()
            while count.value < 2:
                time.sleep(0.001)
            print(count.value)
    """
    path = cc.cpp(COUNTED)
    assert child.ok(text, path, "daemon") == "True 1\n"
    assert child.ok(text, path, "joined") == "True 1\n2\n"


def test_initial_values_in_threads_that_were_running_before(cc: Compile, jit: uruk.LLJIT) -> None:
    source = "static __thread long mine[3] = {5, 6, 7}; long step(long by) { return mine[1] += by; }"
    holder: list[object] = []
    begin, results = threading.Event(), list[int]()

    def run() -> None:
        begin.wait()
        results.append(holder[0](1))  # type: ignore[operator]

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    jit.add_object(cc(source))
    holder.append(jit.lookup("step").function("long(long)"))
    begin.set()
    for thread in threads:
        thread.join()
    assert results == [7, 7, 7, 7]
