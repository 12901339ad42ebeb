"""Errors about undefined symbols of COFF objects name the library to add, and with it they are gone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from c_compilers import ZIG, environment
from native_programs import GXX, gxx_folders, run_linked, wine_path

import uruk

from support.coff_objects import compiled_text
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

CXX = """
    #include <iostream>
    #include <stdexcept>
    #include <string>
    int main() {
        try { throw std::runtime_error("text" + std::to_string(4)); }
        catch (const std::exception &error) { std::cout << error.what(); }
    }
"""
THROWS = 'extern "C" int f(int x) { try { if (x) throw x; return 1; } catch (int n) { return n + 4; } }'


@pytest.fixture
def jit(wine: Path) -> Iterator[uruk.LLJIT]:
    variables = {**os.environ, "WINEPATH": wine_path(gxx_folders())}
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows", environment=variables)) as session:
        yield session


def error_of(jit: uruk.LLJIT, name: str) -> str:
    with pytest.raises(uruk.UndefinedSymbols) as caught:
        jit.lookup(name)
    return str(caught.value)


def test_a_program_of_gxx_without_its_library(wine: Path, tmp_path: Path) -> None:
    (tmp_path / "main.cc").write_text(CXX)
    path = tmp_path / "main.obj"
    subprocess.run([require_tool(GXX), "-c", "-o", path, tmp_path / "main.cc"], check=True)
    said = run_linked([path], []).stderr
    assert 'defined in libstdc++.dll.a: add -l stdc++ (add_library("stdc++"))' in said
    assert said.count("add -l") == 1
    assert "perhaps" not in said
    assert "did you mean" not in said
    assert run_linked([path, "-l", "stdc++"], [], gxx_folders()).stdout == "text4"


def test_a_session_of_gxx(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "throws.cc", THROWS))
    said = error_of(jit, "f")
    assert 'add -l stdc++ (add_library("stdc++"))' in said
    for library in ("stdc++", "gcc_s"):
        jit.add_library(library)
    jit.main.add_shared_library("msvcrt.dll")
    assert jit.lookup("f").function("int(int)")(3) == 7


def test_a_session_of_microsofts_kind(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_object(compiled_text(tmp_path, "clang-msvc-O0", "throws.cc", THROWS))
    assert 'of Microsoft\'s C++: add_shared_library("vcruntime140.dll")' in error_of(jit, "f")
    for name in ("vcruntime140.dll", "ucrtbase.dll"):
        jit.main.add_shared_library(name)
    assert jit.lookup("f").function("int(int)")(3) == 7


def test_a_session_of_zigs_kind(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """What libc++ shares with libstdc++ is not to be libstdc++'s."""
    (tmp_path / "main.cc").write_text(CXX)
    command = [*("c++" if word == "cc" else word for word in ZIG), "-O1", "-c", "-o", "main.obj", "main.cc"]
    subprocess.run(command, cwd=tmp_path, check=True, env=environment())
    jit.add_object(tmp_path / "main.obj")
    said = error_of(jit, "main")
    assert "libc++ of zig c++ defines it" in said
    assert "stdc++" not in said
    assert "did you mean" not in said


def test_a_member_of_an_archive_that_can_be_linked(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """An object without symbols is not in the index of its archive, and not to blame."""
    empty = compiled_text(tmp_path, "gcc-O2", "empty.c", "")
    archive = tmp_path / "libempty.a"
    subprocess.run([require_tool("ar"), "rcs", archive, empty], check=True)
    jit.add_archive(archive)
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "calls.c", "int nowhere(void); int f(void) { return nowhere(); }"))
    assert "perhaps" not in error_of(jit, "f")
