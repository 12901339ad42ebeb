"""Memory of the process where linked code runs, as its users read and write it: bytes, texts and arrays at any address.

An address may be wrong: that is an InvalidAddress, and neither process ends.
"""

from __future__ import annotations

import ctypes
import math
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
LONGEST_STRING = 1 << 24
"""Bytes in which a string must end."""


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
    def read(self, address: int, size: int) -> bytes:
        """Return the bytes at an address. Raises InvalidAddress where they cannot be read."""

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
                return data.decode(encoding, errors)
        raise InvalidValue(
            f"the string at {address:#x} does not end within {most} bytes; say how long it may be (most=)"
        )

    def array(self, address: int, shape: int | tuple[int, ...], dtype: Any) -> AnyArray:
        """Return the memory as an array, a read-only copy where it cannot be the memory itself."""
        kind = np.dtype(dtype)
        if kind.hasobject:
            raise InvalidType(f"memory has no Python objects: an array of {kind} cannot be made of it")
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        if any(each < 0 for each in sizes):
            raise InvalidValue(f"the shape {sizes} has a negative size")
        size = math.prod(sizes) * kind.itemsize
        content = self.live(address, size)
        if content is None:
            content = np.frombuffer(self.read(address, size), np.uint8)
        return content.view(kind).reshape(sizes)


class DataHere(Data):
    """The memory of this process."""

    def read(self, address: int, size: int) -> bytes:
        """See `Data.read`."""
        from uruk.memory.linux.checked import load  # its C functions are wanted here only

        if size < 0:
            raise InvalidValue(f"{size} bytes cannot be read")
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
        for at in (address, last):
            self.read(at, 1)
        memory = np.frombuffer((ctypes.c_uint8 * size).from_address(address), np.uint8)
        memory.flags.writeable = is_writable(address) and is_writable(last)
        return memory


class DataThere(Data):
    """The memory of another process."""

    def __init__(self, executor: Elsewhere) -> None:
        self._executor = executor

    def read(self, address: int, size: int) -> bytes:
        """See `Data.read`."""
        if size < 0:
            raise InvalidValue(f"{size} bytes cannot be read")
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
