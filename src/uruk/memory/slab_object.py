"""The object by which a dynamic loader knows a slab, as the memory floor sees it; `uruk.formats.elf_slab` makes it.

An object is opened before anything is put into its slab, and its facts are kept up to date in place: other threads may
read them at any time, so each store leaves them true.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

READ_WRITE = 6
"""The flags of a writable segment: PF_R and PF_W (gABI, "Segment Permissions")."""


@dataclass(eq=False, repr=False)
class SlabFile:
    """The bytes of a slab object, and where things lie in it; offsets in bytes from its first byte when loaded."""

    data: bytes
    size: int
    """Of the whole object in memory."""
    zones: int
    """Offset of the first zone; the others follow without a gap. What lies before is written by the linker."""
    page: int
    """The page size that the object was made for."""
    address: int
    """Where the object asks to lie; 0 stands for anywhere."""
    data_flags: int
    """Offset of the data segment's `p_flags` (4 bytes). Without PF_W until the slab's own memory lies there: what is
    writable and private counts as committed."""
    data_size: int
    """Offset of the data segment's `p_memsz` (8 bytes)."""


class SlabLoader(Protocol):
    """The dynamic loader of the process where code runs, for slab objects. Methods raise AllocationError."""

    def plan(self, zones: Sequence[int], low: int, high: int) -> SlabFile:
        """The object for zones of these sizes, which lies within [low, high) if `high` is given."""
        ...

    def open(self, file: SlabFile, path: bytes | None) -> tuple[int, int]:
        """Load an object and map the slab's own memory over its zones, without access; its handle and its address.

        The data segment is writable then, and has nothing yet. `path` is a shared object of the size of the whole;
        without it memory is private.
        """
        ...

    def close(self, handle: int) -> None:
        """Unload an object, and with it all memory of the slab."""
        ...


class SlabObject:
    """A loaded object. `store` writes bytes at addresses before the first zone; `close` unloads the object."""

    def __init__(
        self, address: int, file: SlabFile, store: Callable[[int, bytes], object], close: Callable[[], object]
    ) -> None:
        self.address = address
        self.base = address + file.zones
        """Where the first zone lies."""
        self.close = close
        self.data_end = 0
        """Up to where the loader takes data for readable and writable; 0 before there is any."""
        self._file = file
        self._store = store

    def grow_data(self, start: int, end: int) -> None:
        """Let the data segment, which begins at `start`, reach to `end`; all its pages are readable by now."""
        self._store(self.address + self._file.data_size, struct.pack("<Q", end - start))
        self.data_end = end


@runtime_checkable
class OpensSlabs(Protocol):
    """A mapper (`uruk.memory.mapper.Mapper`) that can have the loader know a slab."""

    def open_slab(self, zones: Sequence[int], low: int = 0, high: int = 0) -> SlabObject:
        """Reserve a slab that is known, whose zones have these sizes in bytes. It is released by its `close`.

        Raises AllocationError where this cannot be had; a reservation that the loader does not know may be.
        """
        ...
