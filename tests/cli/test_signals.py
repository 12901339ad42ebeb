"""`uruk run` and signals that it gets while the program runs: they reach the program."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_interpreter

SOURCE = """
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static volatile sig_atomic_t seen[2];
static void note(int number) { seen[number == SIGTERM]++; }
int main(int count, char **words)
{
    if (count > 1) { signal(SIGTERM, note); signal(SIGINT, note); }
    puts("ready");
    fflush(stdout);
    while (!seen[0] && !seen[1]) usleep(1000);
    usleep(300000);
    printf("SIGINT %d SIGTERM %d\\n", seen[0], seen[1]);
    return 5;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signals") / "main.c"
    path.write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-c", path, "-o", path.with_suffix(".o")], check=True)
    return path.with_suffix(".o")


def start(program: Path, *words: str, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "uruk", "run", str(program), "--", *words]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, **more)  # type: ignore[call-overload]
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    return running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_for_uruk_reaches_the_program(program: Path, number: signal.Signals) -> None:
    running = start(program, "handles")
    running.send_signal(number)
    output, _ = running.communicate(timeout=60)
    assert output == f"SIGINT {int(number == signal.SIGINT)} SIGTERM {int(number == signal.SIGTERM)}\n"
    assert running.returncode == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_uruk_ends_as_a_program_that_a_signal_ends(program: Path, number: signal.Signals) -> None:
    running = start(program)
    running.send_signal(number)
    assert running.communicate(timeout=60)[0] == ""
    assert running.returncode == -number


def test_ctrl_c_reaches_the_program_once(program: Path) -> None:
    """The terminal sends it to both processes."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "uruk", "run", str(program), "--", "handles"])
    shown = b""
    while b"ready" not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    while b"SIGTERM" not in shown:
        shown += os.read(terminal, 1000)
    assert b"SIGINT 1 SIGTERM 0" in shown
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    os.close(terminal)
