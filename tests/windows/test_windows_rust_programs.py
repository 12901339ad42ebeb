"""Programs of Rust with its standard library, by rustc's link line: they do what their native programs do."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from native_programs import PROGRAMS, TIMEOUT, names_of, run, run_linked

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

RUSTC = "/usr/bin/rustc"
"""Debian's, of the version that the standard library for Windows has (libstd-rust-dev-windows)."""
TARGET = "x86_64-pc-windows-gnu"


@pytest.mark.parametrize("name", names_of("rust", ["rs"]))
def test_a_program_is_as_natively(wine: Path, tmp_path: Path, name: str) -> None:
    command = [require_tool(RUSTC), "--target", TARGET, "-O", "--edition=2021", "-C", "save-temps"]
    native = tmp_path / "native.exe"
    line = subprocess.run(
        [*command, "--print", "link-args", "-o", native, PROGRAMS / "rust" / name],
        check=True, timeout=TIMEOUT, capture_output=True, text=True, cwd=tmp_path,
    ).stdout  # fmt: skip
    words = [str(tmp_path / "file.txt"), "two words", 'a"b\\']
    expected = run(["wine", native, *words], RUST_BACKTRACE="0")
    assert expected.stdout, expected
    assert run_linked(shlex.split(line), words, RUST_BACKTRACE="0") == expected
