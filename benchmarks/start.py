"""Start-up: whole processes until a session is ready, and of `uruk run` with an object, against an import of numpy."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.against_numpy import against_numpy
from benchmarks.inputs import compile_c
from benchmarks.measure import say
from benchmarks.report import Report

BUDGETS: dict[str, float | None] = {
    "`LLJIT()` ready": 1.4,
    "`uruk run hello.o`": 1.45,
    "`uruk run --in-process hello.o`": None,
}
SOURCE = '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n'


def measure(folder: Path, runs: int, report: Report) -> None:
    """Run each command `runs` times, in turns with `python3 -c 'import numpy'`, and compare the wall times.

    The package should be installed as users have it: an editable one costs start-up time of its own.
    """
    say(f"start: a session, and a program, {runs} runs each")
    tool = shutil.which("uruk")
    command = [tool] if tool is not None else [sys.executable, "-m", "uruk"]
    program = str(compile_c(SOURCE, folder / "hello.o"))
    words = (
        [sys.executable, "-c", "import uruk; uruk.LLJIT()"],
        [*command, "run", program],
        [*command, "run", "--in-process", program],
    )
    commands = dict(zip(BUDGETS, words, strict=True))
    against_numpy(commands, BUDGETS, runs, report)
