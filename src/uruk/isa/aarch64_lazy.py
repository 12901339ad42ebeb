"""AArch64: the code of lazy stubs, one page of them a block. What they do: runtime/lazy.c."""

from __future__ import annotations

import numpy as np

from uruk.graph.types import U8
from uruk.isa.aarch64 import KINDS
from uruk.isa.lazy_layout import SLOTS, STUBS

_STUB = np.array(
    [
        0xD503245F,  # bti c
        0x90000010,  # adrp x16, data
        0xF9400211,  # ldr x17, [x16, :lo12:slot]
        0xD61F0220,  # br x17
        0x90000011,  # first call: adrp x17, data
        0x91000230,  # add x16, x17, :lo12:slot
        0xF9400231,  # ldr x17, [x17]: enter
        0xD61F0220,  # br x17
    ],
    "<u4",
)
FIRST_CALL = 16
"""Where in a stub its first call begins: what the slot points to at first."""
_FIELDS = {1: "Page21", 2: "PageLoad64Offset12", 4: "Page21", 5: "PageOffset12"}


def stub_page(distance: int) -> U8:
    """The page of code whose page of data lies `distance` bytes behind it, a multiple of 4,096."""
    page = np.tile(_STUB, (STUBS, 1))
    slots = SLOTS + 8 * np.arange(STUBS, dtype=np.int64)
    for at, name in _FIELDS.items():
        kind = np.full(STUBS, KINDS.number[name], np.uint8)
        value = np.full(STUBS, distance) if name == "Page21" else slots
        page[:, at] = KINDS.encodings.encode(kind, page[:, at], value)
    return page.view(np.uint8).ravel()
