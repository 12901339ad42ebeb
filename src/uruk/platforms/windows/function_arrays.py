"""Initialisers and finalisers of COFF objects, in the order in which a program's start files run them.

By Microsoft's "CRT initialization", `.CRT$XI?` comes before `.CRT$XC?`, each by name. By MinGW-w64's crtexe.c and
gccmain.c with GNU ld's script, `.ctors` of all objects and then `.ctors.N` by name are one array, which is walked from
its end, and `.dtors` is walked from its start.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.graph.graph import HOLDS_FUNCTIONS
from uruk.graph.types import true_rows, windows
from uruk.link import Linked
from uruk.orc.registry.tracker import FunctionArray, ResourceTracker

_STAGES = {b".CRT$XI": 0, b".CRT$XC": 1, b".ctors": 2, b".dtors": 3, b".CRT$XP": 4, b".CRT$XT": 5}
"""The beginnings of sections' names, in the order in which their functions run."""
_FINAL = 3
"""From this stage on they run at the end."""
# Ranks within a stage have at most 33 bits: see `_rank`.
_STAGE = 1 << 40
_LAST = 65536
"""The place of `.ctors` without a number, behind all numbers."""


def arrays_of(
    linked: Linked, trackers: Sequence[ResourceTracker], order: Sequence[tuple[int, int]]
) -> list[FunctionArray]:
    """Return the arrays of a batch; each has its functions in the order in which they run."""
    state = linked.state
    blocks = state.blocks
    # A function is a pointer of 8 bytes: a smaller block holds none.
    rows = true_rows(HOLDS_FUNCTIONS.take(blocks.role) & state.live & (blocks.content >= 0) & (blocks.size >= 8))
    arrays: list[FunctionArray] = []
    for row in rows.tolist():
        name = state.graph.section_name(row).encode()
        stage = next((number for start, number in _STAGES.items() if name.startswith(start)), None)
        if stage is None:
            continue
        at = int(state.position[row]) + 8 * np.arange(int(blocks.size[row]) // 8)
        # The image is read after fixups, so that these are addresses.
        functions: list[int] = windows(state.image, "<u8")[at].tolist()
        place = order[int(blocks.object[row])]
        backwards = name.startswith(b".ctors")
        if backwards:
            # Walked from its end, an array has the last object's functions first, and the last function of each first.
            functions, place = functions[::-1], (-place[0], -place[1])
        tracker = trackers[int(state.block_module[row])]
        # One number orders stages and the sections within them, so that one sort does for all objects.
        number = stage * _STAGE + _rank(name)
        arrays.append(FunctionArray(tracker, functions, number, place, False, stage >= _FINAL))
    return arrays


def is_destructor(array: FunctionArray) -> bool:
    """Return True for the functions of `.dtors`."""
    return array.priority // _STAGE == _FINAL


def _rank(name: bytes) -> int:
    """Return the place of a section among those of its stage."""
    if name.startswith(b".CRT$"):
        # GNU ld and link.exe sort these sections by the text behind `$XI`; big-endian numbers compare as their bytes
        # do.
        return int.from_bytes(name[7:11].ljust(4, b"\0"), "big")
    number = name[7:]
    if not number.isdigit():
        return _LAST
    # Numbers of `.ctors` run downward, as the array is walked from its end; those of `.dtors` run upward, behind the
    # plain ones.
    return _LAST - 1 - int(number) if name.startswith(b".ctors") else _LAST + 1 + int(number)
