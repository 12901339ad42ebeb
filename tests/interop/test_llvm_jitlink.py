"""LLVM's llvm-jitlink drives uruk's executor, over descriptors and TCP, with both of its memory managers."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from uruk.runtime_files import executor_program

from support.executors import command_of, port_of
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
WINDOWS_PROGRAM = r"""
int lstrlenA(const char *text);
int (*const volatile length)(const char *) = lstrlenA;
static int counter = 40;
int add(int a, int b) { return a + b; }
int main(int count, char **words) {
    for (int i = 0; i < count; i++) counter = add(counter, length(words[i]));
    return counter;
}
"""
"""A call of a library goes through a pointer: LLVM makes no stubs for COFF, and libraries are never near."""
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
def listening(target: str = "x86_64-linux") -> Iterator[str]:
    """uruk's executor on a port of loopback; when this ends, it must have ended by itself, with status 0."""
    command = [*command_of(target), "listen=127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"127.0.0.1:{port_of(process)}"
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


@pytest.fixture
def windows_object(wine: Path, compile_with) -> Path:
    """Without unwind data: for that LLVM's tool asks for `__ImageBase`, and goes on before it has the answer."""
    flags = ("-fno-PIC", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables")
    return compile_with(WINDOWS_PROGRAM, ".c", "--target=x86_64-pc-windows-msvc", *flags)


def jitlink_until_it_ends_well(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """LLVM's tool closes its side of the line while a thread of its own is about to read it, and may fail by that."""
    for _ in range(8):
        done = jitlink(*words)
        if "Bad file descriptor" not in done.stderr:
            break
    return done


def test_windows(windows_object: Path, tmp_path: Path) -> None:
    """It links COFF into uruk's executor under wine, and finds functions of libraries there.

    The process that becomes wine's has the pipes: the executor opens them by that process's number.
    """
    script = tmp_path / "executor"
    command = shlex.join(command_of("x86_64-windows"))
    script.write_text(f'#!/bin/sh\nexec {command} "$@" controller=$$\n')
    script.chmod(0o755)
    done = jitlink_until_it_ends_well(f"--oop-executor={script}", windows_object, "--args", "x", "four")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 45)


def test_windows_by_tcp(windows_object: Path) -> None:
    """The executor ends its side by itself, whether or not LLVM's tool has closed its own before it reads again."""
    with listening("x86_64-windows") as address:
        done = jitlink(f"--oop-executor-connect={address}", windows_object, "--args", "x", "four")
    assert done.returncode == 45 or "Bad file descriptor" in done.stderr, done


def test_exit_and_crash_of_the_program(compile_with) -> None:
    """LLVM's tool reports both as a lost executor; neither may hang it."""
    for body in ("exit(3)", "*(volatile int *)8 = 1"):
        main = compile_with("#include <stdlib.h>\nint main(void) { " + body + "; return 0; }", ".c")
        done = jitlink(f"--oop-executor={executor_program()}", main)
        assert done.returncode == 1
        assert "disconnecting" in done.stderr
