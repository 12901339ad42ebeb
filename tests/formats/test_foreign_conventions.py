"""Objects of another system's format are refused where calls differ there, and are linked where none is made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

import uruk
from uruk.errors import ObjectFormatError
from uruk.isa.abi import clash
from uruk.memory.fixed import FixedMemory
from uruk.target import Target

from support.compiling import Compile
from support.executors import compiled_for
from support.windows_links import windows_session

SOURCE = "int add(int left, int right) { return left + right; }"
WINDOWS = 'spawn(target="x86_64-windows")'
LINUX = 'spawn(target="x86_64-linux")'


Start: TypeAlias = "Callable[[], uruk.LLJIT]"
Add: TypeAlias = "Callable[[uruk.LLJIT, Path, Path], None]"


def in_this_process() -> uruk.LLJIT:
    return uruk.LLJIT()


def in_a_child() -> uruk.LLJIT:
    return uruk.LLJIT(executor=uruk.spawn())


def as_object(jit: uruk.LLJIT, path: Path, tmp_path: Path) -> None:
    jit.add_object(path)


def as_member(jit: uruk.LLJIT, path: Path, tmp_path: Path) -> None:
    jit.add_archive(Compile(tmp_path).archive("lib.a", path))
    jit.lookup("add")


def as_a_lazy_object(jit: uruk.LLJIT, path: Path, tmp_path: Path) -> None:
    jit.add_object(path.read_bytes(), str(path), lazy=True)
    jit.lookup("add")


@pytest.fixture
def coff(tmp_path: Path) -> Path:
    """An object of Windows."""
    compiled_for("x86_64-windows", tmp_path, SOURCE, "add")
    return tmp_path / "add-x86_64-windows.o"


@pytest.mark.quick
@pytest.mark.parametrize("add", [as_object, as_member, as_a_lazy_object])
@pytest.mark.parametrize("start", [in_this_process, in_a_child])
def test_code_of_windows_in_linux(start: Start, add: Add, coff: Path, tmp_path: Path) -> None:
    """The error names the object, and the session goes on."""
    with start() as jit:
        with pytest.raises(ObjectFormatError, match="Win64") as caught:
            add(jit, coff, tmp_path)
        assert coff.name in caught.value.file
        assert WINDOWS in caught.value.problem
        jit.add_object(compiled_for("x86_64-linux", tmp_path, SOURCE), "own.o")
        assert jit.lookup("add").function("int(int, int)")(2, 40) == 42


def test_code_of_linux_in_windows(wine: Path, tmp_path: Path) -> None:
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as jit:
        with pytest.raises(ObjectFormatError, match=r"own\.o: .* is ELF, .* System V") as caught:
            jit.add_object(compiled_for("x86_64-linux", tmp_path, SOURCE), "own.o")
        assert LINUX in caught.value.problem
        jit.add_object(compiled_for("x86_64-windows", tmp_path, SOURCE), "theirs.obj")
        assert jit.lookup("add").function("int(int, int)")(2, 40) == 42


@pytest.mark.quick
def test_links_that_nobody_runs(coff: Path) -> None:
    """Neither a link at a fixed address nor a session that only links asks for conventions."""
    with windows_session() as jit:
        jit.add_object(coff)
        assert jit.lookup("add").address
    with uruk.LLJIT(memory=FixedMemory(1 << 16, 1 << 20), options=uruk.Options(execute=False)) as jit:
        jit.add_object(coff)
        assert jit.lookup("add").address
    with uruk.LLJIT(options=uruk.Options(execute=False)) as jit:
        jit.add_object(coff)
        assert jit.lookup("add").address


@pytest.mark.quick
def test_a_program_for_another_system(coff: Path) -> None:
    words = ["run", "--oop", "--target", "x86_64-linux", "-e", "add", str(coff)]
    done = subprocess.run([sys.executable, "-m", "uruk", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"{coff}: " in done.stderr
    assert WINDOWS in done.stderr


@pytest.mark.quick
def test_systems_that_call_alike() -> None:
    """Fixed arguments of AArch64 are passed alike, and of formats that are not uruk's nobody knows."""
    windows = Target("coff", "aarch64", "windows")
    assert windows.of_own_system == windows
    assert Target("coff", "aarch64", "linux").of_own_system == windows
    assert clash(windows, Target.of_triple("aarch64-linux")) is None
    assert clash(Target.of_triple("x86_64-windows"), Target.of_triple("x86_64-linux")) is not None
    assert Target("registered", "x86_64", "linux").of_own_system is None
