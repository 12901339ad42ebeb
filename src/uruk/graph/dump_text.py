"""A dump as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from uruk.graph.views import signed

Facts = dict[str, Any]


def lines_of(facts: Facts) -> list[str]:
    """Return the facts of `uruk.graph.dump.dump_dict` as lines."""
    lines: list[str] = []
    objects = facts["objects"]
    several = len({block.get("module", 0) for object_ in objects for block in object_["blocks"]}) > 1
    for object_ in objects:
        lines.append(f"object {object_['file']}")
        lines += _block_lines(object_["blocks"], several)
        lines += [f"  {_symbol_line(symbol)}" for symbol in object_["symbols"]]
        lines += [f"  group {group['signature']}: {', '.join(group['blocks'])}" for group in object_["groups"]]
    made = facts["synthetic"], facts.get("made symbols", ()), facts.get("slots", ()), facts.get("stubs", ())
    if any(made):
        lines += ["made by the link", *_block_lines(made[0], several)]
        lines += [f"  {_symbol_line(symbol)}" for symbol in made[1]]
        lines += [f"  {_module(slot, several)}slot +{slot['offset']:#x}: {_slot(slot)}" for slot in made[2]]
        lines += [f"  {_module(stub, several)}stub +{stub['offset']:#x}: {_stub(stub)}" for stub in made[3]]
    return lines


def _module(facts: Facts, several: bool) -> str:
    """Return the module of a slot or stub; empty if there is only one module."""
    return f"module {facts['module']} " if several else ""


def _slot(slot: Facts) -> str:
    return f"{slot['holds']} {slot['symbol']}".rstrip()


def _stub(stub: Facts) -> str:
    return f"{stub['symbol']} through slot +{stub['slot']:#x}" + ", ifunc" * stub["ifunc"]


def _block_lines(blocks: Sequence[Facts], several: bool) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        words = [block["zone"], f"{block['size']:#x} bytes", f"align {block['align']}"]
        words += ["zero-fill"] * block["zero_fill"] + [block["role"]] * bool(block["role"])
        words += [f"group {block['group']}"] * (block["group"] is not None)
        words += ["dropped"] * (not block.get("live", True))
        if "segment" in block:
            words.append(f"segment {block['segment']} +{block['offset']:#x}")
        if "address" in block:
            words.append(f"at {block['address']:#x}")
        if several:
            words.append(f"module {block.get('module', 0)}")
        lines.append(f"  block {block['name']}: {', '.join(words)}")
        if block.get("content"):
            text: str = block["content"]
            lines += [f"    {text[at : at + 64]}" for at in range(0, len(text), 64)]
        lines += [f"    {_symbol_line(symbol)}" for symbol in block["symbols"]]
        for edge in block["edges"]:
            reference = f"{edge['kind']} to {edge['target']}{signed(edge['addend'])}"
            lines.append(f"    edge +{edge['offset']:#x}: {reference}")
    return lines


def _symbol_line(symbol: Facts) -> str:
    words = [symbol["binding"]]
    words += [symbol["visibility"]] * (symbol["visibility"] != "default")
    words += [symbol["type"]] * bool(symbol["type"])
    words += [f"{symbol['size']:#x} bytes"] * bool(symbol["size"])
    if symbol.get("provider"):
        words.append(f"from {symbol['provider']}")
    if "address" in symbol:
        words.append(f"at {symbol['address']:#x}")
    where = {
        "defined": f"symbol +{symbol['offset']:#x}",
        "common": f"common, align {symbol['offset']}",
        "absolute": f"absolute {symbol['offset']:#x}",
    }.get(symbol["kind"], symbol["kind"])
    return f"{where}: {symbol['name']}, {' '.join(words)}"
