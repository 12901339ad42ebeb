"""Archives that are read whole in the background, before it is known which of their members are needed.

A large program takes most members of the archives on its line. A thread beside the imports reads them for nothing;
members are then used where they lie. The pages of what nothing needs are given back.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Iterable, Sequence

from uruk.errors import UrukError
from uruk.input_buffer import input_buffer
from uruk.regular_files import INPUT_ALIGN, FileState, open_regular, state_of

_MOST = 256 << 20
"""Bytes that are read ahead."""
_LEAST_ROOM, _MOST_ROOM = 1 << 20, 64 << 20
"""Bytes behind them, for members of other archives: about as many as the archives have. What is not written costs no
memory, but a process may have a limit of addresses.
"""
_STEP = 8 << 20
"""Bytes of one read, which is the longest wait of a thread that stops the rest."""
_WORTH = 64 << 10
"""Fewer bytes than these are not given back: a call of the system costs as much."""


class ReadAhead:
    """Archives end to end in one buffer. `run` fills it until `stop` is called; its caller may use the buffer then."""

    def __init__(self, paths: Sequence[str]) -> None:
        """`paths` are files that may be archives of the program; those that cannot be read are left out."""
        size = min(sum(map(_size, paths)), _MOST)
        self.buffer = input_buffer(size + min(max(size, _LEAST_ROOM), _MOST_ROOM), huge=False)
        self._most = size
        self.end = 0
        """The place behind the last archive."""
        self._paths = paths
        self._starts: dict[FileState, int] = {}
        self._stopped = False
        self._running = threading.Lock()

    def run(self) -> None:
        """Read the archives, in order, until all are read or `stop` is called."""
        with self._running, memoryview(self.buffer) as view:
            for path in self._paths:
                if self._stopped:
                    break
                # What is wrong with an archive is said where it is opened.
                try:
                    self._read(path, view)
                except (OSError, UrukError):
                    continue

    def _read(self, path: str, view: memoryview) -> None:
        handle, size = open_regular(path)
        try:
            done, start = 0, self.end
            if start + size > self._most:
                return
            while done < size:
                with view[start + done : start + min(size, done + _STEP)] as part:
                    got = os.preadv(handle, [part], done)
                done += got
                if not got or self._stopped:
                    break
            # After the last read: a file that changed meanwhile is another one for `start_of`.
            state = state_of(handle)
        finally:
            os.close(handle)
        if done == size:
            self._starts[state] = start
            self.end = start + -(-size // INPUT_ALIGN) * INPUT_ALIGN

    def stop(self) -> None:
        """Have the thread read no further; returns when it does not."""
        self._stopped = True
        with self._running:
            pass

    def start_of(self, state: FileState | None) -> int | None:
        """Return the place in the buffer where a file begins that has this state; None if it was not read."""
        return None if state is None else self._starts.get(state)

    def keep_only(self, spans: Iterable[tuple[int, int]]) -> None:
        """Give back the memory of all archives but these spans, (start, end) each."""
        before = 0
        for start, end in [*sorted(spans), (self.end, self.end)]:
            first = -(-before // mmap.PAGESIZE) * mmap.PAGESIZE
            last = start // mmap.PAGESIZE * mmap.PAGESIZE
            if last - first >= _WORTH:
                self.buffer.madvise(mmap.MADV_DONTNEED, first, last - first)
            before = max(before, end)


def _size(path: str) -> int:
    """Return the room that a file takes; none if it cannot be opened, which is said where that is tried."""
    try:
        return -(-os.stat(path).st_size // INPUT_ALIGN) * INPUT_ALIGN
    except (OSError, ValueError):
        return 0
