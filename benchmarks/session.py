"""Lookups in a session with many modules: only what is needed is made, and the others cost nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.inputs import compile_c
from benchmarks.measure import interleaved, ratio, say
from benchmarks.report import Report, Row
from uruk.lljit import LLJIT
from uruk.orc.registry.symbol_flags import SymbolFlags
from uruk.orc.units import FunctionUnit

BUDGET = 1.2
READY = 5.0
CHAIN = 10
SYMBOLS = 10
"""Functions of a module; the first one calls the next module's first one, up to the end of a chain."""
FUNCTION = SymbolFlags.EXPORTED | SymbolFlags.CALLABLE


def _template(folder: Path, *, leaf: bool) -> bytes:
    others = "".join(f"int m_00000_{number}(void) {{ return {number}; }}\n" for number in range(1, SYMBOLS))
    first = "int m_00000_0(void) { return 1; }\n"
    if not leaf:
        first = "int n_00000_0(void);\nint m_00000_0(void) { return n_00000_0() + 1; }\n"
    return compile_c(first + others, folder / f"module{leaf:d}.o").read_bytes()


def modules(folder: Path, count: int) -> list[bytes]:
    """Objects of ten functions each, of which ten that follow each other make a chain."""
    inner, leaf = _template(folder, leaf=False), _template(folder, leaf=True)
    objects: list[bytes] = []
    for number in range(count):
        data = leaf if number % CHAIN == CHAIN - 1 else inner
        data = data.replace(b"m_00000_", b"m_%05d_" % number)
        objects.append(data.replace(b"n_00000_", b"m_%05d_" % (number + 1)))
    return objects


def _time_objects(objects: list[bytes], chosen: range) -> float:
    with LLJIT() as jit:
        jit.add_objects([objects[number] for number in chosen])
        seconds = _lookups(jit)
        linked = sum(entry.state.value == "linked" for entry in jit.session.objects.values())
        if linked != 2 * CHAIN:
            raise RuntimeError(f"{linked} objects were linked, not {2 * CHAIN}")
        return seconds


def _time_units(objects: list[bytes], chosen: range) -> float:
    made: list[int] = []

    def unit(number: int) -> FunctionUnit:
        def make(_: object) -> bytes:
            made.append(number)
            return objects[number]

        return FunctionUnit({f"m_{number:05}_{one}": FUNCTION for one in range(SYMBOLS)}, make)

    with LLJIT() as jit:
        for number in chosen:
            jit.add_unit(unit(number))
        seconds = _lookups(jit)
    if sorted(made) != list(range(2 * CHAIN)):
        raise RuntimeError(f"{len(made)} units were made, not {2 * CHAIN}")
    return seconds


def _lookups(jit: LLJIT) -> float:
    """Look the first chain up, which warms caches and reserves memory, then the second one, whose time counts."""
    _lookup(jit, 0)
    return _lookup(jit, CHAIN)


def _lookup(jit: LLJIT, begin: int) -> float:
    start = time.perf_counter()
    symbol = jit.lookup(f"m_{begin:05}_0")
    seconds = time.perf_counter() - start
    if symbol.function("int(void)")() != CHAIN:
        raise RuntimeError("the linked functions are wrong")
    return seconds


def _ready(jit: LLJIT, name: str, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        jit.lookup(name)
    return (time.perf_counter() - start) / times


def measure(folder: Path, count: int, runs: int, report: Report) -> None:
    """A lookup that needs ten modules, among `count` and with none but its own; then one of a symbol that is ready."""
    say(f"session: {count:,} modules of {SYMBOLS} symbols, {runs} runs each")
    objects = modules(folder, count)
    kinds: dict[str, Callable[[list[bytes], range], float]] = {"objects": _time_objects, "units": _time_units}
    for what, timed in kinds.items():
        actions = {
            "many": partial(timed, objects, range(count)),
            "few": partial(timed, objects, range(2 * CHAIN)),
        }
        interleaved(actions, 2)
        times = interleaved(actions, runs)
        note = f"{median(times['many']) * 1000:.2f} ms of {count * SYMBOLS:,} symbols in {count:,} {what}"
        row = Row(
            f"a lookup that needs 10 {what}, among {count:,} against alone", ratio(times["many"], times["few"]), BUDGET
        )
        report.rows.append(replace(row, note=note))
    with LLJIT() as jit:
        jit.add_objects(objects)
        name = "m_00000_0"
        jit.lookup(name)
        ready = median([_ready(jit, name, 1000) for _ in range(max(runs, 3))]) * 1e6
    report.rows.append(Row("a lookup of a ready symbol", ready, READY, " µs"))
