"""Threads × modules × removals × failures at random, for a limited time: no symbol is lost, nothing waits for ever.

URUK_STRESS_SEED chooses another run, URUK_STRESS_SECONDS how long all of them take together (default: 20). A failure
shows the command that repeats it; threads still take turns as they like, so that it may need a few tries.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_interpreter

SEED = int(os.environ.get("URUK_STRESS_SEED", "1"))
SECONDS = float(os.environ.get("URUK_STRESS_SECONDS", "20"))
PROGRAM = Path(__file__).with_name("program.py")
HANGS = 200.0
"""Seconds after which the program, which watches itself, counts as hanging."""


@pytest.mark.parametrize(
    ("workers", "threads"), [(0, 6), (2, 6), (4, 8)], ids=["waiting threads work", "pool of 2", "pool of 4"]
)
def test_stress(workers: int, threads: int) -> None:
    numbers = {"seed": SEED + workers, "seconds": SECONDS / 3, "workers": workers, "threads": threads}
    command = [sys.executable, str(PROGRAM), *(f"--{name}={value}" for name, value in numbers.items())]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=SECONDS + HANGS, check=False)
    again = f"PYTHONPATH=src python {PROGRAM.parent.name}/{PROGRAM.name} {' '.join(command[2:])}"
    assert ended.returncode == 0, f"exit status {ended.returncode}\n{ended.stderr[-10000:]}\nagain: {again}"
