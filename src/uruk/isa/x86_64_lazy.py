"""x86-64: the code of lazy stubs, one page of them a block. What they do: runtime/lazy.c.

All pages have the same bytes, as a page of code and its page of data are always equally far apart.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.types import I64, U8, windows
from uruk.isa.lazy_layout import SLOTS, STUB_SIZE, STUBS

STUB = bytes(
    [
        *(0xF3, 0x0F, 0x1E, 0xFA),  # endbr64
        *(0xFF, 0x25, 0x00, 0x00, 0x00, 0x00),  # jmp *slot(%rip)
        *(0xF3, 0x0F, 0x1E, 0xFA),  # first call: endbr64
        *(0x4C, 0x8D, 0x1D, 0x00, 0x00, 0x00, 0x00),  # lea slot(%rip), %r11
        *(0xFF, 0x25, 0x00, 0x00, 0x00, 0x00),  # jmp *enter(%rip)
        *(0xCC, 0xCC, 0xCC, 0xCC, 0xCC),  # int3: pads to 32 bytes
    ]
)
FIRST_CALL = 10
"""Where in a stub its first call begins: what the slot points to at first."""
_SLOT_FIELDS = (6, 17)
_ENTER_FIELD = 23


def stub_page(distance: int) -> U8:
    """The page of code whose page of data lies `distance` bytes behind it."""
    page = np.frombuffer(STUB * STUBS, np.uint8).copy()
    fields = windows(page, np.int32)
    begins: I64 = STUB_SIZE * np.arange(STUBS, dtype=np.int64)
    slots = distance + SLOTS + 8 * np.arange(STUBS, dtype=np.int64)
    for field in _SLOT_FIELDS:
        fields[begins + field] = slots - (begins + field + 4)
    fields[begins + _ENTER_FIELD] = distance - (begins + _ENTER_FIELD + 4)
    return page
