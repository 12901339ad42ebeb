"""`uruk run` and `uruk show` of AArch64 objects, archives and sources, without being told what they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

GCC, AR = "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-ar"
SOURCE = '#include <stdio.h>\nint main(int argc, char **argv) { printf("%s %d\\n", argv[1], argc); return 5; }\n'


def uruk(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uruk", *words]
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for tool in (GCC, AR, "qemu-aarch64"):
        require_tool(tool)
    (tmp_path / "main.c").write_text(SOURCE)
    subprocess.run([GCC, "-c", "main.c"], cwd=tmp_path, check=True)
    subprocess.run([AR, "rcs", "libmain.a", "main.o"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    "words", [["main.o"], ["libmain.a"], ["--target", "aarch64-linux", "main.c"], ["--no-shared-memory", "main.o"]]
)
def test_run(folder: Path, words: list[str]) -> None:
    done = uruk(folder, "run", *words, "--", "one")
    assert (done.stdout, done.stderr, done.returncode) == ("one 2\n", "", 5)


def test_without_an_emulator(folder: Path) -> None:
    done = uruk(folder, "run", "main.o", PATH="/nowhere")
    assert done.returncode == 1
    assert "cannot start the executor" in done.stderr
    assert "give it a launcher" in done.stderr


def test_objects_of_two_architectures(folder: Path) -> None:
    (folder / "other.c").write_text("int other;\n")
    subprocess.run([require_tool("gcc"), "-c", "other.c"], cwd=folder, check=True)
    done = uruk(folder, "run", "main.o", "other.o")
    assert done.returncode == 1
    assert "machine 62, expected 183 (AArch64)" in done.stderr


def test_show(folder: Path) -> None:
    done = uruk(folder, "show", "main.o")
    assert "ELF AArch64 relocatable object" in done.stdout
    assert "in libc.so.6" in done.stdout
    edges = uruk(folder, "show", "--edges", "main.o").stdout
    assert "Page(S + A) - Page(P)" in edges
    assert "CALL26" in edges


def test_link_only(folder: Path) -> None:
    """Without a run no emulator is needed."""
    done = uruk(folder, "run", "--no-exec", "main.o", PATH="/nowhere")
    assert (done.returncode, done.stderr) == (0, "")
