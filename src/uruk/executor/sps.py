"""LLVM's Simple Packed Serialization: little-endian numbers and counted sequences, without tags or padding.

Writing is plain functions that give bytes; `Reader` takes a payload apart and never reads past its end.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from uruk.errors import ExecutorError, ProtocolError

_U64 = struct.Struct("<Q")


def u64(*values: int) -> bytes:
    """Return unsigned 64-bit numbers, one after the other; also addresses. Raises ExecutorError for other numbers."""
    if not values:
        return b""
    try:
        return struct.pack(f"<{len(values)}Q", *values)
    except struct.error:
        wrong = next(value for value in values if not 0 <= value < 1 << 64)
        raise ExecutorError(f"{wrong:#x} is not an unsigned 64-bit number") from None


def string(data: bytes) -> bytes:
    """Return a String, or a Sequence of char."""
    return _U64.pack(len(data)) + data


def strings(items: Sequence[bytes]) -> bytes:
    """Return a Sequence of String."""
    return _U64.pack(len(items)) + b"".join(map(string, items))


class Reader:
    """Reads values one after the other; ProtocolError, naming `title`, where the payload ends too early."""

    def __init__(self, data: bytes | memoryview, title: str) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._title = title

    def bytes(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise ProtocolError(f"{self._title}: {size} bytes wanted, {len(self._data) - self._at} left")
        data = bytes(self._data[self._at : end])
        self._at = end
        return data

    def u64(self) -> int:
        """Return an unsigned 64-bit number."""
        return int(_U64.unpack(self.bytes(8))[0])

    def i64(self) -> int:
        """Return a signed 64-bit number."""
        return int.from_bytes(self.bytes(8), "little", signed=True)

    def i32(self) -> int:
        """Return a signed 32-bit number."""
        return int.from_bytes(self.bytes(4), "little", signed=True)

    def bool(self) -> bool:
        """Return a bool: one byte."""
        return self.bytes(1) != b"\0"

    def string(self) -> bytes:
        """Return a String, or a Sequence of char."""
        return self.bytes(self.u64())

    def count(self, size: int) -> int:
        """Return the length of a Sequence whose elements take at least `size` bytes each."""
        count = self.u64()
        if count * size > len(self._data) - self._at:
            raise ProtocolError(f"{self._title}: {count} elements do not fit in what is left")
        return count

    def expect_value(self) -> None:
        """Read the head of an Expected. Raises ExecutorError with the executor's text."""
        if not self.bool():
            raise ExecutorError(f"{self._title}: {self.string().decode(errors='replace')}")

    def expect_success(self) -> None:
        """Read an Error that should be none. Raises ExecutorError with the executor's text."""
        if self.bool():
            raise ExecutorError(f"{self._title}: {self.string().decode(errors='replace')}")
