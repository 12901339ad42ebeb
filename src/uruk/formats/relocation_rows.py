"""The tables of relocations of a graph as rows for people: the same walk for every format with a map of kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from uruk.formats.interface import RelocationRow
from uruk.graph.graph import Graph


def relocation_rows(
    graph: Graph, record: npt.DTypeLike, row_of: Callable[[int, tuple[Any, ...]], RelocationRow]
) -> list[RelocationRow]:
    """Return a row for each entry of all tables, in their order.

    `record`: the entries' dtype; `row_of` gets the row of the block that is changed, and an entry's fields.
    """
    tables, size = graph.relocations, np.dtype(record).itemsize
    columns = tables.block.tolist(), tables.content.tolist(), tables.count.tolist()
    rows: list[RelocationRow] = []
    for block, content, count in zip(*columns, strict=True):
        if count:
            raw = np.frombuffer(graph.arena.bytes_at(content, count * size), record)
            rows += [row_of(block, entry) for entry in raw.tolist()]
    return rows
