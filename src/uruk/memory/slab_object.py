"""The object by which a dynamic loader knows a slab, as the memory floor sees it; `uruk.formats.elf.slab` makes it.

An object is opened before anything is put into its slab, and its facts are kept up to date in place: other threads may
read them at any time, so each store leaves them true.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np

from uruk.graph.types import U8
from uruk.memory.frame_table import FrameTable, Writes

if TYPE_CHECKING:
    from uruk.memory.symbol_table import SymbolTable

READ_WRITE = 6
"""The flags of a writable segment: PF_R and PF_W (gABI, "Segment Permissions")."""


class SlabFile(NamedTuple):
    """The bytes of a slab object, and where things lie in it; offsets in bytes from its first byte when loaded."""

    data: bytes
    size: int
    """Of the whole object in memory."""
    front: int
    """The number of its bytes that are the file's; the table's other entries come next."""
    zones: int
    """Offset of the first zone; the others follow without a gap. What lies before is written by the linker."""
    page: int
    """The page size that the object was made for."""
    address: int
    """The address at which the object asks to lie; 0 stands for anywhere."""
    data_flags: int
    """Offset of the data segment's `p_flags` (4 bytes). Without PF_W until the slab's own memory lies there: what is
    writable and private counts as committed."""
    data_size: int
    """Offset of the data segment's `p_memsz` (8 bytes)."""
    table: int
    """Offset of the `.eh_frame_hdr`, which has one entry."""
    entries: int
    """The number that it has room for."""
    nothing: int
    """Offset of an FDE of no function."""
    first: int
    """Offset of the FDE to which the one entry leads; its function is the object's first bytes."""
    symbols: int
    """Offset of the symbol table, of which the null symbol is there."""
    symbols_room: int
    """The number of symbols that it has room for."""
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
        """The object for zones of these sizes, which lies within [low, high) if `high` is given."""
        ...

    def open(self, file: SlabFile, path: bytes | None) -> tuple[int, int, bool]:
        """Load an object and map the slab's own memory over its zones, without access.

        Returns its handle, its address, and whether unwinders find unwind data by its table.
        The data segment is writable then, and has nothing yet. `path` is a shared object of the size of the whole;
        without it memory is private.
        """
        ...

    def close(self, handle: int) -> None:
        """Unload an object, and with it all memory of the slab."""
        ...


class SlabObject:
    """A loaded object. `store` writes bytes at addresses before the first zone, in order; `close` unloads the object.

    `unwinds`: whether unwinders find unwind data by its table.
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
        """The place where the first zone lies."""
        self.close = close
        self.data_end = 0
        """Up to where the loader takes data for readable and writable; 0 before there is any."""
        self.frames: FrameTable | None = None
        """The unwind data of what is in the slab; None where it must be registered."""
        if unwinds:
            self.frames = FrameTable(address + file.table, 1, file.entries, address + file.nothing, store)
        self.file = file
        """The place where its parts lie."""
        self._store = store
        self._symbols: SymbolTable | None = None

    @property
    def symbols(self) -> SymbolTable:
        """Return what `dladdr` names of what is in the slab; made when it is first asked for."""
        if self._symbols is None:
            from uruk.memory.symbol_table import SymbolTable  # a session that names nothing starts without it

            address, file = self.address, self.file
            self._symbols = SymbolTable(
                address + file.symbols, file.symbols_room, address + file.symbols_count, address - file.address,
                address + file.strings, address + file.symbol_names, file.symbol_names_size, self._store,
            )  # fmt: skip
        return self._symbols

    def grow_data(self, start: int, end: int) -> None:
        """Let the data segment, which begins at `start`, reach to `end`; all its pages are readable by now."""
        self._store([(self.address + self.file.data_size, struct.pack("<Q", end - start))])
        self.data_end = end


_fence = threading.Lock()
_U4, _U8 = np.dtype("<u4"), np.dtype("<u8")


def store(view: U8, base: int, writes: Writes) -> None:
    """Make writes in order into the bytes of a view, the first of which is at `base`; each of 4, or of 8-byte units.

    A processor may let others see two stores the other way round (AArch64), but not across a lock that is given back
    and taken again.
    """
    for address, data in writes:
        unit = _U4 if len(data) % 8 else _U8
        start = address - base
        view[start : start + len(data)].view(unit)[:] = np.frombuffer(data, unit)
        with _fence:
            pass
        with _fence:
            pass


@runtime_checkable
class OpensSlabs(Protocol):
    """A mapper (`uruk.memory.mapper.Mapper`) that can have the loader know a slab."""

    def open_slab(self, zones: Sequence[int], low: int = 0, high: int = 0) -> SlabObject:
        """Reserve a slab that is known, whose zones have these sizes in bytes. It is released by its `close`.

        Raises AllocationError where this cannot be had; a reservation that the loader does not know may be.
        """
        ...
