"""The mapper for memory that can only be reached by messages: content is sent, and written there.

This goes to anywhere that a connection goes to. LLVM's counterpart is EPCGenericMemoryAccess with its memory manager.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Sequence
from typing import Protocol

from uruk.errors import AllocationError
from uruk.graph.types import U8
from uruk.memory.mapper import Protection, Range
from uruk.memory.reservations import Reservations

WRITABLE = Protection.R | Protection.W
_BOTH = int(Protection.W | Protection.X)
_PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE
LARGEST = (1 << 47) - 1


class RemoteMemory(Protocol):
    """What a mapper needs of the process whose memory it hands out."""

    @property
    def page_size(self) -> int:
        """Its page size, in bytes."""
        ...

    def call(self, name: bytes, *arguments: int | bytes) -> int:
        """Call a function of the runtime (runtime/memory.c)."""
        ...

    def write_many(self, pieces: Sequence[tuple[int, bytes | bytearray | memoryview]]) -> None:
        """Store several pieces, one message for all."""
        ...


def packed(ranges: Sequence[Range]) -> bytes:
    """Ranges as the runtime's functions take them."""
    flat = [number for one in ranges for number in one]
    return struct.pack(f"<{len(flat)}Q", *flat)


class RemoteMapper:
    """What the mappers for another process have in common; see `uruk.memory.mapper.Mapper`."""

    def __init__(self, process: RemoteMemory) -> None:
        self.process = process
        self.reservations = Reservations()

    @property
    def page_size(self) -> int:
        """See `Mapper.page_size`."""
        return self.process.page_size

    def view(self, address: int, size: int) -> U8:
        """See `Mapper.view`."""
        return self.reservations.view(address, size)

    def prepare(self, ranges: Sequence[Range]) -> None:
        """See `Mapper.prepare`."""
        self._protect(ranges, WRITABLE)

    def release(self, address: int, size: int) -> None:
        """See `Mapper.release`."""
        self.reservations.find(address, size)
        self._call("unmap", b"uruk_rt_memory_release", address, size)
        self.reservations.release(address, size)

    def _protect(self, ranges: Sequence[Range], protection: Protection) -> None:
        if int(protection) & _BOTH == _BOTH:
            raise AllocationError("a page may not be writable and executable at once")
        page = self.page_size
        whole = [(at // page * page, -(-(at + size) // page) * page - at // page * page) for at, size in ranges if size]
        if whole:
            self._call("protect", b"uruk_rt_memory_protect", packed(whole), len(whole), int(protection))

    def _call(self, what: str, name: bytes, *arguments: int | bytes) -> int:
        """Call the runtime. Raises AllocationError with the system's reason where it refuses."""
        got = self.process.call(name, *arguments)
        if -4096 < got < 0:
            raise AllocationError(f"cannot {what} memory of the executor: {os.strerror(-got)}")
        return got


class EPCMapper(RemoteMapper):
    """Memory of another process, written by messages; see `uruk.memory.mapper.Mapper`."""

    sends_content = True

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """See `Mapper.reserve`."""
        if size > LARGEST:
            raise AllocationError(f"cannot reserve {size:#x} bytes: no address space is so large")
        try:
            memory = mmap.mmap(-1, size, flags=_PRIVATE)
        except OSError as error:
            raise AllocationError(f"cannot reserve {size:#x} bytes here: {error.strerror}") from error
        address = self._call("reserve", b"uruk_rt_memory_reserve", size, low, high)
        return self.reservations.add(address, size, memory)

    def initialize(self, ranges: Sequence[Range], protection: Protection) -> None:
        """See `Mapper.initialize`."""
        if int(protection) & _BOTH == _BOTH:
            raise AllocationError("a page may not be writable and executable at once")
        pieces: list[tuple[int, bytes | bytearray | memoryview]]
        pieces = [(address, memoryview(self.view(address, size))) for address, size in ranges if size]
        if pieces:
            self.process.write_many(pieces)
        if protection != WRITABLE:
            self._protect(ranges, protection)

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """See `Mapper.deinitialize`."""
        if ranges:
            self._call("give up", b"uruk_rt_memory_discard", packed(ranges), len(ranges))
            self.reservations.give_up(ranges, mmap.MADV_DONTNEED)
