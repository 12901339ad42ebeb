"""Memory of the process where linked code runs, as its users read and write it: bytes, texts and arrays at any address.

An address may be wrong: that is an InvalidAddress, and neither process ends.
"""

from __future__ import annotations

import ctypes
import math
import operator
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from uruk.errors import InvalidAddress, InvalidType, InvalidValue
from uruk.graph.types import U8, AnyArray

if TYPE_CHECKING:
    from uruk.executor.control import ProcessControl, Runtime
    from uruk.memory.manager import SlabManager

_PAGE = 4096
"""No system has smaller pages: what begins in one is readable to its end."""
LARGEST_PIECE = 1 << 26
"""Bytes that are read at a time."""


class Elsewhere(Protocol):
    """The members of an executor of another process that its memory is read and written by."""

    runtime: Runtime
    memory: SlabManager

    @property
    def process(self) -> ProcessControl:
        """The process."""
        ...

    @property
    def shares_memory(self) -> bool:
        """True if code and data of linked objects are mapped here, too."""
        ...


class Data(ABC):
    """The memory of one process."""

    @abstractmethod
    def read_piece(self, address: int, size: int) -> bytes:
        """Return bytes at an address, `LARGEST_PIECE` at most. Raises InvalidAddress where they cannot be read."""

    def read(self, address: int, size: int) -> bytes:
        """Return the bytes at an address. Raises InvalidAddress where they cannot be read, InvalidValue."""
        if size < 0:
            raise InvalidValue(f"{size} bytes cannot be read")
        if size <= LARGEST_PIECE:
            return self.read_piece(address, size)
        self.check(address, size)  # no memory is taken for what is not there
        pieces = range(address, address + size, LARGEST_PIECE)
        try:
            return b"".join(self.read_piece(at, min(LARGEST_PIECE, address + size - at)) for at in pieces)
        except InvalidAddress:
            raise InvalidAddress(address, size, "read") from None

    def check(self, address: int, size: int) -> None:
        """Raise InvalidAddress where the first or the last byte of a range cannot be read."""
        try:
            if address + size > 1 << 64:
                raise InvalidAddress(address, size, "read")
            self.read_piece(address, 1)
            self.read_piece(address + size - 1, 1)
        except InvalidAddress:
            raise InvalidAddress(address, size, "read") from None

    @abstractmethod
    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Store bytes at an address. Raises InvalidAddress where they cannot be written."""

    @abstractmethod
    def live(self, address: int, size: int) -> U8 | None:
        """Return the memory itself, read-only where it is; None where this process does not have it."""

    def string(self, address: int, encoding: str, errors: str, most: int) -> str:
        """Return the text at an address, up to its NUL. Raises InvalidAddress, InvalidValue."""
        data = bytearray()
        while len(data) < most:
            start = address + len(data)
            piece = self.read(start, min(_PAGE - start % _PAGE, most - len(data)))
            end = piece.find(b"\0")
            data += piece[: end if end >= 0 else None]
            if end >= 0:
                try:
                    return data.decode(encoding, errors)
                except LookupError as error:
                    raise InvalidValue(f"text cannot be decoded: {error}") from None
        raise InvalidValue(
            f"the string at {address:#x} does not end within {most} bytes; say how long it may be (most=)"
        )

    def array(self, address: int, shape: int | tuple[int, ...], dtype: Any) -> AnyArray:
        """Return the memory as an array, a read-only copy where it cannot be the memory itself."""
        try:
            kind = np.dtype(dtype)
        except TypeError:
            raise InvalidType(f"{dtype!r} is no dtype of numpy's") from None
        if kind.hasobject:
            raise InvalidType(f"memory has no Python objects: an array of {kind} cannot be made of it")
        sizes = _sizes(shape)
        if any(each < 0 for each in sizes):
            raise InvalidValue(f"the shape {sizes} has a negative size")
        if not kind.itemsize:
            raise InvalidType(f"{dtype!r} is a dtype without a size")
        size = math.prod(sizes) * kind.itemsize
        content = self.live(address, size)
        if content is None:
            content = np.frombuffer(self.read(address, size), np.uint8)
        return content.view(kind).reshape(sizes)


def _sizes(shape: Any) -> tuple[int, ...]:
    """Return an array's shape as a tuple. Raises InvalidType for what is none."""
    try:
        return (operator.index(shape),)
    except TypeError:
        pass
    try:
        return tuple(map(operator.index, shape))
    except TypeError:
        raise InvalidType(f"a shape is a number, or a tuple of numbers, and {shape!r} is neither") from None


class DataHere(Data):
    """The memory of this process."""

    def read_piece(self, address: int, size: int) -> bytes:
        """See `Data.read_piece`."""
        from uruk.memory.linux.checked import load  # its C functions are wanted here only

        data = load(address, size)
        if data is None:
            raise InvalidAddress(address, size, "read")
        return data

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """See `Data.write`."""
        from uruk.memory.linux.checked import store

        if not store(address, data):
            raise InvalidAddress(address, memoryview(data).nbytes, "written")

    def live(self, address: int, size: int) -> U8:
        """See `Data.live`."""
        from uruk.memory.linux.checked import is_writable

        if not size:
            return np.empty(0, np.uint8)
        last = address + size - 1
        self.check(address, size)
        memory = np.frombuffer((ctypes.c_uint8 * size).from_address(address), np.uint8)
        memory.flags.writeable = is_writable(address) and is_writable(last)
        return memory


class DataThere(Data):
    """The memory of another process."""

    def __init__(self, executor: Elsewhere) -> None:
        self._executor = executor

    def read_piece(self, address: int, size: int) -> bytes:
        """See `Data.read_piece`."""
        if address + size > 1 << 64:
            raise InvalidAddress(address, size, "read")
        return self._executor.process.read(address, size) if size else b""

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """See `Data.write`."""
        content = bytes(data)
        if content and self._executor.runtime.call(b"uruk_rt_store", address, content, len(content)):
            raise InvalidAddress(address, len(content), "written")

    def live(self, address: int, size: int) -> U8 | None:
        """See `Data.live`: code and data of linked objects, where they are mapped here, too."""
        executor = self._executor
        if executor.shares_memory:
            for slab in executor.memory.slabs:
                if slab.base <= address and address + size <= slab.base + slab.size:
                    return slab.image[address - slab.base : address - slab.base + size]
        return None
