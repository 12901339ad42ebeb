"""Names that an ELF object needs, read from its symbol table and nothing else: to know them before it is linked.

The reader proper checks objects and reports their faults. This one tells nothing where an object is not a plain one.
"""

from __future__ import annotations

import struct

import numpy as np

from uruk.formats.elf import constants as elf
from uruk.formats.gather import NAME_SHARING
from uruk.formats.interface import Needs
from uruk.graph.types import count_true, true_rows

# An undefined symbol has 0 in the upper half, st_shndx, of its second word; below are st_other and st_info, whose upper
# four bits are the binding.
_SECTION, _VISIBILITY, _BINDING = 0xFFFF0000, 0x0300, 0xF0
_GLOBAL, _WEAK = 0x10, 0x20
_HIDDEN = 0x0200


def needs_of(content: memoryview) -> Needs | None:
    """Return the names that an object refers to other than weakly, and does not define.

    Returns None where they cannot be told from the symbol table alone: beside common symbols, for names with versions,
    and in whatever is malformed.
    """
    try:
        return _needs(content)
    except (struct.error, ValueError):  # a table outside the file, a name without an end: the reader says so
        return None


def _needs(content: memoryview) -> Needs | None:
    if bytes(content[:6]) != b"\x7fELF\2\1":  # ELFCLASS64, ELFDATA2LSB
        return None
    table, entry, count = struct.unpack_from("<Q10xHH", content, 40)
    if entry != elf.SECTION_HEADER.itemsize or not count:
        return None
    # sh_type is the second of a header's sixteen words.
    rows = true_rows(np.frombuffer(content, "<u4", 16 * count, table)[1::16] == elf.SHT_SYMTAB)
    if rows.size != 1:
        return None if rows.size else Needs([], [])
    offset, size, link, first = struct.unpack_from("<24xQQII", content, table + 64 * int(rows[0]))
    if link >= count or 24 * first > size:
        return None
    start, length = struct.unpack_from("<24xQQ", content, table + 64 * link)
    # Symbols from sh_info on are not local; one has six words.
    words = np.frombuffer(content, "<u4", size // 24 * 6 - 6 * first, offset + 24 * first)
    facts = words[1::6]
    outer = facts & _SECTION == 0
    binding = facts[outer] & _BINDING
    if count_true(facts >> 16 == elf.SHN_COMMON) or count_true(binding > _WEAK):
        return None
    strong = binding == _GLOBAL
    places: list[int] = words[0::6][outer][strong].tolist()
    strings = bytes(content[start : start + length])
    ends = [strings.index(0, place) for place in places]
    # Names may share what they end in. Were that not bounded, they could be many copies of one long string.
    if sum(ends) - sum(places) > NAME_SHARING * length:
        return None
    names = [strings[place:end] for place, end in zip(places, ends, strict=True)]
    # A version follows an @, which few string tables have at all.
    if b"@" in strings and any(b"@" in name for name in names):
        return None
    visibility = facts[outer][strong] & _VISIBILITY
    hidden = true_rows((visibility > 0) & (visibility <= _HIDDEN)).tolist()
    return Needs(names, [names[row] for row in hidden])
