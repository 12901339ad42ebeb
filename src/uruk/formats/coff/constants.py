"""Numbers and records of COFF, by the names that the PE/COFF specification gives them ("PE Format", Microsoft)."""

from __future__ import annotations

import numpy as np

FILE_HEADER, BIG_HEADER = 20, 56
"""Sizes in bytes of the file header, and of that of `/bigobj` (ANON_OBJECT_HEADER_BIGOBJ, <winnt.h>)."""
SECTION_SIZE, SYMBOL_SIZE, BIG_SYMBOL_SIZE, RELOCATION_SIZE = 40, 18, 20, 10

# A dtype has no padding unless it is asked for, so that these are the records as they lie in files.
SECTION = np.dtype(
    [
        ("name", "V8"), ("virtual_size", "<u4"), ("virtual_address", "<u4"), ("size", "<u4"), ("start", "<u4"),
        ("relocations", "<u4"), ("lines", "<u4"), ("relocation_count", "<u2"), ("line_count", "<u2"), ("flags", "<u4"),
    ]
)  # fmt: skip
# The name is a number here: eight letters, or four zero bytes and an offset in the string table. With 18 bytes each,
# records are not aligned to their fields.
SYMBOL = np.dtype(
    [("name", "<u8"), ("value", "<u4"), ("section", "<i2"), ("type", "<u2"), ("class", "u1"), ("auxiliary", "u1")]
)
# `/bigobj` has section numbers of 32 bits (IMAGE_SYMBOL_EX, <winnt.h>), which makes a record 2 bytes longer.
BIG_SYMBOL = np.dtype(
    [("name", "<u8"), ("value", "<u4"), ("section", "<i4"), ("type", "<u2"), ("class", "u1"), ("auxiliary", "u1")]
)
# A relocation has no addend: it is in the field.
RELOCATION = np.dtype([("offset", "<u4"), ("symbol", "<u4"), ("type", "<u2")])
SECTION_DEFINITION = np.dtype(
    [
        ("size", "<u4"), ("relocation_count", "<u2"), ("line_count", "<u2"), ("checksum", "<u4"), ("number", "<u2"),
        ("selection", "u1"), ("unused", "u1"), ("high_number", "<u2"),
    ]
)  # fmt: skip
"""The auxiliary record of a section's symbol (Format 5); `high_number` counts in `/bigobj` only."""
WEAK_EXTERNAL = np.dtype([("default", "<u4"), ("search", "<u4")])
"""The beginning of the auxiliary record of a weak external (Format 3)."""
# The others, SEARCH_LIBRARY (2), SEARCH_ALIAS (3) and ANTI_DEPENDENCY (4), are read alike.
SEARCH_NO_LIBRARY = 1
"""IMAGE_WEAK_EXTERN_SEARCH_NOLIBRARY."""

SCN_CNT_CODE = 0x20
SCN_CNT_UNINITIALIZED_DATA = 0x80
# Comments and directives for the linker.
SCN_LNK_INFO = 0x200
SCN_LNK_REMOVE = 0x800
SCN_LNK_COMDAT = 0x1000
# There are more relocations than 16 bits count; the first entry holds their number.
SCN_LNK_NRELOC_OVFL = 0x01000000
SCN_MEM_EXECUTE = 0x20000000
SCN_MEM_WRITE = 0x80000000
# Bits 20 to 23 have n for an alignment of 2^(n - 1) bytes (IMAGE_SCN_ALIGN_*).
SCN_ALIGN_SHIFT, SCN_ALIGN_MASK = 20, 15
DEFAULT_ALIGN = 16
"""That of sections whose flags give none (as link.exe and lld have it)."""

SYM_UNDEFINED, SYM_ABSOLUTE, SYM_DEBUG = 0, -1, -2
"""Section numbers that are not sections'."""
SYM_LOWEST = -0x100
"""In 16 bits, numbers below this are those of sections above 32,767 (<winnt.h>, IMAGE_SYM_SECTION_MAX is 0xFEFF)."""
CLASS_EXTERNAL = 2
CLASS_STATIC = 3
CLASS_LABEL = 6
CLASS_SECTION = 104
CLASS_WEAK_EXTERNAL = 105
TYPE_FUNCTION = 0x20
"""A symbol's type where it is a function's (DTYPE_FUNCTION in the upper half of the low byte)."""

COMDAT_NODUPLICATES, COMDAT_ANY, COMDAT_SAME_SIZE, COMDAT_EXACT_MATCH = 1, 2, 3, 4
# The specification ends at 6; 7 is in <winnt.h>.
COMDAT_ASSOCIATIVE, COMDAT_LARGEST, COMDAT_NEWEST = 5, 6, 7
