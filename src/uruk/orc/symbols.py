"""A dylib's symbol table, as columns indexed by interned name."""

from __future__ import annotations

from typing import Final

import numpy as np

from uruk.graph.types import I32, I64, NONE, U8


class Rank:
    """How strongly a name is defined; a higher rank takes the name from a lower one."""

    NONE: Final = 0
    WEAK: Final = 1
    COMMON: Final = 2
    STRONG: Final = 3


class Flag:
    """What is known of a definition, as bits."""

    FUNCTION: Final = 1
    HIDDEN: Final = 2
    TLS: Final = 4


class SymbolTable:
    """Columns with a row a name of the session: who defines it, how strongly, and where it is once linked."""

    def __init__(self) -> None:
        self.owner: I32 = np.empty(0, np.int32)
        """The object that defines the name; NONE if nobody does, ABSOLUTE for addresses given by the user."""
        self.rank: U8 = np.empty(0, np.uint8)
        self.ready: U8 = np.empty(0, np.uint8)
        self.flags: U8 = np.empty(0, np.uint8)
        self.address: I64 = np.empty(0, np.int64)
        """Address; for a thread-local, its offset in the storage of its module."""
        self.group: I32 = np.empty(0, np.int32)
        """The object whose section group of that signature stays; NONE if there was none."""

    def grow(self, count: int) -> None:
        """Make room for `count` names."""
        if count <= self.owner.size:
            return
        size = max(count, 2 * self.owner.size, 256)
        more = size - self.owner.size
        self.owner = np.concatenate([self.owner, np.full(more, NONE, np.int32)])
        self.group = np.concatenate([self.group, np.full(more, NONE, np.int32)])
        self.rank = np.concatenate([self.rank, np.zeros(more, np.uint8)])
        self.ready = np.concatenate([self.ready, np.zeros(more, np.uint8)])
        self.flags = np.concatenate([self.flags, np.zeros(more, np.uint8)])
        self.address = np.concatenate([self.address, np.zeros(more, np.int64)])

    def forget(self, rows: I32 | I64) -> None:
        """Names that nobody defines any more."""
        self.owner[rows] = NONE
        self.rank[rows] = 0
        self.ready[rows] = 0
        self.flags[rows] = 0
        self.address[rows] = 0


ABSOLUTE = -2
