"""Symbol names, interned once to integers; everything after that works on the integers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice

import numpy as np

from uruk.graph.types import I32


class Names(defaultdict[bytes, int]):
    """Interner: ``names[b"main"]`` is the id of a name, made on first use. Ids count from 0 and are never reused."""

    def __init__(self) -> None:
        super().__init__()
        self.default_factory = self.__len__  # a C function: a new name costs no Python call
        self._texts: list[bytes] = []
        self._scratch: I32 = np.empty(0, np.int32)

    def text(self, number: int) -> bytes:
        """The name that `number` stands for."""
        new = len(self) - len(self._texts)
        if new:
            self._texts += list(islice(reversed(self), new))[::-1]
        return self._texts[number]

    def intern(self, texts: Iterable[bytes]) -> list[int]:
        """Ids of many names at once."""
        return list(map(self.__getitem__, texts))

    def scratch(self) -> I32:
        """An int32 column with a row for every name; its content is whatever the last user left there."""
        if self._scratch.size < len(self):
            self._scratch = np.empty(max(1024, 2 * len(self)), np.int32)
        return self._scratch
