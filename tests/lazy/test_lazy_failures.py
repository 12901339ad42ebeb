"""Lazy stubs that get no address: errors, changes while a call is under way, closed sessions. Nothing is lost."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator

import pytest
from lazy_names import LazyNames

import uruk
from uruk.errors import InternalError, SessionClosed, UndefinedSymbols, UrukError
from uruk.executor.lazy_stubs import PATIENCE

from support.compiling import Compile, RunChild

OUTER = "int one(int, double); int outer(int a) { return one(a, 0.5); }"
REAL = "int real_one(int a, double b) { return a + 2 * b; } int other(int a, double b) { return a + 200 * b; }"
HANDLER = "int handler(int a, double b) { return -(a + 8 * b); }"


@pytest.fixture(scope="module")
def handler(cc: Compile) -> Iterator[int]:
    """Address of a handler that outlives the sessions of the tests."""
    with uruk.LLJIT() as jit:
        jit.add_object(cc(HANDLER))
        yield jit.lookup("handler").address


def call(jit: uruk.LLJIT, cc: Compile, real: bool = True):
    """outer(), which calls the lazy function `one`."""
    jit.add_object(cc(OUTER))
    if real:
        jit.add_archive(cc.archive("libreal.a", cc(REAL)))
    return jit.lookup("outer").function("int(int)")


def test_the_handler_gets_the_arguments_and_the_error_is_kept(cc: Compile, jit: uruk.LLJIT, handler: int) -> None:
    lazy = LazyNames(jit, ["one"])
    lazy.stubs.handler = handler
    outer = call(jit, cc, real=False)
    assert [outer(10), outer(20)] == [-14, -24]
    assert lazy.asked == ["one", "one"]
    assert [(name, type(error)) for name, error in lazy.errors] == [("one", UndefinedSymbols)] * 2
    jit.add_archive(cc.archive("libreal.a", cc(REAL)))  # the session goes on, and so does the stub
    assert [outer(10), outer(20)] == [11, 21]
    assert len(lazy.asked) == 3


@pytest.mark.parametrize("answer", [0, -5, 1 << 64, "itself"])
def test_an_answer_that_is_no_address(cc: Compile, jit: uruk.LLJIT, handler: int, answer: int | str) -> None:
    lazy = LazyNames(jit, ["one"], lambda stub: lazy.addresses[0] if answer == "itself" else answer)
    lazy.stubs.handler = handler
    assert call(jit, cc)(1) == -5
    assert [type(error) for _, error in lazy.errors] == [InternalError]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, RecursionError])
def test_any_exception_is_handed_over(cc: Compile, jit: uruk.LLJIT, handler: int, error: type[BaseException]) -> None:
    def resolve(stub: int) -> int:
        raise error("on the way")

    lazy = LazyNames(jit, ["one"], resolve)
    lazy.stubs.handler = handler
    assert call(jit, cc)(1) == -5
    assert [type(kept) for _, kept in lazy.errors] == [error]


def test_changes_while_a_call_is_under_way(cc: Compile, jit: uruk.LLJIT) -> None:
    """An answer is not put into a slot that was set after it was asked for."""

    def resolve(stub: int) -> int:
        old = lazy.look_up(stub)
        if change:
            change.pop()()
        return old

    lazy = LazyNames(jit, ["one"], resolve)
    outer = call(jit, cc)
    jit.lookup("real_one")
    change = [lambda: lazy.stubs.reset([0])]
    assert outer(1) == 2
    assert lazy.asked == ["one", "one"]
    assert lazy.stubs.target(0) == jit.lookup("real_one").address
    lazy.stubs.reset([0])
    change = [lambda: lazy.stubs.bind([0], [jit.lookup("other").address])]
    assert [outer(1), outer(1)] == [101, 101]
    assert len(lazy.asked) == 3


def test_a_reset_between_the_answer_and_the_slot(cc: Compile, jit: uruk.LLJIT) -> None:
    """The runtime asks again where the slot was reset after Python had answered; here, by the lock's release."""

    class Lock:
        def __init__(self) -> None:
            self.inner = threading.RLock()
            self.at_release: list[object] = []

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            return self.inner.acquire(blocking, timeout)

        def release(self) -> None:
            self.inner.release()
            if self.at_release:
                self.at_release.pop()()

    lock = Lock()
    asked: list[int] = []

    def resolve(stub: int) -> int:
        asked.append(stub)
        return jit.lookup("real_one").address

    stubs = jit.platform.process.lazy_stubs(resolve, lambda stub, error: asked.append(-1), lock)
    jit.define("one", int(stubs.take(1)[0]))
    outer = call(jit, cc)
    lock.at_release.append(lambda: stubs.reset([0]))
    assert outer(1) == 2
    assert (asked, stubs.target(0)) == ([0, 0], jit.lookup("real_one").address)


def test_bind_and_reset(cc: Compile, jit: uruk.LLJIT) -> None:
    lazy = LazyNames(jit, ["one"])
    outer = call(jit, cc)
    lazy.stubs.bind([0], [jit.lookup("other").address])
    assert (outer(1), lazy.asked) == (101, [])
    lazy.stubs.reset([0])
    assert (outer(1), lazy.asked) == (2, ["one"])
    lazy.stubs.bind([0], [0])
    assert (lazy.stubs.target(0), outer(1), lazy.asked) == (0, 2, ["one", "one"])


def test_a_stub_that_is_given_back(cc: Compile, jit: uruk.LLJIT, handler: int) -> None:
    lazy = LazyNames(jit, ["one"])
    lazy.stubs.handler = handler
    outer = call(jit, cc)
    assert outer(1) == 2
    lazy.stubs.give([0])
    assert outer(1) == -5
    assert [str(error) for _, error in lazy.errors] == ["a lazy function was called after it was removed"]
    assert lazy.stubs.take(1).tolist() == lazy.addresses
    assert outer(1) == 2


def test_wrong_use_is_refused(jit: uruk.LLJIT) -> None:
    lazy = LazyNames(jit, ["a", "b"])
    stubs = lazy.stubs
    for numbers in ([2], [-1], [1 << 40], [0, 5]):
        with pytest.raises(UrukError, match="never taken"):
            stubs.give(numbers)
    with pytest.raises(UrukError, match="twice"):
        stubs.give([1, 1])
    with pytest.raises(InternalError, match="1 targets for 2"):
        stubs.bind([0, 1], [5])
    for address in (0, lazy.addresses[0] + 8, lazy.addresses[0] + (1 << 30)):
        with pytest.raises(UrukError, match="no lazy stub"):
            stubs.numbers([lazy.addresses[1], address])
    stubs.give([1])
    with pytest.raises(UrukError, match="given back"):
        stubs.bind([1], [5])
    assert stubs.numbers([lazy.addresses[0]]).tolist() == [0]
    stubs.close()
    for action in (lambda: stubs.take(1), lambda: stubs.reset([0]), lambda: setattr(stubs, "handler", 5)):
        with pytest.raises(SessionClosed):
            action()


def test_after_close_the_handler_answers(cc: Compile, handler: int) -> None:
    with uruk.LLJIT() as keeper:  # the caller's code outlives the session of the stub
        with uruk.LLJIT() as jit:
            lazy = LazyNames(jit, ["one"])
            lazy.stubs.handler = handler
            jit.add_archive(cc.archive("libreal.a", cc(REAL)))
            keeper.define("one", lazy.addresses[0])
            outer = call(keeper, cc, real=False)
            assert outer(1) == 2
        assert outer(1) == -5
        assert (lazy.asked, lazy.errors) == (["one"], [])


IN_A_THREAD = """
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>
int one(int, double);
static void *body(void *unused) { return (void *)(long)one(1, 0.5); }
int outer(void)
{
    void *result;
    pthread_t thread;
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 20;
    pthread_create(&thread, 0, body, 0);
    return pthread_timedjoin_np(thread, &result, &end) ? 1000 : (int)(long)result;
}
"""


def test_after_close_no_thread_takes_the_gil(cc: Compile, jit: uruk.LLJIT, handler: int) -> None:
    """A native thread calls while the calling thread keeps the GIL (PYFUNCTYPE): it could never get it."""
    lazy = LazyNames(jit, ["one"])
    lazy.stubs.handler = handler
    jit.add_object(cc(IN_A_THREAD))
    outer = ctypes.PYFUNCTYPE(ctypes.c_int)(jit.lookup("outer").address)
    lazy.stubs.close()
    assert outer() == -5
    assert lazy.asked == []


def test_close_waits_for_calls_under_way(cc: Compile, jit: uruk.LLJIT, handler: int) -> None:
    entered, go = threading.Event(), threading.Event()

    def resolve(stub: int) -> int:
        entered.set()
        assert go.wait(30)
        return address

    lazy = LazyNames(jit, ["one"], resolve)
    lazy.stubs.handler = handler
    outer = call(jit, cc)
    address = jit.lookup("real_one").address
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(outer(1)))
    thread.start()
    assert entered.wait(30)
    threading.Timer(0.3, go.set).start()
    begin = time.monotonic()
    lazy.stubs.close()
    assert go.is_set()
    assert time.monotonic() - begin < PATIENCE
    thread.join()
    assert results == [-5]  # the answer came too late
    assert lazy.errors == []


def test_close_in_a_call_and_with_others_waiting(cc: Compile, jit: uruk.LLJIT, handler: int) -> None:
    """Closing holds the session's lock: who waits for it gives up, and the calling thread's own call is not awaited."""

    def resolve(stub: int) -> int:
        thread.start()
        while lazy.under_way() < 2:
            time.sleep(0.001)
        begin = time.monotonic()
        lazy.stubs.close()
        took.append(time.monotonic() - begin)
        return lazy.look_up(stub)

    took: list[float] = []
    results: list[int] = []
    lazy = LazyNames(jit, ["one"], resolve)
    lazy.stubs.handler = handler
    outer = call(jit, cc)
    thread = threading.Thread(target=lambda: results.append(outer(3)))

    assert outer(1) == -5
    thread.join()
    assert results == [-7]
    assert took[0] < PATIENCE / 2
    assert lazy.errors == []


ENDS = """
import sys, os, threading, time, uruk, warnings
from lazy_names import LazyNames
outer, real, handler = sys.argv[1:4]
keeper = uruk.LLJIT()
jit = uruk.LLJIT()
def broken(stub):
    raise uruk.UrukError("one cannot be had: \\udc80")
lazy = LazyNames(jit, ["one"], broken)
keeper.define("one", lazy.addresses[0])
keeper.add_object(outer)
call = keeper.lookup("outer").function("int(int)")
"""


def test_by_default_an_error_is_printed_and_the_process_aborts(cc: Compile, child: RunChild) -> None:
    ended = child(f"{ENDS}\ncall(1)\nprint('not reached')", cc(OUTER), cc(REAL), cc(HANDLER))
    assert (ended.status, ended.out) == (-6, "")
    assert ended.err.splitlines() == [
        r"uruk: UrukError: one cannot be had: \udc80",
        "uruk: lazy function called, but there is no code for it",
    ]


def test_by_default_a_call_after_close_aborts(cc: Compile, child: RunChild) -> None:
    ended = child(f"{ENDS}\njit.close()\ncall(1)", cc(OUTER), cc(REAL), cc(HANDLER))
    assert (ended.status, ended.out) == (-6, "")
    assert ended.err == "uruk: lazy function called after its session was closed\n"


LATEST = f"""{ENDS}
from uruk.executor.lazy_stubs import _callback
from uruk.executor.stub_pool import DISTANCE
stubs = lazy.stubs
late = int(stubs.take(300)[-1])  # not in the block that has the session's context
home = (lazy.addresses[0] & -4096) + DISTANCE
stubs.close()
stubs._retired().let_go()  # as when the quarantine is over; another session has the first block then
other = LazyNames(jit, ["other"], lambda stub: print("wrong", flush=True))
stubs._functions.begin(home, _callback(stubs._functions), other.stubs._number)
keeper.define("late", late)
keeper.add_object(sys.argv[4])
keeper.lookup("call_late").function("int(int)")(1)
"""


def test_a_call_after_the_quarantine_gets_into_no_other_session(cc: Compile, child: RunChild) -> None:
    late = cc("int late(int); int call_late(int a) { return late(a); }")
    ended = child(LATEST, cc(OUTER), cc(REAL), cc(HANDLER), late)
    assert (ended.status, ended.out) == (-6, "")
    assert ended.err == "uruk: lazy function called after its session was closed\n"


def test_an_error_of_the_error_function_does_not_get_lost(cc: Compile, child: RunChild) -> None:
    text = f"""{ENDS}
keeper.add_object(handler)
lazy.stubs.handler = keeper.lookup("handler").address
lazy.errors = None
print(call(1))
"""
    ended = child(text, cc(OUTER), cc(REAL), cc(HANDLER))
    assert (ended.status, ended.out) == (0, "-5\n")
    assert "'NoneType' object has no attribute 'append'" in ended.err


FORK = f"""{ENDS}
keeper.add_object(handler)
lazy.stubs.handler = keeper.lookup("handler").address
entered = threading.Event()
lazy.found = lambda stub: (entered.set(), time.sleep(1000))
threading.Thread(target=call, args=(1,), daemon=True).start()
assert entered.wait(30)
other = LazyNames(keeper, ["two"], lambda stub: keeper.lookup("handler").address)
keeper.add_object(sys.argv[4])
two = keeper.lookup("call_two").function("int(int)")
warnings.simplefilter("ignore")  # newer Pythons warn of any fork beside threads
pid = os.fork()
if not pid:
    begin = time.monotonic()
    good = [two(1), call(1)] == [-5, -5]  # the second's session is locked by a thread that is not here
    good = good and other.asked == ["two"] and lazy.asked == ["one"]
    lazy.stubs.close()
    other.stubs.close()
    os._exit(7 if good and time.monotonic() - begin < 1 else 8)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(two(1), other.asked)
sys.stdout.flush()
os._exit(0)
"""


def test_the_child_of_a_fork(cc: Compile, child: RunChild) -> None:
    two = cc("int two(int, double); int call_two(int a) { return two(a, 0.5); }")
    assert child.ok(FORK, cc(OUTER), cc(REAL), cc(HANDLER), two) == "7\n-5 ['two']\n"


FORK_WITH_THE_LOCK = f"""{ENDS}
keeper.add_object(handler)
lazy.stubs.handler = keeper.lookup("handler").address
warnings.simplefilter("ignore")
with jit.session.lock:
    threading.Thread(target=call, args=(1,)).start()  # counted as under way, it waits for the lock
    while not lazy.under_way():
        time.sleep(0.001)
    pid = os.fork()
    if not pid:
        begin = time.monotonic()
        good = call(3) == -7 and lazy.asked == ["one"]
        lazy.stubs.close()
        os._exit(7 if good and time.monotonic() - begin < 1 else 8)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_fork_by_the_thread_that_holds_the_lock(cc: Compile, child: RunChild) -> None:
    """The thread that waits for it is not in the child, and is not waited for there."""
    assert child.ok(FORK_WITH_THE_LOCK, cc(OUTER), cc(REAL), cc(HANDLER)) == "7\n"


def test_a_fork_by_native_code(cc: Compile, jit: uruk.LLJIT) -> None:
    lazy = LazyNames(jit, ["one"])
    jit.add_archive(cc.archive("libreal.a", cc(REAL)))
    source = """
        #include <sys/wait.h>
        #include <unistd.h>
        int one(int, double);
        int forks(void)
        {
            int status, pid = fork();
            if (!pid)
                _exit(one(40, 1));
            waitpid(pid, &status, 0);
            return WEXITSTATUS(status);
        }
    """
    jit.add_object(cc(source))
    assert jit.lookup("forks").function("int(void)")() == 42
    assert lazy.asked == []  # that was in the child
