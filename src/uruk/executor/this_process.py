"""This process as one that runs linked code."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from uruk.target import HERE

if TYPE_CHECKING:
    from uruk.executor.control import Argument


@lru_cache(maxsize=64)
def _prototype(count: int) -> Any:
    return ctypes.CFUNCTYPE(ctypes.c_long, *([ctypes.c_void_p] * count))


class ThisProcess:
    """See `uruk.executor.control.ProcessControl`."""

    triple = f"{HERE.architecture}-unknown-linux-gnu"
    page_size = os.sysconf("SC_PAGESIZE")
    is_here = True

    def call(self, address: int, *arguments: Argument) -> int:
        """See `ProcessControl.call`."""
        values = [_pointer(argument) if isinstance(argument, bytes | bytearray) else argument for argument in arguments]
        return int(_prototype(len(values))(address)(*values))

    def read(self, address: int, size: int) -> bytes:
        """See `ProcessControl.read`."""
        return ctypes.string_at(address, size)

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """See `ProcessControl.write`."""
        content = memoryview(data).cast("B")
        target = (ctypes.c_uint8 * content.nbytes).from_address(address)
        memoryview(target).cast("B")[:] = content

    def write_many(self, writes: Sequence[tuple[int, bytes | bytearray | memoryview]]) -> None:
        """See `ProcessControl.write_many`."""
        for address, data in writes:
            self.write(address, data)


def _pointer(data: bytes | bytearray) -> Any:
    """Return what ctypes passes as a pointer to the bytes themselves."""
    # from_buffer keeps the bytearray from being resized while the function may write to it.
    return data if isinstance(data, bytes) else (ctypes.c_uint8 * len(data)).from_buffer(data)


THIS_PROCESS = ThisProcess()
