"""Many small objects, added one by one and removed again: time linear, memory and mappings flat."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.inputs import renamed
from benchmarks.measure import mappings, resident, say
from benchmarks.report import Report, Row
from uruk.lljit import LLJIT
from uruk.orc.registry.tracker import ResourceTracker

BUDGET = 1.5
MEMORY_MIB = 4.0
MAPPINGS = 20.0


@dataclass
class _Cycle:
    added: list[float]
    removed: list[float]
    loaded_mappings: int


def _cycle(jit: LLJIT, objects: list[bytes]) -> _Cycle:
    """Add and look up every object, then remove all, oldest first; the time of each step."""
    trackers: list[ResourceTracker] = []
    added: list[float] = []
    removed: list[float] = []
    for number, data in enumerate(objects):
        begin = time.perf_counter()
        trackers.append(jit.add_object(data, "small.o"))
        jit.lookup(f"f_{number:05}")
        added.append(time.perf_counter() - begin)
    loaded = mappings()
    for tracker in trackers:
        begin = time.perf_counter()
        tracker.remove()
        removed.append(time.perf_counter() - begin)
    return _Cycle(added, removed, loaded)


def _second_half(times: list[float]) -> float:
    half = len(times) // 2
    return sum(times[half : 2 * half]) / sum(times[:half])


def measure(template: bytes, count: int, report: Report) -> None:
    """Two rounds to warm up, one measured."""
    say(f"many: {count} small objects, three rounds")
    objects = [renamed(template, number) for number in range(count)]
    with LLJIT() as jit:
        for _ in range(2):
            _cycle(jit, objects)
        memory, maps = resident(), mappings()
        cycle = _cycle(jit, objects)
        grown = (resident() - memory) / (1 << 20)
        more = mappings() - maps
    note = f"second {count // 2} against first {count // 2}"
    report.rows.append(Row(f"adding {count} objects one by one", _second_half(cycle.added), BUDGET, note=note))
    report.rows.append(Row("removing them one by one", _second_half(cycle.removed), BUDGET, note=note))
    report.rows.append(Row("memory that a round leaves", grown, MEMORY_MIB, " MiB"))
    report.rows.append(Row("mappings that a round leaves", more, MAPPINGS, ""))
    report.rows.append(Row("mappings while all are loaded", cycle.loaded_mappings - maps, MAPPINGS, ""))
