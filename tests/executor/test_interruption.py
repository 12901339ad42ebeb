"""Ctrl-C at any moment: nothing of an executor is left behind, or the executor is as it was."""

from __future__ import annotations

import contextlib
import gc
import itertools
import linecache
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import uruk
from uruk.executor.remote import RemoteExecutor
from uruk.platforms.linux.runtime_archive import open_runtime
from uruk.runtime_files import executor_program

from support.executors import compiled_for
from support.requirements import require_tool

FAKE = [sys.executable, str(Path(__file__).parent / "fake.py")]
LOADED = 10.0
"""Seconds more for a machine that is at work."""
SOURCE = """
#include <unistd.h>
int add(int a, int b) { return a + b; }
int wait_for(int milliseconds) { usleep(milliseconds * 1000); return milliseconds; }
"""
READS = ("_read_some", "_take_message", "take_result", "_take_call", "count")
"""Functions outside `Incoming` that read the line."""
KINDS = ("shared", "wire", "socket", "aarch64", "windows")
FOR_WINDOWS = "__attribute__((dllimport)) void Sleep(unsigned); static void usleep(int n) { Sleep(n / 1000); } "
SOON = 10.0
Resources = tuple[int, int, list[str], list[str]]


def resources() -> Resources:
    """Descriptors, threads, children and names in shared memory."""
    gc.collect()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    names = [name for name in os.listdir("/dev/shm") if name.startswith(("uruk", "jitlink"))]
    return len(os.listdir("/proc/self/fd")), threading.active_count(), sorted(children), sorted(names)


def assert_nothing_left(before: Resources) -> None:
    """What there is more than before must go: names in shared memory may be those of tests in other processes."""
    end, left = time.monotonic() + SOON, set[str]()
    for turn in itertools.count():
        descriptors, threads, children, names = resources()
        more = set(names) - set(before[3])
        left = more if turn == 0 else left & more
        if descriptors <= before[0] and threads <= before[1] and set(children) <= set(before[2]) and not left:
            return
        assert time.monotonic() < end, (before, descriptors, threads, children, left)
        time.sleep(0.1)


@pytest.fixture(scope="module", autouse=True)
def opened_once() -> None:
    """Open what stays open until the process ends, as the archives of the runtime do."""
    uruk.LLJIT(executor=uruk.spawn()).close()
    open_runtime("aarch64")


@contextmanager
def interrupted_after(seconds: float) -> Generator[None]:
    """The handler of Ctrl-C raises so many seconds later, unless it is left before; never when it is left."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def executor(kind: str, deadline: float | None = None) -> Generator[RemoteExecutor]:
    """A child with or without shared memory, one that is connected to, one under an emulator, one under wine."""
    if kind == "windows":
        yield uruk.spawn(target="x86_64-windows", deadline=deadline)
    elif kind == "aarch64":
        require_tool("qemu-aarch64")
        require_tool("aarch64-linux-gnu-gcc")
        yield uruk.spawn(target="aarch64-linux", deadline=deadline)
    elif kind != "socket":
        yield uruk.spawn(shared_memory=kind == "shared", deadline=deadline)
    else:
        with subprocess.Popen([executor_program(), "serve=127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                port = int(process.stdout.readline().rpartition(":")[2])
                yield uruk.connect("127.0.0.1", port, shared_memory=False, deadline=deadline)
            finally:
                process.kill()


@pytest.fixture(autouse=True)
def with_wine(request: pytest.FixtureRequest) -> None:
    """Have wine where it is needed."""
    if "kind" in request.fixturenames and request.getfixturevalue("kind") == "windows":
        request.getfixturevalue("wine")
        uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")).close()  # the archive stays open


def add(jit: uruk.LLJIT, kind: str, folder: Path, text: str) -> None:
    """Add C code to an executor of this kind."""
    if kind == "windows":
        text = FOR_WINDOWS + text.replace("#include <unistd.h>", "")
        jit.add_object(compiled_for("x86_64-windows", folder, text))
    else:
        jit.add_source(text=text, language="c")


def call(jit: uruk.LLJIT, name: str, *arguments: int) -> int:
    return jit.executor.call(jit.lookup(name).address, *arguments)


def test_a_start_at_any_moment() -> None:
    uruk.spawn().close()  # and all imports
    before = resources()
    chance = random.Random(5)
    interrupted = 0
    for _ in range(int(os.environ.get("URUK_CYCLES", "40"))):
        executor = None
        try:
            with interrupted_after(chance.uniform(0, 0.15)):
                executor = uruk.spawn()
        except KeyboardInterrupt:
            interrupted += 1
        if executor is not None:
            executor.close()
        del executor
    assert interrupted
    assert_nothing_left(before)


@pytest.mark.parametrize("kind", ["silent", "hangs"])
def test_an_executor_that_says_nothing(kind: str) -> None:
    uruk.spawn().close()
    before = resources()
    begin = time.monotonic()
    timer = threading.Timer(0.7, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        uruk.spawn(launcher=[*FAKE, kind], executor="fake")
    timer.join()
    assert time.monotonic() - begin < 5 + LOADED
    assert_nothing_left(before)


def test_a_handler_that_raises_nothing_does_not_end_the_start() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        executor = uruk.spawn()
        while not seen:
            time.sleep(0.01)
        executor.close()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert seen == [signal.SIGALRM]


def test_other_signals_whose_handlers_raise() -> None:
    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(7)

    uruk.spawn().close()
    resources_before = resources()
    before = signal.signal(signal.SIGALRM, leave)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(SystemExit):
            uruk.spawn(launcher=[*FAKE, "silent"], executor="fake")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert resources() == resources_before


def test_connecting() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        before = resources()
        with pytest.raises(KeyboardInterrupt), interrupted_after(0.5):
            uruk.connect("127.0.0.1", silent.getsockname()[1])
        assert_nothing_left(before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_call(kind: str, tmp_path: Path) -> None:
    """It goes on there; the next call finds the executor as it was."""
    before = resources()
    with executor(kind) as there, uruk.LLJIT(executor=there) as jit:
        add(jit, kind, tmp_path, SOURCE)
        call(jit, "wait_for", 0)
        for _ in range(5):
            with pytest.raises(KeyboardInterrupt), interrupted_after(0.1):
                call(jit, "wait_for", 400)
            assert call(jit, "add", 40, 2) == 42
    assert_nothing_left(before)


@pytest.mark.parametrize("kind", KINDS)
def test_calls_at_any_moment(kind: str, tmp_path: Path) -> None:
    """The executor goes on, and answers the next call with the next call's result."""
    chance = random.Random(6)
    before = resources()
    interrupted = 0
    with executor(kind, 20.0) as there, uruk.LLJIT(executor=there) as jit:
        add(jit, kind, tmp_path, SOURCE)
        address = jit.lookup("add").address
        for _ in range(int(os.environ.get("URUK_CYCLES", "40")) * 10):
            try:
                with interrupted_after(chance.uniform(0, 0.004)):
                    for number in range(60):
                        assert jit.executor.call(address, number, 2) == number + 2
            except KeyboardInterrupt:
                interrupted += 1
            assert jit.executor.call(address, 40, 2) == 42
    assert interrupted > 100
    assert_nothing_left(before)


class Interrupter:
    """Raises KeyboardInterrupt before about one in 40 lines that read an executor's line, in this thread."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.done = 0

    def trace(self, frame: FrameType, event: str, _: Any) -> Callable[[FrameType, str, Any], Any] | None:
        module, function = frame.f_globals.get("__name__"), frame.f_code.co_name
        if module == "uruk.executor.incoming" or function in READS:
            line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
            # the way out of a `with` is such a line, too: Python leaves it without its end, as a signal does not
            if event == "line" and not line.lstrip().startswith("with ") and self.chance.random() < 0.025:
                self.done += 1
                raise KeyboardInterrupt
            return self.trace
        return None


@pytest.mark.parametrize("kind", KINDS)
def test_the_reading_of_answers_at_every_line(kind: str, tmp_path: Path) -> None:
    """Requests of the executor come in between: a request is served once."""
    served: list[int] = []
    with executor(kind, 20.0) as there, uruk.LLJIT(executor=there) as jit:

        def serve(number: int) -> int:
            served.append(number)
            return number + 1

        callback = jit.executor.callback("int(int)", serve)
        add(jit, kind, tmp_path, "int ask(int (*serve)(int), int n) { return serve(n) + 1; }")
        ask = jit.lookup("ask").function("int(void *, int)")
        interrupter = Interrupter(3)
        for number in range(600):
            try:
                sys.settrace(interrupter.trace)
                assert ask(callback, number) == number + 2
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(None)
        assert ask(callback, 1000) == 1002
        end = time.monotonic() + LOADED
        while len(served) < 601 and time.monotonic() < end:
            time.sleep(0.01)
    assert interrupter.done > 100
    assert sorted(served) == [*range(600), 1000]


class TwoSignals:
    """A handler of SIGALRM that raises KeyboardInterrupt twice a turn, where a call of the executor is on the stack.

    The second signal comes a moment after the first. While one of the `delayed` functions runs, signals wait.
    """

    def __init__(self, seed: int, *delayed: str) -> None:
        self.chance = random.Random(seed)
        self.delayed = set(delayed)
        self.left = 0
        self.twice = 0
        """The number of turns in which both have come."""
        self.while_serving = 0
        """The number of signals that have come while Python served a request."""

    def _handle(self, number: int, frame: FrameType | None) -> None:
        names = {frame.f_code.co_name for frame, _ in traceback.walk_stack(frame)}
        if not self.left:
            return
        if names & self.delayed:
            signal.setitimer(signal.ITIMER_REAL, 1e-5)
        elif "call_with" in names:
            self.while_serving += "counted" in names
            self.left -= 1
            self.twice += not self.left
            signal.setitimer(signal.ITIMER_REAL, self.chance.uniform(1e-6, 1e-4) if self.left else 0)
            raise KeyboardInterrupt

    @contextmanager
    def installed(self) -> Generator[None]:
        """The handler is the process's."""
        before = signal.signal(signal.SIGALRM, self._handle)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def turns(self, enough: Callable[[], bool]) -> Generator[int]:
        """Count 1,500 turns, and more until enough signals have come where they should: beside other work fewer do."""
        end = time.monotonic() + LOADED
        number = 0
        while number < 1500 or (not enough() and time.monotonic() < end):
            yield number
            number += 1

    @contextmanager
    def turn(self, latest: float) -> Generator[None]:
        """Interrupt the body within so many seconds, and once more; it may be left by that, or end before."""
        self.left = 2
        signal.setitimer(signal.ITIMER_REAL, self.chance.uniform(1e-6, latest))
        with contextlib.suppress(KeyboardInterrupt):
            yield
        self.left = 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # in a finaliser it is printed
@pytest.mark.parametrize("kind", KINDS)
def test_two_at_any_moment(kind: str, tmp_path: Path) -> None:
    """The second comes while the call is left that the first has ended: what the executor asks is answered once."""
    served: list[int] = []

    def serve(number: int) -> int:
        served.append(number)
        return number + 1

    # What comes to a request that is being served is the Python function's, and to pytest's hook for what the first one
    # raised in a finaliser, pytest's.
    signals = TwoSignals(8, "counted", "unraisable_hook")
    text = "static int count; int asked(void) { return count; } "
    text += "int ask(int (*serve)(int), int n) { __sync_fetch_and_add(&count, 1); return serve(n) + 1; }"
    with executor(kind, 20.0) as there, uruk.LLJIT(executor=there) as jit:
        add(jit, kind, tmp_path, text)
        ask, asked = jit.lookup("ask").function("int(void *, int)"), jit.lookup("asked").function("int(void)")
        callback = jit.executor.callback("int(int)", serve)
        with signals.installed():
            for number in signals.turns(lambda: signals.twice > 100):
                with signals.turn(3e-4):
                    assert ask(callback, number) == number + 2
        assert ask(callback, -3) == -1
        end = time.monotonic() + LOADED
        while len(served) < asked() and time.monotonic() < end:
            time.sleep(0.01)
        assert signals.twice > 100
        assert (len(served), len(set(served))) == (asked(), asked())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_inside_of_callbacks(kind: str, tmp_path: Path) -> None:
    """One comes while Python serves a request, the next while that is left: code there gets an answer, a 0 for it.

    No function is called twice for a request, and the executor goes on.
    """
    served: list[int] = []

    def serve(number: int) -> int:
        served.append(number)
        return number + 1

    signals = TwoSignals(9, "unraisable_hook")
    text = "static int count, done; int asked(void) { return count; } int answered(void) { return done; } "
    text += "int ask(int (*serve)(int), int n) { __sync_fetch_and_add(&count, 1); int r = serve(n);"
    text += " __sync_fetch_and_add(&done, 1); return r; }"
    with executor(kind, 20.0) as there, uruk.LLJIT(executor=there) as jit:
        add(jit, kind, tmp_path, text)
        ask = jit.lookup("ask").function("int(void *, int)")
        asked, answered = (jit.lookup(name).function("int(void)") for name in ("asked", "answered"))
        callback = jit.executor.callback("int(int)", serve)
        with signals.installed():
            for number in signals.turns(lambda: signals.while_serving > 40):
                with signals.turn(4e-4):
                    assert ask(callback, number) in (0, number + 1)
        assert ask(callback, -3) == -2
        end = time.monotonic() + LOADED
        while answered() < asked() and time.monotonic() < end:
            time.sleep(0.01)
        assert signals.while_serving > 40
        assert (answered(), len(served)) == (asked(), len(set(served)))


def test_a_turn_that_was_left_behind() -> None:
    """A thread that is interrupted twice may keep the turn to write: its next call gives it back to the others."""
    text = """
        #include <pthread.h>
        static int (*serve)(int), answer;
        static void *ask(void *number) { answer = serve(*(int *)number); return 0; }
        int begin(int (*server)(int)) {
            static int number = 5; pthread_t thread; serve = server;
            return pthread_create(&thread, 0, ask, &number);
        }
        int answered(void) { return answer; }
    """
    with executor("wire", 20.0) as there, uruk.LLJIT(executor=there) as jit:
        jit.add_source(text=text, language="c")
        begin, answered = jit.lookup("begin").function("int(void *)"), jit.lookup("answered").function("int(void)")
        callback = jit.executor.callback("int(int)", lambda number: number + 1)
        writing = getattr(there.connection, "_out")  # noqa: B009 - as nothing else does this from outside
        assert writing.turn.take_at_once()
        assert begin(callback) == 0
        end = time.monotonic() + LOADED
        while not answered() and time.monotonic() < end:
            time.sleep(0.01)
        assert answered() == 6


@pytest.mark.parametrize("turn", ["_out", "_reading"])
def test_a_turn_that_was_left_for_ever(turn: str) -> None:
    """The thread that has it calls nothing any more: requests of the executor's threads are answered all the same."""
    text = """
        #include <pthread.h>
        #include <unistd.h>
        static int (*serve)(int);
        static void *ask(void *unused) { usleep(200000); serve(serve(5)); return 0; }
        int begin(int (*server)(int)) { pthread_t thread; serve = server; return pthread_create(&thread, 0, ask, 0); }
    """
    served: list[int] = []
    with executor("wire", 20.0) as there, uruk.LLJIT(executor=there) as jit:
        jit.add_source(text=text, language="c")
        callback = jit.callback("int(int)", lambda number: [served.append(number), number + 1][1])
        begin = jit.lookup("begin").function("int(void *)")
        line = there.connection
        held = getattr(line, turn)
        held = held.turn if turn == "_out" else held
        assert begin(callback) == 0
        while not held.take_at_once():
            time.sleep(0.001)
        assert not served
        end = time.monotonic() + LOADED
        while len(served) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        assert served == [5, 6]
        assert begin(callback) == 0  # this thread's next call takes a turn as any other does


@pytest.mark.parametrize("stopped", [True, False])
def test_closing(stopped: bool) -> None:
    before = resources()
    jit = uruk.LLJIT(executor=uruk.spawn())
    pid = jit.executor.child.pid
    jit.add_source(text=SOURCE + "__attribute__((destructor)) static void f(void) { sleep(2); }", language="c")
    assert call(jit, "add", 40, 2) == 42
    if stopped:
        os.kill(pid, signal.SIGSTOP)
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), interrupted_after(0.5):
        jit.close()
    jit.close()
    assert time.monotonic() - begin < 5 + LOADED
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert_nothing_left(before)
