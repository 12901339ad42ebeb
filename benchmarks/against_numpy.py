"""Whole processes against the start of Python with numpy, which no process of uruk can do without."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from benchmarks.measure import interleaved, ratio, run_process, spread
from benchmarks.report import Report, Row


def against_numpy(
    commands: Mapping[str, Sequence[str]], budgets: Mapping[str, float | None], runs: int, report: Report
) -> None:
    """Run each command `runs` times, in turns with `python3 -c 'import numpy'`, and report the ratios of wall times."""
    all_commands = {**commands, "numpy": [sys.executable, "-c", "import numpy"]}
    actions = {name: lambda command=command: run_process(command).seconds for name, command in all_commands.items()}
    interleaved(actions, 2)
    times = interleaved(actions, runs)
    for name, budget in budgets.items():
        note = f"whole process, against an import of numpy; runs {spread(times[name], times['numpy'])}"
        report.rows.append(Row(name, ratio(times[name], times["numpy"]), budget, note=note))
