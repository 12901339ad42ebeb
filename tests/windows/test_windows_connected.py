"""C programs in an executor of Windows that listens: output and end are those of the native program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from c_compilers import COMPILERS, environment

pytestmark = pytest.mark.any_interpreter

TIMEOUT = 60
URUK = (sys.executable, "-m", "uruk")
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
static void late(void) { puts("late"); }
static void last(void) { printf("last, without an end"); }
int main(int argc, char **argv) {
    atexit(last);
    atexit(late);
    for (int i = 1; i < argc; i++) puts(argv[i]);
    fprintf(stderr, "to stderr %s\\n", getenv("URUK_WORD"));
    return 256 + 40 + argc;
}
"""
ENDS_ITSELF = '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { puts("here"); exit(5); }'


def run_connected(objects: list[Path], *words: str) -> tuple[int, bytes, bytes, bytes]:
    """The status and messages of ``uruk run``; the output and errors of the executor, which ends with the program."""
    command = [*URUK, "executor", "--target", "x86_64-windows", "--listen", "127.0.0.1:0", "--once"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as server:
        assert server.stdout is not None
        said = re.fullmatch(rb"listening on (127\.0\.0\.1:\d+)\r?\n", server.stdout.readline())
        try:
            assert said
            connected = [*URUK, "run", "--connect", said[1].decode(), *objects, "--", *words]
            done = subprocess.run(connected, capture_output=True, timeout=TIMEOUT, check=False)
            output, errors = server.communicate(timeout=TIMEOUT)
        finally:
            server.kill()
    return done.returncode, done.stderr, output, errors


@pytest.mark.parametrize("kind", ["gcc", "clang-msvc"])
def test_a_program_is_as_natively(wine: Path, tmp_path: Path, kind: str) -> None:
    """Its streams are the executor's; what atexit was given runs with the executor's end, and files are flushed."""
    source = tmp_path / "program.c"
    source.write_text(PROGRAM)
    objects = COMPILERS[kind].compile([source], tmp_path)
    COMPILERS[kind].link(objects, tmp_path / "native.exe")
    native = subprocess.run(
        ["wine", tmp_path / "native.exe", "a", "b c"], capture_output=True, env=environment(), check=False
    )
    expected = native.returncode, b"", native.stdout, native.stderr
    assert run_connected(objects, "a", "b c") == expected
    assert native.stdout.endswith(b"b c\r\nlate\r\nlast, without an end")


def test_a_program_that_ends_the_process(wine: Path, tmp_path: Path) -> None:
    """It is told that there is no status; what the program wrote is there."""
    source = tmp_path / "program.c"
    source.write_text(ENDS_ITSELF)
    status, said, output, _ = run_connected(COMPILERS["gcc"].compile([source], tmp_path))
    assert (status, output) == (1, b"here\r\n")
    assert b"ExecutorLost" in said
