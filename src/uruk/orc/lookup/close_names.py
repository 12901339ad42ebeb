"""Names that are nearly a given one, for the error of one that nothing defines; fast enough for 100,000 names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.graph.types import I64, U8, true_rows

LONGEST = 512
"""Names over this many bytes are left alone."""
MOST = 200
"""Names at most whose distance is counted letter by letter, for one name."""
_EDGE = 16
"""Letters at either end by which the nearest of many names are chosen."""
_BITS = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


def allowed(size: int) -> int:
    """Return the number of letters that may differ in a name of `size` bytes: fewer in short ones, which are all
    close."""
    return 0 if size < 3 else 1 if size < 5 else 2 if size < 16 else 3


class CloseNames:
    """Looks for names close to others. A set of letters, as 64 bits, tells at once of most names that they are not."""

    def __init__(self, names: Sequence[bytes]) -> None:
        self.names = [name for name in names if 3 <= len(name) <= LONGEST]
        self.size: I64 = np.array([len(name) for name in self.names], np.int64)
        letters = np.frombuffer(b"".join(self.names), np.uint8)
        starts = self.size.cumsum() - self.size
        # Six bits of a letter choose one of 64 bits: names that share all letters share all bits.
        bits = np.uint64(1) << (letters & np.uint8(63)).astype(np.uint64)
        self.letters = np.bitwise_or.reduceat(bits, starts) if self.names else np.empty(0, np.uint64)
        # Blank edges let a name that is shorter than an edge be read past its ends.
        pad = np.zeros(_EDGE, np.uint8)
        self._text: U8 = np.concatenate([pad, letters, pad])
        self._start = starts + _EDGE

    def near(self, name: bytes) -> list[bytes]:
        """Return the closest names; at most three, and none that differs in more letters than `allowed`."""
        limit = allowed(len(name))
        if not limit or len(name) > LONGEST or not self.names:
            return []
        rows = true_rows(np.abs(self.size - len(name)) <= limit)
        letters = np.uint64(0)
        for letter in name:
            letters |= np.uint64(1) << np.uint64(letter & 63)
        differing = _BITS[(self.letters[rows] ^ letters).view(np.uint8).reshape(-1, 8)].sum(1, dtype=np.int64)
        rows = rows[differing <= 2 * limit]  # each letter that differs brings one and takes one at most
        if rows.size > MOST:
            rows = rows[self._different_edges(rows, name).argsort(kind="stable")[:MOST]]
        nearest: list[int] = rows.tolist()
        distances = [(distance(name, self.names[row], limit), self.names[row]) for row in nearest]
        best = min((far for far, _ in distances if far), default=limit + 1)
        return sorted(text for far, text in distances if far == best)[:3] if best <= limit else []

    def _different_edges(self, rows: I64, name: bytes) -> I64:
        """Count letters that differ from those of `name` at the same place, from the start and from the end."""
        offsets = np.arange(_EDGE)
        first = np.frombuffer(name[:_EDGE].ljust(_EDGE, b"\0"), np.uint8)
        last = np.frombuffer(name[-_EDGE:].rjust(_EDGE, b"\0"), np.uint8)
        start = self._start[rows, None]
        end = start + self.size[rows, None]
        return (self._text[start + offsets] != first).sum(1) + (self._text[end - _EDGE + offsets] != last).sum(1)


def distance(left: bytes, right: bytes, limit: int) -> int:
    """Count letters to insert, remove, replace or swap (optimal string alignment); `limit` + 1 if there are more."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        earlier, before = before, row
        # Cells off the diagonal by more than the limit cannot be better than that, and are not computed.
        row = [i] + [limit + 1] * len(right)
        for j in range(max(1, i - limit), min(len(right), i + limit) + 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != right[j - 1]))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == right[j - 1]:
                cost = min(cost, earlier[j - 2] + 1)
            row[j] = cost
        if min(row) > limit and min(before) > limit:  # a swap of neighbours comes from the row before the last
            break
    return min(row[-1], limit + 1)
