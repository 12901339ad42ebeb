"""C programs of Windows: each does what the program does that its compiler links, under the same wine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from c_compilers import COMPILERS, GCC, HERE, WAYS, environment

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

TIMEOUT = 120
PROGRAMS = HERE / "c_programs"
OTHERS = "_other"
"""How the second source of a program is called."""
CASES = sorted(path.stem for path in PROGRAMS.glob("*.c") if not path.stem.endswith(OTHERS))
FLAGS = {"wide_main": ["-municode"]}
INPUT = b"a title\r\n1 2 3 40\n-6 end of numbers\n"
WORDS = ["two words", "", 'a "quoted" one', "end\\", "*.c", "a\\\\b", "--flag=1"]
"""Arguments behind the path of a file that the program may make."""
FOR_WINDOWS_H = ("direct.h", "io.h", "process.h", "pthread.h", "windows.h")
"""Headers that compilers without Windows's headers do not have."""
MINGW_ONLY = {"binary_mode", "endings", "faults", "first_environment", "long_doubles", "wide_main", "windowed"}
"""Programs that rely on what MinGW's start files do, or (`endings`) on what those do not that Microsoft's do."""
NOT_OF_ZIG = {"first_environment", "long_doubles", "wide_main"}
"""Under this wine, what zig links of them natively prints what lies in registers or in freed memory, or crashes."""
CRASH = b"uruk: ExecutorCrashed: "


def run(command: Sequence[str | Path], folder: Path) -> tuple[bytes, bytes, int]:
    done = subprocess.run(
        command, input=INPUT, capture_output=True, timeout=TIMEOUT, env=environment(), check=False, cwd=folder
    )
    return done.stdout, done.stderr, done.returncode


def combinations() -> list[tuple[str, str]]:
    """Programs and the compilers that can compile them."""
    chosen: list[tuple[str, str]] = []
    for name in CASES:
        text = (PROGRAMS / f"{name}.c").read_text()
        needs = [header for header in FOR_WINDOWS_H if f"<{header}>" in text]
        for compiler in COMPILERS:
            if compiler == "clang-msvc" and (needs or name in MINGW_ONLY):
                continue
            if (compiler == "zig" and name in NOT_OF_ZIG) or (compiler != "gcc" and "pthread.h" in needs):
                continue
            chosen.append((name, compiler))
    return chosen


@pytest.mark.parametrize(("name", "compiler"), combinations())
def test_a_program_is_as_natively(wine: Path, tmp_path: Path, name: str, compiler: str) -> None:
    sources = [path for path in (PROGRAMS / f"{name}.c", PROGRAMS / f"{name}{OTHERS}.c") if path.exists()]
    objects = COMPILERS[compiler].compile(sources, tmp_path)
    native = tmp_path / "native.exe"
    COMPILERS[compiler].link(objects, native, FLAGS.get(name, ()))
    words = [str(tmp_path / "file.txt"), *WORDS]
    expected = run(["wine", native, *words], tmp_path)
    # how code goes there does not depend on its compiler: one of them for each program
    for way in WAYS if compiler == "gcc" else WAYS[:1]:
        command = [sys.executable, "-m", "uruk", "run", "--oop", "--launcher", "wine", way, *objects, "--", *words]
        output, errors, status = run(command, tmp_path)
        kept = [line for line in errors.splitlines(keepends=True) if not line.startswith(CRASH)]
        assert (output, b"".join(kept), status) == expected, way
        assert output


def test_a_crash_is_told(wine: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "crash.c", tmp_path / "crash.obj"
    source.write_text("int *nothing; int main(void) { return *nothing; }")
    subprocess.run([require_tool(GCC[0]), "-c", "-o", target, source], check=True)
    _, said, status = run([sys.executable, "-m", "uruk", "run", "--oop", "--launcher", "wine", target], tmp_path)
    assert status == 5
    assert b"access violation" in said
