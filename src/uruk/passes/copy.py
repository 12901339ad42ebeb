"""Copy block content into the working image, runs of neighbours at once."""

from __future__ import annotations

import numpy as np

from uruk.graph.types import I64, Bool, some, true_rows
from uruk.passes.state import State

FEW = 16
"""Blocks that are copied one by one rather than looked through for runs."""


def copy_content(state: State, exact: Bool) -> int:
    """Copy every live block that has content to its position; returns the number of copies made.

    Blocks whose distance in the input equals their distance in the image are copied as one run, padding between them
    included. A gap narrower than the next block's alignment holds nothing else, because layout goes from the widest
    alignment down; `exact` marks blocks that were placed otherwise, which are never joined.
    """
    blocks = state.blocks
    rows = true_rows(state.live & (blocks.content >= 0) & (blocks.size > 0))
    source = blocks.content[rows]
    # The sections of a file may lie in another order than their headers.
    if some(source[1:] < source[:-1]):
        order = source.argsort(kind="stable")
        rows, source = rows[order], source[order]
    target, size = state.position[rows], blocks.size[rows]
    if rows.size > FEW:
        begins = _run_starts(source, target, size, blocks.align[rows], exact[rows])
        if len(state.graph.arena.buffers) > 1:
            # What follows in the arena may lie in another buffer, such as content that a pass has added.
            first = source.searchsorted(np.array(state.graph.arena.bases))
            # A buffer may begin behind the last row that is copied.
            begins[first[first < source.size]] = True
        starts = true_rows(begins)
        # A run ends where the next one begins; the last ends with the last row.
        last = np.append(starts[1:], rows.size) - 1
        # From the start of a run's first row to the end of its last, what lies between them included.
        size = source[last] + size[last] - source[starts]
        source, target = source[starts], target[starts]
    # A slice of a memoryview costs less to make and to copy than one of an array.
    image = memoryview(state.image)
    for buffer, base, part in state.graph.arena.split(source):
        view = memoryview(buffer)
        rows_of_part = zip((source[part] - base).tolist(), target[part].tolist(), size[part].tolist(), strict=True)
        for a, b, n in rows_of_part:
            image[b : b + n] = view[a : a + n]
    return source.size


def _run_starts(source: I64, target: I64, size: I64, align: I64, exact: Bool) -> Bool:
    """Return which rows begin a new run."""
    begins = np.ones(source.size, np.bool_)
    # The gap is negative where two sections of an odd file share bytes; these are copied one by one.
    gap = source[1:] - source[:-1] - size[:-1]
    same = (source[1:] - source[:-1]) == (target[1:] - target[:-1])
    begins[1:] = ~(same & (gap >= 0) & (gap < align[1:]) & ~exact[1:] & ~exact[:-1])
    return begins
