"""AArch64: the code of lazy stubs, one page of them a block, and trampolines of callbacks.

What they do: the runtime's lazy.c and callback_enter.S.
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
"""Where in a stub its first call begins."""
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
    """Return the bytes of one trampoline a number, one after the other."""
    words = np.zeros((numbers.size, 4), np.uint64)  # two of instructions, then what they load
    words[:, :2] = _TRAMPOLINE.view(np.uint64)
    words[:, 2] = numbers
    words[:, 3] = enter
    return words.view(np.uint8).ravel()


ARCHITECTURE = Architecture("aarch64", FIRST_CALL, stub_page, trampolines)
