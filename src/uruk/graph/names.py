"""Symbol names, interned once to integers; everything after that works on the integers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from uruk.graph.types import I32


class Names(dict[bytes, int]):
    """Interner: ``names[b"main"]`` is the id of a name, made on first use. Ids count from 0 and are never reused."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: list[bytes] = []
        self._scratch: I32 = np.empty(0, np.int32)

    def __missing__(self, name: bytes) -> int:
        number = self[name] = len(self._texts)
        self._texts.append(name)
        return number

    def text(self, number: int) -> bytes:
        """The name that `number` stands for."""
        return self._texts[number]

    def intern(self, texts: Iterable[bytes]) -> list[int]:
        """Ids of many names at once."""
        return list(map(self.__getitem__, texts))

    def scratch(self) -> I32:
        """An int32 column with a row for every name; its content is whatever the last user left there."""
        if self._scratch.size < len(self._texts):
            self._scratch = np.empty(max(1024, 2 * len(self._texts)), np.int32)
        return self._scratch
