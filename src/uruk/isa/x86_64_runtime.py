"""x86-64: the code of lazy stubs, one page of them a block, and trampolines of callbacks.

The code behind them is the runtime's lazy.c and callback_enter.S. All pages of stubs have the same bytes, as a page of
code and its page of data are always equally far apart.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.types import I64, U8, U64, windows
from uruk.isa.interface import LAZY_SLOTS, LAZY_STUB_SIZE, LAZY_STUBS, TRAMPOLINE_SIZE, Architecture

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
"""Offset in a stub of the code for its first call."""
# Offsets of displacements: those to the slot, and the one to the runtime's entry.
_SLOT_FIELDS = (6, 17)
_ENTER_FIELD = 23

_TRAMPOLINE = bytes.fromhex(
    "f3 0f 1e fa"  # endbr64
    "49 ba 0000000000000000"  # movabs $number, %r10
    "49 bb 0000000000000000"  # movabs $enter, %r11
    "41 ff e3"  # jmp *%r11
    "cc cc cc cc cc"  # int3
)
_NUMBER, _ENTER = 6, 16


def stub_page(distance: int) -> U8:
    """Return the page of code whose page of data lies `distance` bytes behind it."""
    page = np.frombuffer(STUB * LAZY_STUBS, np.uint8).copy()
    fields = windows(page, np.int32)
    begins: I64 = LAZY_STUB_SIZE * np.arange(LAZY_STUBS, dtype=np.int64)
    slots = distance + LAZY_SLOTS + 8 * np.arange(LAZY_STUBS, dtype=np.int64)
    for field in _SLOT_FIELDS:
        fields[begins + field] = slots - (begins + field + 4)  # displacements count from behind the field
    fields[begins + _ENTER_FIELD] = distance - (begins + _ENTER_FIELD + 4)
    return page


def trampolines(numbers: U64, enter: int) -> U8:
    """Return the bytes of a trampoline for each number, one behind the other."""
    code = np.tile(np.frombuffer(_TRAMPOLINE, np.uint8), (numbers.size, 1))
    assert code.shape[1] == TRAMPOLINE_SIZE
    code[:, _NUMBER : _NUMBER + 8] = numbers.view(np.uint8).reshape(-1, 8)
    code[:, _ENTER : _ENTER + 8] = np.frombuffer(enter.to_bytes(8, "little"), np.uint8)
    return code.reshape(-1)


ARCHITECTURE = Architecture("x86_64", FIRST_CALL, stub_page, trampolines)
