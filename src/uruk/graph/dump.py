"""Dump: a graph, or a running link at any point, as text or JSON, for golden tests and people.

The output does not depend on the order in which an assembler wrote things: blocks are sorted by name, symbols by place
and name, edges by offset. Section symbols are left out, as they say no more than their block. Addresses are left out
unless they are asked for, as they differ from run to run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np

from uruk.graph.dump_text import lines_of
from uruk.graph.graph import Graph, SymbolType
from uruk.graph.kinds import SLOT_TEXTS
from uruk.graph.names import Names
from uruk.graph.running import Link
from uruk.graph.views import BlockView, EdgeView, GraphView, SymbolView

Facts = dict[str, Any]


def dump_dict(
    source: Graph | Link, names: Names | None = None, *, content: bool = False, addresses: bool = False
) -> Facts:
    """Return a graph, or a running link with its tables as they are now, as dicts, lists, strings and numbers.

    `names` is the session's interner, which has the signatures of groups; a link has it itself. With `content`, blocks
    have the bytes of their input in hex; with `addresses`, blocks and symbols that a link has placed say where.
    """
    if names is None:
        if isinstance(source, Graph):
            raise ValueError("to dump a graph, give the session's names, too")
        names = source.names
    return _Dump(GraphView(source), names, content, addresses).everything()


def dump_json(
    source: Graph | Link, names: Names | None = None, *, content: bool = False, addresses: bool = False
) -> str:
    """Return `dump_dict` as JSON text; ends in a newline."""
    return json.dumps(dump_dict(source, names, content=content, addresses=addresses), indent=1) + "\n"


def dump_text(
    source: Graph | Link, names: Names | None = None, *, content: bool = False, addresses: bool = False
) -> str:
    """Return `dump_dict` as lines of text; ends in a newline."""
    return "\n".join(lines_of(dump_dict(source, names, content=content, addresses=addresses))) + "\n"


def dump_object(view: GraphView, index: int, names: Names, *, content: bool = False) -> Facts:
    """Return one object of a graph; see `dump_dict`."""
    return _Dump(view, names, content, False).object(index)


def block_labels(view: GraphView, owner: int, names: Names) -> dict[int, str]:
    """Return the blocks of an object (-1: of the link), in dumping order: row -> ``.text``, ``.text#2``, ..."""
    graph = view.graph
    rows: list[int] = np.flatnonzero(graph.blocks.object == owner).tolist()

    def key(row: int) -> tuple[str, str, int]:
        group = int(graph.blocks.group[row])
        return view.block_name(row), _signature(graph, group, names) if group >= 0 else "", row

    labels: dict[int, str] = {}
    count: dict[str, int] = {}
    for row in sorted(rows, key=key):
        name = view.block_name(row)
        count[name] = count.get(name, 0) + 1
        labels[row] = name if count[name] == 1 else f"{name}#{count[name]}"
    return labels


def target_name(symbol: SymbolView, labels: dict[int, str]) -> str:
    """Return the name of an edge's target; for a section symbol the label of its block."""
    columns = symbol.view.graph.symbols
    if columns.type[symbol.row] == SymbolType.SECTION and columns.block[symbol.row] >= 0:
        return labels.get(int(columns.block[symbol.row]), symbol.name)
    return symbol.name


def _signature(graph: Graph, row: int, names: Names) -> str:
    return names.text(int(graph.groups.name[row])).decode("utf-8", "replace")


class _Dump:
    """The contents of one dump, and the graph that it is of."""

    def __init__(self, view: GraphView, names: Names, content: bool, addresses: bool) -> None:
        self.view = view
        self.graph = view.graph
        self.link = view.link
        self.names = names
        self.content = content
        self.addresses = addresses

    @cached_property
    def labels(self) -> dict[int, str]:
        """The labels of all blocks. Blocks of different objects may have the same one."""
        labels: dict[int, str] = {}
        for owner in range(-1, len(self.view.files)):
            labels |= block_labels(self.view, owner, self.names)
        return labels

    def everything(self) -> Facts:
        """See `dump_dict`."""
        facts: Facts = {
            "objects": [self.object(index) for index in range(len(self.view.files))],
            "synthetic": self._blocks(-1),
        }
        if self.link is not None:
            facts["made symbols"] = self._symbols(self.view.symbols[int(self.graph.ranges.symbols[-1]) :])
            facts["slots"] = self._slots()
            facts["stubs"] = self._stubs()
        return facts

    def object(self, index: int) -> Facts:
        """Return one object."""
        graph, labels = self.graph, block_labels(self.view, index, self.names)
        first, last = (int(row) for row in graph.ranges.symbols[index : index + 2])
        symbols = graph.symbols
        # Rows without a text are not symbols: they are auxiliary records of COFF. The first row is the null symbol.
        rows = [row for row in range(first + 1, last) if symbols.block[row] < 0 and symbols.text[row] >= 0]
        outside = [self.view.symbols[row] for row in rows]
        first, last = (int(row) for row in graph.ranges.groups[index : index + 2])
        groups = [
            {
                "signature": _signature(graph, row, self.names),
                "blocks": [label for block, label in labels.items() if graph.blocks.group[block] == row],
            }
            for row in range(first, last)
        ]
        return {
            "file": self.view.files[index],
            "blocks": self._blocks(index),
            "symbols": self._symbols(outside),
            "groups": sorted(groups, key=lambda group: (group["signature"], group["blocks"])),
        }

    def _blocks(self, owner: int) -> list[Facts]:
        labels = block_labels(self.view, owner, self.names)
        return [self._block(self.view.blocks[row], label) for row, label in labels.items()]

    def _block(self, block: BlockView, label: str) -> Facts:
        group = _signature(self.graph, block.group, self.names) if block.group >= 0 else None
        facts: Facts = {
            "name": label,
            "zone": block.zone,
            "role": block.role,
            "size": block.size,
            "align": block.align,
            "zero_fill": block.is_zero_fill,
            "group": group,
        }
        if self.link is not None:
            facts |= self._placed(block, self.link)
        edges = [edge for edge in block.edges if self.link is None or edge.kind.width]
        facts |= {"symbols": self._symbols(block.symbols), "edges": [self._edge(edge, block) for edge in edges]}
        if self.content:
            facts["content"] = block.content.hex()
        return facts

    def _placed(self, block: BlockView, link: Link) -> Facts:
        """Return the decisions of a link about a block, as far as the link has got."""
        facts: Facts = {"live": block.is_live, "module": int(link.block_module[block.row])}
        if link.segment.size and link.segment[block.row] >= 0:
            facts |= {"segment": int(link.segment[block.row]), "offset": int(link.offset[block.row])}
            if self.addresses and block.address is not None:
                facts["address"] = block.address
        return facts

    def _symbols(self, symbols: Iterable[SymbolView]) -> list[Facts]:
        """Return symbols by place and name, without section symbols."""
        types = [(symbol, int(symbol.view.graph.symbols.type[symbol.row])) for symbol in symbols]
        facts = [self._symbol(symbol) for symbol, type_ in types if type_ != SymbolType.SECTION]
        return sorted(facts, key=lambda row: (row["kind"], row["offset"], row["name"], row["size"], row["type"]))

    def _symbol(self, symbol: SymbolView) -> Facts:
        facts: Facts = {
            "name": symbol.name,
            "kind": "defined" if symbol.kind == "common" and symbol.block else symbol.kind,
            "binding": symbol.binding,
            "visibility": symbol.visibility,
            "type": symbol.type,
            "offset": symbol.offset,
            "size": symbol.size,
        }
        if self.link is not None:
            if symbol.kind == "undefined":
                facts["provider"] = symbol.provider
            if self.addresses and symbol.address is not None:
                facts["address"] = symbol.address
        return facts

    def _edge(self, edge: EdgeView, block: BlockView) -> Facts:
        target = target_name(edge.target, self.labels)
        if edge.target.file != block.file and target != edge.target.name:
            target = f"{edge.target.file}:{target}"
        return {
            "offset": edge.offset,
            "kind": edge.kind.name,
            "formula": edge.kind.text,
            "target": target,
            "addend": edge.addend,
        }

    def _slots(self) -> list[Facts]:
        """Return the facts of GOT entries, by module and offset."""
        assert self.link is not None
        slots = self.link.slots
        # The last key of lexsort is the first one to sort by.
        order: list[int] = np.lexsort((slots.offset, slots.module)).tolist()
        return [
            {
                "module": int(slots.module[row]),
                "offset": int(slots.offset[row]),
                "holds": SLOT_TEXTS[int(slots.operand[row])],
                "symbol": self._slot_symbol(row),
            }
            for row in order
        ]

    def _slot_symbol(self, row: int) -> str:
        """Return the symbol of a slot; empty for the module-id slot of the local-dynamic model, which is for no
        symbol."""
        assert self.link is not None
        symbol = int(self.link.slots.row[row])
        return target_name(self.view.symbols[symbol], self.labels) if symbol else ""

    def _stubs(self) -> list[Facts]:
        """Return the facts of stubs, by module and offset."""
        assert self.link is not None
        slots, stubs = self.link.slots, self.link.stubs
        order: list[int] = np.lexsort((stubs.offset, stubs.module)).tolist()
        return [
            {
                "module": int(stubs.module[row]),
                "offset": int(stubs.offset[row]),
                "symbol": self.view.symbols[int(stubs.row[row])].name,
                "slot": int(slots.offset[stubs.slot[row]]),
                "ifunc": bool(stubs.ifunc[row]),
            }
            for row in order
        ]
