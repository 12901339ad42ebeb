"""Names of libraries: many functions of a large library, against llvm-jitlink; and ten times the names of one."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.inputs import compile_c
from benchmarks.measure import interleaved, ratio, run_process, say, spread
from benchmarks.report import Report, Row
from uruk.formats.elf.dynamic import read_shared_library
from uruk.libraries.search import LibrarySearch
from uruk.lljit import LLJIT
from uruk.spawning import spawn

ADDED, GROWTH = 1.5, 11.0
LIBRARY = "LLVM"
FUNCTION_TYPE = 2


def _program(names: list[str], output: Path) -> str:
    """A program that holds the addresses of these functions."""
    declared = "".join(f"extern char {name}[];" for name in names)
    table = ", ".join(["0", *names])
    return str(compile_c(f"{declared} void *table[] = {{{table}}}; int main(void) {{ return 0; }}", output))


def measure(folder: Path, count: int, runs: int, report: Report) -> None:
    """Whole processes with `count` functions of libLLVM, and with none. Raises RuntimeError without the library."""
    path = LibrarySearch(["/usr/lib/llvm-19/lib"]).runtime_path(LIBRARY)
    if path is None:
        raise RuntimeError("no libLLVM: install llvm-19")
    with read_shared_library(path) as library:
        names = [
            one.name.decode() for one in library.symbols() if one.type == FUNCTION_TYPE and one.name[:4] == b"LLVM"
        ]
    say(f"names: {count} functions of {path}, {runs} runs each")
    many, none = _program(names[:count], folder / "many.o"), _program([], folder / "none.o")
    ours = [sys.executable, "-m", "uruk", "run", "--in-process"]
    commands = {
        "uruk": [*ours, many, path],
        "empty": [*ours, none, path],
        "llvm": ["llvm-jitlink-19", "-preload", path, many],
    }
    actions = {name: lambda command=command: run_process(command).seconds for name, command in commands.items()}
    interleaved(actions, 1)
    times = interleaved(actions, runs)
    title = f"{count} functions of libLLVM, whole process"
    start = ratio(times["empty"], times["llvm"])
    note = f"a program without them: {start:.1f}, which is start-up; runs {spread(times['uruk'], times['llvm'])}"
    report.rows.append(Row(title, ratio(times["uruk"], times["llvm"]), note=note))
    added = [with_names - without for with_names, without in zip(times["uruk"], times["empty"], strict=True)]
    note = "against llvm-jitlink's whole process"
    report.rows.append(Row("what they add to uruk's empty program", ratio(added, times["llvm"]), ADDED, note=note))


def growth(folder: Path, count: int, runs: int, report: Report) -> None:
    """A tenth of a generated library's functions against all of them, in process and in a child."""
    say(f"names: {count // 10} and {count} functions of one library, {runs} runs each")
    library = folder / "libmany.so"
    code = "".join(
        f".globl name_{n}\n.type name_{n}, %function\nname_{n}: .byte 0\n.size name_{n}, 1\n" for n in range(count)
    )
    _assemble(code, library, "-shared", "-nostdlib")
    users: dict[int, Path] = {}
    for step in (10, 1):
        user = users[step] = folder / f"user{step}.o"
        table = "".join(f".quad name_{n}\n" for n in range(0, count, step))
        _assemble(f".data\n.globl table\ntable:\n{table}", user, "-c")
    places: dict[str, Callable[[], LLJIT]] = {"here": LLJIT, "in a child": lambda: LLJIT(executor=spawn())}
    for place, make in places.items():
        times = {step: statistics.median(_link(make, library, users[step]) for _ in range(runs)) for step in (10, 1)}
        report.rows.append(Row(f"ten times the names, {count}, {place}", times[1] / times[10], GROWTH))


def _assemble(code: str, output: Path, *flags: str) -> None:
    text = code + '.section .note.GNU-stack, ""\n'
    command = ["gcc", *flags, "-x", "assembler", "-", "-o", str(output)]
    subprocess.run(command, input=text, text=True, check=True)


def _link(make: Callable[[], LLJIT], library: Path, user: Path) -> float:
    """How long it takes to link an object with a library that is loaded, in seconds."""
    with make() as jit:
        jit.add_library(library)
        jit.add_object(user)
        begin = time.perf_counter()
        jit.lookup("table")
        return time.perf_counter() - begin
