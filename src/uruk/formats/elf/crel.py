"""Compact relocation tables, SHT_CREL: bytes to the entries that an SHT_RELA table would have.

A table is numbers only, each in LEB128. The first is ``8 * count + 4 * has_addends + shift``. An entry begins with
``delta_offset << 3 | flags``; flags say which of three signed numbers follow: what to add to symbol, type and addend of
the entry before. An offset is the sum of all deltas so far, shifted left.

Source: the generic ABI's proposal "CREL: a compact relocation format" (2024), as LLVM 19 writes it.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.elf.sections import Sections
from uruk.formats.gather import gather_runs
from uruk.graph.types import I64, U8, true_rows

_LONGEST = 10
"""Bytes of a number of 64 bits."""
_SYMBOL, _TYPE, _ADDEND = 1, 2, 4
_FLAG_BITS = 3
_HAS_ADDENDS = 4
_FOLLOWING: I64 = np.array([flags.bit_count() for flags in range(8)], np.int64)
"""The count of numbers that follow the first one of an entry, by its flags."""


class _Numbers:
    """All LEB128 numbers of some tables, none of which ends within a number."""

    def __init__(self, data: U8) -> None:
        self.data = data
        # The last byte of a number is the one without the continuation bit.
        self.last = true_rows(data < 0x80)
        self.begin: I64 = np.concatenate([[0], self.last[:-1] + 1])
        self.length = self.last - self.begin + 1
        self.first = data[self.begin]

    def unsigned(self, rows: I64, drop: int = 0) -> I64:
        """Return the values of some numbers without their lowest `drop` bits, modulo 2**64."""
        begin, length = self.begin[rows], self.length[rows]
        # `drop` is less than 7: all bits that are dropped are in the first byte.
        value = (self.data[begin].astype(np.int64) & 0x7F) >> drop
        # A loop over the bytes of the longest number, ten at most: nearly all numbers have one or two.
        for place in range(1, int(length.max(initial=0))):
            longer = true_rows(length > place)
            bits = self.data[begin[longer] + place].astype(np.int64) & 0x7F
            # numpy shifts int64 without a check: bits past the 64th are lost, which is the sum modulo 2^64.
            value[longer] |= bits << (7 * place - drop)
        return value

    def signed(self, rows: I64) -> I64:
        """Return the values of some numbers in two's complement."""
        value, bits = self.unsigned(rows), 7 * self.length[rows]
        # Bit 6 of the last byte is the sign; the bits above it are set. A number of ten bytes has all 64 bits already.
        negative = true_rows((self.data[self.last[rows]] & 0x40 != 0) & (bits < 64))
        value[negative] |= np.int64(-1) << bits[negative]
        return value


def expand(sections: Sections, tables: I64) -> tuple[U8, I64, I64]:
    """Return SHT_RELA entries for the tables in some section rows, the offset of each table's first, and their count.

    Raises ObjectFormatError, with the place of the bytes, for a table that is not whole or has no addends.
    """
    start, size = sections.start[tables], sections.size[tables]
    sections.check(tables, (size == 0, "is empty: it has no header"))
    # Checked before the tables are joined, as a number would go on in the next one.
    cut = sections.buffer[start + size - 1] >= 0x80
    sections.check(tables, (cut, "is cut off within its last number"))
    numbers = _Numbers(gather_runs(sections.buffer, start, size))
    table_starts = np.add.accumulate(size) - size
    reader = _Reader(sections, tables, table_starts, numbers)
    too_long = true_rows(numbers.length > _LONGEST)
    if too_long.size:
        reader.refuse(int(too_long[0]), "a number of more than 64 bits")
    # A table's header is the first number that ends at or behind the table's first byte.
    header_rows = numbers.last.searchsorted(table_starts)
    header = numbers.unsigned(header_rows)
    # A shift of int64 keeps the sign; the mask makes it one of an unsigned number.
    count = header >> 3 & ((1 << 61) - 1)
    # The numbers of each table behind its header. An entry has one at least: a hostile count is refused here, before
    # anything is made for so many entries.
    room = np.append(header_rows[1:], numbers.last.size) - header_rows - 1
    sections.check(
        tables,
        ((header & _HAS_ADDENDS == 0) & (count > 0), "has no addends, which 64-bit targets do not leave out"),
        (count > room, "has fewer entries than its header says"),
    )
    entries = reader.entries(header_rows + 1, count)
    shift = (header & 3).repeat(count)
    return reader.rela(entries, np.add.accumulate(count) - count, count, shift), 24 * (count.cumsum() - count), count


class _Reader:
    """Finds entries among the numbers of some tables, and says where a bad one is."""

    def __init__(self, sections: Sections, tables: I64, table_starts: I64, numbers: _Numbers) -> None:
        self.sections = sections
        self.tables = tables
        self.table_starts = table_starts
        self.numbers = numbers

    def refuse(self, number: int, problem: str) -> NoReturn:
        """Raise ObjectFormatError for a number, by its row."""
        sections, at = self.sections, int(self.numbers.begin[min(number, self.numbers.begin.size - 1)])
        # Side "right" and one less: the last table that begins at or before the number.
        table = int(self.table_starts.searchsorted(at, "right")) - 1
        row = int(self.tables[table])
        owner = int(sections.object[row])
        offset = int(sections.start[row] - sections.origin[owner]) + at - int(self.table_starts[table])
        structure = f"section {sections.index(row)} `{sections.name(row)}'"
        raise ObjectFormatError(sections.files[owner], structure, problem, offset)

    def entries(self, begin: I64, count: I64) -> I64:
        """Return the row of each entry's first number; `begin` is that of each table's first entry."""
        # The first number of an entry says how many others follow, so that an entry begins where the one before it
        # ends: a plain loop, over lists.
        step: list[int] = (_FOLLOWING[self.numbers.first & 7] + 1).tolist()
        # Behind the numbers of a table comes the next table's header, which is not an entry's.
        ends: list[int] = [*(begin[1:] - 1).tolist(), len(step)]
        starts: list[int] = begin.tolist()
        counts: list[int] = count.tolist()
        rows: list[int] = []
        for at, entries, end in zip(starts, counts, ends, strict=True):
            for _ in range(entries):
                if at >= end:
                    self.refuse(end - 1, f"the table ends behind this, before the last of {entries} entries")
                rows.append(at)
                at += step[at]
            if at != end:
                self.refuse(min(at, end - 1), f"the table has {'less' if at > end else 'more'} than {entries} entries")
        return np.array(rows, np.int64)

    def rela(self, entries: I64, start: I64, count: I64, shift: I64) -> U8:
        """Return the bytes of SHT_RELA entries: offset, type and symbol, addend."""
        numbers = self.numbers
        flags = numbers.first[entries] & np.uint8(7)
        raw = np.zeros((entries.size, 3), np.int64)
        # The flags are the lowest three bits of the number; the shift applies to the sum, not to each delta.
        raw[:, 0] = _sums(numbers.unsigned(entries, _FLAG_BITS), start, count) << shift
        symbol, kind, addend = (
            _sums(self._deltas(entries, flags, flag), start, count) for flag in (_SYMBOL, _TYPE, _ADDEND)
        )
        # Both are 32 bits wide in r_info. A negative sum fails as well: its upper half is not 0.
        for words, problem in ((symbol, "symbol"), (kind, "type")):
            wide = true_rows(words >> 32 != 0)
            if wide.size:
                row = int(wide[0])
                self.refuse(int(entries[row]), f"the {problem} of a relocation is {int(words[row])}")
        raw[:, 1] = symbol << 32 | kind
        raw[:, 2] = addend
        return raw.reshape(-1).view(np.uint8)

    def _deltas(self, entries: I64, flags: U8, flag: int) -> I64:
        """Return the delta of one member in each entry, 0 where the entry has none."""
        deltas = np.zeros(entries.size, np.int64)
        rows = true_rows(flags & flag != 0)
        # The numbers of lower flags come first: as many as bits are set below `flag`.
        deltas[rows] = self.numbers.signed(entries[rows] + 1 + _FOLLOWING[flags[rows] & (flag - 1)])
        return deltas


def _sums(deltas: I64, start: I64, count: I64) -> I64:
    """Return the running sums of `deltas` within each of several runs, modulo 2**64: int64 wraps around without an
    error."""
    total = np.add.accumulate(deltas)
    # The sum of all deltas before a run begins, taken from its own sums.
    before = np.append(0, total)[start]
    return total - before.repeat(count)
