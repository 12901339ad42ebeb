"""The table by which unwinders find unwind data: function addresses and FDEs, in ascending order, changed in place.

It is the binary search table of an `.eh_frame_hdr` (LSB, "Exception Frame Header"), which unwinders read while it is
changed, most of them without a lock. Therefore an entry never moves. A range of code, a span, owns a range of entries
whose addresses lie in the span. However they change, a search for an address outside of the span takes the same
branches, and no code runs inside while they change. New spans are appended behind all others: entries first, then the
count. A span whose code is gone keeps its entries, which point to an FDE of no function until other code lies there.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

import numpy as np

from uruk.graph.types import I64
from uruk.records import record

ENTRY = 8
"""Bytes of an entry: the address of a function and of its FDE, each 4 bytes relative to the header."""
COUNT_AT, ENTRIES_AT = 8, 12
"""Offsets of the count and the first entry from the header; the encodings and the pointer come before."""
_UNIT = 4
"""The unit of entries. One at least is to spare, for later code with more functions at the same place."""

_PAIR = struct.Struct("<ii")
Addresses = Sequence[int] | I64
"""Addresses in ascending order."""
Writes = list[tuple[int, bytes]]
"""Bytes to be stored at addresses, in order."""


@record
class _Span:
    """Code at [start, end), which owns `count` entries from `first` on; `taken` while memory there is in use."""

    start: int
    end: int
    first: int
    count: int
    taken: bool


class FrameTable:
    """The table behind the header at `header`, with `room` entries, of which `used` are there.

    `nothing` is the address of an FDE of no function. `store` makes writes in order: a thread that sees one sees those
    before it. Ranges of code are whole pages, and are given back as they were taken.
    """

    def __init__(self, header: int, used: int, room: int, nothing: int, store: Callable[[Writes], object]) -> None:
        self._header = header
        self._used = used
        self._room = room
        self._nothing = nothing
        self._store = store
        self._starts: list[int] = []
        self._spans: list[_Span] = []
        self._appended: list[bytes] = []
        self._seen = used

    def take(self, start: int, end: int) -> None:
        """Record that code will lie at [start, end), where there is none."""
        # Behind all others, as memory is mostly given out: entries come with `publish`.
        if not self._spans or start >= self._spans[-1].end:
            self._starts.append(start)
            self._spans.append(_Span(start, end, self._used, 0, True))
            return
        # Spans that are not taken lie there. With the old bounds the old entries serve again.
        first = bisect_right(self._starts, start) - 1
        if first >= 0 and self._spans[first].start == start and self._spans[first].end == end:
            self._spans[first].taken = True
            return
        if first < 0 or self._spans[first].end <= start:
            first += 1
        self._split(first, bisect_left(self._starts, end), start, end)

    def _split(self, first: int, behind: int, start: int, end: int) -> None:
        """Replace spans that are not taken by one for [start, end), and ones for the ranges before and behind it."""
        replaced = self._spans[first:behind]
        entry = self._spans[first].first if first < len(self._spans) else self._used
        count = sum(span.count for span in replaced)
        low = min([start, *(span.start for span in replaced)])
        high = max([end, *(span.end for span in replaced)])
        # As large a share of the entries as [start, end) has of the range, rounded up. The range before gets none:
        # memory is given out from the lowest address on, so that little lies there.
        share = count if high == end else min(-(-count * (end - start) // (high - start)), count)
        spans = [_Span(start, end, entry, share, True)]
        spans[:0] = [_Span(low, start, entry, 0, False)] * (low < start)
        spans += [_Span(end, high, entry + share, count - share, False)] * (end < high)
        self._spans[first:behind] = spans
        self._starts[first:behind] = [span.start for span in spans]
        if count:
            self._store([(self._place(entry), b"".join(map(self._idle, spans)))])

    def give(self, start: int) -> None:
        """Record that the memory at `start` is not in use any more."""
        self._find(start).taken = False

    def _find(self, start: int) -> _Span:
        return self._spans[bisect_left(self._starts, start)]

    def publish(self, start: int, functions: Addresses, frames: Addresses) -> bool:
        """Make entries for the functions of the code at `start`, by ascending address, each with its FDE's address.

        Return False, and do nothing, if there is no room for them. Unwinders see new ones after `commit`. None of the
        code has run yet.
        """
        # As `_find` has it.
        span, header = self._spans[bisect_left(self._starts, start)], self._header
        # They ascend: if the first and the last lie in the span, all do. Binary search relies on it.
        if functions[0] < start or functions[-1] >= span.end:
            return False
        entries = _entries(functions, frames, header)
        if entries is None:
            return False
        if span.count:
            return self._replace(span, entries, len(functions))
        return self._append(span, entries, len(functions))

    def _replace(self, span: _Span, entries: bytes, count: int) -> bool:
        if count > span.count:
            return False
        # Entries to spare repeat the last one: a search may end at any of them.
        if count < span.count:
            entries += entries[-ENTRY:] * (span.count - count)
        # As `_place` has it.
        self._store([(self._header + ENTRIES_AT + ENTRY * span.first, entries)])
        return True

    def _append(self, span: _Span, entries: bytes, count: int) -> bool:
        # Rounded up, and one to spare at least.
        room = -(-(count + 1) // _UNIT) * _UNIT
        index = bisect_left(self._starts, span.start) + 1
        # Entries must ascend: behind a span that has some, a lower one cannot be appended.
        if self._used + room > self._room or any(later.count for later in self._spans[index:]):
            return False
        span.first, span.count = self._used, room
        self._appended.append(entries + entries[-ENTRY:] * (room - count))
        self._used += room
        return True

    def commit(self) -> None:
        """Let unwinders see the appended entries."""
        if self._appended:
            entries = b"".join(self._appended)
            count = struct.pack("<I", self._used)
            self._store([(self._place(self._seen), entries), (self._header + COUNT_AT, count)])
            self._appended.clear()
            self._seen = self._used

    def retract(self, start: int) -> None:
        """Point the entries of the code at `start` to the FDE of no function, before its unwind data goes.

        None of the code runs any more.
        """
        span = self._find(start)
        if span.count:
            self._store([(self._place(span.first), self._idle(span))])

    def _idle(self, span: _Span) -> bytes:
        """Return entries of a span without code: its last byte, which keeps them ascending, and the FDE of no
        function."""
        return _PAIR.pack(span.end - 1 - self._header, self._nothing - self._header) * span.count

    def _place(self, entry: int) -> int:
        return self._header + ENTRIES_AT + ENTRY * entry


def _entries(functions: Addresses, frames: Addresses, header: int) -> bytes | None:
    """Return the entries of functions and their FDEs; None where one lies too far from the header."""
    if not isinstance(functions, np.ndarray):
        try:
            if len(functions) == 1:  # as in most small objects
                return _PAIR.pack(functions[0] - header, frames[0] - header)
            pairs = [address - header for pair in zip(functions, frames, strict=True) for address in pair]
            return struct.pack(f"<{len(pairs)}i", *pairs)
        except struct.error:  # an address is more than 2 GiB from the header
            return None
    distances = np.stack([functions, frames], 1) - header
    narrow = distances.astype("<i4")
    return narrow.tobytes() if np.array_equal(narrow, distances) else None
