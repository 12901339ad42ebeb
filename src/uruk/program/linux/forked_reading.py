"""Many objects read by a fork of this process, which has an interpreter, and that one's lock, for itself.

The child puts them into a memory file, end to end, and answers with their sizes; it does not live longer than that.
It says nothing else: what it cannot read is left to this process, whose errors say what is wrong.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
from array import array
from typing import NoReturn

from uruk.input_buffer import input_buffer
from uruk.program.reading import Objects, OpenFiles, fill, places_of
from uruk.regular_files import INPUT_TAIL

_MOST = 256 << 20
"""Bytes that are read so: they are in memory twice until they are copied."""
_SIZE = 8
"""Bytes of a size in the answer."""


class ForkedReading:
    """Objects that a child is reading."""

    def __init__(self, files: list[str], child: int, memory: int, answer: int) -> None:
        self._files = files
        self._child = child
        self._memory = memory
        self._answer = answer

    @classmethod
    def of(cls, files: list[str]) -> ForkedReading | None:
        """Begin to read files; None on one processor, in a process with other threads, or where no child can be had."""
        if len(os.sched_getaffinity(0)) < 2 or threading.active_count() > 1:  # a fork would lack the other threads
            return None
        with contextlib.ExitStack() as undo:
            try:
                memory = os.memfd_create("uruk-inputs")
                undo.callback(os.close, memory)
                answer, answering = os.pipe()
                undo.callback(os.close, answer)
                undo.callback(os.close, answering)
                child = os.fork()
            except OSError:
                return None
            if not child:
                _read_and_end(files, memory, answering)
            undo.pop_all()
        os.close(answering)
        return cls(files, child, memory, answer)

    def objects(self) -> Objects | None:
        """See `uruk.program.reading.ReadApart`."""
        try:
            with open(self._answer, "rb") as file:
                answer = file.read()
            with contextlib.suppress(ChildProcessError):  # where SIGCHLD is ignored nothing is left of it
                os.waitpid(self._child, 0)
            if len(answer) != _SIZE * len(self._files):
                return None
            return self._copied(list(memoryview(answer).cast("q")))
        finally:
            os.close(self._memory)

    def _copied(self, sizes: list[int]) -> Objects:
        """Copy all to private memory: later faults on shared pages would take this process longer."""
        starts, end = places_of(sizes)
        buffer = input_buffer(end + INPUT_TAIL, huge=False)
        with memoryview(buffer) as view, view[:end] as part:
            fill(part, self._memory, "uruk-inputs")
        return Objects(self._files, starts, sizes, buffer)


def _read_and_end(files: list[str], memory: int, answering: int) -> NoReturn:
    """Read files into memory and answer, in the child, which ends here whatever happens."""
    try:
        with OpenFiles() as opened:
            if all(map(opened.is_object, files)):
                sizes = [opened.sizes[path] for path in files]
                starts, end = places_of(sizes)
                if end <= _MOST:
                    os.ftruncate(memory, end)
                    with mmap.mmap(memory, end) as shared, memoryview(shared) as view:
                        for path, start, size in zip(files, starts, sizes, strict=True):
                            with view[start : start + size] as part:
                                opened.fill(part, path)
                    os.write(answering, array("q", sizes).tobytes())
    finally:
        os._exit(0)
