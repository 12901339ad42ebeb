"""Trampolines of callbacks on x86-64: each says its number and goes to one place."""

from __future__ import annotations

import numpy as np

from uruk.graph.types import U8, U64

_CODE = bytes.fromhex(
    "f3 0f 1e fa"  # endbr64
    "49 ba 0000000000000000"  # movabs $number, %r10
    "49 bb 0000000000000000"  # movabs $enter, %r11
    "41 ff e3"  # jmp *%r11
    "cc cc cc cc cc"  # int3
)
_NUMBER, _ENTER = 6, 16


def trampolines(numbers: U64, enter: int) -> U8:
    """The bytes of one trampoline a number, one after the other."""
    code = np.tile(np.frombuffer(_CODE, np.uint8), (numbers.size, 1))
    code[:, _NUMBER : _NUMBER + 8] = numbers.view(np.uint8).reshape(-1, 8)
    code[:, _ENTER : _ENTER + 8] = np.frombuffer(enter.to_bytes(8, "little"), np.uint8)
    return code.reshape(-1)
