"""Relocation rows as they stand in an object, for ``uruk show``: nothing is refused, as the linker would.

Every row is shown with the name that the psABI gives its type and the edge kind that uruk makes of it. What
is wrong with a row (an unknown type, a field outside its section, a missing symbol) is said beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uruk.formats.elf.constants import RELA
from uruk.formats.elf.reader import Pair
from uruk.graph.graph import Graph
from uruk.graph.kinds import EdgeKind
from uruk.graph.types import NONE


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a relocation table. `target` is a symbol row of the graph, NONE if there is none."""

    block: int
    offset: int
    relocation: str
    kind: EdgeKind | None
    target: int
    addend: int
    problem: str


def relocation_rows(graph: Graph, pair: Pair) -> list[Row]:
    """All relocations of loaded sections, in the order of the tables."""
    rows: list[Row] = []
    tables = graph.relocations
    for block, content, count in zip(
        tables.block.tolist(), tables.content.tolist(), tables.count.tolist(), strict=True
    ):
        if count:
            raw = np.frombuffer(graph.arena.bytes_at(content, count * RELA.itemsize), RELA)
            rows += [_row(graph, pair, block, *entry) for entry in raw.tolist()]
    return rows


def _row(graph: Graph, pair: Pair, block: int, offset: int, info: int, addend: int) -> Row:
    number, symbol = info & 0xFFFFFFFF, info >> 32
    name, kind_name = pair.RELOCATIONS.get(number, (f"type {number}", ""))
    kind = pair.KINDS[pair.KINDS.number[kind_name]] if kind_name else None
    owner = int(graph.blocks.object[block])
    first, last = (int(row) for row in graph.ranges.symbols[owner : owner + 2])
    target = first + symbol if symbol < last - first else NONE
    problems: list[str] = []
    if kind is None:
        problems.append(f"is not one that {pair.NAME} objects have")
    if offset + (kind.width if kind else 0) > int(graph.blocks.size[block]):
        problems.append("lies outside its section")
    if target == NONE:
        problems.append(f"names symbol {symbol} of {last - first}")
    return Row(block, offset, name, kind, target, addend, "; ".join(problems))
