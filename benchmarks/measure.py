"""Timing: whole processes with their peak memory, interleaved runs, medians."""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One finished process: wall time in seconds, peak resident memory in bytes, its standard error.

    The peak is 0 where it is unknown: a process that is smaller than the one that started it.
    """

    seconds: float
    peak: int
    errors: str


def run_process(command: Sequence[str]) -> Run:
    """Run a command to its end. Raises RuntimeError if it fails, with what it said."""
    with tempfile.TemporaryFile() as errors, open(os.devnull, "r+b") as null:
        actions = [
            (os.POSIX_SPAWN_DUP2, null.fileno(), 0),
            (os.POSIX_SPAWN_DUP2, null.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, errors.fileno(), 2),
        ]
        begin = time.perf_counter()
        child = os.posix_spawnp(command[0], list(command), _environment(), file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - begin
        errors.seek(0)
        text = errors.read().decode("utf-8", "replace")
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise RuntimeError(f"{' '.join(command[:6])} ... ended with {code}: {text.strip()[-2000:]}")
    return Run(seconds, 1024 * _peak_of_child(usage.ru_maxrss), text)


def _environment() -> dict[str, str]:
    """The environment for what is measured: Python may keep what it compiled, as it does where it is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _peak_of_child(peak: int) -> int:
    """A child's peak in KiB, unless it is the parent's, which Linux counts as the child's at exec()."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if peak > own else 0


def interleaved(actions: Mapping[str, Callable[[], float]], runs: int) -> dict[str, list[float]]:
    """Call every action `runs` times, in turns (A B A B ...); returns what each returned, run by run."""
    found: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(runs):
        names = list(actions)
        for name in names if number % 2 == 0 else reversed(names):
            found[name].append(actions[name]())
    return found


def timed(action: Callable[[], object]) -> float:
    """How long one call takes, in seconds."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median over median."""
    return statistics.median(ours) / statistics.median(theirs)


def spread(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Lowest and highest ratio of runs that stood side by side."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return f"{min(ratios):.2f}-{max(ratios):.2f}"


def resident() -> int:
    """Resident memory of this process now, in bytes."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def mappings() -> int:
    """How many memory mappings this process has."""
    with open("/proc/self/maps", "rb") as file:
        return sum(1 for _ in file)


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
