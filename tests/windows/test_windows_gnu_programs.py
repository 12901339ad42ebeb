"""C++ programs that MinGW's g++ compiles: with its DLLs and all static, they do what their native programs do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from native_programs import GXX, compile_parts, gxx_folders, names_of, run, run_linked

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

WAYS = {"dlls": ((), ("-l", "stdc++")), "static": (("-static",), ("-static", "-l", "stdc++"))}
"""How a program comes to its libraries: flags of g++ that links it, and of ``uruk run``."""


@pytest.mark.parametrize("name", names_of("gnu", ["cc"]))
def test_a_program_is_as_natively(wine: Path, tmp_path: Path, name: str) -> None:
    compiler = require_tool(GXX)
    objects = compile_parts("gnu", name, tmp_path, [compiler, "-std=c++20", "-O1", "-w"])
    libraries = gxx_folders()
    words = [str(tmp_path / "file.txt"), "two words", 'a"b\\']
    for way, (flags, options) in WAYS.items():
        native = tmp_path / f"{way}.exe"
        subprocess.run([compiler, *flags, "-o", native, *objects], check=True)
        expected = run(["wine", native, *words], libraries)
        assert expected.stdout, expected
        # What is all static needs no DLL of the compiler's.
        found = libraries if way == "dlls" else ()
        assert run_linked([*objects, *options], words, found) == expected, way
