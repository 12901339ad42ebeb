"""Children: the batch linked into one and run, against llvm-jitlink's; a call's round trip; throughput; start-up."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.batch import TOOL, uruk_command
from benchmarks.inputs import Batch
from benchmarks.measure import interleaved, ratio, run_process, say, spread, timed
from benchmarks.report import Report, Row

BATCH_BUDGET = 0.5
ROUND_TRIP_BUDGET = 50.0
THROUGHPUT_BUDGET = 1.0
START_BUDGET = 20.0
CALLS = 3000
LIMIT = 60.0
MOST_FAILURES = 5
"""Failed runs of llvm-jitlink for one that works: its threads race with the end of the session."""
"""Seconds for one run of LLVM's tool, which sometimes hangs."""


def measure(batch: Batch, folder: Path, runs: int, report: Report) -> None:
    """Add the rows. Raises RuntimeError where llvm-jitlink is missing, or a program fails."""
    _batch(batch, runs, report)
    _line(report)
    _start(folder, runs, report)


def _batch(batch: Batch, runs: int, report: Report) -> None:
    """Both link all objects into a child through shared memory; with external names as 0 nothing of it can run."""
    tool = shutil.which(TOOL)
    if tool is None:
        raise RuntimeError(f"no {TOOL}: install llvm-19")
    ours = [*uruk_command(), "run", "--oop", "--no-exec", "--phony-externals", "--entry", batch.entry, *batch.objects]
    theirs = [tool, "-oop-executor", "-use-shared-memory", "-noexec", "-phony-externals", f"-entry={batch.entry}"]
    theirs += [batch.handle, *batch.objects]
    say(f"batch into a child: {runs} runs each")
    failures = 0

    def llvm() -> float:
        nonlocal failures
        while True:
            begin = time.perf_counter()
            with subprocess.Popen(theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                try:
                    if process.wait(LIMIT) == 0:
                        return time.perf_counter() - begin
                except subprocess.TimeoutExpired:
                    process.kill()
            failures += 1
            if failures > MOST_FAILURES * runs:
                raise RuntimeError("llvm-jitlink fails or hangs most of the time")

    run_process(ours)
    times = interleaved({"uruk": lambda: run_process(ours).seconds, "llvm": llvm}, runs)
    note = f"{len(batch.objects)} objects, shared memory; runs {spread(times['uruk'], times['llvm'])}"
    if failures:
        note += f"; {failures} runs of llvm-jitlink failed or hung"
    report.rows.append(Row("batch into a child", ratio(times["uruk"], times["llvm"]), BATCH_BUDGET, note=note))


def _line(report: Report) -> None:
    """What a call and a byte cost on the way to a child."""
    import uruk

    say("calls into a child")
    executor = uruk.spawn(shared_memory=False)
    with uruk.LLJIT(executor=executor) as jit:
        jit.add_source(text="char room[1 << 26]; void nothing(void) {}", language="c")
        nothing = jit.lookup("nothing").function("void(void)")
        median = statistics.median(timed(nothing) for _ in range(CALLS)) * 1e6
        pipe = _bare_round_trip()
        note = f"{median / pipe:.1f}x a bare byte through two pipes and back"
        report.rows.append(Row("empty call into a child", median, ROUND_TRIP_BUDGET, " us", note))
        room, data = jit.lookup("room").address, memoryview(bytes(1 << 26))
        executor.process.write(room, data)
        seconds = statistics.median(timed(lambda: executor.process.write(room, data)) for _ in range(7))
        rate = len(data) / seconds / 1e9
        report.rows.append(
            Row("a GB over the wire, against 1 s", 1 / rate, 1 / THROUGHPUT_BUDGET, note=f"{rate:.2f} GB/s")
        )


def _bare_round_trip() -> float:
    """Microseconds, median, of a byte to another process and back."""
    here, there = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.close(there[1])
        while byte := os.read(there[0], 1):
            os.write(here[1], byte)
        os._exit(0)

    def once() -> None:
        os.write(there[1], b"x")
        os.read(here[0], 1)

    median = statistics.median(timed(once) for _ in range(CALLS)) * 1e6
    for one in (*here, *there):
        os.close(one)
    os.waitpid(child, 0)
    return median


def _start(folder: Path, runs: int, report: Report) -> None:
    """From nothing to the first call's result in a child, beyond what importing uruk costs anyway."""
    say("start of a child")
    source = folder / "seven.c"
    source.write_text("int seven(void) { return 7; }\n")
    subprocess.run(["gcc", "-c", source, "-o", folder / "seven.o"], check=True)
    work = f"""
import uruk
with uruk.LLJIT(executor=uruk.spawn()) as jit:
    jit.add_object({str(folder / "seven.o")!r})
    assert jit.executor.call(jit.lookup("seven").address) == 7
"""
    # Most modules are imported when they are first used: the other process imports as many.
    told = work + "import sys; print(*[name for name in sys.modules if name.partition('.')[0] == 'uruk'])"
    done = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    imports = f"import importlib\nfor name in {done.stdout.split()!r}: importlib.import_module(name)\n"
    commands = {"bare": [sys.executable, "-c", imports], "child": [sys.executable, "-c", imports + work]}
    times = interleaved({name: lambda name=name: run_process(commands[name]).seconds for name in commands}, 2 * runs)
    extra = (statistics.median(times["child"]) - statistics.median(times["bare"])) * 1e3
    report.rows.append(Row("start of a child to the first call", extra, START_BUDGET, " ms", "beyond the imports"))
