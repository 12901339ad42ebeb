"""LLVM's llvm-jitlink drives uruk's executor, over descriptors and TCP, with both of its memory managers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from uruk.runtime_files import executor_program

from support.requirements import require_tool

C_PROGRAM = r"""
#include <stdio.h>
static int counter = 40;
int main(int count, char **words) {
    printf("%d words:", count);
    for (int i = 0; i < count; i++) printf(" %s", words[i]);
    printf("\n");
    fflush(stdout);
    return counter + count;
}
"""
CPP_PROGRAM = r"""
#include <cstdio>
#include <stdexcept>
struct Guard { ~Guard() { std::printf("unwound\n"); } };
static void fail() { Guard guard; throw std::runtime_error("boo"); }
int main() {
    try { fail(); } catch (const std::exception &error) { std::printf("caught %s\n", error.what()); }
    std::fflush(stdout);
    return 5;
}
"""
SHARED = ["--use-shared-memory"]
TIMEOUT = 30  # LLVM 19's tool hangs where it loses its executor


@pytest.fixture
def compile_with(tmp_path: Path):
    def compile_source(text: str, suffix: str, *flags: str) -> Path:
        source = tmp_path / f"main{suffix}"
        source.write_text(text)
        compiler = require_tool("clang++-19" if suffix == ".cpp" else "clang-19")
        subprocess.run([compiler, "-fPIC", *flags, "-c", source, "-o", tmp_path / "main.o"], check=True)
        return tmp_path / "main.o"

    return compile_source


def jitlink(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [require_tool("llvm-jitlink-19"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)


@contextmanager
def listening() -> Iterator[str]:
    """uruk's executor on a port of loopback; when this ends, it must have ended by itself, with status 0."""
    with subprocess.Popen([executor_program(), "listen=127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.fullmatch(r"listening on (127\.0\.0\.1:\d+)\n", process.stdout.readline())
        assert found
        try:
            yield found[1]
            assert process.wait(TIMEOUT) == 0
        finally:
            process.kill()


def objects_in_shm() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob("jitlink_*")}


@pytest.mark.parametrize("memory", [[], SHARED], ids=["messages", "shared memory"])
@pytest.mark.parametrize("flags", [[], ["-g"]], ids=["plain", "debug information"])
def test_c_program(compile_with, memory: list[str], flags: list[str]) -> None:
    before = objects_in_shm()
    main = compile_with(C_PROGRAM, ".c", *flags)
    done = jitlink(f"--oop-executor={executor_program()}", *memory, main, "--args", "a", "b c")
    assert (done.stdout, done.stderr, done.returncode) == ("2 words: a b c\n", "", 42)
    assert objects_in_shm() <= before


@pytest.mark.parametrize("memory", [[], SHARED], ids=["messages", "shared memory"])
def test_cpp_exceptions(compile_with, memory: list[str]) -> None:
    main = compile_with(CPP_PROGRAM, ".cpp")
    done = jitlink(f"--oop-executor={executor_program()}", *memory, main)
    assert (done.stdout, done.stderr, done.returncode) == ("unwound\ncaught boo\n", "", 5)


@pytest.mark.parametrize("memory", [[], SHARED], ids=["messages", "shared memory"])
def test_tcp_ends_by_itself(compile_with, memory: list[str]) -> None:
    """LLVM's tool waits for ever unless the executor ends its side first."""
    main = compile_with(C_PROGRAM, ".c")
    with listening() as address:
        done = jitlink(f"--oop-executor-connect={address}", *memory, main, "--args", "x")
        assert (done.stderr, done.returncode) == ("", 41)


def test_exit_and_crash_of_the_program(compile_with) -> None:
    """LLVM's tool reports both as a lost executor; neither may hang it."""
    for body in ("exit(3)", "*(volatile int *)8 = 1"):
        main = compile_with("#include <stdlib.h>\nint main(void) { " + body + "; return 0; }", ".c")
        done = jitlink(f"--oop-executor={executor_program()}", main)
        assert done.returncode == 1
        assert "disconnecting" in done.stderr
