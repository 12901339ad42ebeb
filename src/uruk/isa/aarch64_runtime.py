"""AArch64: code of lazy stubs (a page of them a block), of callbacks' trampolines, and for the instruction cache.

The code behind stubs and trampolines is the runtime's lazy.c and callback_enter.S.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.types import U8, U64
from uruk.isa.aarch64 import KINDS
from uruk.isa.interface import LAZY_SLOTS, LAZY_STUBS, Architecture

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
"""Offset in a stub of the code for its first call."""
_FIELDS = {1: "Page21", 2: "PageLoad64Offset12", 4: "Page21", 5: "PageOffset12"}

_TRAMPOLINE = np.array(
    [
        0xD503245F,  # bti c
        0x58000071,  # ldr x17, number
        0x58000090,  # ldr x16, enter
        0xD61F0200,  # br x16
    ],
    "<u4",
)

_CACHE_ROUTINE = np.array(
    [  # void (first, end): Arm ARM, B2.4.4 "Concurrent modification and execution of instructions"
        0xD53B0023,  # mrs x3, ctr_el0
        0xD2800084,  # mov x4, #0x4
        0xD3504C62,  # ubfx x2, x3, #16, #4
        0x9AC22082,  # lsl x2, x4, x2
        0xD1000445,  # sub x5, x2, #0x1
        0x8A250006,  # bic x6, x0, x5
        0xD50B7B26,  # dc cvau, x6
        0x8B0200C6,  # add x6, x6, x2
        0xEB0100DF,  # cmp x6, x1
        0x54FFFFA3,  # b.lo the first loop
        0xD5033B9F,  # dsb ish
        0x92400C63,  # and x3, x3, #0xf
        0x9AC32083,  # lsl x3, x4, x3
        0xD1000465,  # sub x5, x3, #0x1
        0x8A250006,  # bic x6, x0, x5
        0xD50B7526,  # ic ivau, x6
        0x8B0300C6,  # add x6, x6, x3
        0xEB0100DF,  # cmp x6, x1
        0x54FFFFA3,  # b.lo the second loop
        0xD5033B9F,  # dsb ish
        0xD5033FDF,  # isb
        0xD65F03C0,  # ret
    ],
    "<u4",
).tobytes()
"""Linux does the same for a fresh page that becomes executable (arch/arm64/mm/flush.c)."""


def stub_page(distance: int) -> U8:
    """Return the page of code whose page of data lies `distance` bytes behind it, a multiple of 4,096."""
    page = np.tile(_STUB, (LAZY_STUBS, 1))
    slots = LAZY_SLOTS + 8 * np.arange(LAZY_STUBS, dtype=np.int64)
    for at, name in _FIELDS.items():
        kind = np.full(LAZY_STUBS, KINDS.number[name], np.uint8)
        value = np.full(LAZY_STUBS, distance) if name == "Page21" else slots
        page[:, at] = KINDS.encodings.encode(kind, page[:, at], value)
    return page.view(np.uint8).ravel()


def trampolines(numbers: U64, enter: int) -> U8:
    """Return the bytes of a trampoline for each number, one behind the other."""
    words = np.zeros((numbers.size, 4), np.uint64)  # two words of instructions, then the two that they load
    words[:, :2] = _TRAMPOLINE.view(np.uint64)
    words[:, 2] = numbers
    words[:, 3] = enter
    return words.view(np.uint8).ravel()


ARCHITECTURE = Architecture("aarch64", FIRST_CALL, stub_page, trampolines, _CACHE_ROUTINE)
