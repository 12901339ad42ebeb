"""Reads archive members into one buffer as they are found, and adds all of them to a session as one graph."""

from __future__ import annotations

import numpy as np

from uruk.formats.archive import Archive
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.graph.types import U8
from uruk.input_buffer import input_buffer
from uruk.regular_files import INPUT_ALIGN, INPUT_TAIL

_LARGEST = 1 << 28
"""Bytes of the largest first buffer. What is not written costs no memory."""


class MemberReader:
    """Members end to end in a buffer that grows: the arena of their graph."""

    def __init__(self, most: int) -> None:
        """`most` are about as many bytes as all members together have."""
        self.spans: list[Span] = []
        self._buffer = _buffer(min(most, _LARGEST) + INPUT_TAIL)
        self._end = 0

    def add(self, archive: Archive, offset: int) -> memoryview:
        """Read the member whose header is at an offset; returns its bytes. Raises ObjectFormatError."""
        member = archive.member(offset)
        start, end = self._end, self._end + -(-member.size // INPUT_ALIGN) * INPUT_ALIGN
        if end + INPUT_TAIL > self._buffer.size:
            larger = _buffer(2 * (end + INPUT_TAIL))
            larger[:start] = self._buffer[:start]
            self._buffer = larger
        content = memoryview(self._buffer)[start : start + member.size]
        archive.read_into(member, content)
        self._end = end
        self.spans.append(Span(f"{archive.name}({member.name})", start, member.size))
        return content

    def arena(self) -> Arena:
        """Return the members' bytes."""
        # The tail is read where a window begins in the last member; zeros make it the same each time.
        self._buffer[self._end : self._end + INPUT_TAIL] = 0
        return Arena([self._buffer[: self._end + INPUT_TAIL]])


def _buffer(size: int) -> U8:
    return np.frombuffer(input_buffer(size), np.uint8)
