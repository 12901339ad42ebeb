"""The encoding of values in instructions: the bits of a value that fill the bits of an instruction word, as columns.

An instruction set whose relocations fill parts of instructions gives its edge kinds an `Encoding`. Words are read,
changed and written as whole columns. The immediate field is cleared first: an assembler may have left bits in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.graph.types import I64, U8, U64, AnyArray, Bool, some, true_rows
from uruk.records import record

Piece = tuple[int, int, int]
"""First bit in the value, number of bits, first bit in the word."""

MOST_PIECES = 8
"""The largest number of pieces of a field."""
SIZES = (2, 4, 8)
"""The sizes of a word in bytes: a short instruction, an instruction, two instructions of 4 bytes under one edge."""
HALF = 32
"""The second of two instructions begins at this bit of the word, in either byte order."""


@record
class Encoding:
    """An immediate field. `fits` are the (mask, pattern) pairs of the instructions that have it.

    `align`: the value must be a multiple of it, in bytes. `negates`: the instruction is AArch64's MOVZ or MOVN, by the
    sign of the value, and for a negative one holds its complement. `size` is that of the word in bytes, one of `SIZES`.
    `rounds`, a power of two or 0, is added to the value for the pieces that begin above that bit, behind the range
    check. It is 0x800 for a high part (bits from 12 on) whose low part is taken for a signed number, as RISC-V has it.

    Raises ValueError for pieces that do not fit into the word, or overlap there.
    """

    pieces: tuple[Piece, ...]
    fits: tuple[tuple[int, int], ...]
    align: int = 1
    negates: bool = False
    size: int = 4
    rounds: int = 0

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"an instruction word has 2, 4 or 8 bytes, not {self.size}")
        if len(self.pieces) > MOST_PIECES:
            raise ValueError(f"a field has at most {MOST_PIECES} pieces, not {len(self.pieces)}")
        if self.align < 1 or self.align & (self.align - 1):
            raise ValueError(f"the alignment of a value is a power of two, not {self.align}")
        if self.rounds < 0 or self.rounds & (self.rounds - 1):
            raise ValueError(f"a value is rounded by a power of two, not by {self.rounds}")
        taken = 0
        for first, count, at in self.pieces:
            if not (first >= 0 and count > 0 and at >= 0 and first + count <= 64 and at + count <= 8 * self.size):
                raise ValueError(f"the piece {(first, count, at)} does not lie in a word of {self.size} bytes")
            bits = ((1 << count) - 1) << at
            if taken & bits:
                raise ValueError(f"the piece {(first, count, at)} overlaps another piece in the word")
            taken |= bits
        if not self.fits:
            raise ValueError("a field needs at least one pattern of instructions; (0, 0) stands for all")
        for mask, pattern in self.fits:
            if not 0 <= mask < 1 << (8 * self.size) or pattern & ~mask:
                raise ValueError(f"the pattern {pattern:#x} has bits outside its mask {mask:#x}, or the word")


MOVZ = 1 << 30
"""The bit of a wide move (AArch64) that is set in MOVZ and clear in MOVN."""
_NOTHING = Encoding((), ((0, 0),))


class EncodingTable:
    """The encodings of a table of kinds, as lookup columns by kind number.

    Words are columns of `word`: uint32, or uint64 where some kind fills two instructions.
    """

    def __init__(self, encodings: Sequence[Encoding | None]) -> None:
        rows = [encoding or _NOTHING for encoding in encodings]
        self.used: Bool = np.array([encoding is not None for encoding in encodings], np.bool_)
        self.any = some(self.used)
        self.align: I64 = np.array([encoding.align for encoding in rows], np.int64)
        self.size: U8 = np.array([encoding.size for encoding in rows], np.uint8) * self.used
        self.sizes = [size for size in SIZES if some(self.size == size)]
        """The sizes of words that there are, in bytes."""
        self.word = np.dtype(np.uint64 if 8 in self.sizes else np.uint32)
        self.bits: U8 = np.array([_bits(encoding) for encoding in rows], np.uint8)
        """The number of bits of the values that fields hold, the low ones that they do not hold included."""
        self._negates: Bool = np.array([encoding.negates for encoding in rows], np.bool_)
        self._count: U8 = np.array([len(encoding.pieces) for encoding in rows], np.uint8)
        most = max((len(encoding.pieces) for encoding in rows), default=0)
        self._pieces = [_column(rows, index, self.word) for index in range(max(most, 1))]
        self._rounds = [_rounds(rows, index) for index in range(len(self._pieces))]
        alternatives = max((len(encoding.fits) for encoding in rows), default=1)
        self._fits = [
            # A kind with fewer patterns repeats its last one. Transposed and copied: masks and patterns are two
            # contiguous columns, as `take` needs them.
            np.array([encoding.fits[min(index, len(encoding.fits) - 1)] for encoding in rows], self.word).T.copy()
            for index in range(alternatives)
        ]
        field = np.zeros(len(rows), self.word)
        for _, mask, at in self._pieces:
            field |= mask << at
        self._keep = ~field

    def fits(self, kind: U8, words: AnyArray) -> Bool:
        """Return True for each instruction that has the field of its kind."""
        mask, pattern = self._fits[0]
        matches = (words & mask.take(kind)) == pattern.take(kind)
        for mask, pattern in self._fits[1:]:
            # Nearly all instructions match the first pattern: only the others are compared again.
            rows = true_rows(~matches)
            if not rows.size:
                break
            kinds = kind[rows]
            matches[rows] = (words[rows] & mask[kinds]) == pattern[kinds]
        return matches

    def encode(self, kind: U8, words: AnyArray, value: I64) -> AnyArray:
        """Return the instructions with the values in their fields."""
        words = words & self._keep.take(kind)
        rows = true_rows(self._negates.take(kind))
        if rows.size:
            # MOVZ for values from 0 on. MOVN writes the complement of its field, so that it gets that of a negative
            # value (AAELF64, 5.7, MOVW_SABS and MOVW_PREL).
            negative = value[rows] < 0
            words[rows] = words[rows] & ~words.dtype.type(MOVZ) | np.where(negative, 0, MOVZ).astype(words.dtype)
            value = value.copy()
            value[rows] = np.where(negative, ~value[rows], value[rows])
        first, mask, at = self._pieces[0]
        rounds = self._rounds[0]
        cut = value if rounds is None else value + rounds.take(kind)
        # A shift of int64 keeps the sign; as unsigned words the bits are those of two's complement, of which the mask
        # takes the piece.
        words |= ((cut >> first.take(kind)).astype(words.dtype) & mask.take(kind)) << at.take(kind)
        # Every further piece is for fewer rows: for a batch of one-piece kinds the loop ends at once.
        rows = true_rows(self._count.take(kind) > 1)
        for index in range(1, len(self._pieces)):
            if not rows.size:
                break
            first, mask, at = self._pieces[index]
            kinds, rounds = kind[rows], self._rounds[index]
            cut = value[rows] if rounds is None else value[rows] + rounds[kinds]
            words[rows] |= ((cut >> first[kinds]).astype(words.dtype) & mask[kinds]) << at[kinds]
            if index + 1 < len(self._pieces):
                rows = rows[self._count[kinds] > index + 1]
        return words

    def decode(self, kind: U8, words: AnyArray) -> I64:
        """Return the values that the fields of instructions hold, as numbers without a sign; see `bits` for their
        width."""
        value = np.zeros(words.size, np.int64)
        for first, mask, at in self._pieces:
            part = (words >> at.take(kind)) & mask.take(kind)
            value |= part.astype(np.int64) << first.take(kind)
        return value


def _bits(encoding: Encoding) -> int:
    return max((first + count for first, count, _ in encoding.pieces), default=0)


def _column(rows: Sequence[Encoding], index: int, word: np.dtype[np.unsignedinteger]) -> tuple[I64, U64, U64]:
    """Return one piece of every kind as columns: shift in the value, mask, shift in the word."""
    pieces = [encoding.pieces[index] if index < len(encoding.pieces) else (0, 0, 0) for encoding in rows]
    first, bits, at = zip(*pieces, strict=True)
    masks = [(1 << count) - 1 for count in bits]
    return np.array(first, np.int64), np.array(masks, word), np.array(at, word)


def _rounds(rows: Sequence[Encoding], index: int) -> I64 | None:
    """Return the numbers that are added to the values of every kind for one piece; None if all are 0."""
    column = np.zeros(len(rows), np.int64)
    for number, encoding in enumerate(rows):
        # Only pieces that begin above the bit see the carry of the rounding; lower ones keep their bits.
        if index < len(encoding.pieces) and 1 << encoding.pieces[index][0] > encoding.rounds:
            column[number] = encoding.rounds
    return column if some(column != 0) else None
