"""Messages of LLVM's SimpleRemoteEPC as they come in from a descriptor.

A message costs memory as its bytes come, never by what its header says, and each of its bytes is copied a bounded
number of times, however many pieces it comes in.

A signal's handler may raise in the middle: nothing is lost then, and the next call goes on where the interrupted one
was. For what a system call has read is noted in the same step of Python's, each change of state is one statement that
calls nothing, and a message stays until it is dropped.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

from uruk.errors import ProtocolError

HEADER = struct.Struct("<QQQQ")
PIECE = 1 << 16
"""Bytes that are read at once: what a pipe holds. A message that is no longer needs no memory of its own."""
LARGE_PIECE = 1 << 20
"""Bytes of a longer message that memory is taken for at a time."""


class Message:
    """One message: its kind, the number of its call, and a tag, with what it carries.

    `work` is what is done for a request, once it was taken.
    """

    __slots__ = ("number", "opcode", "payload", "tag", "work")

    def __init__(self, opcode: int, number: int, tag: int, payload: bytes) -> None:
        self.opcode, self.number, self.tag, self.payload = opcode, number, tag, payload
        self.work: Callable[[], None] | None = None


class Incoming:
    """The messages that come from `file`; `most(opcode, number)` is how many bytes one may carry.

    `most` is asked when the header is there, and raises ProtocolError for a message that may not come at all.
    """

    def __init__(self, file: int, most: Callable[[int, int], int]) -> None:
        self.at_end = False
        self.message: Message | None = None
        """The message that was taken and is not dropped yet."""
        self._file = file
        self._most = most
        self._view = memoryview(bytearray(PIECE))
        self._start = self._end = 0  # of what was read and is not taken yet
        self._done: list[int] = []  # bytes that were read and are not counted yet
        self._header: tuple[int, int, int, int] | None = None  # of a message that is longer than a piece
        self._parts: list[memoryview] = []  # of its payload
        self._room = self._view[:0]  # in the last part
        self._missing = 0  # bytes of its payload that have not come

    @property
    def has_uncounted(self) -> bool:
        """True after a read that was interrupted when the bytes had come: `read` makes no system call then."""
        return bool(self._done)

    def read(self) -> bool:
        """Read what there is, without waiting; False at the end of the line, which `at_end` then remembers."""
        if self._header is None:
            if self._end == PIECE and not self._done:  # the first bytes of a message stand there: it may go on in front
                # A new buffer, and not a move within the old one: an interrupted move could not be done again.
                left = bytes(self._view[self._start : self._end])
                view, count = memoryview(bytearray(PIECE)), len(left)
                view[:count] = left
                self._view, self._start, self._end = view, 0, count
            done = self._read_into(self._view[self._end :])
            self._end, self._done = self._end + done, []
        else:
            if not self._room and not self._done:
                room, count = memoryview(bytearray(min(self._missing, LARGE_PIECE))), len(self._parts)
                self._room, self._parts[count:] = room, [room]
            done = self._read_into(self._room)
            self._room, self._missing, self._done = self._room[done:], self._missing - done, []
        return not self.at_end

    def _read_into(self, room: memoryview) -> int:
        done = 0
        try:
            if not self._done:  # else a read was interrupted before its bytes were counted
                self._done.extend(map(os.readv, (self._file,), ([room],)))
            done = self._done[0]
        except BlockingIOError:
            return 0
        except OSError:
            pass
        self.at_end = not done
        if self.at_end and (self._header is not None or self._end > self._start):
            whole_header = self._header is not None or self._end - self._start >= HEADER.size
            part = "a message" if whole_header else "the header of a message"
            raise ProtocolError(f"the executor's line ended in the middle of {part}")
        return done

    def take(self) -> Message | None:
        """Return the first message that was read, until it is dropped; None if it has not come as a whole."""
        if self.message is not None:
            return self.message
        if self._header is not None:
            return None if self._missing else self._take_long()
        if self._end - self._start < HEADER.size:
            # An empty buffer begins at its front again, so that most messages never reach its end.
            if self._start == self._end:
                self._start = self._end = 0
            return None
        size, opcode, number, tag = HEADER.unpack_from(self._view, self._start)
        carried = size - HEADER.size
        # The size in a header counts the header itself (LLVM's SimpleRemoteEPCTransport).
        if carried < 0:
            raise ProtocolError(f"the executor sent a message of {size} bytes")
        most = self._most(opcode, number)
        if carried > most:
            raise ProtocolError(f"the executor sent a message of {size} bytes, where {most} may follow its header")
        begin = self._start + HEADER.size
        if carried <= self._end - begin:
            message = Message(opcode, number, tag, bytes(self._view[begin : begin + carried]))
            self.message, self._start = message, begin + carried
            return message
        # A message that fits in the buffer waits there for its rest, and needs no memory.
        if size > PIECE:
            header, part = (size, opcode, number, tag), memoryview(bytes(self._view[begin : self._end]))
            missing = carried - (self._end - begin)
            self._header, self._parts, self._missing, self._start, self._end = header, [part], missing, 0, 0
        return None

    def drop(self) -> None:
        """Drop the message that was taken."""
        self.message = None

    def _take_long(self) -> Message:
        assert self._header is not None
        _, opcode, number, tag = self._header
        message = Message(opcode, number, tag, b"".join(self._parts))
        self.message, self._header, self._parts, self._room = message, None, [], self._view[:0]
        return message
