"""Messages of LLVM's SimpleRemoteEPC as they come in from a descriptor.

A message costs memory as its bytes come, never by what its header promises, and each of its bytes is copied a bounded
number of times, however many pieces it comes in.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from uruk.errors import ProtocolError

HEADER = struct.Struct("<QQQQ")
PIECE = 1 << 16
"""Bytes that are read at once: what a pipe holds. A message that is no longer needs no memory of its own."""
LARGE_PIECE = 1 << 20
"""Bytes of a longer message that memory is taken for at a time."""


@dataclass(eq=False, repr=False)
class Message:
    """One message: its kind, the number of its call, and a tag, with what it carries."""

    __slots__ = ("number", "opcode", "payload", "tag")

    opcode: int
    number: int
    tag: int
    payload: bytes


class Incoming:
    """The messages that come from `file`; `most(opcode, number)` is how many bytes one may carry.

    `most` is asked when the header is there, and raises ProtocolError for a message that may not come at all.
    """

    def __init__(self, file: int, most: Callable[[int, int], int]) -> None:
        self.at_end = False
        self._file = file
        self._most = most
        self._view = memoryview(bytearray(PIECE))
        self._start = self._end = 0  # of what was read and is not taken yet
        self._header: tuple[int, int, int, int] | None = None  # of a message that is longer than a piece
        self._parts: list[bytearray] = []  # of its payload
        self._room = self._view[:0]  # in the last part
        self._missing = 0  # bytes of its payload that have not come

    def read(self) -> bool:
        """Read what there is, without waiting; False at the end of the line, which `at_end` then remembers."""
        if self._header is None:
            if self._end == PIECE:  # the first bytes of a message stand there: it may go on in front
                left = bytes(self._view[self._start : self._end])
                self._view[: len(left)] = left
                self._start, self._end = 0, len(left)
            done = self._read_into(self._view[self._end :])
            self._end += done
        else:
            if not self._room:
                self._parts.append(bytearray(min(self._missing, LARGE_PIECE)))
                self._room = memoryview(self._parts[-1])
            done = self._read_into(self._room)
            self._room = self._room[done:]
            self._missing -= done
        return not self.at_end

    def _read_into(self, room: memoryview) -> int:
        try:
            done = os.readv(self._file, [room])
        except BlockingIOError:
            return 0
        except OSError:
            done = 0
        self.at_end = not done
        if self.at_end and (self._header is not None or self._end > self._start):
            whole_header = self._header is not None or self._end - self._start >= HEADER.size
            what = "a message" if whole_header else "the header of a message"
            raise ProtocolError(f"the executor's line ended in the middle of {what}")
        return done

    def take(self) -> Message | None:
        """The first message that was read; None if it has not come as a whole."""
        if self._header is not None:
            return None if self._missing else self._take_long()
        if self._end - self._start < HEADER.size:
            if self._start == self._end:
                self._start = self._end = 0
            return None
        size, opcode, number, tag = HEADER.unpack_from(self._view, self._start)
        carried = size - HEADER.size
        if carried < 0:
            raise ProtocolError(f"the executor sent a message of {size} bytes")
        most = self._most(opcode, number)
        if carried > most:
            raise ProtocolError(f"the executor sent a message of {size} bytes, where {most} may follow its header")
        begin = self._start + HEADER.size
        if carried <= self._end - begin:
            self._start = begin + carried
            return Message(opcode, number, tag, bytes(self._view[begin : self._start]))
        if size > PIECE:
            self._header = size, opcode, number, tag
            self._parts = [bytearray(self._view[begin : self._end])]
            self._missing = carried - (self._end - begin)
            self._start = self._end = 0
        return None

    def _take_long(self) -> Message:
        assert self._header is not None
        _, opcode, number, tag = self._header
        payload = b"".join(self._parts)
        self._header, self._parts, self._room = None, [], self._view[:0]
        return Message(opcode, number, tag, payload)
