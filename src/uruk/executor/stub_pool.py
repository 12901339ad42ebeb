"""Memory of lazy stubs, for all sessions of this process: blocks of one page of code and one of data.

The code of a block is written once and never changed, and blocks are never unmapped: native code may keep a stub's
address after the stub's session is gone. So the blocks of a closed session first go into a quarantine, first in, first
out, where a late call still finds its way to the handler, and only then to another session.

Blocks lie in chunks, all code of a chunk before all its data, so that a chunk is few mappings however many blocks it
has (the kernel's limit is 65,530 a process).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from uruk.errors import AllocationError, UrukError
from uruk.executor.locks import inner_lock
from uruk.isa.interface import LAZY_PAGE, Architecture, architecture_of
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.mapper import Mapper, Protection, Range
from uruk.records import record
from uruk.target import HERE

CHUNK = 4 << 20
DISTANCE = CHUNK // 2
"""From a block's page of code to its page of data, in bytes."""
STEP = 16 * LAZY_PAGE
"""The bytes of code, and those of data, that are committed at a time."""
QUARANTINE = 256
"""Blocks that wait before they are used again: 2 MiB."""
MOST_CHUNKS = 16
"""With so many, a far block is taken rather than another chunk reserved nearby."""
_REACH = 1 << 31


class _Chunk:
    """A reservation; `free` has its committed blocks that are not handed out."""

    def __init__(self, mapper: Mapper, architecture: Architecture, base: int) -> None:
        self.mapper = mapper
        self.architecture = architecture or architecture_of(str(HERE))
        self.base = base
        self.committed = 0
        self.free: list[int] = []

    @property
    def room(self) -> bool:
        """True if a block can be taken."""
        return bool(self.free) or self.committed < DISTANCE

    def take(self) -> int:
        """Return the address of a block's page of code."""
        if not self.free:
            self._commit()
        return self.free.pop()

    def _commit(self) -> None:
        code = self.base + self.committed
        size = min(STEP, DISTANCE - self.committed)
        self.mapper.prepare([(code, size), (code + DISTANCE, size)])
        pages = size // LAZY_PAGE
        self.mapper.view(code, size)[:] = np.tile(self.architecture.stub_page(DISTANCE), pages)
        self.mapper.initialize([(code, size)], Protection.R | Protection.X)
        # No ranges are stored: the data of a block begins as zeros, which pages have by themselves.
        self.mapper.initialize([(code + DISTANCE, size)], Protection.R | Protection.W, [])
        self.committed += size
        self.free += [code + LAZY_PAGE * number for number in reversed(range(pages))]


@record
class Retired:
    """Blocks of a closed session. They wait while `in_use()` is not 0; `let_go()` is called when their time is over."""

    blocks: Sequence[int]
    in_use: Callable[[], int]
    let_go: Callable[[], object]


class StubPool:
    """Hands out blocks, each by the address of its page of code; the page of data lies `DISTANCE` behind it."""

    def __init__(self, mapper: Mapper, architecture: Architecture | None = None) -> None:
        """`architecture` is that of the stubs, by default this process's."""
        self.mapper = mapper
        self.architecture = architecture or architecture_of(str(HERE))
        self.lock = inner_lock()
        self._chunks: list[_Chunk] = []
        self._retired: deque[Retired] = deque()
        self._waiting = 0

    def take(self, count: int, near: Range | None) -> list[int]:
        """Return `count` blocks, in reach of all of `near` by 32-bit displacements where that is possible.

        Raises AllocationError when there is no memory; nothing is taken then.
        """
        taken: list[int] = []
        with self.lock:
            try:
                while len(taken) < count:
                    chunk = self._chunk(near)
                    while chunk.room and len(taken) < count:
                        taken.append(chunk.take())
            except AllocationError:
                self._free(taken)
                raise
        return taken

    def _chunk(self, near: Range | None) -> _Chunk:
        low, high = _around(near)
        roomy = [chunk for chunk in self._chunks if chunk.room]
        for chunk in roomy:
            if low <= chunk.base and chunk.base + CHUNK <= high:
                return chunk
        if near is not None and len(self._chunks) < MOST_CHUNKS:
            with suppress(AllocationError):
                return self._reserve(low, high)
        # A far block works as well: code reaches it by a stub of its own.
        return roomy[0] if roomy else self._reserve(0, 0)

    def _reserve(self, low: int, high: int) -> _Chunk:
        chunk = _Chunk(self.mapper, self.architecture, self.mapper.reserve(CHUNK, low, high))
        self._chunks.append(chunk)
        return chunk

    def retire(self, retired: Retired) -> None:
        """Take a session's blocks back, into the quarantine."""
        with self.lock:
            self._retired.append(retired)
            self._waiting += len(retired.blocks)
            for _ in range(len(self._retired) - 1):  # the newest stays, however large it is
                if self._waiting <= QUARANTINE:
                    break
                oldest = self._retired.popleft()
                if oldest.in_use():
                    self._retired.append(oldest)
                else:
                    self._waiting -= len(oldest.blocks)
                    oldest.let_go()
                    self._free(oldest.blocks)

    def forget(self) -> None:
        """Release what this process has of the blocks: the other process, where they were, is gone."""
        with self.lock:
            chunks, self._chunks = self._chunks, []
            for chunk in chunks:
                with suppress(UrukError):  # it cannot be told any more
                    self.mapper.release(chunk.base, CHUNK)

    def _free(self, blocks: Sequence[int]) -> None:
        for block in blocks:
            # Chunks are few (see MOST_CHUNKS): a search of all is fast enough.
            home = next(chunk for chunk in self._chunks if chunk.base <= block < chunk.base + CHUNK)
            home.free.append(block)


def _around(near: Range | None) -> Range:
    """Return where all of `near` can be reached from."""
    if near is None:
        return 0, 1 << 64
    start, size = near
    # A displacement has 31 bits to either side: the far end of `near` bounds below, its start above.
    return max(start + size - _REACH, 0), start + _REACH


POOL = StubPool(InProcessMapper())
# Another thread may be at work in the pool when a process forks; the child could never take its lock.
os.register_at_fork(before=POOL.lock.acquire, after_in_parent=POOL.lock.release, after_in_child=POOL.lock.release)
