"""Runs LLVM's own tests of llvm-jitlink, and of its ORC runtime, with uruk-jitlink in its place.

``make llvm-suite LLVM_SRC=DIR``: the tests are LLVM's, and not part of uruk. DIR is an unpacked source package
(``apt-get source llvm-toolchain-19``, with source packages switched on). The other tools of LLVM come from a folder of
links in which its JIT tools are missing, so that nothing of LLVM can link in uruk's stead. Each rule of a test is also
spoilt, and must then be noticed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from llvm_suite import orc_tests
from llvm_suite.commands import commands_of, run, text_of

SUITE = "llvm/test/ExecutionEngine/JITLink"
TOOL = "llvm/test/tools/llvm-jitlink"
FOLDERS = ("Generic", "x86-64", "AArch64")
MASKED = ("llvm-jitlink", "llvm-jitlink-executor", "lli", "lli-child-target", "llvm-rtdyld")
CORRECTED = {
    "ELF_got_plt_optimizations.s": (
        "decode_operand(test_call_gotpcrelx, 0)[31:0] = extern_in_range32",
        "decode_operand(test_call_gotpcrelx, 0) = extern_in_range32 - next_pc(test_call_gotpcrelx)",
    )
}
"""Rules that LLVM 19 has wrong: a direct call holds the distance (psABI, B.2), not the address."""
RULE = re.compile(r"\s*# jitlink-check:")
UNRUNNABLE = re.compile(r"REQUIRES:.*\b(asserts|intel)|XFAIL: *\*")
"""Tests of LLVM's debugging output, of Intel's profiler, and one that is known to fail."""


def chosen(folder: Path) -> list[Path]:
    """The tests for ELF and COFF that an ordinary build of LLVM runs on this machine."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".s", ".test", ".yaml"))
    return [
        path
        for path in files
        if "MachO" not in path.name and commands_of(path) and not UNRUNNABLE.search(text_of(path))
    ]


def make_tools(folder: Path, llvm: Path) -> None:
    """Link LLVM's tools into a folder, and uruk's in the place of the masked one."""
    for tool in llvm.iterdir():
        if tool.name not in MASKED:
            (folder / tool.name).symlink_to(tool)
    wrapper = folder / "llvm-jitlink"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -m uruk.jitlink "$@"\n')
    wrapper.chmod(0o755)


def spoilt(text: str) -> list[str]:
    """The text with one rule spoilt, once for each rule (of several lines, the last one)."""
    lines = text.splitlines(keepends=True)
    ends = [row for row, line in enumerate(lines) if RULE.match(line) and not line.rstrip().endswith("\\")]
    return ["".join([*lines[:row], lines[row].rstrip() + " + 1\n", *lines[row + 1 :]]) for row in ends]


def verdict(path: Path, tools: Path) -> str:
    """Run a test, and with each of its rules spoilt; returns what went wrong, empty if nothing did."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / path.name
        text = text_of(path)
        wrong, right = CORRECTED.get(path.name, ("", ""))
        source.write_text(text.replace(wrong, right) if wrong else text)
        done = run(path, source, folder, tools)
        if done.returncode:
            return (done.stderr + done.stdout)[-600:]
        # LLVM's sectcreate.test has a rule, and no -check that would have it read.
        is_checked = any(" -check" in command for command in commands_of(path))
        for number, changed in enumerate(spoilt(source.read_text()) if is_checked else ()):
            source.write_text(changed)
            if run(path, source, folder, tools).returncode == 0:
                return f"the spoilt rule {number + 1} was not noticed"
    return ""


def verdicts(source: Path, tools: Path, llvm: Path) -> Iterator[tuple[str, str]]:
    """Run all tests; yields the name of each, and what went wrong."""
    for folder in FOLDERS:
        for path in chosen(source / SUITE / folder):
            corrected = ", one rule corrected" if path.name in CORRECTED else ""
            yield f"{folder}/{path.name}{corrected}", verdict(path, tools)
    for path in chosen(source / TOOL) if (source / TOOL).is_dir() else ():
        yield f"tool/{path.name}", verdict(path, tools)
    yield from orc_tests.verdicts(source, tools, llvm.parent / "lib")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", default="", help="the folder of LLVM's source package")
    parser.add_argument("--tools", default="/usr/lib/llvm-19/bin", help="the folder of LLVM's tools")
    arguments = parser.parse_args()
    suite = Path(arguments.source, SUITE)
    if not arguments.source or not suite.is_dir():
        print("give LLVM's unpacked source package: make llvm-suite LLVM_SRC=DIR")
        return 2
    failed = total = 0
    with tempfile.TemporaryDirectory() as tools:
        make_tools(Path(tools), Path(arguments.tools))
        for name, problem in verdicts(Path(arguments.source), Path(tools), Path(arguments.tools)):
            total += 1
            failed += bool(problem)
            print(f"{'FAILED' if problem else 'passed'} {name}", flush=True)
            if problem:
                print("    " + problem.strip().replace("\n", "\n    "))
    print(f"{total - failed} of {total} passed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
