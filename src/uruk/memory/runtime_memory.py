"""Memory of the process where code runs, by calls of the runtime's functions in it (runtime/linux/memory.c)."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from uruk.errors import AllocationError
from uruk.memory.mapper import HIGHEST

if TYPE_CHECKING:
    from uruk.memory.mapper import Protection, Range

_LARGEST_ERRNO = 4095


class Process(Protocol):
    """A process as mappers need it; `uruk.executor.control.ProcessControl` has more."""

    @property
    def page_size(self) -> int:
        """Its page size, in bytes."""
        ...

    def write_many(self, writes: Sequence[tuple[int, bytes | bytearray | memoryview]]) -> None:
        """Store bytes at addresses, in one message."""
        ...


class Functions(Protocol):
    """The functions of the runtime in that process; `uruk.executor.control.Runtime` is one."""

    def call(self, name: bytes, *arguments: int | bytes | bytearray) -> int:
        """Call a function; return its result, signed. Bytes are passed as a pointer to them."""
        ...


class RuntimeMemory:
    """The verbs of runtime/linux/memory.c; each is one call. Errors are AllocationErrors with that kernel's reason."""

    def __init__(self, functions: Functions, page_size: int) -> None:
        self._call = functions.call
        self._page_size = page_size

    def reserve(self, size: int, low: int, high: int) -> int:
        """Reserve private address space, within [low, high) if `high` is given."""
        return self._address(self._call(b"uruk_rt_mem_reserve", size, low, high), size, low, high)

    def map_shared(self, path: bytes, size: int, low: int, high: int) -> int:
        """Map a file that both processes share, within [low, high) if `high` is given."""
        result = self._call(b"uruk_rt_mem_map_shared", path + b"\0", size, low, high)
        # The runtime answers so for a file that it may not open, and for one on a file system mounted with noexec.
        if result == -errno.EACCES:
            name = os.fsdecode(path)
            raise AllocationError(
                f"the process where code runs cannot map {name}: it may not open it, or not run what is in it; "
                "mount its file system without noexec, or share memory of another kind"
            )
        return self._address(result, size, low, high)

    def protect(self, ranges: Sequence[Range], protection: Protection) -> None:
        """Protect the pages that ranges touch."""
        self._over(b"protect", ranges, int(protection))

    def discard(self, ranges: Sequence[Range]) -> None:
        """Give up whole pages of private memory."""
        self._over(b"discard", ranges)

    def zero(self, ranges: Sequence[Range]) -> None:
        """Zero exact ranges on writable pages, or pages never used."""
        self._over(b"zero", ranges)

    def release(self, address: int, size: int) -> None:
        """Unmap a reservation or a part of one."""
        _check(self._call(b"uruk_rt_mem_release", address, size), f"unmap {size:#x} bytes at {address:#x}")

    def _over(self, verb: bytes, ranges: Sequence[Range], *rest: int) -> None:
        if ranges:
            array = struct.pack(f"<{2 * len(ranges)}Q", *(number for range_ in ranges for number in range_))
            result = self._call(b"uruk_rt_mem_" + verb, array, len(ranges), *rest)
            _check(result, f"{verb.decode()} {len(ranges)} ranges from {ranges[0][0]:#x} on")

    def _address(self, result: int, size: int, low: int, high: int) -> int:
        where = f" between {low:#x} and {high:#x}" if high else ""
        _check(result, f"reserve {size:#x} bytes{where}")
        # The other process is not trusted: an address that was not asked for would be written to later.
        aligned = result % self._page_size == 0
        if not (aligned and max(low, 1) <= result <= (high or HIGHEST) - size):
            raise AllocationError(f"the process was to reserve {size:#x} bytes{where}, and names {result:#x}")
        return result


def _check(result: int, action: str) -> None:
    # A kernel's error is -errno, from -4095 to -1; no kernel answers anything below.
    if result < -_LARGEST_ERRNO:
        raise AllocationError(f"the process was to {action}, and answers {result:#x}")
    if result < 0:
        raise AllocationError(f"the process where code runs cannot {action}: {os.strerror(-result)}")
