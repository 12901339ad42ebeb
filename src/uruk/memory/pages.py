"""Ranges of bytes, and the pages that they are on."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.memory.mapper import Range


def enclosing_pages(ranges: Sequence[Range], page: int) -> list[Range]:
    """The pages that ranges touch, ascending, neighbours joined; empty ranges touch none."""
    joined: list[Range] = []
    begin = end = -1
    for address, size in sorted(ranges) if len(ranges) > 1 else ranges:
        if not size:
            continue
        first, last = address & -page, (address + size + page - 1) & -page
        if first <= end and begin >= 0:
            end = max(end, last)
            continue
        if begin >= 0:
            joined.append((begin, end - begin))
        begin, end = first, last
    if begin >= 0:
        joined.append((begin, end - begin))
    return joined


def whole_pages(ranges: Sequence[Range], page: int) -> tuple[list[Range], list[Range]]:
    """Ranges taken apart: the whole pages in them, and the ends, which lie on pages that others may use, too."""
    whole: list[Range] = []
    ends: list[Range] = []
    for address, size in ranges:
        end = address + size
        first, last = (address + page - 1) & -page, end & -page
        if first >= last:
            ends += [(address, size)] * (size > 0)
            continue
        whole.append((first, last - first))
        ends += [(address, first - address)] * (first > address) + [(last, end - last)] * (end > last)
    return whole, ends
