"""However a controller or an executor of Windows ends: nothing stays, and wine's server is not waited for.

URUK_CYCLES: how many executors come and go (20 by default; 500 for a long run).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from windows_processes import address_of, has_ended

import uruk
from uruk.errors import ExecutorError, ExecutorLost, ExecutorTimeout
from uruk.executor.remote import RemoteExecutor

from support.leaks import open_descriptors

pytestmark = pytest.mark.any_interpreter

CYCLES = int(os.environ.get("URUK_CYCLES", "20"))
PATIENCE = 10.0
CONTROLLER = """
import threading, time, uruk
executor = uruk.spawn(target="x86_64-windows")
if {busy}:
    handle = executor.libraries.load("kernel32.dll")
    sleep, _ = executor.libraries.find_symbol(handle, b"Sleep")
    threading.Thread(target=executor.process.call, args=(sleep, 600_000), daemon=True).start()
    time.sleep(0.5)
print(executor.child.pid, flush=True)
time.sleep(600)
"""


def wait_until_ended(pid: int) -> None:
    end = time.monotonic() + PATIENCE
    while not has_ended(pid):
        assert time.monotonic() < end, f"process {pid} stays"
        time.sleep(0.02)


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_it_ends_with_its_controller(wine: Path, busy: bool) -> None:
    """A call that runs has 2 seconds, as on Linux."""
    text = CONTROLLER.format(busy=busy)
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True) as controller:
        assert controller.stdout is not None
        pid = int(controller.stdout.readline())
        assert not has_ended(pid)
        controller.send_signal(signal.SIGKILL)
    wait_until_ended(pid)


def test_its_controller_sees_it_killed(executor: RemoteExecutor) -> None:
    assert executor.child is not None
    sleep = address_of(executor, "Sleep")
    killer = threading.Timer(0.3, os.kill, (executor.child.pid, signal.SIGKILL))
    killer.start()
    begin = time.monotonic()
    with pytest.raises(ExecutorLost, match="SIGKILL"):
        executor.process.call(sleep, 600_000)
    assert time.monotonic() - begin < PATIENCE
    killer.join()


def test_a_call_that_hangs_does_not_keep_it(wine: Path) -> None:
    executor = uruk.spawn(target="x86_64-windows", deadline=2.0)
    assert executor.child is not None
    with pytest.raises(ExecutorTimeout):
        executor.process.call(address_of(executor, "Sleep"), 600_000)
    begin = time.monotonic()
    executor.close()
    assert time.monotonic() - begin < PATIENCE
    wait_until_ended(executor.child.pid)
    with uruk.spawn(target="x86_64-windows") as another:  # wine's server was not ended with it
        assert another.process.call(address_of(another, "GetCurrentProcessId"))


def test_a_program_that_is_no_executor(wine: Path) -> None:
    """It ends at once, without a word on the line; nobody waits for the setup."""
    begin = time.monotonic()
    with open(os.devnull, "r+b") as nothing, pytest.raises(ExecutorError):
        uruk.spawn(target="x86_64-windows", executor="cmd.exe", streams=[nothing.fileno()] * 3)
    assert time.monotonic() - begin < PATIENCE


def test_executors_come_and_go(wine: Path) -> None:
    def cycle() -> int:
        with uruk.spawn(target="x86_64-windows") as executor:
            assert executor.child is not None
            assert executor.process.call(address_of(executor, "GetCurrentProcessId"))
            return executor.child.pid

    cycle()
    descriptors, shared = open_descriptors(), set(os.listdir("/dev/shm"))
    pids = [cycle() for _ in range(CYCLES)]
    assert all(has_ended(pid) for pid in pids)
    assert open_descriptors() <= descriptors
    own = f"uruk-{os.getpid()}-", "wine"  # tests that run at the same time have files of their own
    assert not [name for name in set(os.listdir("/dev/shm")) - shared if name.startswith(own)]
