"""Calls through lazy stubs that have their functions, against direct calls, timed in native code."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.inputs import compile_c
from benchmarks.measure import say
from benchmarks.report import Report, Row
from uruk.lljit import LLJIT

BUDGET = 2.0
FIRST_CALL = 100.0
CALLS = 1_000_000
STUBS = 2048
SHAPES = {"one function": 1, "64 in turns": 64, "2,048 in turns": STUBS}

# Each call's argument is the last one's result, so that calls do not overlap more than a program's do.
SOURCE = """
#include <time.h>
typedef long function(long);
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}
double time_calls(function **called, long functions, long rounds)
{
    double begin = now();
    long value = 0;
    for (long round = 0; round < rounds; round++)
        for (long number = 0; number < functions; number++)
            value = called[number](value);
    return value < 0 ? 0 : (now() - begin) / (functions * rounds);
}
"""


def measure(folder: Path, runs: int, report: Report) -> None:
    """The lowest nanoseconds a call of `runs` loops each, in turns; then a first call, with the answer known."""
    say(f"lazy: {CALLS:,} calls of {len(SHAPES)} kinds, {runs} runs each")
    texts = [f"long target_{number}(long a) {{ return (a ^ {number}) & 0xffff; }}" for number in range(STUBS)]
    with LLJIT() as jit:
        jit.add_objects([compile_c(SOURCE, folder / "calls.o"), compile_c("\n".join(texts), folder / "targets.o")])
        found = jit.lookup_all([f"target_{number}" for number in range(STUBS)])
        direct = np.array([symbol.address for symbol in found.values()], np.int64)
        loop = jit.lookup("time_calls").function("double(size_t, long, long)")
        stubs = jit.platform.process.lazy_stubs(
            lambda stub: int(direct[stub]), lambda stub, error: None, jit.session.lock
        )
        lazy = stubs.take(STUBS)
        numbers = stubs.numbers(lazy)
        first: list[float] = []
        times: dict[tuple[str, str], list[float]] = {}
        for _ in range(runs):
            stubs.reset(numbers)
            first.append(loop(lazy.ctypes.data, STUBS, 1))
            for shape, count in SHAPES.items():
                for what, called in (("direct", direct), ("lazy", lazy)):
                    once = loop(called.ctypes.data, count, CALLS // count)
                    times.setdefault((shape, what), []).append(once)
    _report(times, first, report)


def _report(times: dict[tuple[str, str], list[float]], first: list[float], report: Report) -> None:
    """The kind of loop that shows the stub most counts. A stub may even help, where a loop is a call and a return."""
    lowest = {key: min(values) for key, values in times.items()}
    above = {shape: lowest[shape, "lazy"] - lowest[shape, "direct"] for shape in SHAPES}
    note = "; ".join(f"{shape}: {lowest[shape, 'direct']:.2f} -> {lowest[shape, 'lazy']:.2f} ns" for shape in SHAPES)
    report.rows.append(Row("a lazy stub's later calls, above direct ones", max(above.values()), BUDGET, " ns", note))
    report.rows.append(Row("its first call, apart from linking", min(first) / 1000, FIRST_CALL, " µs"))
