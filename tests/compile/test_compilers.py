"""Which compiler is taken, and how it is told from others."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from families import require_family

import uruk
from uruk.compile.compile_source import compile_text
from uruk.compile.compilers import find_compiler
from uruk.compile.identity import identify

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH, to put programs into."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put(folder: Path, name: str, program: str) -> str:
    (folder / name).symlink_to(program)
    return str(folder / name)


def test_the_order_of_looking(only: Path) -> None:
    assert find_compiler("c")[0].endswith("/ziglang/zig")  # nothing but the package
    assert find_compiler("c++")[1:] == ("c++",)
    for name in ("clang-9", "clang-19", "gcc-9", "gcc-12", "clang", "gcc", "cc"):
        path = put(only, name, sys.executable)
        assert find_compiler("c") == find_compiler("assembler") == (path,)
    for name in ("clang++-19", "g++-12", "clang++", "g++", "c++"):
        path = put(only, name, sys.executable)
        assert find_compiler("c++") == (path,)


def test_variables_name_it(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(only, "mycc", sys.executable)
    monkeypatch.setenv("CC", "mycc -O1 '-DX=a b'")
    monkeypatch.setenv("CXX", path)
    assert find_compiler("c") == (path, "-O1", "-DX=a b")
    assert find_compiler("c++") == (path,)
    monkeypatch.setenv("CC", "nobody")
    with pytest.raises(uruk.CompilerNotFound, match=r"no compiler for C; looked for nobody \(of CC\)"):
        find_compiler("c")


@pytest.mark.parametrize("named", ["nobody-19", "/nowhere/cc", "", "'open", "nobody cc", []])
def test_a_name_that_nothing_has(named: str | list[str]) -> None:
    with pytest.raises(uruk.CompilerNotFound) as caught:
        find_compiler("c++", named)
    assert caught.value.language == "C++"
    assert "--compiler" in str(caught.value)


def test_forms_of_a_name(only: Path) -> None:
    spaced = only / "my compiler"
    shutil.copy(sys.executable, spaced)
    assert find_compiler("c", str(spaced)) == (str(spaced),)
    assert find_compiler("c", [str(spaced), "-m64"]) == (str(spaced), "-m64")
    zig = find_compiler("c", "zig")
    assert zig[1:] == ("cc",)
    assert find_compiler("c++", "zig cc") == (zig[0], "c++") == find_compiler("c++", [zig[0], "cc"])
    python = sys.executable
    assert find_compiler("c++", f"{python} -m ziglang cc")[1:] == ("-m", "ziglang", "c++")


def test_kinds(family: str) -> None:
    assert identify(find_compiler("c", family)).kind == family.split("-")[0].split()[0]


def test_identities_differ() -> None:
    gcc, clang = (identify(find_compiler("c", require_family(one))) for one in ("gcc", "clang-19"))
    assert gcc.identity != clang.identity
    assert identify(gcc.words) is gcc


def test_no_compiler_at_all() -> None:
    with pytest.raises(uruk.CompileError, match=r"does not answer --version: is it a compiler\?"):
        compile_text("", compiler=require_tool("false"))
    Path("script").write_text("no program\n")
    os.chmod("script", 0o700)
    with pytest.raises(uruk.CompileError, match="cannot be started"):
        compile_text("", compiler="./script")
