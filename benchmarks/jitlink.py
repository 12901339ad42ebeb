"""uruk-jitlink's whole process against an interpreter that imports numpy: linking, with a decoded rule, and -help."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.against_numpy import against_numpy
from benchmarks.measure import say
from benchmarks.report import Report

BUDGETS = {"uruk-jitlink -noexec, one function": 1.4, "the same with a decoded rule": 1.7, "uruk-jitlink -help": 0.4}
SOURCE = """
        .globl  main
main:   movl    $7, %eax
        ret
        .size   main, .-main
"""
RULE = "# jitlink-check: decode_operand(main, 1) = 7\n"


def measure(folder: Path, runs: int, report: Report) -> None:
    """Run each command `runs` times, in turns with `python3 -c 'import numpy'`, and compare the wall times."""
    say(f"jitlink: small runs of uruk-jitlink, {runs} each")
    path, rule = folder / "one.o", folder / "one.txt"
    subprocess.run(["as", "-o", str(path), "-"], input=SOURCE, text=True, check=True)
    rule.write_text(RULE)
    tool = [sys.executable, "-m", "uruk.jitlink"]
    words = (["-noexec", str(path)], ["-noexec", str(path), f"-check={rule}"], ["-help"])
    commands = {name: [*tool, *more] for name, more in zip(BUDGETS, words, strict=True)}
    against_numpy(commands, BUDGETS, runs, report)
