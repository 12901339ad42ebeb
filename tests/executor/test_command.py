"""``uruk executor``, and `uruk run` with its options of executors."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import uruk
from uruk.errors import ExecutorError
from uruk.executor.connection import Connection
from uruk.runtime_files import executor_program

from support.requirements import require_tool

URUK = [sys.executable, "-m", "uruk"]
SOURCE = r"""
#include <stdio.h>
#include <string.h>
int main(int count, char **words) {
    char line[64] = "";
    if (fgets(line, sizeof line, stdin)) line[strcspn(line, "\n")] = 0;
    printf("%d %s [%s]\n", count, words[count - 1], line);
    fprintf(stderr, "to stderr\n");
    return 6;
}
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "main.c"
    path.write_text(SOURCE)
    return path


def run(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [*URUK, *map(str, words)]
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, input="a line\n", env=environment
    )


@contextmanager
def server(address: str, *words: str, **variables: str) -> Iterator[tuple[str, int]]:
    """`uruk executor --listen`: its host and port."""
    command = [*URUK, "executor", "--listen", address, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables}) as process:
        assert process.stdout is not None
        found = re.fullmatch(r"listening on (.*):(\d+)\r?\n", process.stdout.readline())
        try:
            assert found
            yield found[1], int(found[2])
        finally:
            process.kill()


def test_print_path() -> None:
    done = run("executor", "--print-path")
    assert (done.stdout.strip(), done.returncode) == (executor_program(), 0)
    done = run("executor", "--print-path", "--target", "aarch64-linux")
    head = Path(done.stdout.strip()).read_bytes()[:20]
    assert (head[:4], head[18]) == (b"\x7fELF", 183)  # EM_AARCH64


@pytest.mark.parametrize("words", [[], ["--listen", "x"], ["--print-path", "--target", "vax"], ["--nonsense"]])
def test_usage(words: list[str]) -> None:
    done = run("executor", *words)
    assert (done.stdout, done.returncode) == ("", 2)
    assert "see `uruk executor --help'" in done.stderr


def test_aarch64_executor_starts_under_an_emulator() -> None:
    """It speaks the protocol there; what it says is read by the same code."""
    emulator = require_tool("qemu-aarch64")
    from uruk.executor.launch import start

    child, connection = start([emulator, "-L", "/usr/aarch64-linux-gnu", executor_program("aarch64-linux")])
    assert connection.setup.triple == "aarch64-unknown-linux-gnu"
    assert connection.setup.page_size == 4096
    assert isinstance(connection, Connection)
    connection.call(connection.setup.symbols["uruk_executor_attached"], deadline=10)
    connection.close()
    assert child.poll(10) == 0


def test_a_launcher_goes_before_the_executor(program: Path) -> None:
    done = run("run", "--launcher", "env URUK_TEST=1", "--oop", program, "--", "x")
    assert (done.stdout, done.stderr, done.returncode) == ("2 x [a line]\n", "to stderr\n", 6)


def test_options_that_contradict(program: Path) -> None:
    done = run("run", "--in-process", "--executor", "/bin/true", program)
    assert done.returncode == 2


def test_tls_pool(tmp_path: Path) -> None:
    source = tmp_path / "main.c"
    source.write_text("static _Thread_local char room[3000000]; int main(void) { return room[5] + 2; }")
    done = run("run", "--no-cache", source)
    assert done.returncode == 1
    assert "--tls-pool=" in done.stderr
    pool = re.search(r"--tls-pool=\w+", done.stderr)
    assert pool
    done = run("run", pool[0], source)
    assert (done.stderr, done.returncode) == ("", 2)


def test_listen_and_connect(program: Path) -> None:
    """One server, several connections; the program's output is the server's."""
    with server("127.0.0.1:0") as (host, port):
        for _ in range(2):
            done = run("run", "--connect", f"{host}:{port}", program, "--", "y")
            assert (done.stderr, done.returncode) == ("", 6)
        with uruk.LLJIT(executor=uruk.connect(host, port, shared_memory=True)) as jit:
            jit.add_source(text="int add(int a, int b) { return a + b; }", language="c")
            assert jit.lookup("add").function("int(int, int)")(40, 2) == 42


def test_servers_of_other_targets(target: str) -> None:
    """They run as their programs do here: under wine, or by themselves."""
    with server("127.0.0.1:0", "--target", target) as address:
        for _ in range(2):
            with uruk.connect(*address) as executor:
                system = "windows" if target == "x86_64-windows" else "linux"
                assert system in executor.process.triple


def test_a_server_of_windows_wants_wine(tmp_path: Path) -> None:
    done = run("executor", "--listen", "127.0.0.1:0", "--target", "x86_64-windows", PATH=str(tmp_path))
    assert (done.stdout, done.returncode) == ("", 2)
    assert "programs of Windows run under wine, which is not found" in done.stderr


def test_beyond_loopback_a_secret_is_wanted() -> None:
    done = subprocess.run(
        [executor_program(), "listen=0.0.0.0:0"], capture_output=True, text=True, timeout=10, check=False
    )
    assert (done.stdout, done.returncode) == ("", 1)
    assert "secret" in done.stderr


def test_secret(program: Path, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("open sesame\n")
    with server("0.0.0.0:0", URUK_SECRET_FILE=str(file)) as (_, port):
        for wrong in (b"guess", b"", b"open sesame!", b"x" * 4096):
            with pytest.raises(ExecutorError):
                uruk.connect("127.0.0.1", port, secret=wrong)
        done = run("run", "--connect", f"127.0.0.1:{port}", program, URUK_SECRET="open sesame")
        assert (done.stderr, done.returncode) == ("", 6)


def test_the_programs_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the launcher's is in it, and descriptors begin where they do natively."""
    source = tmp_path / "main.c"
    source.write_text(
        r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern char **environ;
int main(void) {
    for (char **one = environ; *one; one++)
        if (!strncmp(*one, "URUK_", 5)) puts(*one);
    const char *tunables = getenv("GLIBC_TUNABLES");
    printf("%s %d\n", tunables ? tunables : "none", open("/dev/null", O_RDONLY));
    return 0;
}
"""
    )
    for name in [name for name in os.environ if name.startswith("URUK_")]:
        monkeypatch.delenv(name)  # of a run of tests
    assert run("run", source).stdout == "none 3\n"
    assert run("run", source, GLIBC_TUNABLES="glibc.malloc.perturb=1").stdout == "glibc.malloc.perturb=1 3\n"
