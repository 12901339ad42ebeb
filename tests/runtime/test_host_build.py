"""The runtime as this machine's own compilers build it: what it has, what it leaves to them, and what says so."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from build_support.executor import build_all
from build_support.host_compiler import find_host_compiler
from build_support.runtime import is_builtin
from build_support.targets import GLIBC, ROOT
from build_support.toolchains import Host, Zig, tag_of, this_machine, toolchain_for, wanted_targets

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

HERE = this_machine()
ALL = ("x86_64-linux", "aarch64-linux", "x86_64-windows")
SOURCE = """
#include <complex.h>
__attribute__((noinline)) _Complex double over(_Complex double a, _Complex double b) { return a / b; }
int quad(int a, int b) { __float128 x = a; return (int)((x * x + b) / 3); }
_Float16 half(__float128 x) { return (_Float16)x; }
int answer(int a) { return quad(a, 2) + (int)creal(over(6 + 0 * I, 2)) + (int)half(a); }
"""
USE = """
import sys, uruk
from uruk.runtime_files import runtime_archive, executor_program
print(runtime_archive())
for jit in (uruk.LLJIT(), uruk.LLJIT(executor=uruk.spawn())):
    with jit:
        jit.add_object(sys.argv[1])
        print(jit.lookup("answer").function("int(int)")(10))
"""


@pytest.fixture(autouse=True)
def fresh() -> None:
    find_host_compiler.cache_clear()


@pytest.fixture(scope="module", params=["gcc", "clang-19"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Host, Path, Path]:
    """A compiler, and the archive and the executor that it has built."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CC", require_tool(request.param))
        find_host_compiler.cache_clear()
        compiler = find_host_compiler()
    assert compiler is not None
    assert compiler.kind == request.param.partition("-")[0]
    root = tmp_path_factory.mktemp("sources")
    for name in ("runtime", "build_support", "src"):
        (root / name).symlink_to(ROOT / name)
    archive, program = build_all(root, [HERE], Host(compiler), Path("made"))
    return Host(compiler), archive, program


def run(*words: str | Path, **more: str) -> str:
    done = subprocess.run(
        [*map(str, words)], capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **more}
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_code_runs_with_it_and_with_the_compilers_own_builtins(built: tuple[Host, Path, Path], tmp_path: Path) -> None:
    _, archive, program = built
    names = run("nm", "-g", "--defined-only", archive).split()
    own = {"__addvti3", "__subvti3", "__mulvdi3", "__mulvti3"}  # uruk's: see runtime/common/overflow.c
    assert [name for name in names if is_builtin(name) and name not in own and not name.endswith("_16")] == []
    assert "GLIBC_" in run("readelf", "-V", program)
    assert "R_X86_64_COPY" not in run("readelf", "-rW", program)  # linked code is to have the library's own data
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("_runtime", "__pycache__"))
    (tmp_path / "answer.c").write_text(SOURCE)
    run("gcc", "-O1", "-fPIC", "-c", tmp_path / "answer.c", "-o", tmp_path / "answer.o")
    variables = {"PYTHONPATH": str(tree / "src"), "URUK_RUNTIME": str(archive.parent)}
    shown = run(sys.executable, "-c", USE, tmp_path / "answer.o", **variables).splitlines()
    assert shown == [str(archive), "47", "47"]


def test_calls_that_must_be_jumps_are(built: tuple[Host, Path, Path], tmp_path: Path) -> None:
    """gcc before 15 has no attribute for it: `dlsym` would take uruk for its caller."""
    _, archive, program = built
    run("ar", f"--output={tmp_path}", "x", archive, "program_names.o", "later_libraries.o", "shown_storage.o")
    jump = r"jmp +.*\n(?:.*R_X86_64_PL\w+\s+|.*R_X86_64_GOTPCREL\w*\s+|.*<){}"
    for member, function, callee in (
        ("program_names.o", "uruk_rt_dlsym", "dlsym"),
        ("later_libraries.o", "uruk_rt_dlopen_of_library", "dlopen"),
        ("shown_storage.o", "uruk_rt_dl_iterate_phdr", "dl_iterate_phdr"),
    ):
        text = run("objdump", "-dr", "--no-show-raw-insn", f"--disassemble={function}", tmp_path / member)
        assert re.search(jump.format(callee), text), text
    assert program.stat().st_size < 200_000


def test_choice_of_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def tool(name: str, script: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    real = require_tool("gcc")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("URUK_TARGETS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_host_compiler() is None
    assert isinstance(toolchain_for(())[0], Zig)
    assert toolchain_for(())[1] == ALL
    # One that is too old, one without headers, one that is none; then one that will do.
    tool("cc", "cat >/dev/null; echo gcc 9 4 0 glibc")
    tool("gcc", 'cat >/dev/null; case "$*" in *-E*) echo gcc 12 2 0 glibc;; *) exit 1;; esac')
    tool("clang", "exit 1")
    find_host_compiler.cache_clear()
    assert find_host_compiler() is None
    (tmp_path / "gcc-12").symlink_to(real)
    (tmp_path / "gcc-9").symlink_to(real)
    for name in ("as", "ld"):
        (tmp_path / name).symlink_to(shutil.which(name, path=os.defpath) or "")
    find_host_compiler.cache_clear()
    found = find_host_compiler()
    assert found is not None
    assert found.words == (str(tmp_path / "gcc-12"),)
    toolchain, targets = toolchain_for(())
    assert (toolchain.name, targets) == (str(found), (HERE,))
    assert isinstance(toolchain_for(ALL)[0], Zig)


def test_named_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, targets in (("", ()), ("all", ALL), ("x86_64-windows, x86_64-linux", (ALL[0], ALL[2]))):
        monkeypatch.setenv("URUK_TARGETS", text)
        assert wanted_targets() == targets
    monkeypatch.setenv("URUK_TARGETS", "pdp11-unix")
    with pytest.raises(ValueError, match="names pdp11-unix; there are all, x86_64-linux"):
        wanted_targets()
    monkeypatch.setenv("URUK_TARGETS", "x86_64-windows")
    with pytest.raises(ValueError, match="no target that uruk itself runs on"):
        wanted_targets()


def test_tags_name_the_systems_that_a_wheel_is_for(built: tuple[Host, Path, Path]) -> None:
    assert tag_of(built[0], [HERE], GLIBC) == f"py3-none-linux_{HERE.partition('-')[0]}"
    assert tag_of(Zig(), ALL, GLIBC) == "py3-none-manylinux_2_28_x86_64.manylinux_2_28_aarch64"


@pytest.mark.parametrize("target", ["x86_64-linux", "aarch64-linux"])
def test_what_zig_builds_needs_no_later_glibc_than_its_tag_says(target: str) -> None:
    root = ROOT
    archive, program = build_all(root, [target], Zig())
    versions = {
        tuple(map(int, text.split("."))) for text in re.findall(r"GLIBC_([\d.]+)", run("readelf", "-VW", program))
    }
    assert versions
    assert max(versions) <= GLIBC
    later = run("nm", "-u", archive).split()  # names that headers of a later glibc give to what sources call otherwise
    assert [
        name for name in later if name.startswith("__isoc23_") or name in ("__libc_single_threaded", "arc4random")
    ] == []


def test_another_system_is_refused_in_one_line() -> None:
    script = "import sys; sys.platform = {!r}\nimport uruk"
    for system in ("win32", "darwin"):
        done = subprocess.run(
            [sys.executable, "-c", script.format(system)], capture_output=True, text=True, check=False
        )
        assert (
            done.stderr.splitlines()[-1]
            == f'ImportError: uruk runs on Linux, not on {system}: see its README, "Platforms"'
        )
