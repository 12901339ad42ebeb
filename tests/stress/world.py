"""What all threads of a stress run share: one JIT, a few dylibs with link orders, names that change, the clock."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence

from pieces import Pieces, name_of
from shared import Shared

import uruk
from uruk import SymbolFlags

FUNCTION = SymbolFlags.EXPORTED | SymbolFlags.CALLABLE
PERMANENT, GENERATED, CHANGING = 90, 91, 92
"""Owners, as in `name_of`, of names that no thread has for itself."""


class World:
    """The session under stress; `seconds` is how long threads go on."""

    def __init__(self, pieces: Pieces, dispatcher: uruk.Dispatcher, seed: int, seconds: float) -> None:
        self.pieces = pieces
        self.seed = seed
        self.jit = jit = uruk.LLJIT(dispatcher=dispatcher)
        left = jit.create_dylib("left", [jit.main])
        right = jit.create_dylib("right", [left, jit.main])
        self.dylibs = [jit.main, left, right]
        self.reach = {jit.main: [jit.main], left: [left, jit.main], right: [right, left, jit.main]}
        self.permanent = {name_of(PERMANENT, number): 1000 + number for number in range(20)}
        for name, value in self.permanent.items():
            jit.add_object(pieces.make("leaf", name, value), name)
        self.generating = jit.create_dylib("generating")
        jit.add_generator(self._generate, dylib=self.generating)
        self.changing = [Shared(name_of(CHANGING, row), self.dylibs[row % 3]) for row in range(6)]
        self.end = time.monotonic() + seconds
        self.failures: list[str] = []
        self.counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def _generate(self, dylib: uruk.JITDylib, names: Sequence[str]) -> list[uruk.MaterializationUnit]:
        """Units for the names of `GENERATED`: the value of one is its number."""
        wanted = [name for name in names if name.startswith(name_of(GENERATED, 0)[:5])]
        return [uruk.FunctionUnit({name: FUNCTION}, lambda _, name=name: self._generated(name)) for name in wanted]

    def _generated(self, name: str) -> bytes:
        return self.pieces.make("leaf", name, int(name[5:]))

    def rng(self, number: int) -> random.Random:
        """The random numbers of one thread."""
        return random.Random(f"{self.seed} {number}")

    def fail(self, text: str) -> None:
        """Note what went wrong; all threads stop."""
        with self._lock:
            self.failures.append(text)
            self.end = 0.0

    def count(self, action: str) -> None:
        """Note that an action was done."""
        with self._lock:
            self.counts[action] = self.counts.get(action, 0) + 1
