"""The instruction cache of this process, which does not see written code by itself on some architectures.

`uruk.isa` has the routine for each of those. The routine is code, too: it is written to a fresh page, for which the
kernel synchronises the cache when the page becomes executable; it then serves for all other code.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from uruk.errors import UnknownTarget
from uruk.isa.interface import architecture_of
from uruk.memory.linux import local
from uruk.memory.mapper import WRITABLE, Protection, Range, enclosing_pages
from uruk.target import HERE


def synchronise(ranges: Sequence[Range]) -> None:
    """Synchronise the instruction cache with code in readable ranges, on processors that do not do it themselves."""
    routine = _routine()
    if routine is not None:
        for address, size in enclosing_pages(ranges, local.PAGE):
            routine(address, address + size)


@lru_cache(maxsize=1)
def _routine() -> Callable[[int, int], Any] | None:
    try:
        code = architecture_of(str(HERE)).cache_routine
    except UnknownTarget:  # code is only linked on this machine, and never runs
        return None
    if not code:
        return None
    address = local.map_memory(local.PAGE)
    local.protect_memory(address, local.PAGE, WRITABLE)
    ctypes.memmove(address, code, len(code))
    local.protect_memory(address, local.PAGE, Protection.R | Protection.X)
    return ctypes.CFUNCTYPE(None, ctypes.c_size_t, ctypes.c_size_t)(address)
