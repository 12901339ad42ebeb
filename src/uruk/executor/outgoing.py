"""The writing side of a line to an executor: whole messages, one after the other, by writers that can be stopped.

The descriptor does not block. A writer that waits for room waits for the end of the line as well, by a descriptor that
becomes readable then: so no thread waits for ever for an executor that has stopped reading.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterable
from types import CodeType

from uruk.executor.turn import Turn

_MOST_BUFFERS = 512  # of one writev (IOV_MAX is 1024)


class Outgoing:
    """Owns the descriptor `file`, which `shut_down` closes (os.close by default); `ended()` says that the line is over,
    and `wake` is readable then. `holders` is code that takes the turn to write, too.
    """

    def __init__(
        self,
        file: int,
        wake: int,
        ended: Callable[[], bool],
        shut_down: Callable[[], None] | None,
        holders: Iterable[CodeType] = (),
    ) -> None:
        # A blocking write could wait for ever for a process that has stopped reading.
        os.set_blocking(file, False)
        self.turn = Turn({*holders, Outgoing.send.__code__, Outgoing.close.__code__})
        self._file = file
        self._ended = ended
        self._shut_down = shut_down or (lambda: os.close(file))
        self._open = True
        self.broken = False
        """True when a message was cut short, by the end of its time or by a signal's handler."""
        self._writable = select.poll()
        self._writable.register(file, select.POLLOUT)
        self._writable.register(wake, select.POLLIN)

    @property
    def is_open(self) -> bool:
        """True while this side has not ended."""
        return self._open

    def send(self, buffers: list[memoryview], end: float | None = None, written: list[int] | None = None) -> bool:
        """Write a message; False where the time `end` came before anything was written.

        `written`, an empty list, gets the number of bytes of each system call, in the step in which they are written.
        Raises OSError where the line is over. Where the time, or an exception, comes in the middle it is `broken`.
        """
        if not self.turn.take(end):
            return False
        try:
            return self._write_all(buffers, end, [] if written is None else written)
        finally:
            self.turn.give()

    def _write_all(self, buffers: list[memoryview], end: float | None, written: list[int]) -> bool:
        message = buffers
        try:
            while buffers:
                if not self._open or self._ended():
                    raise BrokenPipeError("the line is over")
                try:  # in one step of Python's: how much was written is noted before a signal's handler can run
                    written.extend(map(os.writev, (self._file,), (buffers[:_MOST_BUFFERS],)))
                except BlockingIOError:
                    if self._wait(end):
                        continue
                    return False
                buffers = _rest(buffers, written[-1])
            return True
        finally:
            if buffers:
                self.broken = 0 < sum(written) < sum(buffer.nbytes for buffer in message)

    def _wait(self, end: float | None) -> bool:
        """Wait until something may have changed; False when the time `end` has come."""
        return bool(self._writable.poll(None if end is None else max(end - time.monotonic(), 0) * 1000))

    def close(self, goodbye: bytes, end: float) -> None:
        """Write a last message, if there is room for it at once, and end this side.

        Nothing is done where another thread writes until the time `end`.
        """
        if not self.turn.take(end):
            return
        try:
            if self._open:
                self._open = False
                with contextlib.suppress(OSError):  # the end of the line says as much
                    os.write(self._file, goodbye)
                with contextlib.suppress(OSError):
                    self._shut_down()
        finally:
            self.turn.give()


def _rest(buffers: list[memoryview], done: int) -> list[memoryview]:
    """Return what is left of buffers when so many bytes of them were written."""
    if len(buffers) == 1 and done == buffers[0].nbytes:  # each small message
        return []
    first = 0
    while first < len(buffers) and done >= buffers[first].nbytes:
        done -= buffers[first].nbytes
        first += 1
    buffers = buffers[first:]
    if buffers and done:
        buffers[0] = buffers[0][done:]
    return buffers
