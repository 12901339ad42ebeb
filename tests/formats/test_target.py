"""Targets: what triples and the first bytes of files mean, and errors for what is no target."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import uruk
from build_support.targets import BUILD_TARGETS, ROOT, RUNTIME, SOURCES
from uruk.errors import UnknownTarget, UrukError
from uruk.formats.elf.format import pair_of
from uruk.formats.elf.head import target_of_head
from uruk.isa.interface import architecture_of
from uruk.machines import EXECUTOR_TARGETS, MACHINES, TARGETS
from uruk.target import HERE, Target, executor_target

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("x86_64-unknown-linux-gnu", Target("elf", "x86_64", "linux")),
        ("x86_64-linux", Target("elf", "x86_64", "linux")),
        ("amd64-pc-linux-gnu", Target("elf", "x86_64", "linux")),
        ("aarch64", Target("elf", "aarch64", "linux")),
        ("arm64-apple-darwin24.1", Target("macho", "aarch64", "macos")),
        ("x86_64-w64-mingw32", Target("coff", "x86_64", "windows")),
        ("aarch64-pc-windows-msvc", Target("coff", "aarch64", "windows")),
        ("riscv64-linux-gnu", Target("elf", "riscv64", "linux")),
    ],
)
def test_triples(text: str, target: Target) -> None:
    assert Target.of_triple(text) == target


@pytest.mark.parametrize(
    "text", ["", "pdp11", "pdp11-linux", "x86_64-", "x86_64-plan9", "linux-x86_64", "x86_64 linux"]
)
def test_no_triples(text: str) -> None:
    with pytest.raises(UnknownTarget) as caught:
        Target.of_triple(text)
    assert (caught.value.target, caught.value.targets) == (text, EXECUTOR_TARGETS)


def head(machine: int, bits: int = 2, order: int = 1) -> bytes:
    return bytes([*b"\x7fELF", bits, order, 1, *bytes(9)]) + (1).to_bytes(2, "little") + machine.to_bytes(2, "little")


def test_first_bytes() -> None:
    for machine in MACHINES.values():
        assert target_of_head(head(machine.elf)) == Target("elf", machine.name, "")
        assert target_of_head(memoryview(head(machine.elf) + bytes(44))) == Target("elf", machine.name, "")
    unnamed = Target("elf", "", "")
    assert [target_of_head(head(*fields)) for fields in ((0xFFFF,), (62, 1), (62, 2, 2))] == [unnamed] * 3
    assert target_of_head(head(62)[:19]) == unnamed  # cut short: the reader says so
    assert target_of_head(b"") is target_of_head(b"\x7fEL") is target_of_head(b"!<arch>\n") is None


def test_targets_have_all_that_running_takes() -> None:
    assert tuple(BUILD_TARGETS) == EXECUTOR_TARGETS
    assert set(TARGETS) < set(EXECUTOR_TARGETS)
    for text in TARGETS:
        target = executor_target(text)
        assert str(target) == text
        assert architecture_of(text).name == target.architecture
        assert MACHINES[target.architecture].elf == pair_of(target.architecture).MACHINE


def test_every_source_of_the_runtime_is_listed_and_compiled() -> None:
    listed = {f"{folder}/{name}" for folder, names in SOURCES.items() for name in names.split()}
    runtime = ROOT / RUNTIME
    there = {path.relative_to(runtime).as_posix() for path in runtime.rglob("*.[cS]")}
    assert there - listed == set(), "add these to SOURCES in build_support/targets.py"
    assert listed - there == set()
    compiled = {
        folder for target in BUILD_TARGETS.values() for folder in target.archive_folders + target.program_folders
    }
    assert compiled == set(SOURCES)


def test_a_machine_that_is_only_known_by_name_is_no_other_one() -> None:
    for ask in (architecture_of, executor_target):
        with pytest.raises(UnknownTarget, match="no target `riscv64-linux'; there are x86_64-linux, aarch64-linux"):
            ask("riscv64-linux")
    with pytest.raises(UnknownTarget, match="ELF for riscv64"):
        pair_of("riscv64")


@pytest.mark.parametrize("text", ["pdp11-unix", "riscv64-linux", "aarch64-windows", "x86_64"[:-1]])
def test_a_wrong_target_is_a_value_error_that_lists_the_targets(text: str) -> None:
    for kind in (ValueError, UrukError):
        with pytest.raises(kind, match=f"^no target `{text}'; there are x86_64-linux, aarch64-linux"):
            uruk.spawn(target=text)


@pytest.mark.parametrize("name", ["pdp11", "riscv64"])
def test_a_wrong_architecture_to_link_for(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        uruk.LLJIT(options=uruk.Options(execute=False, architecture=name))
    with uruk.LLJIT(options=uruk.Options(execute=False, architecture="arm64")) as jit:
        assert jit.session.target == Target("elf", "aarch64", "linux")


def test_a_wrong_target_on_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uruk", "run", "--target", "pdp11-unix", str(tmp_path / "x.o")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no target `pdp11-unix'; there are x86_64-linux, aarch64-linux" in done.stderr


def test_the_target_of_this_process() -> None:
    with uruk.LLJIT() as jit:
        assert jit.session.target == HERE
