"""Symbol tables of many COFF objects as columns, checked: records, their auxiliary records, and what they say.

A graph has a row for every record, auxiliary ones included, so that relocations' indexes are row numbers; rows of
auxiliary records have no text.
Source: the PE/COFF specification, "COFF Symbol Table", "Auxiliary Symbol Records".
"""

from __future__ import annotations

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.coff import constants as coff
from uruk.formats.coff.names import ShortNames, name_bytes
from uruk.formats.coff.sections import Sections
from uruk.formats.gather import CROWDED, NAME_SHARING, join
from uruk.graph.graph import SymbolKind, SymbolType
from uruk.graph.types import I64, NONE, U8, AnyArray, Bool, count_true, filled, ranges, some, true_rows, windows
from uruk.records import record

COMMON_ALIGN = 32
"""The widest alignment of a common symbol that its size gives (as link.exe and lld have it)."""


@record
class Records:
    """All records of all symbol tables, one row each; objects one after the other."""

    sections: Sections
    start: I64
    """First row of each object, and the end."""
    owner: I64
    letters: U8
    """The name field, a row of eight bytes each."""
    value: I64
    section: I64
    """The number of the section, counted from 1, or one of constants.SYM_*."""
    type: I64
    storage: U8
    """The storage class; 0 in auxiliary records."""
    auxiliary: I64
    """The number of auxiliary records that follow."""
    is_auxiliary: Bool
    text: I64
    """The place where the name lies in the arena; -1 in auxiliary records."""

    def home(self, rows: I64) -> I64:
        """Return the section row of records whose section is one."""
        return self.sections.base[self.owner[rows]] + self.section[rows] - 1

    def position(self, rows: I64) -> I64:
        """Return where records lie in the buffer."""
        owner = self.owner[rows]
        headers = self.sections.headers
        # Auxiliary records are rows, too, so that a row's distance from its object's first is its index in the file.
        table = np.array([header.symbols for header in headers], np.int64)
        size = np.array([coff.BIG_SYMBOL_SIZE if header.big else coff.SYMBOL_SIZE for header in headers], np.int64)
        return table[owner] + (rows - self.start[owner]) * size[owner]

    def check(self, *checks: tuple[Bool, str], rows: I64 | None = None) -> None:
        """Raise ObjectFormatError for the first bad row; a check is (which are bad, problem)."""
        for bad, problem in checks:
            if count_true(bad):
                first = int(np.argmax(bad))
                raise self.error(first if rows is None else int(rows[first]), problem)

    def error(self, row: int, problem: str) -> ObjectFormatError:
        """Return the error of one record; symbols are numbered from 0, auxiliary records counted."""
        owner = int(self.owner[row])
        offset = int(self.position(np.array([row]))[0] - self.sections.origin[owner])
        return ObjectFormatError(self.sections.files[owner], f"symbol {row - int(self.start[owner])}", problem, offset)


def read_records(sections: Sections, short: ShortNames) -> Records:
    """Gather the symbol tables of all objects, and check every row."""
    headers = sections.headers
    counts = np.array([header.symbol_count for header in headers], np.int64)
    # One more than there are objects: start[i + 1] is the end of object i.
    start = np.concatenate([np.zeros(1, np.int64), counts.cumsum()])
    owner = np.arange(len(headers)).repeat(counts)
    names, value, section, type_, storage, auxiliary = _gather(sections, start)
    # The fields of records are strided, and bytes can be viewed in one piece only.
    letters = np.ascontiguousarray(names).view(np.uint8).reshape(-1, 8)
    records = Records(
        sections, start, owner, letters, value, section, type_, storage, auxiliary,
        filled(owner.size, False, np.bool_), filled(owner.size, NONE, np.int64),
    )  # fmt: skip
    # Auxiliary records come first: nothing below may take their bytes for a section's number or a name.
    _find_auxiliary(records)
    listed = true_rows(section > 0)
    absent = section[listed] > sections.counts[owner[listed]]
    records.check((absent, "is defined in a section that does not exist"), rows=listed)
    records.check((section < coff.SYM_DEBUG, "has a section number that means nothing"))
    _locate_names(records, short)
    return records


def _gather(sections: Sections, start: I64) -> list[AnyArray]:
    """Name, value, section, type, class and number of auxiliary records of all records, in order."""
    halves: list[list[AnyArray]] = []
    headers = sections.headers
    for big, dtype in ((False, coff.SYMBOL), (True, coff.BIG_SYMBOL)):
        mine = [header for header in headers if header.big is big and header.symbol_count]
        # The ordinary half is made in any case, so that there are columns to begin with.
        if mine or not big:
            pieces = [sections.buffer[h.symbols : h.symbols + h.symbol_count * dtype.itemsize] for h in mine]
            raw = join(pieces).view(dtype) if pieces else np.empty(0, dtype)
            integers = [raw["value"].astype(np.int64), section_numbers(raw), raw["type"].astype(np.int64)]
            halves.append([raw["name"], *integers, raw["class"].copy(), raw["auxiliary"].astype(np.int64)])
    if len(halves) == 1:
        return halves[0]
    counts = np.diff(start)
    is_big = np.array([header.big for header in headers], np.bool_)
    # The rows at which the records of ordinary objects belong, then those of `/bigobj` objects.
    order = np.concatenate([ranges(start[:-1][kind], counts[kind]) for kind in (~is_big, is_big)])
    columns = [np.concatenate(pair) for pair in zip(*halves, strict=True)]
    for index, column in enumerate(columns):
        ordered = np.empty_like(column)
        ordered[order] = column
        columns[index] = ordered
    return columns


def section_numbers(raw: AnyArray) -> I64:
    """Return the numbers of sections in records: those of sections count from 1, those of constants.SYM_* are below."""
    number: I64 = raw["section"].astype(np.int64)
    if raw.dtype == coff.SYMBOL:
        far = number < coff.SYM_LOWEST
        if some(far):
            number[far] += 1 << 16
    return number


def _find_auxiliary(records: Records) -> None:
    """Mark auxiliary records. Which records are depends on those before them, but few are in doubt."""
    candidate = records.auxiliary.nonzero()[0]
    if not candidate.size:
        return
    # The last row that each candidate claims. A record within the claim of one before it may be auxiliary itself.
    last = candidate + records.auxiliary[candidate]
    is_record = filled(candidate.size, True, np.bool_)
    overlapping = true_rows(np.maximum.accumulate(last)[:-1] >= candidate[1:]) + 1
    before, previous = NONE, NONE
    for row in overlapping.tolist():
        if row - 1 != previous:  # the candidate in front is in no doubt
            before = row - 1
        # `before` is the nearest symbol in front. The record is a symbol if that one's claim ends earlier.
        is_record[row] = last[before] < candidate[row]
        before = row if is_record[row] else before
        previous = row
    candidate, last = candidate[is_record], last[is_record]
    outside = last >= records.start[records.owner[candidate] + 1]
    records.check((outside, "has auxiliary records behind the symbol table's end"), rows=candidate)
    rows = ranges(candidate + 1, records.auxiliary[candidate])
    records.is_auxiliary[rows] = True
    # Their bytes mean other things. Cleared columns keep them out of every mask of symbols.
    records.auxiliary[rows] = 0
    records.storage[rows] = 0
    records.section[rows] = coff.SYM_UNDEFINED


def _locate_names(records: Records, short: ShortNames) -> None:
    """Fill `text`. Names without a letter are empty; an offset must lie in the string table, behind its size."""
    # The first four bytes are zero where the other four are an offset in the string table.
    words = records.letters.view(np.uint32).reshape(-1, 2)
    long = (words[:, 0] == 0) & (words[:, 1] != 0) & ~records.is_auxiliary
    rows = true_rows(long)
    headers = records.sections.headers
    strings, size = (np.array([getattr(h, field) for h in headers], np.int64) for field in ("strings", "string_size"))
    owner, offset = records.owner[rows], words[rows, 1].astype(np.int64)
    # The table's first four bytes are its size.
    outside = (offset < 4) | (offset >= size[owner])
    records.check((outside, "has a name outside the string table"), rows=rows)
    records.text[rows] = strings[owner] + offset
    empty = true_rows((words[:, 0] == 0) & (words[:, 1] == 0) & ~records.is_auxiliary)
    records.text[empty] = short.empty
    rows = true_rows((words[:, 0] != 0) & ~records.is_auxiliary)
    letters = records.letters[rows]
    whole = letters[:, 7] != 0  # what follows in the record is not a NUL of the name's
    records.text[rows[whole]] = short.add(name_bytes(letters[whole]))
    # A shorter name has its NUL within the field, and is left where it lies in the file.
    records.text[rows[~whole]] = records.position(rows[~whole])


def texts_of(records: Records, rows: I64) -> list[bytes]:
    """Return the names of records, in their order."""
    words = records.letters.view(np.uint32).reshape(-1, 2)
    inline = words[rows, 0] != 0
    texts: list[bytes] = [b""] * rows.size
    near, far = true_rows(inline), true_rows(~inline & (words[rows, 1] != 0))
    # "S8" leaves out the NULs at the end.
    for place, text in zip(
        near.tolist(), name_bytes(records.letters[rows[near]]).view("S8").ravel().tolist(), strict=True
    ):
        texts[place] = text
    for place, text in zip(far.tolist(), _long_texts(records, rows[far]), strict=True):
        texts[place] = text
    return texts


def _long_texts(records: Records, rows: I64) -> list[bytes]:
    """Return the names of records that lie in string tables, each of which ends in NUL."""
    if not rows.size:
        return []
    sections = records.sections
    strings, size = (
        np.array([getattr(header, field) for header in sections.headers], np.int64)
        for field in ("strings", "string_size")
    )
    spans = zip(strings.tolist(), size.tolist(), strict=True)
    joined = join([sections.buffer[begin : begin + length] for begin, length in spans])
    owner = records.owner[rows]
    # From places in the arena to places in `joined`, in which the tables lie end to end.
    at = records.text[rows] - (strings - (size.cumsum() - size))[owner]
    terminators = true_rows(joined == 0)
    # The first NUL at or behind each name; each table ends in one (headers.py).
    stop = terminators[terminators.searchsorted(at)]
    # Names may share bytes. Without a bound, n bytes could stand for a text of n * n.
    total = np.bincount(owner, stop - at, len(sections.files))
    crowded = total > NAME_SHARING * size
    if some(crowded):
        records.check((crowded[owner], CROWDED), rows=rows)
    data = joined.tobytes()
    return [data[a:b] for a, b in zip(at.tolist(), stop.tolist(), strict=True)]


def kinds_of(records: Records) -> U8:
    """Return how each record says where its symbol is; weak externals are undefined."""
    storage, section = records.storage, records.section
    # Classes that are not asked for below (files, ends of functions, what debuggers read) make no symbol.
    kind = filled(storage.size, SymbolKind.DROPPED, np.uint8)
    external = storage == coff.CLASS_EXTERNAL
    local = (storage == coff.CLASS_STATIC) | (storage == coff.CLASS_LABEL) | (storage == coff.CLASS_SECTION)
    named = external | local
    kind[named & (section > 0)] = SymbolKind.DEFINED
    kind[named & (section == coff.SYM_ABSOLUTE)] = SymbolKind.ABSOLUTE
    none = external & (section == coff.SYM_UNDEFINED)
    # No section and a value other than 0 make a common symbol, whose size is the value ("Section Number Values").
    kind[none] = np.where(records.value[none] > 0, SymbolKind.COMMON, SymbolKind.UNDEFINED)
    # A weak external is made a definition later, if its default is one (symbol_table.py).
    kind[storage == coff.CLASS_WEAK_EXTERNAL] = SymbolKind.UNDEFINED
    return kind


def types_of(records: Records, definitions: I64) -> U8:
    """Return the type of each symbol; `definitions` are the symbols of sections."""
    types = filled(records.storage.size, SymbolType.NOTYPE, np.uint8)
    # The derived type is in bits 4 to 7; the base type below it says nothing that a linker needs.
    types[records.type & 0xF0 == coff.TYPE_FUNCTION] = SymbolType.FUNC
    types[definitions] = SymbolType.SECTION
    # The type of auxiliary records was not cleared.
    types[records.is_auxiliary] = SymbolType.NOTYPE
    return types


def auxiliary_of(records: Records, rows: I64, dtype: np.dtype[np.void]) -> AnyArray:
    """Return the first auxiliary record of each of some records, which have one."""
    return windows(records.sections.buffer, f"V{dtype.itemsize}")[records.position(rows + 1)].view(dtype)


def common_aligns(size: I64) -> I64:
    """Return the alignment of common symbols of these sizes, at least 1: the next power of two, up to
    `COMMON_ALIGN`."""
    # float64 holds sizes of 32 bits exactly, and the logarithm beside a power of two is far enough from a whole number.
    return np.minimum(1 << np.ceil(np.log2(np.maximum(size, 1))).astype(np.int64), COMMON_ALIGN)
