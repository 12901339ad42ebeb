"""One small object in a warm process, bytes to address, against llvmlite; removal apart."""

from __future__ import annotations

import contextlib
import importlib
import time
from typing import Any

from benchmarks.inputs import SMALL_NAME
from benchmarks.measure import interleaved, ratio, say
from benchmarks.report import Report, Row
from uruk.lljit import LLJIT

BUDGET = 6.0
CALL = "int(int, int)"


def measure(data: bytes, runs: int, report: Report) -> None:
    """Add, look up and remove the object `runs` times with each linker, in turns."""
    say(f"small: one object, {runs} runs each")
    removal: dict[str, list[float]] = {"uruk": [], "llvmlite": []}
    lite = _Llvmlite()
    with LLJIT() as jit:

        def with_uruk() -> float:
            begin = time.perf_counter()
            tracker = jit.add_object(data, "small.o")
            symbol = jit.lookup(SMALL_NAME)
            end = time.perf_counter()
            if symbol.function(CALL)(2, 3) != 5:
                raise RuntimeError("the linked function is wrong")
            removal["uruk"].append(_time_of(tracker.remove))
            return end - begin

        def with_llvmlite() -> float:
            begin = time.perf_counter()
            library = lite.add(data)
            address = library[SMALL_NAME]
            end = time.perf_counter()
            if not address:
                raise RuntimeError("llvmlite found no address")
            removal["llvmlite"].append(_time_of(library.close))
            return end - begin

        actions = {"uruk": with_uruk, "llvmlite": with_llvmlite}
        interleaved(actions, max(1, runs // 5))
        for times in removal.values():
            times.clear()
        times = interleaved(actions, runs)
    report.rows.append(Row("one small object, against llvmlite", ratio(times["uruk"], times["llvmlite"]), BUDGET))
    report.rows.append(Row("its removal", ratio(removal["uruk"], removal["llvmlite"])))


def _time_of(action: Any) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


class _Llvmlite:
    """llvmlite's ORC JIT; its package has no type information."""

    def __init__(self) -> None:
        self._binding: Any = importlib.import_module("llvmlite.binding")
        with contextlib.suppress(RuntimeError):  # newer ones do this on their own, and say so
            self._binding.initialize_native_target()
        self._binding.initialize_native_asmprinter()
        self._jit: Any = self._binding.create_lljit_compiler()
        self._count = 0

    def add(self, data: bytes) -> Any:
        """Link one object in a library of its own; returns llvmlite's tracker."""
        self._count += 1
        builder = self._binding.JITLibraryBuilder()
        return builder.add_object_img(data).export_symbol(SMALL_NAME).link(self._jit, f"small{self._count}")
