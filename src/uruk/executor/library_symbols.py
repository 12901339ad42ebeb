"""Names of libraries in a process, all in one call of its runtime (runtime/linux/find_symbols.c), as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import AllocationError, ExecutorError
from uruk.executor import sps
from uruk.graph.types import I64, Bool, some
from uruk.records import record

if TYPE_CHECKING:
    from uruk.executor.control import Runtime

_FOUND = np.dtype([("address", "<i8"), ("size", "<u8"), ("flags", "<u4"), ("place", "<u4")])
_DATA, _LIBRARY, _NEEDED = 1, 2, 4


@record
class FoundSymbols:
    """A row a name: its address (signed; 0 where no library has it), whether it is a variable, and whether it lies in a
    known library, as a thread-local does not.

    `by_need`: no library that was asked defines it, but one that these need does. The loader finds that after all
    libraries of a program, and a linker does not look there. False where it is not known.
    """

    address: I64
    is_data: Bool
    in_library: Bool
    by_need: Bool

    @property
    def found(self) -> Bool:
        """True for names that are defined: the dynamic loader gives no symbol the address 0 (dlsym(3), "NULL")."""
        return self.address != 0

    @property
    def defined(self) -> Bool:
        """True for names that the libraries which were asked define themselves."""
        return self.found & ~self.by_need

    @property
    def columns(self) -> tuple[I64, Bool]:
        """Addresses, and which are variables."""
        return self.address, self.is_data

    def put(self, row: int, address: int, is_data: bool, in_library: bool, by_need: bool) -> None:
        """Write a row."""
        self.address[row], self.is_data[row] = address, is_data
        self.in_library[row], self.by_need[row] = in_library, by_need

    def clear(self, row: int) -> None:
        """Make a row that of a name which no library defines."""
        self.put(row, 0, False, False, False)

    def take(self, row: int, answer: FoundSymbols) -> None:
        """Make a row the only one of another answer."""
        self.address[row], self.is_data[row] = answer.address[0], answer.is_data[0]
        self.in_library[row], self.by_need[row] = answer.in_library[0], answer.by_need[0]

    @classmethod
    def nothing(cls, count: int) -> FoundSymbols:
        """Return the rows of names that no library defines."""
        return cls(np.zeros(count, np.int64), *np.zeros((3, count), np.bool_))


def find_symbols(
    runtime: Runtime, handles: Sequence[int | None], names: Sequence[bytes], *, versions: bool = True
) -> FoundSymbols:
    """Return what libraries (None: the process) have by each name; with `versions`, ``f@V`` is version V of f. See
    `uruk.executor.interface.Libraries.find_symbols`.

    Never ask for a thread-local: that makes its library's storage dynamic for good. Raises ExecutorError for an answer
    that cannot be one.
    """
    if not names or not handles:
        return FoundSymbols.nothing(len(names))
    texts, wanted = _texts_of(names, versions)
    rows = bytearray(_FOUND.itemsize * len(names))
    places = sps.u64(*(handle or 0 for handle in handles))
    arguments = (places, len(handles), texts, wanted, len(names), rows)
    if runtime.call(b"uruk_rt_find_symbols", *arguments):
        raise AllocationError(f"{len(names)} names of libraries cannot be looked up: there is no memory for it")
    return _checked(np.frombuffer(rows, _FOUND), len(handles))


def _texts_of(names: Sequence[bytes], versions: bool) -> tuple[bytes, bytes]:
    """Return all names with a NUL each, behind a first NUL; and where in it each name and its version begin (0:
    none)."""
    texts = b"\0".join([b"", *names, b""])
    sizes = np.fromiter(map(len, names), np.int64, len(names)) + 1
    wanted = np.zeros((len(names), 2), np.uint32)
    wanted[:, 0] = 1 + sizes.cumsum() - sizes
    # Names with versions, or with a NUL in them, are rare: one look at the text spares the loop.
    if (versions and b"@" in texts) or texts.count(0) != len(names) + 1:
        changed = bytearray(texts)
        for row, name in enumerate(names):
            base, mark, _ = name.partition(b"@")
            start = int(wanted[row, 0])
            if b"\0" in name:
                wanted[row, 0] = 0  # the empty name, which nothing has
            elif mark and versions:
                wanted[row, 1] = start + len(base) + 1
                changed[start + len(base)] = 0
        texts = bytes(changed)
    return texts, wanted.tobytes()


def _checked(rows: np.ndarray[tuple[int], np.dtype[np.void]], handles: int) -> FoundSymbols:
    """Return the answer as columns; the process that it comes from may be hostile."""
    address: I64 = np.ascontiguousarray(rows["address"])
    flags = rows["flags"]
    wrong = (flags > _DATA + _LIBRARY + _NEEDED) | (rows["place"] >= handles) | ((address == 0) & (flags != 0))
    if some(wrong):
        raise ExecutorError(f"the executor's answer about {int(wrong.sum())} names of libraries makes no sense")
    return FoundSymbols(address, flags & _DATA != 0, flags & _LIBRARY != 0, flags & _NEEDED != 0)
