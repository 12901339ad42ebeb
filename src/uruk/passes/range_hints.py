"""Advice about a value that does not fit: it depends on where the symbol lies, and where the code runs."""

from __future__ import annotations

from uruk.graph.graph import SymbolKind
from uruk.graph.kinds import Base, Operand
from uruk.passes.state import State


def hint_of(state: State, row: int, value: int) -> str:
    """Return the hint for an edge whose `value` does not fit its kind."""
    kinds = state.graph.kinds
    kind = kinds[int(state.edges.kind[row])]
    # In range, so that the low bits must be the fault: the field has no room for them.
    if kind.low <= value < kind.high:
        return f"align the symbol to {kind.encoding.align if kind.encoding else 1} bytes"
    where = _origin(state, row)
    bits = 8 * kind.width
    if where == "absolute":
        return absolute(state.graph.symbol_name(int(state.edges.target[row])), kinds.wider)
    if where == "library":
        return library(kinds.wider, in_child=state.in_child)
    # The value is an address itself, which fits or does not wherever the code lies.
    if kind.operand == Operand.SYMBOL and kind.base == Base.ZERO and not kind.encoding:
        return f"an address has 64 bits, and the field {bits}: {kinds.wider}, or use a field of 64 bits"
    # So short a field does not reach another slab, wherever that lies: only the code's model helps.
    if kinds.short[int(state.edges.kind[row])]:
        return f"such a reference reaches {kind.high >> 10} KiB: {kinds.wider}"
    if where == "linked":
        return f"it was linked into other memory, too far away: {kinds.wider}, or begin with a larger slab (slab_size)"
    return f"code and data of this batch lie too far apart: {kinds.wider}"


def absolute(name: str, wider: str) -> str:
    """Return the hint for an absolute symbol: whoever has chosen its address can choose another one."""
    return f"`{name}' is an absolute address: {wider}, or define another address"


def library(wider: str, *, in_child: bool) -> str:
    """Return the hint for a symbol of a library: one process more does not help where it is a child already."""
    first = wider.partition(",")[0]
    alternative = "" if in_child else " (or let it run in a child: uruk run, uruk.spawn)"
    return f"the symbol lies in a library too far away: {first}{alternative}"


def _origin(state: State, row: int) -> str:
    """Return where an edge's symbol is from: "absolute", "library", "linked" before, or empty for this batch."""
    target = int(state.canonical[state.edges.target[row]])
    if state.symbols.kind[target] == SymbolKind.ABSOLUTE:
        return "absolute"
    if target in state.undefined and state.external is not None:
        at = int((state.undefined == target).argmax())
        own = state.external.own.size and bool(state.external.own[at])
        return "" if own else state.external.origin(int(state.symbols.name[target]))
    return ""
