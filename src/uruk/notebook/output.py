"""The output of a child process, shown where Python's own output goes: in the cell that runs."""

from __future__ import annotations

import array
import codecs
import os
import sys
import threading
import time
from typing import TextIO

_CHUNK = 1 << 16
_PATIENCE = 1.0
"""Seconds that `settle` waits for the reader to show what lies in the pipes."""


class Output:
    """Two pipes, for a child's standard output and standard error, and the threads that show what comes out of them.

    `streams` are three descriptors for `uruk.spawn`; `started` closes this process's copies, after which the threads
    end with the child.
    """

    def __init__(self) -> None:
        self._null = os.open(os.devnull, os.O_RDONLY)
        self._pipes = [_Pipe("stdout"), _Pipe("stderr")]

    @property
    def streams(self) -> tuple[int, int, int]:
        """The child's standard streams."""
        return self._null, self._pipes[0].to_write, self._pipes[1].to_write

    def started(self) -> None:
        """Close the descriptors that only the child needs."""
        os.close(self._null)
        for pipe in self._pipes:
            os.close(pipe.to_write)

    def settle(self) -> None:
        """Wait until all that the child has written was shown."""
        for pipe in self._pipes:
            pipe.settle()


class _Pipe:
    """One pipe, and a thread that copies from it to the stream that `sys` has by a name at that moment."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._to_read, self.to_write = os.pipe2(os.O_CLOEXEC)
        self._busy = threading.Lock()
        self._ended = threading.Event()
        threading.Thread(target=self._show, name=f"uruk {name}", daemon=True).start()

    def _show(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while _wait_for_data(self._to_read):
            with self._busy:  # between reading and showing, `settle` must not take an empty pipe for the end
                data = os.read(self._to_read, _CHUNK)
                self._write(decoder.decode(data, final=not data))
            if not data:
                break
        os.close(self._to_read)
        self._ended.set()

    def _write(self, text: str) -> None:
        stream: TextIO | None = getattr(sys, self._name)
        if stream is not None and text:
            stream.write(text)
            stream.flush()

    def settle(self) -> None:
        """Wait until the pipe is empty, for `_PATIENCE` seconds at most: other processes may write into it for ever."""
        limit = time.monotonic() + _PATIENCE
        while not self._ended.is_set() and time.monotonic() < limit:
            with self._busy:
                if self._ended.is_set() or not _waiting(self._to_read):
                    return
            time.sleep(0.001)


def _wait_for_data(descriptor: int) -> bool:
    """Return True once there is something to read, the end included."""
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll())


def _waiting(descriptor: int) -> int:
    """Return the number of bytes that lie in a pipe."""
    import fcntl  # not every system has these two
    import termios

    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]
