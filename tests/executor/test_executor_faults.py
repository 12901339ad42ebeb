"""What goes wrong with an executor is an error in bounded time, and nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake import FIRST, SETUP, THEN, frame

import uruk
from uruk.errors import ExecutorCrashed, ExecutorError, ExecutorLost, ExecutorTimeout, ProtocolError, UrukError
from uruk.executor.connection import Connection
from uruk.executor.requests import MOST_THREADS, MOST_WAITING

from support.executors import TARGETS, compiled_for

WRONG_MESSAGES = [
    "second setup",
    "wrong number",
    "tagged result",
    "unknown kind",
    "half a result",
    "huge result",
    "large result",
    "large request",
    "floods",
]
FAKE = [sys.executable, str(Path(__file__).parent / "fake.py")]
SOON = 15.0
"""Seconds within which every fault must be known."""
LINUX, WINDOWS = TARGETS
SOURCES = {
    LINUX: r"""
#include <stdlib.h>
#include <unistd.h>
#include <signal.h>
int add(int a, int b) { return a + b; }
int crash(int *place) { return *place; }
int give_up(void) { abort(); }
int leave(int status) { exit(status); }
int stop(void) { return raise(SIGKILL); }
int fork_and_crash(int seconds) {
    if (!fork()) { for (int fd = 0; fd < 3; fd++) close(fd); sleep(seconds); _exit(0); }
    return *(volatile int *)8;
}
int hang(void) { for (;;) pause(); }
int deep(int n) { volatile char page[4096]; page[0] = (char)n; return deep(n + 1) + page[0]; }
""",
    WINDOWS: r"""
__attribute__((dllimport)) void Sleep(unsigned), ExitProcess(unsigned);
__attribute__((dllimport)) void *GetCurrentProcess(void);
__attribute__((dllimport)) int TerminateProcess(void *, unsigned);
void abort(void);
int add(int a, int b) { return a + b; }
int crash(int *place) { return *place; }
int give_up(void) { abort(); return 0; }
int leave(int status) { ExitProcess(status); return 0; }
int stop(void) { return TerminateProcess(GetCurrentProcess(), 9); }
int hang(void) { for (;;) Sleep(600000); }
int deep(int n) { volatile char page[1024]; page[0] = (char)n; return deep(n + 1) + page[0]; }
""",
}
ENDS = {
    "crash": {LINUX: (signal.SIGSEGV, 0), WINDOWS: (0, 0xC0000005)},
    "deep": {LINUX: (signal.SIGSEGV, 0), WINDOWS: (0, 0xC00000FD)},
    "give_up": {LINUX: (signal.SIGABRT, 0), WINDOWS: (0, 3)},
}
"""Function -> the signal, or Windows's code, with which it ends the process."""
KINDS = [(target, shared) for target in TARGETS for shared in (True, False)]


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    begin = time.monotonic()
    before = set(os.listdir("/dev/shm"))
    yield
    assert time.monotonic() - begin < 2 * SOON
    assert not [name for name in set(os.listdir("/dev/shm")) - before if name.startswith(("uruk", "jitlink"))]


@pytest.fixture(params=KINDS, ids=["-".join((one, "shared" if shared else "wire")) for one, shared in KINDS])
def jit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[uruk.LLJIT]:
    target, shared = request.param
    if target == WINDOWS:
        request.getfixturevalue("wine")
    with uruk.LLJIT(executor=uruk.spawn(shared_memory=shared, target=target)) as one:
        add_functions(one, target, tmp_path)
        yield one


def add_functions(jit: uruk.LLJIT, target: str, folder: Path) -> None:
    """Add the functions of `SOURCES`."""
    jit.add_object(compiled_for(target, folder, SOURCES[target]), "source.o")
    if target == WINDOWS:
        jit.main.add_shared_library("msvcrt.dll")
    assert call(jit, "add", 40, 2) == 42


def target_of(jit: uruk.LLJIT) -> str:
    return WINDOWS if "windows" in jit.executor.process.triple else LINUX


def call(jit: uruk.LLJIT, name: str, *arguments: int) -> int:
    return jit.executor.call(jit.lookup(name).address, *arguments)


def pid_of(jit: uruk.LLJIT) -> int:
    child = jit.executor.child
    return int(child.pid)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("kind", FIRST)
def test_no_executor(kind: str) -> None:
    with pytest.raises(UrukError) as caught:
        uruk.spawn(launcher=[*FAKE, kind], executor="fake", patience=1.0)
    assert isinstance(caught.value, ExecutorError), caught.value
    if kind not in ("silent", "another machine", "no services"):
        assert isinstance(caught.value, ExecutorLost)


@pytest.mark.parametrize("kind", THEN)
def test_executor_that_goes_wrong(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uruk.executor.llvm_services.FIRST_CALL", 3.0)
    with pytest.raises(ExecutorError) as caught:
        uruk.spawn(launcher=[*FAKE, kind], executor="fake", patience=5.0)
    if kind == "hangs":
        assert isinstance(caught.value, ExecutorTimeout)
    elif kind in WRONG_MESSAGES:
        assert isinstance(caught.value, ProtocolError)
    elif kind == "dies":
        assert isinstance(caught.value, ExecutorCrashed)
        assert caught.value.signal == signal.SIGABRT


@pytest.mark.parametrize("known", [False, True], ids=["unknown tag", "a callback"])
def test_a_flood_of_requests_does_not_make_many_threads(known: bool) -> None:
    """Requests that wait have a bound, and so have the threads that serve them; answers find nobody who reads them."""
    controller, executor = socket.socketpair()
    busy = threading.Event()
    most = 0

    def slow(payload: bytes) -> bytes:
        nonlocal most
        most = max(most, threading.active_count())
        busy.wait(SOON)
        return b""

    executor.settimeout(2.0)  # in the end nobody reads any more
    executor.sendall(SETUP)
    connection = Connection(controller.fileno(), os.dup(controller.fileno()), shut_down=controller.close)
    if known:
        connection.handlers[4096] = slow
    before = threading.active_count()
    request = frame(3, 0, 4096, struct.pack("<Q", 1 << 40))
    with contextlib.suppress(OSError):
        for _ in range(MOST_WAITING + 1000):
            executor.sendall(request)
            most = max(most, threading.active_count())
            if connection.lost is not None:
                break
    busy.set()
    end = time.monotonic() + SOON
    while connection.lost is None and time.monotonic() < end:
        time.sleep(0.01)
    assert isinstance(connection.lost, ProtocolError)
    assert "requests before they were answered" in str(connection.lost)
    assert most - before <= MOST_THREADS + 20  # some are about to end
    executor.close()
    connection.close()


def test_nothing_to_start(tmp_path: Path) -> None:
    with pytest.raises(ExecutorError, match="cannot start the executor"):
        uruk.spawn(executor=tmp_path / "nothing")
    with pytest.raises(ExecutorLost, match="ended with status 1"):
        uruk.spawn(executor="/bin/false")


def test_nobody_listens() -> None:
    with pytest.raises(ExecutorError, match="cannot connect"):
        uruk.connect("127.0.0.1", 1)


def test_segmentation_fault(jit: uruk.LLJIT) -> None:
    with pytest.raises(ExecutorCrashed) as caught:
        call(jit, "crash", 0x1230)
    error = caught.value
    assert (error.signal, error.code) == ENDS["crash"][target_of(jit)]
    assert error.address == 0x1230
    assert error.where.startswith("crash+0x")
    assert "(source.o)" in error.where
    assert not error.stack_overflow
    with pytest.raises(ExecutorCrashed):  # and it stays so
        call(jit, "add", 1, 2)


def test_stack_overflow(jit: uruk.LLJIT) -> None:
    with pytest.raises(ExecutorCrashed) as caught:
        call(jit, "deep", 0)
    assert (caught.value.signal, caught.value.code) == ENDS["deep"][target_of(jit)]
    assert caught.value.where.startswith("deep+0x")
    assert caught.value.stack_overflow
    assert "stack overflow" in str(caught.value)


def test_abort(jit: uruk.LLJIT) -> None:
    with pytest.raises(ExecutorCrashed) as caught:
        call(jit, "give_up")
    assert (caught.value.signal, caught.value.code) == ENDS["give_up"][target_of(jit)]


def test_exit_in_a_call(jit: uruk.LLJIT) -> None:
    with pytest.raises(ExecutorLost, match="ended with status 9"):
        call(jit, "leave", 9)


def test_kill_from_inside(jit: uruk.LLJIT) -> None:
    """By a signal; or by a status, which on Windows a process that is ended by others has, too."""
    text = "ended by SIGKILL" if target_of(jit) == LINUX else "ended with status 9"
    with pytest.raises(ExecutorLost, match=text):
        call(jit, "stop")


def test_kill_while_it_is_idle(jit: uruk.LLJIT) -> None:
    pid = pid_of(jit)
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    with pytest.raises(ExecutorCrashed):
        call(jit, "add", 1, 2)
    jit.close()
    assert gone(pid)


def test_deadline(target: str, tmp_path: Path) -> None:
    with uruk.LLJIT(executor=uruk.spawn(target=target)) as jit:
        add_functions(jit, target, tmp_path)
        jit.executor.process.deadline = 0.5
        with pytest.raises(ExecutorTimeout):
            call(jit, "hang")
        assert call(jit, "add", 40, 2) == 42  # other calls go on
        pid = pid_of(jit)
    assert gone(pid)


def test_close_while_a_call_hangs(jit: uruk.LLJIT) -> None:
    seen: list[BaseException] = []

    def run() -> None:
        try:
            call(jit, "hang")
        except BaseException as error:
            seen.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.2)
    pid = pid_of(jit)
    begin = time.monotonic()
    jit.close()
    thread.join(SOON)
    assert not thread.is_alive()
    assert isinstance(seen[0], ExecutorLost)
    assert time.monotonic() - begin < SOON
    assert gone(pid)


def test_a_closed_executor_is_of_no_use() -> None:
    executor = uruk.spawn()
    with uruk.LLJIT(executor=executor), pytest.raises(UrukError, match="one session"):
        uruk.LLJIT(executor=executor)
    with pytest.raises(UrukError, match="one session"):
        uruk.LLJIT(executor=executor)


CONTROLLER = """
import os, sys, time
import uruk
jit = uruk.LLJIT(executor=uruk.spawn(shared_memory=sys.argv[1] == "shared", target=sys.argv[3]))
jit.add_object(sys.argv[4])
address = jit.lookup("hang").address
print(jit.executor.child.pid, flush=True)
if sys.argv[2] == "busy":
    jit.executor.call(address)
time.sleep(600)
"""


@pytest.mark.parametrize("memory", ["shared", "wire"])
@pytest.mark.parametrize("state", ["idle", "busy"])
def test_the_controller_dies(memory: str, state: str, target: str, tmp_path: Path) -> None:
    path = tmp_path / "hang.o"
    path.write_bytes(compiled_for(target, tmp_path, SOURCES[target].replace("abort();", "")))
    command = [sys.executable, "-c", CONTROLLER, memory, state, target, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as controller:
        assert controller.stdout is not None
        pid = int(controller.stdout.readline())
        time.sleep(0.1)
        controller.kill()
    end = time.monotonic() + SOON
    while not _is_zombie_or_gone(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert _is_zombie_or_gone(pid)


def _is_zombie_or_gone(pid: int) -> bool:
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def test_a_forked_controller_leaves_it_alone(jit: uruk.LLJIT) -> None:
    child = os.fork()
    if not child:
        status = 1
        try:
            call(jit, "add", 1, 2)
        except ExecutorLost:
            jit.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert call(jit, "add", 40, 2) == 42


@pytest.mark.parametrize("jit", KINDS[:2], ids=["shared", "wire"], indirect=True)
def test_a_child_of_the_executor_does_not_hold_the_line(jit: uruk.LLJIT) -> None:
    """It forks, and crashes while the child goes on."""
    with pytest.raises(ExecutorCrashed):
        call(jit, "fork_and_crash", 3)


def test_an_executor_outlives_the_thread_that_started_it(target: str, tmp_path: Path) -> None:
    made: list[uruk.LLJIT] = []

    def start() -> None:
        made.append(uruk.LLJIT(executor=uruk.spawn(target=target)))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    time.sleep(0.1)
    with made[0] as jit:
        add_functions(jit, target, tmp_path)
