"""Batch link of real objects, as whole processes: `uruk run --no-exec` against llvm-jitlink."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.inputs import Batch
from benchmarks.measure import Run, interleaved, ratio, run_process, say, spread
from benchmarks.report import Report, Row, shares

TIME_BUDGET = 0.42
MEMORY_BUDGET = 1.5
TOOL = "llvm-jitlink-19"


def uruk_command() -> list[str]:
    """The installed console script, else the package of this source tree."""
    script = Path(sys.executable).with_name("uruk")
    if script.is_file():
        return [str(script)]
    return [sys.executable, "-m", "uruk"]


def measure(batch: Batch, runs: int, report: Report) -> None:
    """Time both linkers in turns, `runs` times each, and uruk with `--gc-sections` beside them.

    Raises RuntimeError where llvm-jitlink is missing, or a linker fails.
    """
    tool = shutil.which(TOOL)
    if tool is None:
        raise RuntimeError(f"no {TOOL}: install llvm-19")
    with_uruk = [*uruk_command(), "run", "--no-exec", "--phony-externals", "--entry", batch.entry]
    commands = {
        "uruk": [*with_uruk, *batch.objects],
        "pruned": [*with_uruk, "--gc-sections", *batch.objects],
        "llvm": [tool, "-noexec", "-phony-externals", f"-entry={batch.entry}", batch.handle, *batch.objects],
    }
    peaks: dict[str, list[int]] = {name: [] for name in commands}

    def run(name: str) -> float:
        found: Run = run_process(commands[name])
        peaks[name].append(found.peak)
        return found.seconds

    say(f"batch: {len(batch.objects)} objects, {runs} runs each")
    for command in commands.values():  # caches of files and of compiled modules
        run_process(command)
    times = interleaved({name: lambda name=name: run(name) for name in commands}, runs)
    counts = count("x86_64", batch)
    note = f"{len(batch.objects)} objects; relocations: {counts['input']:,} in the input, "
    note += f"{counts['read']:,} read, {counts['applied']:,} applied; runs {spread(times['uruk'], times['llvm'])}"
    report.rows.append(Row("batch, against llvm-jitlink", ratio(times["uruk"], times["llvm"]), TIME_BUDGET, note=note))
    pruned = f"runs {spread(times['pruned'], times['llvm'])}"
    report.rows.append(Row("batch with --gc-sections", ratio(times["pruned"], times["llvm"]), note=pruned))
    _peak_rows(peaks, report)
    timed = [run_process([*with_uruk, "--time", *batch.objects]).errors for _ in range(min(runs, 5))]
    report.passes = shares(timed)


def _peak_rows(peaks: dict[str, list[int]], report: Report) -> None:
    """Peak memory; a process smaller than this one cannot be measured (see `measure.Run`)."""
    ours, theirs = statistics.median(peaks["uruk"]), statistics.median(peaks["llvm"])
    if ours and theirs:
        report.rows.append(Row("peak memory of the batch", ours / theirs, MEMORY_BUDGET))


def count(architecture: str, batch: Batch) -> dict[str, int]:
    """How many relocations the batch has, how many uruk read (not dropped groups'), how many it applied."""
    command = [sys.executable, "-m", "benchmarks.batch", architecture, batch.entry, *batch.objects]
    folder = Path(__file__).resolve().parents[1]
    found = subprocess.run(command, cwd=folder, capture_output=True, check=True, env=os.environ)
    return json.loads(found.stdout)


def count_relocations(architecture: str, entry: str, objects: list[str]) -> dict[str, int]:
    """Link once in this process and count."""
    import numpy as np

    from uruk.lljit import LLJIT
    from uruk.orc.registry.options import Options
    from uruk.passes.state import State

    counts = {"input": 0, "read": 0, "applied": 0}

    def note(state: State) -> None:
        width = state.graph.kinds.width[state.edges.kind]
        counts["input"] += int(state.graph.relocations.count.sum())
        counts["read"] += state.graph.notes["edges"]
        counts["applied"] += int(np.count_nonzero(width))

    options = Options(phony_externals=True, execute=False, architecture=architecture)
    with LLJIT(options=options) as jit:
        jit.session.hooks["post-fixup"] = [note]
        jit.add_objects(objects)
        jit.lookup(entry)
    return counts


if __name__ == "__main__":
    print(json.dumps(count_relocations(sys.argv[1], sys.argv[2], sys.argv[3:])))
