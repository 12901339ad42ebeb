"""The batch for AArch64: the same libraries of LLVM, built for it, linked on this machine."""

from __future__ import annotations

import re
import shutil
import statistics
from pathlib import Path

from benchmarks import batch, inputs
from benchmarks.inputs import Batch
from benchmarks.measure import interleaved, ratio, run_process, say, spread
from benchmarks.report import Report, Row

TIME_BUDGET = 0.5
ISA_BUDGET = 1.3
_TOTAL = re.compile(r"^\s*total\s+([\d.]+)", re.MULTILINE)


def measure(native: Batch, folder: Path, runs: int, report: Report) -> None:
    """Against llvm-jitlink, whole processes; and against the x86-64 batch, the time in uruk's passes a relocation.

    Raises RuntimeError where a tool or the libraries are missing, or a linker fails.
    """
    tool = shutil.which(batch.TOOL)
    if tool is None:
        raise RuntimeError(f"no {batch.TOOL}: install llvm-19")
    foreign = inputs.aarch64_batch(folder / "aarch64")
    uruk = [*batch.uruk_command(), "run", "--no-exec", "--phony-externals", "--entry", foreign.entry]
    theirs = [tool, "-noexec", "-phony-externals", f"-entry={foreign.entry}", foreign.handle, *foreign.objects]
    commands = {"uruk": [*uruk, *foreign.objects], "llvm": theirs}
    say(f"batch for AArch64: {len(foreign.objects)} objects, {runs} runs each")
    for command in commands.values():
        run_process(command)
    times = interleaved({name: lambda name=name: run_process(commands[name]).seconds for name in commands}, runs)
    counts = batch.count("aarch64", foreign)
    note = (
        f"{len(foreign.objects)} objects; relocations: {counts['input']:,} in the input, {counts['applied']:,} applied"
    )
    note += f"; runs {spread(times['uruk'], times['llvm'])}"
    figure = ratio(times["uruk"], times["llvm"])
    report.rows.append(Row("AArch64 batch, against llvm-jitlink", figure, TIME_BUDGET, note=note))
    batches = {"aarch64": foreign, "x86_64": native}

    def passes(name: str) -> float:
        found = _TOTAL.search(run_process([*uruk, "--time", *batches[name].objects]).errors)
        return float(found[1]) if found else 0.0

    times = interleaved({name: lambda name=name: passes(name) for name in batches}, 2 * runs)
    each = {name: statistics.median(times[name]) / batch.count(name, one)["applied"] for name, one in batches.items()}
    figure = each["aarch64"] / each["x86_64"]
    report.rows.append(Row("AArch64, a relocation against x86-64's", figure, ISA_BUDGET, note="time in uruk's passes"))
