"""Section headers of many COFF objects as columns, checked; and their names.

Source: the PE/COFF specification, "Section Table (Section Headers)", "Section Flags", "Grouped Sections".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.coff import constants as coff
from uruk.formats.coff.headers import Header
from uruk.formats.coff.names import ShortNames, name_bytes
from uruk.formats.gather import CROWDED, join
from uruk.formats.interface import Span
from uruk.formats.row_checks import CheckedRows
from uruk.graph.types import I32, I64, U8, AnyArray, Bool, some, true_rows, windows
from uruk.records import record

MAX_ALIGN_BITS = 14
"""The largest number for an alignment in a section's flags: 8,192 bytes."""


@record
class Sections(CheckedRows):
    """All section headers of all objects, one row each; objects one after the other."""

    buffer: U8
    files: list[str]
    headers: Sequence[Header]
    base: I64
    """First row of each object."""
    counts: I64
    origin: I64
    """The place where each object begins in the buffer."""
    extent: I64
    """The size of each object in bytes."""
    object: I32
    start: I64
    """The place where the content begins in the buffer; -1 where there is none: all is zero."""
    size: I64
    align: I64
    flags: I64
    relocations: I64
    """The place where the relocations begin in the buffer."""
    relocation_count: I64
    text: I64
    """The place where the name begins in the arena."""
    words: tuple[I64, I64]
    """The first 16 bytes of each name as two little-endian words; what follows the NUL is arbitrary."""

    def begins(self, text: bytes) -> Bool:
        """Return which sections have a name that begins with these bytes, at most 16."""
        first, second = (text[at : at + 8] for at in (0, 8))
        # Most texts have eight bytes or fewer, so that the second word is rarely compared.
        begins = self.words[0] & _mask(first) == _word(first)
        return begins & (self.words[1] & _mask(second) == _word(second)) if second else begins

    def name(self, row: int) -> str:
        """Return the section's name, for errors; empty before names are known."""
        if not self.words[0].size:
            return ""
        head = b"".join(int(word[row]).to_bytes(8, "little", signed=True) for word in self.words)
        return head.split(b"\0", 1)[0].decode("utf-8", "replace")

    def error(self, row: int, problem: str) -> ObjectFormatError:
        """Return the error of one section; sections are numbered from 1, as symbols have it."""
        owner = int(self.object[row])
        index = row - int(self.base[owner])
        offset = self.headers[owner].sections - int(self.origin[owner]) + index * coff.SECTION_SIZE
        name = self.name(row)
        structure = f"section {index + 1} `{name}'" if name else f"section {index + 1}"
        return ObjectFormatError(self.files[owner], structure, problem, offset)

    def crowded(self, row: int) -> ObjectFormatError:
        """Return the error of one section for `uruk.formats.gather.strings_at`."""
        return self.error(row, CROWDED)


def _mask(text: bytes) -> int:
    return _word(b"\xff" * len(text))


def _word(text: bytes) -> int:
    return int.from_bytes(text.ljust(8, b"\0"), "little", signed=True)


def read_sections(buffer: U8, spans: Sequence[Span], headers: Sequence[Header], short: ShortNames) -> Sections:
    """Gather the section tables that `headers` name, one a span, and check every row.

    Names that are not NUL-terminated where they lie are added to `short`.
    """
    counts = np.array([header.section_count for header in headers], np.int64)
    pieces = [buffer[header.sections : header.sections + header.section_count * 40] for header in headers]
    raw = join(pieces).view(coff.SECTION)
    owner = np.arange(len(spans), dtype=np.int32).repeat(counts)
    origin, extent = np.array([(span.start, span.size) for span in spans], np.int64).T
    # Signed 64 bits hold every unsigned field of 32, and sums and differences of them.
    flags, size, start, table = (raw[field].astype(np.int64) for field in ("flags", "size", "start", "relocations"))
    none = np.empty(0, np.int64)
    sections = Sections(
        buffer, [span.file for span in spans], headers, counts.cumsum() - counts, counts, origin, extent, owner,
        start + origin.repeat(counts), size, none, flags, table + origin.repeat(counts),
        raw["relocation_count"].astype(np.int64), none, (none, none),
    )  # fmt: skip
    # A field of records is strided, and bytes can be viewed in one piece only. Names come first: errors below use them.
    _locate_names(sections, np.ascontiguousarray(raw["name"]), short)
    rows: I64 = np.arange(raw.size)
    # PointerToRawData is 0 where a section has no content (PE Format, "Section Table").
    stored = (size > 0) & (start > 0) & (flags & coff.SCN_CNT_UNINITIALIZED_DATA == 0)
    available = extent.repeat(counts)
    # The start is checked apart: behind the end the difference is negative.
    sections.check(rows, (stored & ((start > available) | (size > available - start)), "lies outside the file"))
    _check_overlap(sections, size * stored)
    sections.start[~stored] = -1
    bits = flags >> coff.SCN_ALIGN_SHIFT & coff.SCN_ALIGN_MASK
    sections.check(rows, (bits > MAX_ALIGN_BITS, "has an alignment that does not exist"))
    # Number n means 2^(n - 1). np.where computes both sides, so that the shift must not be negative.
    sections.align = np.where(bits > 0, 1 << np.maximum(bits - 1, 0), coff.DEFAULT_ALIGN)
    moved = (raw["virtual_address"] > 0) & (raw["relocation_count"] > 0)
    sections.check(rows, (moved, "has relocations and an address, which linkers take in different ways: it must be 0"))
    _find_relocations(sections, rows, table, available)
    return sections


def _check_overlap(sections: Sections, stored: I64) -> None:
    """Refuse sections laid over each other, from which a small file could ask for any amount of work.

    In a sound object the stored sections together are no larger than the file; twice that is let pass.
    """
    # Sums of weights are float64, which counts whole numbers exactly up to 2^53.
    total = np.bincount(sections.object, stored, len(sections.files)).astype(np.int64)
    bad = true_rows(total > 2 * sections.extent)
    if bad.size:
        owner = int(bad[0])
        problem = f"sections overlap: {int(total[owner]):#x} bytes in a file of {int(sections.extent[owner]):#x}"
        offset = sections.headers[owner].sections - int(sections.origin[owner])
        raise ObjectFormatError(sections.files[owner], "section header table", problem, offset)


def _locate_names(sections: Sections, names: AnyArray, short: ShortNames) -> None:
    """Fill `text` and `words`: names of up to 8 bytes, or places in the string table as `/123` or `//BASE64`."""
    letters = names.view(np.uint8).reshape(-1, 8)
    strings, size = (
        np.array([getattr(header, field) for header in sections.headers], np.int64)[sections.object]
        for field in ("strings", "string_size")
    )
    long = letters[:, 0] == ord("/")
    # Rows of long names are added, too, and replaced below: one copy of all costs less than a choice.
    sections.text = short.add(name_bytes(letters))
    rows = true_rows(long)
    if rows.size:
        offset = _offsets(letters[rows])
        # The table's first four bytes are its size; -1, for what is not a number, lies below them as well.
        outside = (offset < 4) | (offset >= size[rows])
        sections.check(rows, (outside, "has a name that is no place in the string table"))
        sections.text[rows] = strings[rows] + offset
    # Names of up to eight letters have zeros in the second word.
    inline = np.zeros((names.size, 16), np.uint8)
    inline[:, :8] = name_bytes(letters)
    words = inline.view(np.int64)
    if rows.size:
        words[rows] = windows(sections.buffer, "V16")[sections.text[rows]].view(np.int64).reshape(-1, 2)
    # Columns in one piece are compared faster than every other word of a table.
    sections.words = words[:, 0].copy(), words[:, 1].copy()


_BASE64 = np.full(256, -1, np.int64)
_BASE64[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")] = range(64)
_DECIMAL = np.full(256, -1, np.int64)
_DECIMAL[list(b"0123456789")] = range(10)


def _offsets(letters: U8) -> I64:
    """Return the numbers behind `/` (decimal, ended by NUL) and `//` (six digits in base 64); -1 for what is not a
    number."""
    # Seven decimal digits end at 9,999,999. LLVM's writers go on in base 64, of which six digits cover 32 bits and
    # more.
    wide = letters[:, 1] == ord("/")
    value = np.zeros(letters.shape[0], np.int64)
    # A lone slash has no digit.
    bad = ~wide & (letters[:, 1] == 0)
    ended = np.zeros(letters.shape[0], np.bool_)
    for column in range(1, 8):
        digit = np.where(wide, _BASE64[letters[:, column]], _DECIMAL[letters[:, column]])
        ended |= ~wide & (letters[:, column] == 0)
        # The second slash of `//` is no digit.
        counts = ~ended & ~(wide & (column == 1))
        bad |= counts & (digit < 0)
        value = np.where(counts, value * np.where(wide, 64, 10) + digit, value)
    value[bad] = -1
    return value


def _find_relocations(sections: Sections, rows: I64, table: I64, available: I64) -> None:
    """Fill where relocations are, and how many; the first one of more than 65,534 holds their number."""
    count = sections.relocation_count
    # The flag counts only where the count has its largest value (PE Format, IMAGE_SCN_LNK_NRELOC_OVFL).
    many = true_rows((sections.flags & coff.SCN_LNK_NRELOC_OVFL != 0) & (count == 0xFFFF))
    if many.size:
        outside = table[many] > available[many] - coff.RELOCATION_SIZE
        sections.check(many, (outside, "has a number of relocations that lies outside the file"))
        # The offset field of the first entry has the number, the entry itself included.
        number = windows(sections.buffer, "<u4")[sections.relocations[many]].astype(np.int64)
        sections.check(many, (number == 0, "has a number of relocations that does not count itself"))
        count[many] = number - 1
        sections.relocations[many] += coff.RELOCATION_SIZE
        # `table` counts from the object's start, `sections.relocations` from the buffer's.
        table = table.copy()
        table[many] += coff.RELOCATION_SIZE
    some_there = count > 0
    outside = some_there & ((table > available) | (count * coff.RELOCATION_SIZE > available - table))
    if some(outside):
        sections.check(rows, (outside, "has relocations that lie outside the file"))
    # Tables laid over each other would let a small file ask for any number of edges.
    total = np.bincount(sections.object, count, len(sections.files)).astype(np.int64) * coff.RELOCATION_SIZE
    crowded = some_there & (total > 2 * sections.extent)[sections.object]
    if some(crowded):
        sections.check(rows, (crowded, "has relocations that overlap those of other sections"))
