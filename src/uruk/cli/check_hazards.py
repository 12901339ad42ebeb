"""References of an object that limit where its code may lie, or what it may be linked with: ``uruk check`` lists them.

They are no errors: whether a link meets them is decided by the link. They say what to look at where it does not, and
what another place for the code (a process in which low addresses are taken, an executor elsewhere) may refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uruk.cli.show_facts import ShownObject
from uruk.formats.interface import MakeError, RelocationRow
from uruk.formats.registry import instruction_set_of, read_relocations
from uruk.graph.graph import SymbolKind, Zone
from uruk.graph.kinds import Base, EdgeKind, Operand
from uruk.graph.types import AnyArray

Facts = dict[str, Any]
HAZARDS = {
    "absolute-32": "a 32-bit address: code and data must lie in the low 4 GiB (-fno-pie)",
    "far-data": "a distance of limited reach to a variable or function that a library may have, without a slot for its "
    "address (no -fPIC): the process must have it near, or a copy is made",
    "large-model": "a 64-bit address or distance in code (-mcmodel=large or medium): it reaches all, and needs no help",
    "static-tls": "thread-local storage at a fixed distance from the thread pointer: it takes of a small pool",
}
"""Kinds of hazards, and what each means."""
_STATIC_TLS = (Operand.TP_OFFSET, Operand.TLS_IE)
_LARGE_BASES = (Base.GOT_BASE,)
_LOW = 1 << 32
_FAR = 1 << 33
"""Distances from which on nothing of a process is out of reach, as far as this list goes."""


def hazards_of(shown: ShownObject, is_near: Callable[[bytes], bool]) -> list[Facts]:
    """Return the hazards of an object, in the order of its sections.

    `is_near` says of a name whether what is linked with the object defines it.
    """
    found: list[Facts] = []
    linked = _linked_kinds(shown)
    for row in shown.rows:
        kind = _hazard(shown, row._replace(kind=linked.get((row.block, row.offset), row.kind)), is_near)
        if kind:
            found.append(
                {
                    "kind": kind,
                    "place": shown.place(row),
                    "relocation": row.relocation,
                    "target": shown.target_of(row),
                    "addend": row.addend,
                }
            )
    return found


def _linked_kinds(shown: ShownObject) -> dict[tuple[int, int], EdgeKind]:
    """Return the kinds of sound relocations by block and offset, as a link has them.

    In some formats only the instruction tells a call from a reference to data.
    """
    edges = read_relocations(shown.graph, None, _pass_over)
    kinds = instruction_set_of(shown.graph).KINDS
    places = zip(edges.block.tolist(), edges.offset.tolist(), edges.kind.tolist(), strict=True)
    return {(block, offset): kinds[number] for block, offset, number in places}


def _pass_over(rows: AnyArray, objects: AnyArray, make_error: MakeError) -> None:
    """Take rows at fault: they are among the object's problems."""


def _hazard(shown: ShownObject, row: RelocationRow, is_near: Callable[[bytes], bool]) -> str:
    kind = row.kind
    if kind is None or not kind.width:
        return ""
    if kind.operand in _STATIC_TLS:
        return "static-tls"
    if kind.operand == Operand.SYMBOL and kind.base == Base.ZERO and kind.is_limited and 2 <= kind.width <= 4:
        return "absolute-32" if kind.encoding is None and kind.high <= _LOW else ""
    in_code = shown.graph.blocks.zone[row.block] == Zone.RX
    if in_code and kind.width == 8 and (kind.base in (Base.ZERO, *_LARGE_BASES) or kind.operand == Operand.GOT_BASE):
        return "large-model"
    if _has_limited_reach(kind) and row.target >= 0 and _is_elsewhere(shown, row.target, is_near):
        return "far-data"
    return ""


def _has_limited_reach(kind: EdgeKind) -> bool:
    """Return True for a distance to a symbol itself, not to its slot or its stub, that does not reach everywhere."""
    return (
        kind.operand == Operand.SYMBOL and kind.base in (Base.PLACE, Base.PAGE) and kind.is_limited and kind.high < _FAR
    )


def _is_elsewhere(shown: ShownObject, symbol: int, is_near: Callable[[bytes], bool]) -> bool:
    symbols = shown.graph.symbols
    if symbols.kind[symbol] != SymbolKind.UNDEFINED or symbols.name[symbol] < 0:
        return False
    return not is_near(shown.names.text(int(symbols.name[symbol])))
