"""Reads archive members into one buffer as they are found, wave by wave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.input_buffer import input_buffer
from uruk.regular_files import INPUT_ALIGN, INPUT_TAIL

if TYPE_CHECKING:
    from uruk.formats.archive import Archive
    from uruk.formats.read_ahead import ReadAhead
    from uruk.graph.types import U8

_LARGEST = 1 << 28
"""Bytes of the largest first buffer. What is not written costs no memory."""


class MemberReader:
    """Members end to end in a buffer that grows: the arena of their graphs."""

    def __init__(self, most: int, ahead: ReadAhead | None = None) -> None:
        """`most` are about as many bytes as all members together have. Members that `ahead` has are used as they are
        there.
        """
        self.spans: list[Span] = []
        self._ahead = ahead
        self._starts: dict[int, int | None] = {}
        """The place where `ahead` has each archive, by id()."""
        if ahead is None:
            self._buffer, self._end = _buffer(min(most, _LARGEST) + INPUT_TAIL), 0
        else:
            self._buffer, self._end = np.frombuffer(ahead.buffer, np.uint8), ahead.end
        self._arena = Arena([self._buffer])

    def add(self, archive: Archive, offset: int) -> memoryview:
        """Read the member whose header is at an offset; returns its bytes. Raises ObjectFormatError."""
        member = archive.member(offset)
        name, base = f"{archive.name}({member.name})", self._start_of(archive)
        if base is not None:
            start = base + member.data_offset
            self.spans.append(Span(name, start, member.size))
            return memoryview(self._buffer)[start : start + member.size]
        start, end = self._end, self._end + -(-member.size // INPUT_ALIGN) * INPUT_ALIGN
        if end + INPUT_TAIL > self._buffer.size:
            larger = _buffer(2 * (end + INPUT_TAIL))
            larger[:start] = self._buffer[:start]
            # Graphs of members that were read before keep the buffer that they have.
            self._buffer, self._arena = larger, Arena([larger])
        content = memoryview(self._buffer)[start : start + member.size]
        archive.read_into(member, content)
        self._end = end
        self.spans.append(Span(name, start, member.size))
        return content

    def _start_of(self, archive: Archive) -> int | None:
        """Return the place at which the buffer has a whole archive."""
        if self._ahead is None:
            return None
        key = id(archive)
        if key not in self._starts:
            self._starts[key] = self._ahead.start_of(archive.state())
        return self._starts[key]

    def arena(self) -> Arena:
        """Return an arena that has the bytes of all members."""
        # The tail is read where a window begins in the last member; zeros make it the same each time.
        self._buffer[self._end : self._end + INPUT_TAIL] = 0
        return self._arena

    def finish(self) -> None:
        """Give back the memory of what no member was taken from: there are no more."""
        if self._ahead is not None:
            self._ahead.keep_only((span.start, span.start + span.size) for span in self.spans)


def _buffer(size: int) -> U8:
    return np.frombuffer(input_buffer(size), np.uint8)
