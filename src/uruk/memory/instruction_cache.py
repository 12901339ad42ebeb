"""The instruction cache of this process: on AArch64 code must be made known to it; x86-64 sees to that by itself.

The routine is code, too. It is written to a fresh page, which the kernel makes known when it becomes executable
(arch/arm64/mm/flush.c); it then serves for all other code. (Arm ARM, B2.4.4 "Concurrent modification and execution of
instructions")
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from uruk.memory import local
from uruk.memory.mapper import WRITABLE, Protection

NEEDED = os.uname().machine in ("aarch64", "arm64")
_ROUTINE = struct.pack(
    "<22I",
    *[  # void (first, end)
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
)


def synchronise(address: int, size: int) -> None:
    """Make code that was written to a range what runs there; where it is `NEEDED`. The range must be readable."""
    _routine()(address, address + size)


@lru_cache(maxsize=1)
def _routine() -> Callable[[int, int], Any]:
    page = os.sysconf("SC_PAGESIZE")
    address = local.map_memory(page)
    local.protect_memory(address, page, WRITABLE)
    ctypes.memmove(address, _ROUTINE, len(_ROUTINE))
    local.protect_memory(address, page, Protection.R | Protection.X)
    return ctypes.CFUNCTYPE(None, ctypes.c_size_t, ctypes.c_size_t)(address)
