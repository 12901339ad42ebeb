"""Windows's executor on a socket: who may come, the secret, and the end."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from windows_processes import address_of, function

import uruk
from uruk.runtime_files import executor_program

pytestmark = pytest.mark.any_interpreter

PATIENCE = 20
WRONG = (b"URUKAUTH" + (4).to_bytes(8, "little") + b"open", b"GET / HTTP/1.1\r\n\r\n", b"URUKAUTH" + b"\xff" * 8)
"""What somebody says who does not know the secret."""


def start(word: str, **variables: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("URUK_SECRET")}
    command = ["wine", executor_program("x86_64-windows"), word, "report-crashes"]
    environment = {**kept, **variables}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@contextmanager
def listening(**variables: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """An executor that listens on loopback, and its port."""
    with start("listen=127.0.0.1:0", **variables) as process:
        assert process.stdout is not None
        said = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\r?\n", process.stdout.readline())
        try:
            assert said
            yield process, int(said[1])
        finally:
            process.kill()


def test_a_connection(wine: Path) -> None:
    with listening() as (process, port):
        with uruk.connect("127.0.0.1", port) as executor:
            assert executor.process.triple == "x86_64-w64-windows-gnu"
            assert function(executor, "int(int, int, int)", "MulDiv")(6, 35, 5) == 42
            address = executor.memory.mapper.reserve(1 << 20)
            executor.memory.mapper.release(address, 1 << 20)
        assert process.wait(PATIENCE) == 0


def test_the_secret_comes_first(wine: Path) -> None:
    """Who does not know it is sent away, and the next one may come; nothing of it is left for the program."""
    with listening(URUK_SECRET="open sesame") as (_, port):
        for wrong in WRONG:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
                client.sendall(wrong)
                with suppress(ConnectionResetError):
                    assert client.recv(1) == b""
        with uruk.connect("127.0.0.1", port, secret=b"open sesame") as executor:
            get = function(executor, "int(const char *, char *, int)", "GetEnvironmentVariableA")
            assert get(b"URUK_SECRET\0", bytearray(16), 16) == 0
            assert executor.process.call(address_of(executor, "GetCurrentProcessId"))


@pytest.mark.parametrize(
    ("word", "variables", "problem"),
    [
        ("listen=0.0.0.0:0", {}, "listening beyond loopback wants a secret"),
        ("listen=127.0.0.1:0", {"URUK_SECRET": "x" * 4097}, "the secret of URUK_SECRET cannot be used"),
        ("listen=127.0.0.1", {}, "listen=HOST:PORT is wanted"),
        ("listen=127.0.0.256:0", {}, "listen=HOST:PORT is wanted"),
        ("listen=127.0.0.1:70000", {}, "listen=HOST:PORT is wanted"),
        ("nonsense", {}, "usage: uruk-executor"),
    ],
)
def test_what_does_not_listen(wine: Path, word: str, variables: dict[str, str], problem: str) -> None:
    with start(word, **variables) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (1, "")
    assert err.startswith(f"uruk-executor: {problem}")
