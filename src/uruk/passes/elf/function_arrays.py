"""The bounds of the arrays of initialisers and finalisers (`__init_array_start`, ...; GNU ld's default script), for
programs that run these arrays themselves.

GNU ld makes one array of all `.init_array*` and `.ctors*` sections of a program, sorted by priority.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import Role
from uruk.graph.types import I64, some, true_rows

if TYPE_CHECKING:
    from uruk.passes.state import State

ROLES = {
    "preinit_array": (Role.PREINIT,),
    "init_array": (Role.INIT, Role.CTORS),
    "fini_array": (Role.FINI, Role.DTORS),
}
BACKWARDS = (Role.CTORS, Role.DTORS)
LAST_PRIORITY = 65535


def find(state: State, module: int, array: str) -> I64 | None:
    """Return the blocks of a module's array in the order in which GNU ld lays them out.

    Returns None where there is no such order: a block of several `.ctors` runs backwards, and cannot lie in the array
    as it is.
    """
    blocks, roles = state.blocks, np.array(ROLES[array], np.uint8)
    # 8: one pointer of a 64-bit target; smaller blocks hold no function.
    wanted = state.live & (state.block_module == module) & (blocks.content >= 0) & (blocks.size >= 8)
    rows = true_rows(wanted & np.isin(blocks.role, roles))
    role = blocks.role[rows]
    # Entries of one `.ctors` section run last to first, those of `.init_array` first to last.
    if some(np.isin(role, BACKWARDS) & (blocks.size[rows] > 8)):
        return None
    priorities = [
        priority(state.graph.section_name(row), backwards)
        for row, backwards in zip(rows.tolist(), np.isin(role, BACKWARDS).tolist(), strict=True)
    ]
    # Stable: of equal priorities, input order decides, as SORT_BY_INIT_PRIORITY has it in ld's script.
    return rows[np.array(priorities, np.int64).argsort(kind="stable")]


def priority(section: str, backwards: bool) -> int:
    """Return the number at the end of a section name; sections without one come last.

    `.ctors` and `.dtors` count down from 65535, and run backwards.
    """
    number = section.rpartition(".")[2]
    # `isdecimal` takes other scripts' digits as well; nine digits always fit into 32 bits.
    if not number.isdecimal() or not number.isascii() or len(number) > 9:
        return LAST_PRIORITY + 1
    return LAST_PRIORITY - int(number) if backwards else int(number)
