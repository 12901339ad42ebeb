"""The names that the dynamic loader has for linked code of this process."""

from __future__ import annotations

import ctypes

import numpy as np

import uruk
from uruk.memory.manager import SlabManager
from uruk.memory.symbol_table import SYMBOL


def names_in_table(jit: uruk.LLJIT) -> list[bytes]:
    """All names that `dladdr` can give for code in a session's first slab, in the order of its symbols."""
    memory = jit.executor.memory
    assert isinstance(memory, SlabManager)
    known = memory.slabs[0].known
    assert known is not None
    count = ctypes.c_uint32.from_address(known.address + known.file.symbols_count).value
    raw = ctypes.string_at(known.address + known.file.symbols, count * SYMBOL.itemsize)
    rows = np.frombuffer(raw, SYMBOL)
    names: list[int] = rows["name"][rows["info"] >> 4 != 0].tolist()
    return [ctypes.string_at(known.address + known.file.strings + name) for name in names]
