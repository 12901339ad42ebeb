"""COFF: chains of C++ objects of Microsoft's kind, linked by uruk and llvm-jitlink; calls into a process under wine."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.batch import TOOL, uruk_command
from benchmarks.coff_inputs import COFF, ELF, chain
from benchmarks.growth import link_all
from benchmarks.inputs import Batch
from benchmarks.measure import interleaved, ratio, run_process, say, spread, timed
from benchmarks.report import Report, Row

FEW, SOME, MANY = 3, 30, 120
"""Objects: of about 13,500 relocations each."""
BUDGETS = {SOME: 1.0, MANY: 0.75}
GROWTH_BUDGET = 11.0
ELF_BUDGET = 1.3
CALL_BUDGET = 3.0
CALLS = 3000
SLAB = 0x10000000
_LLVM = (
    "-noexec", "-phony-externals", "-slab-allocate=1Gb", f"-slab-address={SLAB:#x}", "-slab-page-size=4096",
    f"-abs=__ImageBase={SLAB:#x}", f"-abs=__CxxFrameHandler3={SLAB + 256:#x}",
)  # fmt: skip
"""llvm-jitlink reaches what offsets in an image name only in a slab that it is told where to put."""
ECHO = r"""
#include <windows.h>
void start(void) {
    char byte;
    DWORD done;
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE), out = GetStdHandle(STD_OUTPUT_HANDLE);
    while (ReadFile(in, &byte, 1, &done, 0) && done)
        WriteFile(out, &byte, 1, &done, 0);
    ExitProcess(0);
}
"""


def measure(folder: Path, runs: int, report: Report) -> None:
    """Add the rows. Raises RuntimeError where a tool is missing, or fails.

    A chain is cut after some of its objects: what the last of them calls is an external name as any other.
    """
    batch = chain(folder / "coff", COFF, MANY)
    for count in (SOME, MANY):
        _batch(replace(batch, objects=batch.objects[:count]), runs, report)
    _growth(batch.objects[:FEW], batch.objects[:SOME], runs, report)
    _against_elf(batch.objects[:SOME], chain(folder / "elf", ELF, SOME).objects, runs, report)
    _call(folder, report)


def _batch(batch: Batch, runs: int, report: Report) -> None:
    """Whole processes of both linkers, in turns."""
    tool = shutil.which(TOOL)
    if tool is None:
        raise RuntimeError(f"no {TOOL}: install llvm-19")
    ours = [*uruk_command(), "run", "--no-exec", "--phony-externals", "--entry", batch.entry, *batch.objects]
    say(f"COFF: {len(batch.objects)} objects, {runs} runs each")
    commands = {"uruk": ours, "llvm": [tool, *_LLVM, "-entry", batch.entry, *batch.objects]}
    for command in commands.values():  # caches of files and of compiled modules
        run_process(command)
    times = interleaved({name: lambda name=name: run_process(commands[name]).seconds for name in commands}, runs)
    _, relocations = link_all(batch.objects)
    note = (
        f"{len(batch.objects)} objects of C++; {relocations:,} relocations; runs {spread(times['uruk'], times['llvm'])}"
    )
    name = f"COFF, {relocations // 1000 * 1000:,} relocations, against llvm-jitlink"
    report.rows.append(Row(name, ratio(times["uruk"], times["llvm"]), BUDGETS[len(batch.objects)], note=note))


def _growth(few: list[str], many: list[str], runs: int, report: Report) -> None:
    """Ten times the objects, in this process."""
    say(f"COFF: {len(few)} and {len(many)} objects in one process, {runs} runs each")
    times, counts = _link_in_turns({"few": few, "many": many}, runs)
    grown, cost = counts["many"] / counts["few"], ratio(times["many"], times["few"])
    note = f"{grown:.1f} times the relocations cost {cost:.1f} times as much"
    report.rows.append(Row("COFF, ten times the relocations", cost / grown * 10, GROWTH_BUDGET, note=note))


def _against_elf(coff: list[str], elf: list[str], runs: int, report: Report) -> None:
    """The same source for both systems, in this process."""
    say(f"COFF and ELF of one source: {len(elf)} objects each, {runs} runs each")
    times, counts = _link_in_turns({"coff": coff, "elf": elf}, runs)
    cost = ratio(times["coff"], times["elf"]) * counts["elf"] / counts["coff"]
    note = f"{counts['coff']:,} and {counts['elf']:,} relocations of one source, in one process"
    report.rows.append(Row("time a relocation, COFF against ELF", cost, ELF_BUDGET, note=note))


def _link_in_turns(inputs: dict[str, list[str]], runs: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Seconds of each link of the inputs, and how many relocations each has."""
    counts: dict[str, int] = {}

    def run(name: str) -> float:
        seconds, counts[name] = link_all(inputs[name])
        return seconds

    actions = {name: lambda name=name: run(name) for name in inputs}
    interleaved(actions, 1)
    return interleaved(actions, runs), counts


def _call(folder: Path, report: Report) -> None:
    """An empty call into an executor under wine, in turns with a byte to a program there and back."""
    import uruk

    say("calls into a process under wine")
    with uruk.spawn(target="x86_64-windows") as executor, _echo(folder) as echo:
        handle = executor.libraries.load("kernel32.dll")
        nothing, _ = executor.libraries.find_symbol(handle, b"GetCurrentThreadId")
        actions = {"call": lambda: timed(lambda: executor.process.call(nothing)), "pipes": lambda: timed(echo)}
        times = interleaved(actions, CALLS)
    note = f"an empty call takes {statistics.median(times['call']) * 1e6:.0f} us"
    report.rows.append(
        Row("call under wine, against two pipes", ratio(times["call"], times["pipes"]), CALL_BUDGET, note=note)
    )


@contextmanager
def _echo(folder: Path) -> Generator[Callable[[], None]]:
    """A function that sends a byte to a program under wine and gets it back."""
    source, program = folder / "echo.c", folder / "echo.exe"
    source.write_text(ECHO, encoding="utf-8")
    compiler = ["x86_64-w64-mingw32-gcc-posix", "-O1", "-nostdlib", "-Wl,-e,start", str(source), "-lkernel32"]
    subprocess.run([*compiler, "-o", str(program)], check=True)
    with subprocess.Popen(["wine", str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        to, back = process.stdin.fileno(), process.stdout.fileno()

        def once() -> None:
            os.write(to, b"x")
            os.read(back, 1)

        once()
        yield once
        process.stdin.close()
