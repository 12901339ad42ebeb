"""Symbol names, interned once to integers; everything after that works on the integers.

A session has one space of numbers (`Ids`), and a table of names (`Names`) for every namespace in it. `f` of one dylib
and `f` of another are two numbers, so that columns indexed by number serve all namespaces at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from operator import length_hint
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from uruk.graph.types import I32

_LIMIT = (1 << 31) - 1


class Ids:
    """The numbers of names, for all tables that share this object. They count from 0 and are never reused."""

    def __init__(self) -> None:
        self._numbers = iter(range(_LIMIT))
        self.next = self._numbers.__next__
        """Makes a number. It is a C function, so that a new name costs no Python call."""
        self._tables: list[Names] = []
        self._texts: list[bytes] = []
        self._homes: list[Names] = []
        self._scratch: I32 = np.empty(0, np.int32)

    def __len__(self) -> int:
        # A range's iterator knows how many numbers are left: no counter has to be kept beside it.
        return _LIMIT - length_hint(self._numbers)

    def enter(self, table: Names) -> None:
        """Include a table: its names are found by `text` from now on."""
        self._tables.append(table)

    def text(self, number: int) -> bytes:
        """Return the name that `number` stands for."""
        if number >= len(self._texts):
            self._learn()
        return self._texts[number]

    def texts(self, numbers: Sequence[int]) -> list[bytes]:
        """Return the names that numbers stand for."""
        if len(self._texts) <= max(numbers, default=-1):
            self._learn()
        return list(map(self._texts.__getitem__, numbers))

    def home(self, number: int) -> Names:
        """Return the table that `number` belongs to; for names that tables share, the first one."""
        if number >= len(self._homes):
            self._learn()
        return self._homes[number]

    def homes(self, numbers: Sequence[int]) -> list[Names]:
        """Return the tables that numbers belong to, as `home` does."""
        if len(self._homes) <= max(numbers, default=-1):
            self._learn()
        return list(map(self._homes.__getitem__, numbers))

    def _learn(self) -> None:
        """Bring `_texts` and `_homes` up to date with the names that the tables have interned since the last call."""
        more = len(self) - len(self._texts)
        self._texts += [b""] * more
        for table in self._tables:
            new = len(table) - table.known
            if not new:
                continue
            # Dicts keep the order of insertion: new names are the last ones, and are read from the end.
            texts = list(islice(reversed(table), new))[::-1]
            numbers = list(islice(reversed(table.values()), new))[::-1]
            table.known += new
            # The first table is entered for all numbers; those of other tables are overwritten below.
            if not self._homes:
                self._homes = [table] * len(self._texts)
            elif len(self._homes) < len(self._texts):
                self._homes += [table] * (len(self._texts) - len(self._homes))
            # Numbers ascend: without a gap only this table took any meanwhile, and two slices do.
            if numbers[-1] - numbers[0] == new - 1:
                self._texts[numbers[0] : numbers[-1] + 1] = texts
                self._homes[numbers[0] : numbers[-1] + 1] = [table] * new
                continue
            for number, text in zip(numbers, texts, strict=True):
                self._texts[number] = text
                self._homes[number] = table

    def scratch(self) -> I32:
        """Return an int32 column with a row for every number; its content is whatever the last user left there."""
        if self._scratch.size < len(self):
            self._scratch = np.empty(max(1024, 2 * len(self)), np.int32)
        return self._scratch


class Names(defaultdict[bytes, int]):
    """Interner of one namespace: ``names[b"main"]`` is the number of a name, made on first use.

    `shared` are names that have the same number in several tables; they are entered first. `owner` is the namespace
    whose names these are, for callers of `ids.home`.
    """

    def __init__(self, ids: Ids | None = None, shared: dict[bytes, int] | None = None) -> None:
        super().__init__()
        self.ids = Ids() if ids is None else ids
        self.default_factory = self.ids.next
        self.owner: Any = None
        self.known = 0
        if shared:
            self.update(shared)
            # The table that made these numbers has their texts: `Ids` does not read them here.
            self.known = len(shared)
        self.ids.enter(self)

    def text(self, number: int) -> bytes:
        """Return the name that `number` stands for, of this table or another one with the same `ids`."""
        return self.ids.text(number)

    def intern(self, texts: Iterable[bytes]) -> list[int]:
        """Return numbers of many names at once."""
        return list(map(self.__getitem__, texts))

    def scratch(self) -> I32:
        """See `Ids.scratch`."""
        return self.ids.scratch()
