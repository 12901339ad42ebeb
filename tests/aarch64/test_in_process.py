"""What an AArch64 Python cannot give linked code is named; the programs that run in it are in tests/program."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from build_support import arm64_root

from support.requirements import require_arm64_root, require_tool

pytestmark = pytest.mark.any_interpreter

SOURCES = Path(__file__).parents[2] / "src"


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        ("__attribute__((aligned(64))) char it", "thread-locals aligned to 64, more than this process aligns"),
        ("char it[20000]", r"20000 bytes of static thread-local storage do not fit"),
    ],
)
def test_static_storage_that_cannot_be_had(tmp_path: Path, variable: str, problem: str) -> None:
    """An error, and no traceback, where uruk would start itself again and the machine runs no such program."""
    require_arm64_root()
    gcc = require_tool("aarch64-linux-gnu-gcc")
    (tmp_path / "main.c").write_text(f"_Thread_local {variable}; int main(void) {{ return *(volatile char *)&it; }}")
    subprocess.run([gcc, "-c", "main.c"], cwd=tmp_path, check=True)
    python = arm64_root.python_command(arm64_root.folder(), SOURCES)
    command = [*python, "-m", "uruk", "run", "--in-process", "main.o"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    assert done.stderr.startswith("uruk: TLSError: "), done.stderr
    assert problem in done.stderr
