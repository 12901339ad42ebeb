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
        f"{len(foreign.objects)} objects; {counts['input']:,} relocations in the input, {counts['applied']:,} applied"
    )
    note += f"; runs {spread(times['uruk'], times['llvm'])}"
    report.rows.append(
        Row("AArch64 batch, against llvm-jitlink", ratio(times["uruk"], times["llvm"]), TIME_BUDGET, note=note)
    )
    each = {}
    for name, one in (("aarch64", foreign), ("x86_64", native)):
        texts = [run_process([*uruk, "--time", *one.objects]).errors for _ in range(runs)]
        seconds = statistics.median(float(found[1]) for found in map(_TOTAL.search, texts) if found)
        each[name] = seconds / batch.count(name, one)["applied"]
    report.rows.append(
        Row(
            "AArch64, time a relocation, against x86-64",
            each["aarch64"] / each["x86_64"],
            ISA_BUDGET,
            note="in uruk's passes",
        )
    )
