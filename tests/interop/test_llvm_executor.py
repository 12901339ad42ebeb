"""uruk drives LLVM's llvm-jitlink-executor: over descriptors and TCP, by messages and by its shared memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk

from support.requirements import missing

SOURCE = r"""
#include <cstdio>
#include <stdexcept>
#include <string>
static std::string start = "started";
struct End { ~End() { std::printf("ended\n"); std::fflush(stdout); } } end;
extern "C" int main(int count, char **words) {
    std::printf("%s", start.c_str());
    for (int i = 1; i < count; i++) std::printf(" %s", words[i]);
    try { throw std::runtime_error("boo"); } catch (const std::exception &error) { std::printf(" %s\n", error.what()); }
    std::fflush(stdout);
    return 40 + count;
}
"""


def llvm_executor() -> str:
    for name in ("llvm-jitlink-executor-19", "llvm-jitlink-executor", "/usr/lib/llvm-19/bin/llvm-jitlink-executor"):
        found = shutil.which(name)
        if found:
            return found
    return missing("llvm-jitlink-executor")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("llvm-executor") / "main.cpp"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def port() -> Iterator[int]:
    """LLVM's executor on a free port. It prints nothing, and takes one connection: trying it would use that up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = int(probe.getsockname()[1])
    with subprocess.Popen([llvm_executor(), f"listen=127.0.0.1:{number}"]) as process:
        wanted = f":{number:04X} 00000000:0000 0A"
        end = time.monotonic() + 10
        while wanted not in Path("/proc/net/tcp").read_text() and time.monotonic() < end:
            time.sleep(0.02)
        yield number
        process.kill()


def run(program: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uruk", "run", *options, str(program), "-lstdc++", "--", "a", "b"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("memory", ["--shared-memory", "--no-shared-memory"])
def test_program(program: Path, memory: str) -> None:
    before = set(os.listdir("/dev/shm"))
    done = run(program, "--executor", llvm_executor(), memory)
    assert (done.stdout, done.stderr, done.returncode) == ("started a b boo\nended\n", "", 43)
    assert {name for name in set(os.listdir("/dev/shm")) - before if "jitlink" in name or "uruk" in name} == set()


def test_session() -> None:
    with uruk.LLJIT(executor=uruk.spawn(executor=llvm_executor())) as jit:
        jit.add_source(text="int add(int a, int b) { return a + b; }", language="c")
        assert jit.executor.call(jit.lookup("add").address, 40, 2) == 42


def test_tcp(port: int) -> None:
    with uruk.LLJIT(executor=uruk.connect("127.0.0.1", port)) as jit:
        jit.add_source(text="int add(int a, int b) { return a + b; }", language="c")
        assert jit.executor.call(jit.lookup("add").address, 40, 2) == 42


def test_it_ends_with_its_session_though_it_is_stopped() -> None:
    jit = uruk.LLJIT(executor=uruk.spawn(executor=llvm_executor()))
    jit.add_source(text="int f(void) { return 1; }", language="c")
    assert jit.executor.call(jit.lookup("f").address) == 1
    pid = jit.executor.child.pid
    os.kill(pid, signal.SIGSTOP)
    begin = time.monotonic()
    with contextlib.suppress(uruk.ExecutorError):
        jit.close()
    assert time.monotonic() - begin < 15
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
