"""Growth: ten times the input must cost about ten times as much, in one warm process."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.measure import interleaved, say
from benchmarks.report import Report, Row
from uruk.graph.graph import Graph, SymbolKind
from uruk.lljit import LLJIT
from uruk.orc.registry.options import Options
from uruk.passes.state import State

BUDGET = 11.0


def link_all(objects: Sequence[str]) -> tuple[float, int]:
    """Read and link all objects in a fresh session; returns seconds and how many relocations were read."""
    counts: list[int] = []

    def count(state: State) -> None:
        counts.append(state.graph.notes["edges"])

    with LLJIT(options=Options(phony_externals=True, execute=False)) as jit:
        jit.session.hooks["post-fixup"] = [count]
        begin = time.perf_counter()
        graph = jit.session.parse([(path, Path(path).read_bytes()) for path in objects], jit.main)
        jit.main.add_graph(graph, jit.main.create_tracker("batch"), roots=True)
        jit.lookup_all(_a_name_of_each(jit, graph))
        return time.perf_counter() - begin, sum(counts)


def _a_name_of_each(jit: LLJIT, graph: Graph) -> list[str]:
    """One name that each object defines and nobody else, so that looking them up links every object."""
    symbols = graph.symbols
    visible = (symbols.visibility == 0) | (symbols.visibility == 3)
    rows = np.flatnonzero((symbols.name >= 0) & (symbols.kind == SymbolKind.DEFINED) & (symbols.binding == 1) & visible)
    owner = np.searchsorted(graph.ranges.symbols, rows, "right") - 1
    _, first = np.unique(owner, return_index=True)
    return [jit.main.names.text(number).decode() for number in symbols.name[rows[first]].tolist()]


def _a_tenth(objects: Sequence[str]) -> list[str]:
    """Every tenth object by size; of the ten ways to choose them, the one closest to a tenth of the bytes."""
    ordered = sorted(objects, key=os.path.getsize)
    wanted = sum(map(os.path.getsize, ordered)) / 10
    choices = [ordered[first::10] for first in range(min(10, len(ordered)))]
    return min(choices, key=lambda chosen: abs(sum(map(os.path.getsize, chosen)) - wanted))


def measure(objects: Sequence[str], runs: int, report: Report) -> None:
    """Link a tenth of the objects, and all, in turns; the ratio is scaled to ten times the relocations."""
    ordered, few = sorted(objects, key=os.path.getsize), _a_tenth(objects)
    say(f"growth: {len(few)} and {len(ordered)} objects, {runs} runs each")
    counts: dict[str, int] = {}

    def run(name: str, chosen: Sequence[str]) -> float:
        seconds, counts[name] = link_all(chosen)
        return seconds

    actions = {"1": lambda: run("1", few), "10": lambda: run("10", ordered)}
    interleaved(actions, 1)
    times = interleaved(actions, runs)
    grown = max(counts["10"], 1) / max(counts["1"], 1)
    cost = statistics.median(times["10"]) / statistics.median(times["1"])
    note = f"{grown:.1f} times the relocations cost {cost:.1f} times as much"
    report.rows.append(Row("ten times the relocations", cost / grown * 10, BUDGET, note=note))
