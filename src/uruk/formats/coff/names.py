"""Names in COFF's tables: up to eight bytes where they are used, longer ones in the string table.

A graph's names are places in its arena that end in NUL. Short names need not, so they are written out again.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.arena import Arena
from uruk.graph.types import I64, U8

_ROOM = 16
"""Bytes that a short name is given: its eight, and NULs."""


def name_bytes(letters: U8) -> U8:
    """Return rows of eight bytes, with NULs behind the first NUL."""
    # False from the first NUL of a row on, so that the product clears all that follows it.
    ended = np.minimum.accumulate(letters != 0, axis=1)
    return letters * ended


class ShortNames:
    """A buffer of names that is put into an arena when all of them are known."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._base = arena.size
        # The first row stays zero: it is the empty name.
        self._pieces: list[U8] = [np.zeros(_ROOM, np.uint8)]
        self._size = _ROOM

    @property
    def empty(self) -> int:
        """Return where the empty name lies in the arena."""
        return self._base

    def add(self, names: U8) -> I64:
        """Take names in, a row of eight bytes each; returns where they will lie in the arena."""
        count = names.shape[0]
        piece = np.zeros((count, _ROOM), np.uint8)
        piece[:, :8] = names
        return self._take(piece.ravel()) + _ROOM * np.arange(count, dtype=np.int64)

    def add_text(self, text: bytes) -> int:
        """Take one name of any length in; returns where it will lie in the arena."""
        # The NUL takes one byte more. The size is rounded up to whole rows: // of a negative number rounds away from 0.
        return self._take(np.frombuffer(text.ljust(-(-(len(text) + 1) // _ROOM) * _ROOM, b"\0"), np.uint8))

    def finish(self) -> None:
        """Put the buffer into the arena, behind which nothing may have been put meanwhile."""
        assert self._arena.size == self._base
        self._arena.append(np.concatenate(self._pieces))

    def _take(self, piece: U8) -> int:
        at = self._base + self._size
        self._pieces.append(piece)
        self._size += piece.size
        return at
