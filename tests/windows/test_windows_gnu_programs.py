"""C++ programs that MinGW's g++ compiles: with its DLLs and all static, they do what their native programs do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from native_programs import compile_parts, names_of, run, run_linked

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

GXX = "x86_64-w64-mingw32-g++-posix"
WAYS = {"dlls": ((), ("-l", "stdc++")), "static": (("-static",), ("-static", "-l", "stdc++"))}
"""How a program comes to its libraries: flags of g++ that links it, and of ``uruk run``."""


@pytest.mark.parametrize("name", names_of("gnu", ["cc"]))
def test_a_program_is_as_natively(wine: Path, tmp_path: Path, name: str) -> None:
    compiler = require_tool(GXX)
    objects = compile_parts("gnu", name, tmp_path, [compiler, "-std=c++20", "-O1", "-w"])
    where = subprocess.run([compiler, "-print-file-name=libstdc++-6.dll"], capture_output=True, text=True, check=True)
    libraries = [Path(where.stdout.strip()).parent, "/usr/x86_64-w64-mingw32/lib"]
    words = [str(tmp_path / "file.txt"), "two words", 'a"b\\']
    for way, (flags, options) in WAYS.items():
        native = tmp_path / f"{way}.exe"
        subprocess.run([compiler, *flags, "-o", native, *objects], check=True)
        expected = run(["wine", native, *words], libraries)
        assert expected.stdout
        assert run_linked([*objects, *options], words, libraries) == expected, way
