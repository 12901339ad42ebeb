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


def measure_shapes(objects: list[tuple[str, bytes]], runs: int, report: Report) -> None:
    """Add and look up objects that all differ, one after the other; they are removed when all are there.

    Were only what objects share with those before them fast, this would show it.
    """
    say(f"small: {len(objects)} objects of different shapes, {runs} rounds each")
    with LLJIT() as jit:
        shapes = _Shapes(jit, objects)
        actions = {"uruk": shapes.with_uruk, "llvmlite": shapes.with_llvmlite}
        interleaved(actions, 1)
        times = interleaved(actions, runs)
    report.rows.append(Row("small objects that all differ, against llvmlite", ratio(times["uruk"], times["llvmlite"])))


class _Shapes:
    """Both linkers, which get each of some objects in turn, with a new constant each time."""

    def __init__(self, jit: LLJIT, objects: list[tuple[str, bytes]]) -> None:
        self._jit, self._objects = jit, objects
        self._lite = _Llvmlite()
        self._numbers = count(1)

    def _varied(self) -> list[tuple[str, bytes, int]]:
        return [
            (name, with_constant(data, number), number)
            for (name, data), number in zip(self._objects, self._numbers, strict=False)
        ]

    def with_uruk(self) -> float:
        """Link all with uruk; returns the seconds that this takes without their removal."""
        objects = self._varied()
        begin = time.perf_counter()
        linked = [(self._jit.add_object(data, name), self._jit.lookup(name)) for name, data, _ in objects]
        end = time.perf_counter()
        for (tracker, symbol), (name, _, number) in zip(linked, objects, strict=True):
            if symbol.function(CALL)(2, 3) != number + 5:
                raise RuntimeError(f"the linked function {name} is wrong")
            tracker.remove(force=True)
        return end - begin

    def with_llvmlite(self) -> float:
        """The same with llvmlite."""
        objects = self._varied()
        begin = time.perf_counter()
        libraries = [self._lite.add(data, name) for name, data, _ in objects]
        addresses = [library[name] for library, (name, _, _) in zip(libraries, objects, strict=True)]
        end = time.perf_counter()
        if not all(addresses):
            raise RuntimeError("llvmlite found no address")
        for library in libraries:
            library.close()
        return end - begin


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

    def add(self, data: bytes, name: str = SMALL_NAME) -> Any:
        """Link one object in a library of its own; returns llvmlite's tracker."""
        self._count += 1
        builder = self._binding.JITLibraryBuilder().add_current_process()
        return builder.add_object_img(data).export_symbol(name).link(self._jit, f"small{self._count}")
