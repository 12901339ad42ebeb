"""Dump: a graph as text or as a JSON-able dict, the same on every machine, for golden tests and for people.

Nothing depends on the order in which an assembler wrote things: blocks go by name, symbols by place and name,
edges by offset. Section symbols are left out; they say no more than their block does. Addresses are
never dumped, so a graph looks the same before layout and after.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from uruk.graph.graph import Graph, SymbolType
from uruk.graph.names import Names
from uruk.graph.views import BlockView, EdgeView, GraphView, Link, SymbolView, signed

Facts = dict[str, Any]


def dump_dict(source: Graph | Link, names: Names, *, content: bool = False) -> Facts:
    """A graph, or the tables of a running link, as dicts, lists, strings and numbers.

    `names` is the session's interner, which has the signatures of groups. With `content`, blocks have their
    bytes in hex.
    """
    view = GraphView(source)
    return {
        "objects": [dump_object(view, index, names, content=content) for index in range(len(view.files))],
        "synthetic": _blocks(block_labels(view, -1, names), view, names, content),
    }


def dump_object(view: GraphView, index: int, names: Names, *, content: bool = False) -> Facts:
    """One object of a graph; see `dump_dict`."""
    graph = view.graph
    labels = block_labels(view, index, names)
    first, last = (int(row) for row in graph.ranges.symbols[index : index + 2])
    outside = [view.symbols[row] for row in range(first + 1, last) if graph.symbols.block[row] < 0]
    first, last = (int(row) for row in graph.ranges.groups[index : index + 2])
    groups = [
        {
            "signature": _signature(graph, row, names),
            "blocks": [label for block, label in labels.items() if graph.blocks.group[block] == row],
        }
        for row in range(first, last)
    ]
    return {
        "file": view.files[index],
        "blocks": _blocks(labels, view, names, content),
        "symbols": _symbols(outside),
        "groups": sorted(groups, key=lambda group: (group["signature"], group["blocks"])),
    }


def dump_text(source: Graph | Link, names: Names, *, content: bool = False) -> str:
    """`dump_dict` as lines of text; ends in a newline."""
    facts = dump_dict(source, names, content=content)
    lines: list[str] = []
    for one in facts["objects"]:
        lines.append(f"object {one['file']}")
        lines += _block_lines(one["blocks"])
        lines += [f"  {_symbol_line(symbol)}" for symbol in one["symbols"]]
        lines += [f"  group {group['signature']}: {', '.join(group['blocks'])}" for group in one["groups"]]
    if facts["synthetic"]:
        lines += ["made by the link", *_block_lines(facts["synthetic"])]
    return "\n".join(lines) + "\n"


def _signature(graph: Graph, row: int, names: Names) -> str:
    return names.text(int(graph.groups.name[row])).decode("utf-8", "replace")


def block_labels(view: GraphView, owner: int, names: Names) -> dict[int, str]:
    """The blocks of an object (-1: of the link), in dumping order: row -> ``.text``, ``.text#2``, ..."""
    graph = view.graph
    rows: list[int] = np.flatnonzero(graph.blocks.object == owner).tolist()

    def key(row: int) -> tuple[str, str, int]:
        group = int(graph.blocks.group[row])
        return graph.section_name(row), _signature(graph, group, names) if group >= 0 else "", row

    labels: dict[int, str] = {}
    count: dict[str, int] = {}
    for row in sorted(rows, key=key):
        name = graph.section_name(row)
        count[name] = count.get(name, 0) + 1
        labels[row] = name if count[name] == 1 else f"{name}#{count[name]}"
    return labels


def _blocks(labels: dict[int, str], view: GraphView, names: Names, content: bool) -> list[Facts]:
    return [_block(view.blocks[row], label, labels, names, content) for row, label in labels.items()]


def _block(block: BlockView, label: str, labels: dict[int, str], names: Names, content: bool) -> Facts:
    facts: Facts = {
        "name": label,
        "zone": block.zone,
        "role": block.role,
        "size": block.size,
        "align": block.align,
        "zero_fill": block.is_zero_fill,
        "group": _signature(block.view.graph, block.group, names) if block.group >= 0 else None,
        "symbols": _symbols(block.symbols),
        "edges": [_edge(edge, labels) for edge in block.edges],
    }
    if content:
        facts["content"] = block.content.hex()
    return facts


def _symbols(symbols: Iterable[SymbolView]) -> list[Facts]:
    """Symbols by place and name, without section symbols."""
    types = [(one, int(one.view.graph.symbols.type[one.row])) for one in symbols]
    facts = [_symbol(one) for one, type_ in types if type_ != SymbolType.SECTION]
    return sorted(facts, key=lambda one: (one["kind"], one["offset"], one["name"], one["size"], one["type"]))


def _symbol(symbol: SymbolView) -> Facts:
    return {
        "name": symbol.name,
        "kind": symbol.kind,
        "binding": symbol.binding,
        "visibility": symbol.visibility,
        "type": symbol.type,
        "offset": symbol.offset,
        "size": symbol.size,
    }


def target_name(symbol: SymbolView, labels: dict[int, str]) -> str:
    """What an edge's target is called: a section symbol as its block's label."""
    columns = symbol.view.graph.symbols
    if columns.type[symbol.row] == SymbolType.SECTION and columns.block[symbol.row] >= 0:
        return labels.get(int(columns.block[symbol.row]), symbol.name)
    return symbol.name


def _edge(edge: EdgeView, labels: dict[int, str]) -> Facts:
    return {
        "offset": edge.offset,
        "kind": edge.kind.name,
        "formula": edge.kind.text,
        "target": target_name(edge.target, labels),
        "addend": edge.addend,
    }


def _block_lines(blocks: list[Facts]) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        words = [block["zone"], f"{block['size']:#x} bytes", f"align {block['align']}"]
        words += ["zero-fill"] * block["zero_fill"] + [block["role"]] * bool(block["role"])
        words += [f"group {block['group']}"] * (block["group"] is not None)
        lines.append(f"  block {block['name']}: {', '.join(words)}")
        if block.get("content"):
            text: str = block["content"]
            lines += [f"    {text[at : at + 64]}" for at in range(0, len(text), 64)]
        lines += [f"    {_symbol_line(symbol)}" for symbol in block["symbols"]]
        for edge in block["edges"]:
            what = f"{edge['kind']} to {edge['target']}{signed(edge['addend'])}"
            lines.append(f"    edge +{edge['offset']:#x}: {what}")
    return lines


def _symbol_line(symbol: Facts) -> str:
    words = [symbol["binding"]]
    words += [symbol["visibility"]] * (symbol["visibility"] != "default")
    words += [symbol["type"]] * bool(symbol["type"])
    words += [f"{symbol['size']:#x} bytes"] * bool(symbol["size"])
    where = {
        "defined": f"symbol +{symbol['offset']:#x}",
        "common": f"common, align {symbol['offset']}",
        "absolute": f"absolute {symbol['offset']:#x}",
    }.get(symbol["kind"], symbol["kind"])
    return f"{where}: {symbol['name']}, {' '.join(words)}"
