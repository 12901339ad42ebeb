"""The symbol table of a slab's object, by which `dladdr` names linked functions and data; it is changed in place.

glibc's `dladdr` looks through the first `nchain` symbols of DT_HASH (elf/dl-addr.c), which it reads each time, while
`dlsym` and the binding of libraries go by the hash buckets. These stay empty: a symbol here gives an address a name,
and no name an address. Readers take no lock that keeps a writer out. So symbols never move, and a name is written
before the symbol that refers to it, which is written before the count. `dladdr` leaves out local symbols: a symbol that
is not used is one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.memory.ranges import FreeList
from uruk.named_tuples import NamedTuple

if TYPE_CHECKING:
    from uruk.graph.types import I64, U8, AnyArray
    from uruk.memory.frame_table import Writes

SYMBOL = np.dtype(
    [("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")]
)
"""A symbol (gABI, "Symbol Table")."""
_GLOBAL = 0x10  # STB_GLOBAL in st_info
_DEFINED = 1
"""A section index that is neither SHN_UNDEF nor SHN_ABS: values count from the load address."""
_UNIT = 8
"""The names of one call begin at a multiple of this, and are padded to one, as `store` takes whole units of bytes."""


class Symbols(NamedTuple):
    """A range of symbols, and of the bytes of their names."""

    first: int
    entries: int
    names: int
    """Address of the first name."""
    size: int
    """Bytes of all names."""


class Columns(NamedTuple):
    """Addresses, sizes and ELF's types of symbols, a row a name."""

    address: I64
    size: I64
    kind: U8


class SymbolTable:
    """Symbols at `symbols`, with room for `room`, the null symbol included; `count` is the address of nchain.

    Addresses are stored relative to `load`, and names, at `names` on, relative to `strings`, within `names_size`
    bytes. `store` makes writes in order: a thread that sees one sees those before it.
    """

    def __init__(
        self, symbols: int, room: int, count: int, load: int, strings: int, names: int, names_size: int,
        store: Callable[[Writes], object],
    ) -> None:  # fmt: skip
        self._symbols = symbols
        self._count = count
        self._load = load
        self._strings = strings
        self._store = store
        self._free = FreeList(1, room - 1)
        self._free_names = FreeList(names, names_size)
        self._seen = 1
        self._warned = False

    def take(self, lengths: I64, counts: Sequence[int]) -> list[Symbols]:
        """Take room for symbols whose names have these lengths: consecutive ranges, one for each of `counts`.

        A table that is full has room for the first of them only, or for none, and says so once to the logger "uruk".
        """
        ends = np.zeros(lengths.size + 1, np.int64)
        # The end of each name with its NUL, behind a 0.
        (lengths + 1).cumsum(out=ends[1:])
        wanted = lengths.size
        while wanted:
            size = _padded(int(ends[wanted]))
            # Less a unit: the alignment of the first name may take that much of the free range.
            if wanted <= self._free.largest and size <= self._free_names.largest - _UNIT:
                break
            # Halves find a number that fits in a few steps; the exact one is not worth a search.
            wanted //= 2
        if wanted < lengths.size:
            self._warn()
        if not wanted:
            return []
        first, names = self._free.take(wanted), self._free_names.take(_padded(int(ends[wanted])), _UNIT)
        return [] if first is None or names is None else _ranges(first, names, ends, wanted, counts)

    def _warn(self) -> None:
        if not self._warned:
            from uruk.reporting import logger  # seldom needed

            self._warned = True
            logger().warning("the table of names for dladdr is full: linked code has some without one")

    def fill(self, ranges: Sequence[Symbols], names: Sequence[bytes], lengths: I64, columns: Columns) -> None:
        """Let `dladdr` see the symbols of `ranges`, which `take` returned for these names or for the first of them."""
        if not ranges:
            return
        count = sum(range_.entries for range_ in ranges)
        first, start = ranges[0].first, ranges[0].names
        sizes = lengths[:count] + 1
        symbols: AnyArray = np.zeros(count, SYMBOL)
        symbols["name"] = sizes.cumsum() - sizes + (start - self._strings)
        symbols["section"] = _DEFINED
        # dladdr adds the load address to st_value. The difference is of uint64, which wraps around.
        symbols["value"] = columns.address[:count].view(np.uint64) - np.uint64(self._load)
        symbols["size"] = columns.size[:count]
        text = b"\0".join(names[:count]) + b"\0"
        place = self._symbols + SYMBOL.itemsize * first
        writes: Writes = [(start, text.ljust(_padded(len(text)), b"\0"))]
        # Readers look at reused rows already: they are local, and so left out, until everything else is written.
        if first < self._seen:
            writes.append((place, symbols.tobytes()))
        symbols["info"] = columns.kind[:count] | _GLOBAL
        seen = max(self._seen, first + count)
        self._store([*writes, (place, symbols.tobytes()), (self._count, struct.pack("<I", seen))])
        self._seen = seen

    def remove(self, symbols: Symbols) -> None:
        """Remove symbols; others may get their rows and the room of their names."""
        # Rows of zeros are local. They stay within the count, which never goes down: a reader may have read it already.
        self._store([(self._symbols + SYMBOL.itemsize * symbols.first, bytes(SYMBOL.itemsize * symbols.entries))])
        # Rows are free only after they are zero: another thread may take them at once.
        self._free.give(symbols.first, symbols.entries)
        self._free_names.give(symbols.names, symbols.size)


def _padded(size: int) -> int:
    return -(-size // _UNIT) * _UNIT


def _ranges(first: int, names: int, ends: I64, taken: int, counts: Sequence[int]) -> list[Symbols]:
    """Return the ranges that were taken, one for each of `counts` or for the first of them; the last one has the
    padding."""
    ranges: list[Symbols] = []
    low = 0
    for count in counts:
        high = min(low + count, taken)
        if low == high:
            break
        start, end = int(ends[low]), int(ends[high])
        ranges.append(Symbols(first + low, high - low, names + start, (end if high < taken else _padded(end)) - start))
        low = high
    return ranges
