"""Programs run where /dev/shm is absent, tiny or mounted with noexec, and leave nothing there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import uruk
from compiling import Compile
from uruk.executor.connection import Connection

SOURCE = r"""
#include <stdio.h>
static __thread int own = 41;
int main(void) { printf("%d\n", ++own); return 3; }
"""
EMPTY_DEV = (
    "mount -t tmpfs none /dev; for one in null:3 zero:5 random:8 urandom:9; do "
    "mknod -m 666 /dev/${one%:*} c 1 ${one#*:}; done; ln -s /proc/self/fd /dev/fd"
)
MOUNTS = {
    "noexec": "mount -t tmpfs -o nosuid,nodev,noexec,size=64m shm /dev/shm",
    "tiny": "mount -t tmpfs -o size=4k shm /dev/shm",
    "full": "mount -t tmpfs -o size=1m shm /dev/shm; head -c 2m /dev/zero > /dev/shm/much 2> /dev/null || true",
    "read-only": "mount -t tmpfs -o ro shm /dev/shm",
    "absent": EMPTY_DEV,
}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return Compile(tmp_path)(SOURCE)


def with_mounts(commands: str) -> list[str]:
    """What runs a command after these commands, in a mount namespace of its own; skips where none is to be had."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare")
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    prefix = [*unshare, "sh", "-ec", commands + '; exec "$@"', "sh"]
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, timeout=30)
    if tried.returncode:
        pytest.skip(f"no mount namespace with that: {tried.stderr.strip()}")
    return prefix


def run(prefix: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-m", "uruk", "run", *words], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("kind", MOUNTS)
def test_the_program_runs(kind: str, program: Path) -> None:
    done = run(with_mounts(MOUNTS[kind]), str(program))
    assert (done.stdout, done.returncode) == ("42\n", 3), done.stderr


def test_the_runtime_comes_in_by_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """No service that would have the controller open a file which the executor names is ever asked."""
    called: list[int] = []
    call = Connection.call

    def listen(self: Connection, tag: int, *parts: bytes, deadline: float | None = None) -> bytes:
        called.append(tag)
        return call(self, tag, *parts, deadline=deadline)

    monkeypatch.setattr(Connection, "call", listen)
    executor = uruk.spawn()
    try:
        symbols = executor.connection.setup.symbols
        shared = {address for name, address in symbols.items() if "SharedMemoryMapper" in name}
        assert shared
        assert symbols["__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper"] in called
        assert not shared & set(called)
    finally:
        executor.close()
