"""Commands whose standard streams are closed: a program finds them closed, as natively, and no command fails of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

SOURCE = r"""
#include <errno.h>
#include <unistd.h>
int main(void) {
    char byte;
    int closed = 16 * (read(0, &byte, 1) < 0 && errno == EBADF);
    for (int stream = 1; stream < 3; stream++)
        closed += stream * (write(stream, "x", 1) < 0 && errno == EBADF);
    return closed;
}
"""
URUK = f"{sys.executable} -m uruk"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("streams")
    (place / "streams.c").write_text(SOURCE)
    subprocess.run(["gcc", "-c", "streams.c"], check=True, cwd=place)
    subprocess.run(["gcc", "-o", "native", "streams.o"], check=True, cwd=place)
    return place


def end_of(command: str, folder: Path) -> tuple[int, bytes, bytes]:
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("way", ["--oop", "--in-process"])
def test_a_program_finds_them_closed(folder: Path, closed: str, way: str) -> None:
    assert end_of(f"{URUK} run {way} streams.o {closed}", folder) == end_of(f"./native {closed}", folder)


@pytest.mark.parametrize("command", ["show streams.o", "run --no-exec streams.o"])
def test_a_command_ends_as_otherwise(folder: Path, command: str) -> None:
    assert end_of(f"{URUK} {command} >&-", folder) == (0, b"", b"")
