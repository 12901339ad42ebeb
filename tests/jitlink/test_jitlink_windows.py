"""uruk-jitlink with programs of Windows, under wine: in uruk's executor for Windows, and beside MinGW's own link."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jitlink.running import Done
from uruk.runtime_files import executor_program

from support.executors import listening
from support.requirements import require_tool

pytestmark = pytest.mark.usefixtures("wine")

MINGW = "x86_64-w64-mingw32-gcc"
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
static int five;
static void last(void) { puts("atexit"); fflush(stdout); }
__attribute__((constructor)) static void start(void) { five = 5; puts("constructor"); }
int main(int count, char **words) {
    atexit(last);
    puts(words[count - 1]);
    if (count == 3) exit(9);
    return 30 + five;
}
"""


def run(*words: object) -> Done:
    command = [sys.executable, "-m", "uruk.jitlink", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return Done(done.returncode, done.stdout.replace("\r\n", "\n"), "Traceback" * ("Traceback" in done.stderr))


def test_programs(tmp_path: Path) -> None:
    written, unit, linked = tmp_path / "unit.c", tmp_path / "unit.o", tmp_path / "linked.exe"
    written.write_text(PROGRAM)
    subprocess.run([require_tool(MINGW), "-c", "-o", unit, written], check=True)
    subprocess.run([require_tool(MINGW), "-o", linked, unit], check=True)

    def natively(*words: str) -> Done:
        done = subprocess.run(["wine", linked, *words], capture_output=True, text=True, timeout=120, check=False)
        return Done(done.returncode, done.stdout.replace("\r\n", "\n"), "")

    # The program's own name is not among the words of -args, of which one is named for it here.
    assert run(unit, "-args", "linked", "a") == natively("a")
    executor = f"-oop-executor={executor_program('x86_64-windows')}"
    more = ("-use-shared-memory", "-slab-allocate=1Mb")
    assert (
        run(executor, *more, unit, "-args", "linked", "a", "b") == natively("a", "b") == (9, natively("a", "b").out, "")
    )
    with listening("x86_64-windows") as (port, _):
        connect = f"-oop-executor-connect=127.0.0.1:{port}"
        assert run(connect, *more, unit, "-args", "linked", "a") == (35, "", "")
