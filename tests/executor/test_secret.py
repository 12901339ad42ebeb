"""The secret of executors that listen: what cannot be used, who waits for whom, and what is left of it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

import uruk
from uruk.cli import secret as command_line
from uruk.errors import ExecutorError
from uruk.executor.remote import RemoteExecutor

from support.executors import command_of, listening, port_of, with_secrets

PATIENCE = 10.0
"""Seconds that runtime/executor/common/clients.c gives a client."""
MOST_CLIENTS = 64
SECRET = "open sesame"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Secrets that cannot be used, by the names of files."""
    (tmp_path / "empty").touch()
    (tmp_path / "newline").write_text("\n")
    (tmp_path / "long").write_text("x" * 4097)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("URUK_SECRET", "", "it is empty"),
        ("URUK_SECRET", "x" * 4097, "longer than 4096 bytes"),
        ("URUK_SECRET_FILE", "missing", "No such file"),
        ("URUK_SECRET_FILE", "empty", "it is empty"),
        ("URUK_SECRET_FILE", "newline", "it is empty"),
        ("URUK_SECRET_FILE", "long", "longer than 4096 bytes"),
        ("URUK_SECRET_FILE", "folder", "Is a directory"),
        ("URUK_SECRET_FILE", "/dev/zero", "longer than 4096 bytes"),
        ("URUK_SECRET_FILE", "fifo", "does not come within 10 seconds"),
        ("URUK_SECRET_FILE", "", "No such file"),
    ],
    ids=str,
)
@pytest.mark.parametrize("verb", ["listen", "serve"])
def test_nothing_listens_without_the_secret_that_was_asked_for(
    target: str, verb: str, name: str, value: str, problem: str, place: Path
) -> None:
    if name.endswith("FILE") and value:
        value = str(place / value)
    done = subprocess.run(
        [*command_of(target), f"{verb}=127.0.0.1:0"],
        capture_output=True, text=True, timeout=30, check=False, env=with_secrets(**{name: value}),
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("", 1)
    assert "the secret of" in done.stderr
    assert problem in done.stderr


def test_the_controller_refuses_what_no_executor_takes() -> None:
    for wrong in (b"", b"x" * 4097):
        with pytest.raises(ExecutorError, match="the secret"):
            uruk.connect("127.0.0.1", 1, secret=wrong)


def test_the_longest_secret(target: str) -> None:
    with listening(target, URUK_SECRET="x" * 4096) as (port, _):
        uruk.connect("127.0.0.1", port, secret=b"x" * 4096).close()
        with pytest.raises(ExecutorError):
            uruk.connect("127.0.0.1", port, secret=b"x" * 4095)


@pytest.mark.parametrize("first", [b"", b"URUKAUTH", b"URUKAUTH\xff\xff\xff\xff\xff\xff\xff\xff", b"nonsense"])
def test_on_loopback_a_secret_that_is_given_is_wanted(target: str, first: bytes) -> None:
    with listening(target, URUK_SECRET=SECRET) as (port, _), socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(first)
        line.shutdown(socket.SHUT_WR)
        line.settimeout(5)
        with contextlib.suppress(ConnectionError):
            assert line.recv(100) == b""


def test_a_secret_through_a_pipe(target: str) -> None:
    """As a shell's ``URUK_SECRET_FILE=<(command)`` gives it; it comes late, and in parts."""
    reading, writing = os.pipe()
    path = f"/proc/{os.getpid()}/fd/{reading}"
    with subprocess.Popen(
        [*command_of(target), "listen=127.0.0.1:0"],
        stdout=subprocess.PIPE, text=True, env=with_secrets(URUK_SECRET_FILE=path),
    ) as process:  # fmt: skip
        try:
            for part in (b"open ", b"sesame\n"):
                time.sleep(0.3)
                os.write(writing, part)
            os.close(writing)
            uruk.connect("127.0.0.1", port_of(process), secret=SECRET.encode()).close()
        finally:
            os.close(reading)
            process.kill()


@pytest.mark.parametrize("verb", ["listen", "serve"])
def test_slow_clients_keep_nobody_out(target: str, verb: str) -> None:
    """Some that say nothing, some that have begun; and more than are let wait, of which the oldest go."""
    with listening(target, verb, URUK_SECRET=SECRET) as (port, _), contextlib.ExitStack() as stack:
        lines: list[socket.socket] = []
        for number in range(MOST_CLIENTS + 16):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            line.sendall(b"URUKAUTH"[: number % 9])
            lines.append(line)
        begin = time.monotonic()
        executor = uruk.connect("127.0.0.1", port, secret=SECRET.encode())
        assert time.monotonic() - begin < PATIENCE / 2
        executor.close()
        for line in lines[:16]:
            line.settimeout(PATIENCE / 2)
            with contextlib.suppress(ConnectionError):
                assert line.recv(1) == b""


def test_one_deadline_for_the_whole_secret(target: str) -> None:
    """A client that sends a byte now and then is let go when its time is over, not when it has no more bytes."""
    message = b"URUKAUTH" + len(SECRET).to_bytes(8, "little") + SECRET.encode()
    with listening(target, URUK_SECRET=SECRET) as (port, _), socket.create_connection(("127.0.0.1", port)) as line:
        line.settimeout(1.0)
        begin = time.monotonic()
        heard = None
        for byte in message:
            with contextlib.suppress(ConnectionError):
                line.sendall(bytes([byte]))
            try:
                heard = line.recv(1)
                break
            except TimeoutError:
                continue
            except ConnectionError:
                heard = b""
                break
        assert heard == b""
        assert PATIENCE - 1 < time.monotonic() - begin < PATIENCE + 5


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """A secret, and the file of one that is not asked for, as there is the first."""
    file = tmp_path / "the-file-of-the-secret"
    file.write_text("another one")
    return {"URUK_SECRET": SECRET, "URUK_SECRET_FILE": str(file), "URUK_KEPT": "kept"}


def test_the_kernel_shows_nothing_of_the_secret(variables: dict[str, str]) -> None:
    """What /proc shows of the process that serves; under wine it is not the executor's, but wine's."""
    with listening("x86_64-linux", **variables) as (_, pid):
        shown = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"URUK_KEPT=kept" in shown
    for word in (b"URUK_SECRET", SECRET.encode(), b"the-file-of-the-secret"):
        assert word not in shown


@pytest.mark.parametrize("verb", ["listen", "serve"])
def test_a_program_has_nothing_of_the_secret(target: str, verb: str, variables: dict[str, str]) -> None:
    """Its environment is as it was without the variables."""
    with (
        listening(target, verb, **variables) as (port, _),
        uruk.connect("127.0.0.1", port, secret=SECRET.encode()) as executor,
    ):
        if target == "x86_64-windows":
            address = find_there(executor, b"GetEnvironmentVariableA", "kernel32.dll")
            find = executor.function("unsigned(const char *, char *, unsigned)", address)
            values = [find(variable.encode() + b"\0", bytearray(99), 99) for variable in variables]
        else:
            find = executor.function("void *(const char *)", find_there(executor, b"getenv", "libc.so.6"))
            values = [find(variable.encode() + b"\0") for variable in variables]
    assert [bool(value) for value in values] == [name == "URUK_KEPT" for name in variables]


def find_there(executor: RemoteExecutor, name: bytes, library: str) -> int:
    """Where a function of a library is in an executor."""
    return executor.libraries.find_symbol(executor.libraries.load(library), name)[0]


def test_secrets_of_the_command_line(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """`uruk run --connect` takes them out of its environment; what cannot be read is an error."""
    (place / "good").write_text(SECRET + "\n")
    monkeypatch.delenv("URUK_SECRET", raising=False)
    monkeypatch.setenv("URUK_SECRET_FILE", str(place / "good"))
    assert command_line.secret() == SECRET.encode()
    assert "URUK_SECRET_FILE" not in os.environ
    assert command_line.secret() is None
    monkeypatch.setattr(command_line, "PATIENCE", 0.2)
    for name, problem in (("missing", "No such file"), ("folder", "Is a directory"), ("fifo", "does not come within")):
        monkeypatch.setenv("URUK_SECRET_FILE", str(place / name))
        with pytest.raises(ExecutorError, match=problem):
            command_line.secret()
    monkeypatch.setenv("URUK_SECRET", "")
    assert command_line.secret() == b""
