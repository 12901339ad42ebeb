"""Mappers around another mapper: one counts what is asked of it, one fails on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from uruk.errors import AllocationError
from uruk.graph.types import U8
from uruk.memory.mapper import Mapper, Protection, Range

Verb = Literal["reserve", "view", "prepare", "initialize", "deinitialize", "release"]
"""The calls of a mapper, by name."""


class CountingMapper:
    """Passes every call on, and keeps account: `calls` by verb, `reserved` what is reserved now, `log` in order.

    `log` has a row a call: the verb and its arguments, lists as tuples, without a `content` that is None.
    """

    def __init__(self, inner: Mapper) -> None:
        self.inner = inner
        self.calls: Counter[str] = Counter()
        self.reserved: dict[int, int] = {}
        """Address -> size, in bytes, of what is reserved."""
        self.log: list[tuple[str, tuple[object, ...]]] = []

    @property
    def page_size(self) -> int:
        """See `Mapper.page_size`."""
        return self.inner.page_size

    def _enter(self, verb: Verb, *arguments: object) -> None:
        self.calls[verb] += 1
        self.log.append((verb, arguments))

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """See `Mapper.reserve`."""
        self._enter("reserve", size, low, high)
        address = self.inner.reserve(size, low, high)
        self.reserved[address] = size
        return address

    def view(self, address: int, size: int) -> U8:
        """See `Mapper.view`."""
        self._enter("view", address, size)
        return self.inner.view(address, size)

    def prepare(self, ranges: Sequence[Range], content: Sequence[Range] | None = None) -> None:
        """See `Mapper.prepare`."""
        self._enter("prepare", tuple(ranges), *_given(content))
        self.inner.prepare(ranges, content)

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        """See `Mapper.initialize`."""
        self._enter("initialize", tuple(ranges), protection, *_given(content))
        self.inner.initialize(ranges, protection, content)

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """See `Mapper.deinitialize`."""
        self._enter("deinitialize", tuple(ranges))
        self.inner.deinitialize(ranges)

    def release(self, address: int, size: int) -> None:
        """See `Mapper.release`."""
        self._enter("release", address, size)
        self.inner.release(address, size)
        self._cut(address, size)

    def _cut(self, address: int, size: int) -> None:
        """Take [address, address + size) out of what is reserved."""
        end = address + size
        for start, room in list(self.reserved.items()):
            stop = start + room
            if start < end and address < stop:
                del self.reserved[start]
                if start < address:
                    self.reserved[start] = address - start
                if end < stop:
                    self.reserved[end] = stop - end


def _given(content: Sequence[Range] | None) -> list[tuple[Range, ...]]:
    return [] if content is None else [tuple(content)]


class FailingMapper(CountingMapper):
    """Raises AllocationError at chosen calls, before the inner mapper sees them; passes all others on.

    `fail("reserve", 2)` fails the second call of `reserve` from now on, and no other; `times=0` that and all later
    ones. `failed` counts the failures so far.
    """

    def __init__(self, inner: Mapper) -> None:
        super().__init__(inner)
        self.failed = 0
        self._plans: dict[str, tuple[int, int]] = {}

    def fail(self, verb: Verb, call: int = 1, *, times: int = 1) -> None:
        """Let the `call`-th call of `verb` from now on fail, and the `times` - 1 after it (0: all of them)."""
        first = self.calls[verb] + call
        self._plans[verb] = (first, first + times if times else 1 << 62)

    def heal(self) -> None:
        """Fail no more."""
        self._plans.clear()

    def _enter(self, verb: Verb, *arguments: object) -> None:
        super()._enter(verb, *arguments)
        first, end = self._plans.get(verb, (0, 0))
        if first <= self.calls[verb] < end:
            self.failed += 1
            raise AllocationError(f"{verb}: told to fail at call {self.calls[verb]}")
