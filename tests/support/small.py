"""What many tests of the session use: functions that return a number, units of real objects, calls by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import uruk
from uruk import SymbolFlags

FUNCTION = SymbolFlags.EXPORTED | SymbolFlags.CALLABLE
DATA = SymbolFlags.EXPORTED
PATIENCE = 20.0
"""Seconds after which a thread or an event of a test counts as hanging."""


def returns(name: str, value: int) -> str:
    """C text of ``int name(void)``, which returns a number."""
    return f"int {name}(void) {{ return {value}; }}"


def adds_one(name: str, to: str) -> str:
    """C text of ``int name(void)``, which returns one more than another function."""
    return f"extern int {to}(void); int {name}(void) {{ return {to}() + 1; }}"


def call(jit: uruk.LLJIT, name: str, dylib: uruk.JITDylib | None = None) -> int:
    """Look a function without arguments up, and call it."""
    return jit.lookup(name, dylib).function("int(void)")()


class Counted(uruk.MaterializationUnit):
    """A unit of an object file; `made` counts how often it was asked, `discarded` has what it lost."""

    def __init__(self, path: Path, *names: str, flags: SymbolFlags = FUNCTION) -> None:
        self.name = f"unit of {path.stem}"
        self.symbols = dict.fromkeys(names, flags)
        self.path = path
        self.made = 0
        self.discarded: list[str] = []

    def materialize(self, responsibility: uruk.MaterializationResponsibility) -> Path:
        self.made += 1
        return self.path

    def discard(self, name: str) -> None:
        self.discarded.append(name)


def in_threads(works: Iterable[Callable[[], object]]) -> list[object]:
    """Run functions in a thread each; their results, or what they raised. Fails if one does not end."""
    results: dict[int, object] = {}

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            results[number] = work()
        except BaseException as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "a thread hangs"
    return [results[number] for number in range(len(threads))]
