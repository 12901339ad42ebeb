"""The arrays of initialisers and finalisers of linked ELF objects, and the order in which they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import HOLDS_FUNCTIONS, Role
from uruk.graph.types import true_rows, windows
from uruk.orc.registry.tracker import FunctionArray, ResourceTracker
from uruk.passes.elf.function_arrays import BACKWARDS, priority

if TYPE_CHECKING:
    from uruk.link import Linked


def arrays(
    linked: Linked, trackers: Sequence[ResourceTracker], order: Sequence[tuple[int, int]]
) -> list[FunctionArray]:
    """Return the arrays of a batch as they lie in the input. A `.ctors` array runs backwards (GNU ld, elf.em).

    Zero-fill holds no functions, and may be larger than all memory.
    """
    state = linked.state
    blocks = state.blocks
    # A function is a pointer of 8 bytes: a smaller block holds none.
    rows = true_rows(HOLDS_FUNCTIONS.take(blocks.role) & state.live & (blocks.content >= 0) & (blocks.size >= 8))
    found: list[FunctionArray] = []
    for row in rows.tolist():
        role = int(blocks.role[row])
        backwards = role in BACKWARDS
        owner = int(blocks.object[row])
        count = int(blocks.size[row]) // 8
        at = int(state.position[row]) + 8 * np.arange(count)
        functions: list[int] = windows(state.image, "<u8")[at].tolist()
        number = priority(state.graph.section_name(row), backwards)
        tracker = trackers[int(state.block_module[row])]
        final = role in (Role.FINI, Role.DTORS)
        functions = functions[::-1] if backwards else functions
        found.append(FunctionArray(tracker, functions, number, order[owner], role == Role.PREINIT, final))
    return found
