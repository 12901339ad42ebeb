"""A free list over one address range: first fit, coalescing, all in address order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from uruk.errors import InternalError


class FreeList:
    """Hands out ranges of [start, start + size); addresses and sizes in bytes."""

    def __init__(self, start: int, size: int) -> None:
        self._starts: list[int] = [start]
        self._sizes: list[int] = [size]

    @property
    def free(self) -> int:
        """Free bytes in all."""
        return sum(self._sizes)

    @property
    def largest(self) -> int:
        """The largest free range, in bytes."""
        return max(self._sizes, default=0)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The free ranges, (start, size) each, in address order."""
        return list(zip(self._starts, self._sizes, strict=True))

    def holds(self, address: int) -> bool:
        """Return True for an address that is free."""
        index = bisect_right(self._starts, address) - 1
        return index >= 0 and address < self._starts[index] + self._sizes[index]

    def take_at(self, start: int, size: int) -> None:
        """Take a range that is free. InternalError if part of it is not."""
        # The last free range that begins at or before `start`: the only one that can hold it.
        index = bisect_right(self._starts, start) - 1
        if index < 0 or start + size > self._starts[index] + self._sizes[index]:
            raise InternalError(f"range {start:#x}+{size:#x} is taken twice")
        self._cut(index, start, size)

    def take(self, size: int, align: int = 1) -> int | None:
        """Return the lowest free range of `size` bytes at a multiple of `align`; None if there is none."""
        for index, start in enumerate(self._starts):
            room = self._sizes[index]
            # Rounded up; `align` need not be a power of two.
            at = -(-start // align) * align
            if at + size <= start + room:
                # The usual case, a range from the front: two stores, and no row of the lists moves.
                if at == start and size < room:
                    self._starts[index], self._sizes[index] = at + size, room - size
                else:
                    self._cut(index, at, size)
                return at
        return None

    def _cut(self, index: int, at: int, size: int) -> None:
        start, room = self._starts[index], self._sizes[index]
        before, behind = at - start, start + room - at - size
        pieces = [(start, before)] * (before > 0) + [(at + size, behind)] * (behind > 0)
        self._starts[index : index + 1] = [piece[0] for piece in pieces]
        self._sizes[index : index + 1] = [piece[1] for piece in pieces]

    def give(self, start: int, size: int) -> None:
        """Take a range back; joins its neighbours. InternalError if part of it is free already."""
        # The first free range behind; the one before it ends at or before `start`, or something is freed twice.
        index = bisect_left(self._starts, start)
        if index < len(self._starts) and start + size > self._starts[index]:
            raise InternalError(f"range {start:#x}+{size:#x} is freed twice")
        if index and self._starts[index - 1] + self._sizes[index - 1] > start:
            raise InternalError(f"range {start:#x}+{size:#x} is freed twice")
        # The neighbour behind is joined first, which leaves `index` where the one before is looked for.
        if index < len(self._starts) and start + size == self._starts[index]:
            size += self._sizes[index]
            del self._starts[index], self._sizes[index]
        if index and self._starts[index - 1] + self._sizes[index - 1] == start:
            self._sizes[index - 1] += size
        else:
            self._starts.insert(index, start)
            self._sizes.insert(index, size)
