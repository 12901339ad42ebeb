"""Destructors that use a session or an executor, in whichever thread of uruk's own the garbage was collected."""

from __future__ import annotations

import pytest

from support.compiling import Compile, RunChild

SOURCE = """
#include <pthread.h>
#include <unistd.h>
static _Atomic int stop; static void (*back)(int); static pthread_t thread;
static void *run(void *unused) { for (int i = 0; !stop; i++) back(i); return 0; }
void start(void (*function)(int)) { back = function; pthread_create(&thread, 0, run, 0); }
void finish(void) { stop = 1; pthread_join(thread, 0); }
int add(int a, int b) { return a + b; }
int nap(int microseconds) { usleep(microseconds); return microseconds; }
"""

# A collection may happen at any line: those of uruk.executor are traced, and at some of them a destructor runs.
COLLECTING = """
import collections, random, sys, threading, uruk
random.seed(7)
on, local, errors, done = False, threading.local(), collections.Counter(), collections.Counter()

class Garbage:
    def __del__(self):
        try:
            action()
            done[threading.current_thread().name] += 1
        except uruk.ExecutorError as error:
            errors[type(error).__name__, str(error).split(",")[0].partition(" destructor ")[2]] += 1

def trace(frame, event, argument):
    inside = PART in frame.f_code.co_filename
    if inside and on and event == "line" and not getattr(local, "busy", False) and random.random() < RATE:
        local.busy = True
        Garbage()
        local.busy = False
    return trace if inside else None

threading.settrace(trace)
sys.settrace(trace)
"""


@pytest.mark.parametrize("action", ["assert add(1, 2) == 3", "jit.lookup('add')"])
def test_destructors_in_any_thread_end_nothing(action: str, cc: Compile, child: RunChild) -> None:
    """Those in the middle of uruk's own work get an error; no other call fails, and none waits for ever."""
    text = f"""{COLLECTING}
PART, RATE = "uruk/executor/", 0.01
def action():
    {action}
with uruk.LLJIT(executor=uruk.spawn()) as jit:
    jit.add_object(sys.argv[1])
    add = jit.lookup("add").function("int(int, int)")
    back = jit.callback("void(int)", lambda number: None)
    jit.lookup("start").function("void(void (*)(int))")(back)
    def work():
        for number in range(100):
            assert add(number, 2) == number + 2
            with jit.session.lock:
                assert add(number, 2) == number + 2
    on = True
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    on = False
    jit.lookup("finish").function("void()")()
    assert add(1, 2) == 3
assert sum(done.values()) > 20, done
print(*sorted(errors))
"""
    what = {
        "assert add(1, 2) == 3": "calls into an executor",
        "jit.lookup('add')": "waits for a session that another thread is using",
    }[action]
    assert child.ok(text, cc(SOURCE), timeout=60) == f"('ExecutorError', '{what}')\n"


def test_destructors_while_a_turn_is_taken(cc: Compile, child: RunChild) -> None:
    """Those in the middle of taking a turn, or of what it is for, are refused, and the turn is kept."""
    text = f"""{COLLECTING}
PART, RATE = "uruk/executor/connection", 0.1
def action():
    assert add(1, 2) == 3
with uruk.LLJIT(executor=uruk.spawn()) as jit:
    jit.add_object(sys.argv[1])
    add, nap = jit.lookup("add").function("int(int, int)"), jit.lookup("nap").function("int(int)")
    on = True
    for _ in range(100):
        assert nap(5_000) == 5_000  # no answer is there before this thread reads
    on = False
print(*errors, sum(done.values()) >= 10)
"""
    assert child.ok(text, cc(SOURCE), timeout=30) == "('ExecutorError', 'calls into an executor') True\n"


def test_removal_in_the_middle_of_a_call_is_refused_as_a_whole(cc: Compile, child: RunChild) -> None:
    """The next removal removes everything."""
    text = """
import signal, sys, uruk
with uruk.LLJIT(executor=uruk.spawn()) as jit:
    jit.add_object(sys.argv[1])
    other = jit.create_dylib("other")
    tracker = other.add_object(sys.argv[1])
    jit.lookup("add", other)
    nap = jit.lookup("nap").function("int(int)")
    errors = []
    def handle(number, frame):
        try:
            tracker.remove()
        except uruk.ExecutorError as error:
            errors.append(error)
    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    assert nap(300_000) == 300_000
    print(len(errors), jit.lookup("add", other).function("int(int, int)")(3, 4), tracker.remove().objects)
"""
    assert child.ok(text, cc(SOURCE), timeout=30) == "1 7 1\n"


LOOK_UP_IN_THREADS = """
    found = []
    def look_up():
        try:
            jit.lookup("add")
        except uruk.ExecutorError as error:
            found.append(error)
        else:
            found.append(threading.get_ident() in listeners)
    threads = [threading.Thread(target=look_up) for _ in range(8)]
    with jit.session.lock:
        for thread in threads:
            thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    refused = [each for each in found if not isinstance(each, bool)]
"""
"""Eight threads that wait for a session; `listeners` are the numbers of threads that have ended."""


def test_threads_that_have_the_numbers_of_ended_ones_wait_for_a_session(cc: Compile, child: RunChild) -> None:
    """An executor's listener keeps the line's turn when it ends, so that nobody reads what is closed."""
    text = """
import sys, threading, time, uruk
listeners = set()
with uruk.LLJIT() as jit:
    jit.add_object(sys.argv[1])
    for _ in range(3):
        with uruk.spawn() as executor:
            listeners.add(executor.connection.listener.ident)
"""
    said = "    print(any(each is True for each in found), refused)\n"
    assert child.ok(text + LOOK_UP_IN_THREADS + said, cc(SOURCE), timeout=30) == "True []\n"


def test_threads_of_a_forks_child_wait_for_a_session(cc: Compile, child: RunChild) -> None:
    """They may have the numbers of uruk's own threads, which the parent alone has."""
    text = """
import os, sys, threading, time, uruk
executor = uruk.spawn()
listeners = {executor.connection.listener.ident}
with uruk.LLJIT() as jit:
    jit.add_object(sys.argv[1])
    pid = os.fork()
    if pid:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    said = """
    print(sum(map(bool, found)), refused, flush=True)
    os._exit(0)
"""
    assert child.ok(text + LOOK_UP_IN_THREADS + said, cc(SOURCE), timeout=30) == "1 []\n"
