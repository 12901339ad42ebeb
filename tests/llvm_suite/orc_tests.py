"""LLVM's tests of its ORC runtime: programs that llvm-jitlink runs, for both of Linux's targets."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llvm_suite.commands import commands_of, run, text_of

SUITE = "compiler-rt/test/orc/TestCases/Linux"
AARCH64_ROOT = Path(__file__).parents[2] / "build" / "aarch64-root"
"""Debian's libraries for AArch64: ``make aarch64-root``."""
RULE = re.compile(r"\s*// CHECK(-NEXT)?:")
SWITCHED_OFF = re.compile(r"REQUIRES: *disabled")


class Target(NamedTuple):
    """The folder of a target's tests, the flag with which they are compiled, and the unwinder to preload."""

    folder: str
    flag: str
    libunwind: Path


def targets(libraries: Path) -> tuple[Target, Target]:
    """The targets whose tests run here, with LLVM's own libraries; AArch64's under an emulator."""
    return (
        Target("x86-64", "--target=x86_64-linux-gnu", libraries / "libunwind.so.1"),
        Target("aarch64", "--target=aarch64-linux-gnu", AARCH64_ROOT / "usr/lib/llvm-19/lib/libunwind.so.1"),
    )


def chosen(folder: Path) -> list[Path]:
    """The tests that LLVM runs with llvm-jitlink; those of lli are of LLVM IR, for another tool."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return [
        path
        for path in files
        if any("%llvm_jitlink" in command for command in commands_of(path)) and not SWITCHED_OFF.search(text_of(path))
    ]


def verdict(path: Path, target: Target, tools: Path) -> str:
    """Run a test, which must also notice spoilt texts and a program that aborts; empty if nothing went wrong."""
    if "%shared_libunwind" in text_of(path) and not target.libunwind.exists():
        return f"there is no {target.libunwind}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / path.name
        source.write_text(text_of(path))
        done = run(path, source, folder, tools, _meanings(target, ""))
        if done.returncode:
            return (done.stderr + done.stdout)[-600:]
        if run(path, source, folder, tools, _meanings(target, "-entry=abort")).returncode == 0:
            return "a program that aborts was not noticed"
        for number, changed in enumerate(_spoilt(text_of(path)), 1):
            source.write_text(changed)
            if run(path, source, folder, tools, _meanings(target, "")).returncode == 0:
                return f"the spoilt text {number} was not noticed"
    return ""


def _meanings(target: Target, more: str) -> dict[str, str]:
    """The meanings of the tests' own words; `more` are further options."""
    return {
        "%shared_libunwind": str(target.libunwind),
        "%clangxx ": f"clang++ {target.flag} ",
        "%clang ": f"clang {target.flag} ",
        "%llvm_jitlink": f"llvm-jitlink -orc-runtime=/nowhere {more}",
    }


def _spoilt(text: str) -> list[str]:
    """The text with one line of the expected output spoilt, once for each."""
    lines = text.splitlines(keepends=True)
    rows = [row for row, line in enumerate(lines) if RULE.match(line)]
    return ["".join([*lines[:row], lines[row].rstrip() + " spoilt\n", *lines[row + 1 :]]) for row in rows]


def verdicts(source: Path, tools: Path, libraries: Path) -> Iterator[tuple[str, str]]:
    """Run the tests of both targets; yields the name of each, and what went wrong."""
    for target in targets(libraries):
        for path in chosen(source / SUITE / target.folder):
            yield f"orc/{target.folder}/{path.name}", verdict(path, target, tools)
