"""The command line where the program is for Windows, and where it only seems to be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from native_programs import run

from support.coff_objects import compiled_text
from support.compiling import Compile
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter
URUK_RUN = [sys.executable, "-m", "uruk", "run"]
SOURCE = "int main(void) { return sizeof(long) + 3; }"


def test_the_target_can_be_named(wine: Path, tmp_path: Path) -> None:
    """Sources are compiled for it; objects for it are run as without it."""
    require_tool("x86_64-w64-mingw32-gcc-posix")
    (tmp_path / "main.c").write_text(SOURCE)
    words = [*URUK_RUN, "--target", "x86_64-windows"]
    assert run([*words, tmp_path / "main.c"]) == ("", "", 7)
    assert run([*words, compiled_text(tmp_path, "gcc-O2", "other.c", SOURCE)]) == ("", "", 7)


def test_this_process_runs_no_program_of_windows(tmp_path: Path) -> None:
    done = run([*URUK_RUN, "--in-process", compiled_text(tmp_path, "gcc-O2", "main.c", SOURCE)])
    assert done.status == 2
    assert "the program is for x86_64-windows, and this process is" in done.stderr
    assert "leave --in-process out" in done.stderr


def test_wine_runs_no_program_of_linux(wine: Path, cc: Compile) -> None:
    done = run([*URUK_RUN, "--launcher", "wine", cc(SOURCE)])
    assert (done.stdout, done.status) == ("", 1)
    assert "wine runs programs of Windows, and the target is" in done.stderr
