"""A link line run twice: linked by a compiler's driver and run, and with ``uruk run`` in front."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from support.requirements import require_tool

TIMEOUT = 120


def uruk_run(folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Status, output and errors of ``uruk run``."""
    command = [sys.executable, "-m", "uruk", "run", *words]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    return done.returncode, done.stdout, done.stderr


def native(
    folder: Path, line: Sequence[str], arguments: Sequence[str] = (), driver: str = "gcc"
) -> tuple[int, str, str]:
    """The same of the program that a driver links."""
    linked = subprocess.run(
        [require_tool(driver), *line, "-o", "native"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert linked.returncode == 0, linked.stderr
    done = subprocess.run(
        ["./native", *arguments], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    return done.returncode, done.stdout, done.stderr


def same(folder: Path, line: Sequence[str], arguments: Sequence[str] = ()) -> tuple[int, str]:
    """Assert that a line's program prints and returns the same both ways; what that is."""
    expected = native(folder, line, arguments)[:2]
    status, out, err = uruk_run(folder, *line, "--", *arguments)
    assert (status, out) == expected, err
    return expected


def write(folder: Path, **sources: str) -> None:
    """Write C sources, and compile each to an object."""
    for name, text in sources.items():
        (folder / f"{name}.c").write_text(text)
        compile_to(folder, name, "-c", "-o", f"{name}.o")


def compile_to(folder: Path, name: str, *flags: str) -> None:
    """Run the compiler on a source."""
    subprocess.run([require_tool("gcc"), f"{name}.c", *flags], cwd=folder, check=True)
