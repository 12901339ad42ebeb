"""How values go into instruction words: which bits of a value go to which bits of a 32-bit word, as columns.

An instruction set whose relocations fill parts of instructions gives its edge kinds an `Encoding`. Words are read,
changed and written as whole columns; the immediate field is cleared first, whatever the assembler left in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from uruk.graph.types import I64, U8, Bool, some, true_rows

Piece = tuple[int, int, int]
"""First bit in the value, number of bits, first bit in the word."""


@dataclass(frozen=True)
class Encoding:
    """An immediate field. `fits` are (mask, pattern) alternatives: on other instructions it makes no sense.

    `align`: the value must be a multiple of it, in bytes. `negates`: the instruction is AArch64's MOVZ or MOVN, by the
    sign of the value, and for a negative one holds its complement.
    """

    pieces: tuple[Piece, ...]
    fits: tuple[tuple[int, int], ...]
    align: int = 1
    negates: bool = False


MOVZ = 1 << 30
"""The bit of a wide move (AArch64) that is set in MOVZ and clear in MOVN."""
_NOTHING = Encoding((), ((0, 0),))
_MOST_PIECES = 2
_MOST_FITS = 2


class EncodingTable:
    """The encodings of a table of kinds, as lookup columns by kind number."""

    def __init__(self, encodings: Sequence[Encoding | None]) -> None:
        rows = [one or _NOTHING for one in encodings]
        self.used: Bool = np.array([one is not None for one in encodings], np.bool_)
        self.any = some(self.used)
        self.align: I64 = np.array([one.align for one in rows], np.int64)
        self._negates: Bool = np.array([one.negates for one in rows], np.bool_)
        self._pieces = [_column(rows, index) for index in range(_MOST_PIECES)]
        self._fits = [
            np.array([one.fits[min(index, len(one.fits) - 1)] for one in rows], np.uint32).T.copy()
            for index in range(_MOST_FITS)
        ]
        self._split: Bool = self._pieces[1][1] > 0
        field = np.zeros(len(rows), np.uint32)
        for _, mask, at in self._pieces:
            field |= (mask << at).astype(np.uint32)
        self._keep = ~field

    def fits(self, kind: U8, words: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> Bool:
        """Whether each instruction is one that its kind's field belongs to."""
        (mask, pattern), (other_mask, other_pattern) = self._fits
        found = (words & mask.take(kind)) == pattern.take(kind)
        rows = true_rows(~found)
        if rows.size:
            which = kind[rows]
            found[rows] = (words[rows] & other_mask[which]) == other_pattern[which]
        return found

    def encode(
        self, kind: U8, words: np.ndarray[tuple[int], np.dtype[np.uint32]], value: I64
    ) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
        """The instructions with the values in their fields."""
        words = words & self._keep.take(kind)
        rows = true_rows(self._negates.take(kind))
        if rows.size:
            below = value[rows] < 0
            words[rows] = words[rows] & ~np.uint32(MOVZ) | np.where(below, 0, MOVZ).astype(np.uint32)
            value = value.copy()
            value[rows] = np.where(below, ~value[rows], value[rows])
        first, mask, at = self._pieces[0]
        words |= (((value >> first.take(kind)) & mask.take(kind)) << at.take(kind)).astype(np.uint32)
        rows = true_rows(self._split.take(kind))
        if rows.size:
            first, mask, at = self._pieces[1]
            which = kind[rows]
            words[rows] |= (((value[rows] >> first[which]) & mask[which]) << at[which]).astype(np.uint32)
        return words


def _column(rows: Sequence[Encoding], index: int) -> tuple[I64, I64, I64]:
    """One piece of every kind as columns: shift in the value, mask, shift in the word."""
    pieces = [one.pieces[index] if index < len(one.pieces) else (0, 0, 0) for one in rows]
    first, bits, at = np.array(pieces, np.int64).reshape(-1, 3).T
    return first.copy(), (1 << bits) - 1, at.copy()
