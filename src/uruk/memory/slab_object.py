"""The object by which a dynamic loader knows a slab, for the slab manager; `uruk.formats.elf.slab` makes its bytes.

An object is opened before anything is put into its slab, and its tables are kept up to date in place: other threads may
read them at any time, so that each single store must leave them true.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from uruk.memory.frame_table import FrameTable, Writes
from uruk.records import record

if TYPE_CHECKING:
    from uruk.graph.types import U8
    from uruk.memory.symbol_table import SymbolTable

READ_WRITE = 6
"""The flags of a writable segment: PF_R and PF_W (gABI, "Segment Permissions")."""


@record
class SlabFile:
    """The bytes of a slab object, and the offsets of its parts, in bytes from its first byte when loaded."""

    data: bytes
    size: int
    """The size of the whole object in memory."""
    front: int
    """The number of its bytes that come from the file; the table's other entries come next."""
    zones: int
    """Offset of the first zone; the others follow without a gap. The linker writes to all that lies before."""
    page: int
    """The page size that the object was made for."""
    address: int
    """The address at which the object asks to lie; 0 means anywhere."""
    data_flags: int
    """Offset of the data segment's `p_flags` (4 bytes). PF_W is set when the slab's own memory lies there: until then
    the kernel would count all of it as committed, as it does with writable private memory."""
    data_size: int
    """Offset of the data segment's `p_memsz` (8 bytes)."""
    table: int
    """Offset of the `.eh_frame_hdr`, which has one entry."""
    entries: int
    """The number of entries for which it has room."""
    nothing: int
    """Offset of an FDE of no function."""
    first: int
    """Offset of the FDE of the one entry, whose function is the object's first bytes."""
    symbols: int
    """Offset of the symbol table, which has the null symbol at first."""
    symbols_room: int
    """The number of symbols for which it has room."""
    symbols_count: int
    """Offset of the number of symbols, `nchain` of DT_HASH (4 bytes)."""
    strings: int
    """Offset of the string table."""
    symbol_names: int
    """Offset of the room in it for the symbols' names."""
    symbol_names_size: int


class SlabLoader(Protocol):
    """The dynamic loader of the process where code runs, for slab objects. Methods raise AllocationError."""

    def plan(self, zones: Sequence[int], low: int, high: int) -> SlabFile:
        """Return the object for zones of these sizes, which lies within [low, high) if `high` is given."""
        ...

    def open(self, file: SlabFile, path: bytes | None) -> tuple[int, int, bool]:
        """Load an object and map the slab's own memory over its zones, without access.

        Return its handle, its address, and True if unwinders find unwind data by its table. The data segment is
        writable then, and empty. `path` is shared memory of the size of the whole; without it memory is private.
        """
        ...

    def close(self, handle: int) -> None:
        """Unload an object, and with it all memory of the slab."""
        ...


class SlabObject:
    """A loaded object. `store` writes bytes at addresses before the first zone, in order; `close` unloads the object.

    `unwinds` is true if unwinders find unwind data by its table.
    """

    def __init__(
        self,
        address: int,
        file: SlabFile,
        unwinds: bool,
        store: Callable[[Writes], object],
        close: Callable[[], object],
    ) -> None:
        self.address = address
        self.base = address + file.zones
        """The address of the first zone."""
        self.close = close
        self.data_end = 0
        """The end of the data that the loader takes for readable and writable; 0 before there is any."""
        self.frames: FrameTable | None = None
        """The table of the unwind data of code in the slab; None if that must be registered."""
        if unwinds:
            self.frames = FrameTable(address + file.table, 1, file.entries, address + file.nothing, store)
        self.file = file
        """The offsets of its parts."""
        self._store = store
        self._symbols: SymbolTable | None = None

    @property
    def symbols(self) -> SymbolTable:
        """The names in the slab that `dladdr` knows; the table is made at its first use."""
        if self._symbols is None:
            from uruk.memory.symbol_table import SymbolTable  # a session that names nothing starts without it

            address, file = self.address, self.file
            self._symbols = SymbolTable(
                address + file.symbols, file.symbols_room, address + file.symbols_count, address - file.address,
                address + file.strings, address + file.symbol_names, file.symbol_names_size, self._store,
            )  # fmt: skip
        return self._symbols

    def grow_data(self, start: int, end: int) -> None:
        """Move the end of the data segment, which begins at `start`; all its pages are readable by now."""
        # One aligned store of 8 bytes: a reader sees the old end or the new one.
        self._store([(self.address + self.file.data_size, struct.pack("<Q", end - start))])
        self.data_end = end


_fence = threading.Lock()
_U4, _U8 = np.dtype("<u4"), np.dtype("<u8")
_FEW = [struct.Struct(f"@{count}Q") for count in range(9)]
"""By their count, units of 8 bytes, as a processor's own numbers."""


def store(view: U8, base: int, writes: Writes, units: memoryview | None = None) -> None:
    """Make writes in order into the bytes of a view, which begins at `base`; each is of 4 bytes, or of 8-byte units.

    `units` is the same view as numbers of 8 bytes, by which few of them are stored in less time.
    """
    for address, data in writes:
        start, size = address - base, len(data)
        if units is not None and size <= 64 and (start | size) % 8 == 0:  # of a small module: without arrays
            for at, value in enumerate(_FEW[size >> 3].unpack(data), start >> 3):
                # One store of 8 bytes. Never `pack_into`, which may write zeros first.
                units[at] = value
        else:
            unit = _U4 if size % 8 else _U8
            # An assignment of aligned units stores each unit at once: no reader sees half an entry.
            view[start : start + size].view(unit)[:] = np.frombuffer(data, unit)
        # A processor may let others see two stores the other way round (AArch64), but not across a lock that is
        # released and taken again: Python has no fence of its own.
        with _fence:
            pass
        with _fence:
            pass


@runtime_checkable
class OpensSlabs(Protocol):
    """A mapper (`uruk.memory.mapper.Mapper`) that can make a slab known to the dynamic loader."""

    def open_slab(self, zones: Sequence[int], low: int = 0, high: int = 0) -> SlabObject:
        """Reserve a slab that the loader knows, whose zones have these sizes in bytes. Its `close` releases it.

        Raises AllocationError if there is none; `reserve` may have memory all the same.
        """
        ...
