"""Modules of linked code as a process of Windows knows them: where their code lies, and their unwind data.

Source: Microsoft's "x64 exception handling", "struct RUNTIME_FUNCTION": the begin and the end of a function and its
unwind information, each an offset from the image's base, here the slab's. A table is sorted by begins.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from uruk.graph.types import I64
from uruk.link import Linked
from uruk.memory.zones import CODE
from uruk.named_tuples import NamedTuple
from uruk.passes.coff.grouped_sections import unwind_tables

_FUNCTION = np.dtype([("begin", "<u4"), ("end", "<u4"), ("unwind", "<u4")])


class LinkedModule(NamedTuple):
    """The code of one module of a batch."""

    row: int
    """The module's number in the batch."""
    start: int
    size: int
    """In bytes; with `start`, where its code lies."""
    functions: bytes
    """Its RUNTIME_FUNCTIONs, sorted."""

    @property
    def entries(self) -> int:
        """The number of these."""
        return len(self.functions) // _FUNCTION.itemsize


def modules_of(linked: Linked) -> Iterator[LinkedModule]:
    """Yield the modules of a batch that have code."""
    owner, table = _functions(linked)
    rows = zip(linked.layout.segments, linked.allocation.segments, strict=True)
    for segment, (zone, address, size) in rows:
        if zone == CODE and size:
            # The runtime searches a table by halves, and the input has one table for each section of code.
            mine = table[owner == segment.module]
            yield LinkedModule(segment.module, address, size, mine[mine["begin"].argsort(kind="stable")].tobytes())


def _functions(linked: Linked) -> tuple[I64, np.ndarray[tuple[int], np.dtype[np.void]]]:
    """Return the unwind data of a batch, as it lies in the input, and the module of each entry."""
    state = linked.state
    blocks = unwind_tables(state)
    count = state.blocks.size[blocks].astype(np.int64) // _FUNCTION.itemsize
    if not blocks.size:
        return np.empty(0, np.int64), np.empty(0, _FUNCTION)
    # Row numbers that begin again at 0 in each block: all numbers, less those of the blocks before.
    within = np.arange(int(count.sum())) - (count.cumsum() - count).repeat(count)
    start = state.position[blocks].repeat(count) + _FUNCTION.itemsize * within
    # One gather of 12 bytes an entry: blocks lie apart in the image, and no loop goes over them.
    content = state.image[start[:, None] + np.arange(_FUNCTION.itemsize)]
    owner = state.block_module[blocks].astype(np.int64).repeat(count)
    return owner, np.ascontiguousarray(content).view(_FUNCTION).reshape(-1)
