"""A session's end ends its process, in bounded time, whatever is stuck there; and finalisers run where nothing is."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake import SETUP

import uruk
from uruk.errors import ExecutorCrashed, ExecutorError, ExecutorLost, ExecutorTimeout
from uruk.executor.connection import Connection
from uruk.host import holders_of_pipes
from uruk.platforms.windows.attach import path_there
from uruk.runtime_files import executor_program
from uruk.spawning import emulator

from support.executors import TARGETS, compiled_for

BOUND = 5.0
"""Seconds that the end of a session may take."""
LOADED = 10.0
"""Seconds more for a machine that is at work."""
LINUX, WINDOWS = TARGETS
SOURCES = {
    LINUX: r"""
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
extern int __cxa_atexit(void (*)(void *), void *, void *);
static int answer = -1;
static void hang(void *unused) { for (;;) pause(); }
static void say(void *text) { usleep(500000); if (write(answer, text, 2) != 2) _exit(9); }
int add(int a, int b) { return a + b; }
int number(void) { return getpid(); }
int hang_now(void) { hang(0); return 0; }
int stop_now(void) { return raise(SIGSTOP); }
int hang_in_finaliser(void) { extern void *__dso_handle; return __cxa_atexit(hang, 0, &__dso_handle); }
int hang_in_destructor(void) { return __cxa_atexit(hang, 0, 0); }
int crash_in_finaliser(void) { extern void *__dso_handle; return __cxa_atexit((void (*)(void *))16, 0, &__dso_handle); }
int hang_up_on_sigterm(void) { return signal(SIGTERM, SIG_IGN) == SIG_ERR; }
int say_in_the_end(const char *path) {
    extern void *__dso_handle;
    answer = open(path, O_WRONLY | O_CREAT, 0600);
    return __cxa_atexit(say, "1\n", &__dso_handle);
}
int arm(void *f) { extern void *__dso_handle; return __cxa_atexit(f, 0, &__dso_handle); }
""",
    WINDOWS: r"""
__attribute__((dllimport)) void Sleep(unsigned);
__attribute__((dllimport)) void *CreateFileA(const char *, unsigned, unsigned, void *, unsigned, unsigned, void *);
__attribute__((dllimport)) int WriteFile(void *, const void *, unsigned, unsigned *, void *);
extern int atexit(void (*)(void));
static void *answer;
static void hang(void) { for (;;) Sleep(600000); }
static void say(void) { unsigned done; Sleep(500); WriteFile(answer, "1\n", 2, &done, 0); }
int add(int a, int b) { return a + b; }
__attribute__((dllimport)) int NtSuspendProcess(void *);
int stop_now(void) { return NtSuspendProcess((void *)-1); }
int hang_in_finaliser(void) { return atexit(hang); }
int crash_in_finaliser(void) { return atexit((void (*)(void))16); }
int say_in_the_end(const char *path) {
    answer = CreateFileA(path, 0x40000000, 3, 0, 2, 0, 0); /* GENERIC_WRITE, CREATE_ALWAYS */
    return atexit(say);
}
int arm(void *f) { return atexit(f); }
""",
}
HANG = {
    LINUX: "int pause(void); ",
    WINDOWS: "__attribute__((dllimport)) void Sleep(unsigned); static void pause(void) { Sleep(600000); } ",
}
HANGING_INITIALISER = "__attribute__((constructor)) static void f(void) { for (;;) pause(); } int g;"
Session = Callable[..., uruk.LLJIT]


@pytest.fixture(params=[True, False], ids=["shared", "wire"])
def session(request: pytest.FixtureRequest, target: str, tmp_path: Path) -> Iterator[Session]:
    made: list[uruk.LLJIT] = []

    def make(deadline: float | None = None) -> uruk.LLJIT:
        jit = uruk.LLJIT(executor=uruk.spawn(shared_memory=request.param, deadline=deadline, target=target))
        jit.add_object(compiled_for(target, tmp_path, SOURCES[target]))
        assert call(jit, "add", 40, 2) == 42
        made.append(jit)
        return jit

    yield make
    for jit in made:
        jit.close()


def call(jit: uruk.LLJIT, name: str, *arguments: int) -> int:
    return jit.executor.call(jit.lookup(name).address, *arguments)


def pid_of(jit: uruk.LLJIT) -> int:
    return int(jit.executor.child.pid)


def gone(pid: int) -> bool:
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def ends(jit: uruk.LLJIT, pid: int, *errors: type[BaseException]) -> None:
    """Closing takes no longer than it may, raises one of `errors`, if any are given, and the process is gone."""
    begin = time.monotonic()
    if errors:
        with pytest.raises(errors):
            jit.close()
    else:
        jit.close()
    assert time.monotonic() - begin < BOUND + LOADED
    assert gone(pid)
    jit.close()
    with pytest.raises(uruk.UrukError):
        jit.lookup("add")


def test_a_stopped_process(session: Session) -> None:
    jit = session()
    os.kill(pid_of(jit), signal.SIGSTOP)
    begin = time.monotonic()
    ends(jit, pid_of(jit), ExecutorLost)  # its finalisers did not run
    assert time.monotonic() - begin >= 3  # they had a while


def test_a_stopped_process_and_a_deadline(session: Session) -> None:
    jit = session(deadline=1.0)
    os.kill(pid_of(jit), signal.SIGSTOP)
    ends(jit, pid_of(jit), ExecutorTimeout)


def test_a_stopped_process_of_another_architecture() -> None:
    if not emulator("aarch64-linux"):
        pytest.fail("qemu-aarch64 is missing: apt-get install qemu-user")
    jit = uruk.LLJIT(executor=uruk.spawn(target="aarch64-linux"))
    os.kill(pid_of(jit), signal.SIGSTOP)
    ends(jit, pid_of(jit))


@pytest.mark.parametrize("what", ["hang_in_finaliser", "crash_in_finaliser"])
def test_a_finaliser_at_fault(session: Session, what: str) -> None:
    jit = session()
    assert call(jit, what) == 0
    ends(jit, pid_of(jit), ExecutorLost)


@pytest.mark.parametrize("target", [LINUX], indirect=True)
def test_a_destructor_that_hangs(session: Session) -> None:
    """It runs when the process exits: nobody waits for that but the kernel."""
    jit = session()
    assert call(jit, "hang_in_destructor") == 0
    assert call(jit, "hang_up_on_sigterm") == 0
    ends(jit, pid_of(jit))


def test_finalisers_run_before_the_end(session: Session, target: str, tmp_path: Path) -> None:
    jit = session()
    path = tmp_path / "said"
    name = os.fsencode(path) if target == LINUX else path_there(os.fsencode(path))
    assert jit.lookup("say_in_the_end").function("int(const char *)")(name + b"\0") == 0
    assert path.read_text() == ""
    ends(jit, pid_of(jit))
    assert path.read_text() == "1\n"


def test_many_finalisers_are_one_message(session: Session, target: str, tmp_path: Path) -> None:
    jit = session()
    text = "__attribute__((destructor)) static void f00(void) {} int g00 = 1;"
    template = compiled_for(target, tmp_path, text, "many")
    for number in range(60):
        jit.add_object(template.replace(b"00\0", b"%02d\0" % number).replace(b"g00", b"g%02d" % number))
    jit.lookup("g59")
    sent: list[int] = []
    calls = jit.executor.connection.call_with
    jit.executor.connection.call_with = lambda *a, **b: sent.append(1) or calls(*a, **b)
    jit.close()
    assert 0 < len(sent) <= 8  # however many finalisers there are


def test_a_call_that_hangs_in_a_thread(session: Session) -> None:
    jit = session()
    seen: list[BaseException] = []

    def run() -> None:
        try:
            call(jit, "stop_now")
        except BaseException as error:
            seen.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    ends(jit, pid_of(jit), ExecutorLost)
    thread.join(LOADED)
    assert not thread.is_alive()
    assert isinstance(seen[0], ExecutorLost)


def test_an_initialiser_that_hangs_in_a_thread(session: Session, target: str, tmp_path: Path) -> None:
    jit = session()
    jit.add_object(compiled_for(target, tmp_path, HANG[target] + HANGING_INITIALISER, "hanging"))
    seen: list[BaseException] = []

    def run() -> None:
        try:
            jit.lookup("g")
        except BaseException as error:
            seen.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    with contextlib.suppress(ExecutorLost):  # the finalisers may have had time
        jit.close()
    ends(jit, pid_of(jit))
    thread.join(LOADED)
    assert not thread.is_alive()
    assert isinstance(seen[0], uruk.UrukError)


def test_a_writer_that_nobody_reads(session: Session) -> None:
    """A message fills the pipe; its writer is let go."""
    jit = session()
    pid = pid_of(jit)
    os.kill(pid, signal.SIGSTOP)
    seen: list[BaseException] = []

    def run() -> None:
        try:
            jit.executor.process.write(0x1000, bytes(32 << 20))
        except BaseException as error:
            seen.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    ends(jit, pid, ExecutorLost)
    thread.join(LOADED)
    assert not thread.is_alive()
    assert isinstance(seen[0], ExecutorLost)


def test_a_message_that_is_cut_short_ends_the_line(target: str) -> None:
    jit = uruk.LLJIT(executor=uruk.spawn(shared_memory=False, target=target))
    pid = pid_of(jit)
    jit.executor.process.deadline = 1.0  # not of the start, which takes longer on a busy machine
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ExecutorTimeout):
        jit.executor.process.write(0x1000, bytes(32 << 20))
    with pytest.raises(ExecutorLost, match="cut short"):
        jit.executor.process.read(0x1000, 1)
    ends(jit, pid)


def test_two_threads_close(session: Session) -> None:
    jit = session()
    pid = pid_of(jit)
    os.kill(pid, signal.SIGSTOP)
    seen: list[BaseException | bool] = []

    def close() -> None:
        try:
            jit.close()
        except ExecutorError as error:
            seen.append(error)
        seen.append(gone(pid))

    threads = [threading.Thread(target=close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND + LOADED)
    assert [one for one in seen if isinstance(one, bool)] == [True] * 4
    assert sum(isinstance(one, ExecutorLost) for one in seen) == 1


def test_a_finaliser_that_closes(session: Session) -> None:
    jit = session()
    again = jit.executor.callback("void(void *)", lambda argument: jit.close())
    assert jit.lookup("arm").function("int(void *)")(again) == 0
    begin = time.monotonic()
    jit.close()
    assert time.monotonic() - begin < 3


def test_a_with_block(session: Session) -> None:
    jit = session()
    pid = pid_of(jit)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ExecutorLost), jit:
        pass
    assert gone(pid)


@pytest.mark.parametrize("how", ["its executor is stopped", "it closes its line"])
def test_a_launcher_that_is_gone(how: str) -> None:
    """It has left the executor behind: who holds the line is ended."""
    made: list[uruk.LLJIT] = []

    def start() -> None:  # not in the main thread, whose children end with their parents
        made.append(uruk.LLJIT(executor=uruk.spawn(launcher=["sh", "-c", '"$@" & true', "sh"])))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    jit = made[0]
    jit.add_source(text=SOURCES[LINUX], language="c")
    pid = call(jit, "number")
    assert pid != pid_of(jit)
    assert holders_of_pipes(*jit.executor.child.line) == [pid]
    if how == "its executor is stopped":
        os.kill(pid, signal.SIGSTOP)
        ends(jit, pid, ExecutorLost)
    else:
        ends(jit, pid)


def test_an_executor_that_no_session_has(target: str) -> None:
    executor = uruk.spawn(target=target)
    pid = executor.child.pid if executor.child else 0
    os.kill(pid, signal.SIGSTOP)
    begin = time.monotonic()
    executor.close()
    assert gone(pid)
    executor = uruk.spawn(target=target)
    pid = executor.child.pid if executor.child else 0
    del executor
    gc.collect()
    assert gone(pid)
    assert time.monotonic() - begin < BOUND + LOADED


EXIT = """
import os, signal, sys, threading, time
import uruk
how = sys.argv[1]
executor = uruk.spawn()
print(executor.child.pid, flush=True)
if how == "no session":
    os.kill(executor.child.pid, signal.SIGSTOP)
    sys.exit(0)
jit = uruk.LLJIT(executor=executor)
jit.add_source(text=open(sys.argv[2]).read(), language="c")
call = lambda name: jit.executor.call(jit.lookup(name).address)
if how == "finaliser":
    call("hang_in_finaliser")
elif how == "destructor":
    call("hang_in_destructor")
elif how == "call":
    threading.Thread(target=call, args=["stop_now"], daemon=True).start()
    time.sleep(0.3)
"""


@pytest.mark.parametrize("how", ["finaliser", "destructor", "call", "no session"])
def test_the_interpreter_exits(how: str, tmp_path: Path) -> None:
    source = tmp_path / "source.c"
    source.write_text(SOURCES[LINUX])
    command = [sys.executable, "-c", EXIT, how, str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert ("Traceback" in said) == (how == "call")  # that of its thread
    assert ("uruk: ExecutorLost" in said) == (how in ("finaliser", "call"))
    assert gone(pid)


def test_every_call_after_the_end_raises_an_error_of_its_own(session: Session) -> None:
    jit = session()
    address = jit.lookup("add").address
    os.kill(pid_of(jit), signal.SIGKILL)
    raised: list[uruk.ExecutorCrashed] = []
    for _ in range(3):
        with pytest.raises(uruk.ExecutorCrashed) as caught:
            jit.executor.call(address, 1, 2)
        raised.append(caught.value)
    assert len({id(one) for one in raised}) == 3
    for error in raised[1:]:
        assert str(error) == "the executor is gone, since it was ended by SIGKILL"
        assert error.signal == signal.SIGKILL
        assert isinstance(error.__cause__, uruk.ExecutorCrashed)
        assert str(error.__cause__) == "the executor was ended by SIGKILL"
    assert len({_depth(one) for one in raised[1:]}) == 1


def _depth(error: BaseException) -> int:
    trace, depth = error.__traceback__, 0
    while trace is not None:
        trace, depth = trace.tb_next, depth + 1
    return depth


# -- starts, and lines


FAKE = [sys.executable, str(Path(__file__).parent / "fake.py")]


@pytest.mark.parametrize("kind", ["silent", "hangs"])
def test_a_start_has_the_deadline(kind: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ExecutorTimeout):
        uruk.spawn(launcher=[*FAKE, kind], executor="fake", deadline=3.0)
    assert time.monotonic() - begin < 3 + BOUND + LOADED


@pytest.mark.parametrize("greets", [False, True])
def test_connecting_has_the_deadline(greets: bool) -> None:
    """A server that takes connections and says nothing, or nothing after its setup."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []

        def greet() -> None:
            accepted.append(server.accept()[0])
            if greets:
                accepted[0].sendall(SETUP)

        thread = threading.Thread(target=greet)
        thread.start()
        begin = time.monotonic()
        with pytest.raises(ExecutorTimeout):
            uruk.connect("127.0.0.1", server.getsockname()[1], deadline=1.0)
        assert time.monotonic() - begin < 1 + BOUND + LOADED
        thread.join()
        accepted[0].settimeout(LOADED)
        while accepted[0].recv(1 << 16):  # it says something, and closes the line
            pass
        accepted[0].close()


def test_a_server_that_is_silent_in_the_end() -> None:
    with subprocess.Popen([executor_program(), "listen=127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().rpartition(":")[2])
        jit = uruk.LLJIT(executor=uruk.connect("127.0.0.1", port))
        jit.add_source(text=SOURCES[LINUX], language="c")
        assert call(jit, "add", 40, 2) == 42
        server.send_signal(signal.SIGSTOP)
        begin = time.monotonic()
        with pytest.raises(ExecutorLost):
            jit.close()
        assert time.monotonic() - begin < BOUND + LOADED
        server.send_signal(signal.SIGCONT)  # and its line has ended
        assert server.wait(LOADED) is not None


def test_a_programs_end_costs_no_patience(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a crash left on the line is read, and nothing is waited for beyond that."""
    waited: list[float] = []
    wait_for_end = Connection.wait_for_end

    def measure(connection: Connection, seconds: float) -> None:
        begin = time.monotonic()
        wait_for_end(connection, 60)
        waited.append(time.monotonic() - begin)

    monkeypatch.setattr(Connection, "wait_for_end", measure)
    path = tmp_path / "crash.o"
    path.write_bytes(compiled_for(target, tmp_path, "int main(void) { *(volatile int *)0 = 1; return 0; }"))
    ended = uruk.Program(path).run()
    assert isinstance(ended.crash, ExecutorCrashed)
    assert len(waited) == 1
    assert waited[0] < LOADED
