"""One small object in a warm process, bytes to address, against llvmlite; removal apart."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import time
from itertools import count
from typing import Any

from benchmarks.inputs import SMALL_NAME, with_constant
from benchmarks.measure import interleaved, ratio, say
from benchmarks.report import Report, Row
from uruk.lljit import LLJIT

BUDGET = 1.2
BUDGET_CPP = 2.0
CALL = "int(int, int)"


def measure(data: bytes, cpp: bytes, runs: int, report: Report) -> None:
    """Add, look up and remove an object of C, and one of C++, `runs` times with each linker, in turns.

    A constant of the object is another one each time, so that nobody links what was linked before.
    """
    say(f"small: one object, {runs} runs each")
    for title, removal, template, plus, budget in (
        ("one small object, against llvmlite", "its removal", data, 5, BUDGET),
        ("one small C++ object, against llvmlite", "the removal of that", cpp, 8, BUDGET_CPP),
    ):
        linkers = _Linkers(template, plus)
        with linkers.jit:
            actions = {"uruk": linkers.with_uruk, "llvmlite": linkers.with_llvmlite}
            interleaved(actions, max(1, runs // 5))
            for times in linkers.removal.values():
                times.clear()
            times = interleaved(actions, runs)
        report.rows.append(Row(title, ratio(times["uruk"], times["llvmlite"]), budget))
        report.rows.append(Row(removal, ratio(linkers.removal["uruk"], linkers.removal["llvmlite"])))


class _Linkers:
    """Both linkers, which get one object with a new constant each time; its function returns that and `plus`."""

    def __init__(self, template: bytes, plus: int) -> None:
        self.jit = LLJIT()
        self.removal: dict[str, list[float]] = {"uruk": [], "llvmlite": []}
        self._template, self._plus = template, plus
        self._lite = _Llvmlite()
        self._numbers = count(1)

    def with_uruk(self) -> float:
        """Link and look up with uruk; returns the seconds that this takes."""
        number = next(self._numbers)
        data = with_constant(self._template, number)
        begin = time.perf_counter()
        tracker = self.jit.add_object(data, "small.o")
        symbol = self.jit.lookup(SMALL_NAME)
        end = time.perf_counter()
        if symbol.function(CALL)(2, 3) != number + self._plus:
            raise RuntimeError("the linked function is wrong")
        self.removal["uruk"].append(_time_of(tracker.remove))
        return end - begin

    def with_llvmlite(self) -> float:
        """The same with llvmlite."""
        data = with_constant(self._template, next(self._numbers))
        begin = time.perf_counter()
        library = self._lite.add(data)
        address = library[SMALL_NAME]
        end = time.perf_counter()
        if not address:
            raise RuntimeError("llvmlite found no address")
        self.removal["llvmlite"].append(_time_of(library.close))
        return end - begin


def _time_of(action: Any) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


class _Llvmlite:
    """llvmlite's ORC JIT; its package has no type information."""

    def __init__(self) -> None:
        ctypes.CDLL("libstdc++.so.6", ctypes.RTLD_GLOBAL)  # it finds C++'s names in the process
        self._binding: Any = importlib.import_module("llvmlite.binding")
        with contextlib.suppress(RuntimeError):  # newer ones do this on their own, and say so
            self._binding.initialize_native_target()
        self._binding.initialize_native_asmprinter()
        self._jit: Any = self._binding.create_lljit_compiler()
        self._count = 0

    def add(self, data: bytes) -> Any:
        """Link one object in a library of its own; returns llvmlite's tracker."""
        self._count += 1
        builder = self._binding.JITLibraryBuilder().add_current_process()
        return builder.add_object_img(data).export_symbol(SMALL_NAME).link(self._jit, f"small{self._count}")
