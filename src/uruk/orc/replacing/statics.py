"""The variables and constants of a replaceable object that outlive its versions, and what new versions make of them.

A variable stays where it is: pointers to it, and other objects, know its address. A new version refers to that address,
whatever it calls its sections. Constants that are the same byte for byte stay, too: pointers to texts and to tables of
virtual functions may be anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import Graph, Role, SymbolKind, SymbolType, Zone
from uruk.graph.types import NONE, signed, true_rows
from uruk.records import record

if TYPE_CHECKING:
    from uruk.passes.state import State

_NUMBERED = re.compile(rb"\.\d+$")
"""gcc numbers variables of functions, by all that it compiles: `count.0`."""
_OF_CODE = (".rodata.cst", ".gcc_except_table", ".xdata", ".pdata")
"""Constants whose address only the code of their own version has."""

_OF_THREADS = re.compile(r"\.tls(\$|$)")
"""Thread-locals where their symbols are like all others: COFF, and no ELF section has such a name."""

Key = tuple[bytes, bool]
"""A variable's name, and whether it is static."""


@record
class Variable:
    """A variable of an object's graph: its symbol row, the place in its block (-1: a common symbol's), its facts."""

    row: int
    key: Key
    block: int
    value: int
    size: int
    type: int


@record
class Kept:
    """A variable that lies in memory; `home` is where its section begins, `end` where that ends."""

    name: bytes
    address: int
    size: int
    type: int
    home: int
    end: int


Mark = tuple[str, int]
"""The target of an edge of constants: a name, or an address."""
Constants = tuple[str, bytes, tuple[tuple[int, int, int, Mark], ...]]
"""A section of constants: its name, its bytes, and its edges (offset, kind, addend, what they refer to)."""


class Statics:
    """The variables and constants in memory of all versions of one replaceable object."""

    def __init__(self) -> None:
        self.variables: dict[Key, Kept] = {}
        self.constants: dict[Constants, int] = {}
        """Addresses by content."""

    def copy(self) -> Statics:
        """Return others that are the same by now."""
        made = Statics()
        made.variables.update(self.variables)
        made.constants.update(self.constants)
        return made

    def note(self, graph: Graph, state: State, row: int) -> bool:
        """Note what was placed of an object, the one of this row in a batch; True if constants were among it."""
        block0, symbol0 = int(state.graph.ranges.blocks[row]), int(state.graph.ranges.symbols[row])
        for variable in variables_of(graph):
            block = variable.block
            if block >= 0 and not state.live[block0 + block]:
                continue
            address = int(state.symbol_address[symbol0 + variable.row])
            home = int(state.address[block0 + block]) if block >= 0 else address
            size = int(graph.blocks.size[block]) if block >= 0 else variable.size
            self.variables[variable.key] = Kept(
                variable.key[0], address, variable.size, variable.type, home, home + size
            )
        placed = [block for block in constant_blocks(graph) if state.live[block0 + block]]
        address_of = dict(zip(placed, state.address[np.array(placed, np.int64) + block0].tolist(), strict=True))
        for block in placed:
            content = content_of(graph, block, address_of)
            if content is not None:
                self.constants.setdefault(content, address_of[block])
        return bool(placed)


def variables_of(graph: Graph) -> list[Variable]:
    """Return an object's variables: what lies in writable sections, and common symbols."""
    symbols = graph.symbols
    writable = np.zeros(len(symbols), np.bool_)
    inside = true_rows((symbols.block >= 0) & (symbols.kind == SymbolKind.DEFINED))
    writable[inside] = graph.blocks.zone[symbols.block[inside]] == Zone.RW
    # Types that tell variables from labels are ELF's: elsewhere whatever has a place in data is one.
    untyped = (symbols.name >= 0) | (graph.target is not None and graph.target.format != "elf")
    writable &= (symbols.type == SymbolType.OBJECT) | (untyped & (symbols.type == SymbolType.NOTYPE))
    rows = true_rows(writable | (symbols.kind == SymbolKind.COMMON)).tolist()
    found = [
        Variable(
            row,
            (graph.arena.string_at(int(symbols.text[row])), bool(symbols.name[row] < 0)),
            int(symbols.block[row]),
            int(symbols.value[row]) if symbols.block[row] >= 0 else 0,
            int(symbols.size[row]),
            int(symbols.type[row]) if symbols.kind[row] != SymbolKind.COMMON else SymbolType.OBJECT,
        )
        for row in rows
    ]
    _measure(graph, found)
    _number_alike(found)
    return found


def _measure(graph: Graph, variables: list[Variable]) -> None:
    """Give variables sizes where the format has none (COFF): each reaches to the next one, or the section's end."""
    of_block: dict[int, list[Variable]] = {}
    for variable in variables:
        if variable.block >= 0:
            of_block.setdefault(variable.block, []).append(variable)
    for block, inside in of_block.items():
        if any(variable.size for variable in inside):
            continue
        starts = sorted({variable.value for variable in inside} | {int(graph.blocks.size[block])})
        for variable in inside:
            variable.size = next((start for start in starts if start > variable.value), variable.value) - variable.value


def _number_alike(variables: list[Variable]) -> None:
    """Give statics that compilers number names that stay the same when other code of the object changes."""
    bases: dict[bytes, list[Variable]] = {}
    for variable in variables:
        if variable.key[1]:
            bases.setdefault(_NUMBERED.sub(b"", variable.key[0]), []).append(variable)
    for base, group in bases.items():
        # Of several they are told apart by their order only; gcc numbers downwards or upwards, but always in one way.
        ordered = sorted(group, key=lambda variable: _number(variable.key[0]))
        for place, variable in enumerate(ordered, 1):
            name = base if len(group) == 1 else b"%s (%d of %d)" % (base, place, len(group))
            variable.key = name, True


def _number(name: bytes) -> int:
    found = _NUMBERED.search(name)
    return int(found[0][1:]) if found else -1


def constant_blocks(graph: Graph) -> list[int]:
    """Return blocks of constants whose address may be anywhere."""
    blocks = graph.blocks
    plain = (blocks.zone == Zone.R) & (blocks.size > 0)
    plain &= (blocks.role == Role.PLAIN) | (blocks.role == Role.RETAINED)
    rows = [row for row in true_rows(plain).tolist() if not graph.section_name(row).startswith(_OF_CODE)]
    tables = _tables_of_switches(graph)
    return [row for row in rows if row not in tables]


def _tables_of_switches(graph: Graph) -> set[int]:
    """Return blocks with references into the object's own code that nothing is named in."""
    edges, symbols = graph.edges, graph.symbols
    assert edges is not None
    target = symbols.block[edges.target]
    into = (target >= 0) & (edges.kind != 0)
    into[into] = graph.blocks.zone[target[into]] == Zone.RX
    named = symbols.block[(symbols.type == SymbolType.OBJECT) & (symbols.block >= 0)]
    return set(edges.block[into].tolist()) - set(named.tolist())


def content_of(graph: Graph, block: int, address_of: dict[int, int]) -> Constants | None:
    """Return a block's content as other versions may have it; None where it refers to what is this version's alone."""
    edges, symbols, blocks = graph.edges, graph.symbols, graph.blocks
    assert edges is not None
    found: list[tuple[int, int, int, Mark]] = []
    for row in true_rows((edges.block == block) & (edges.kind != 0)).tolist():
        target = int(edges.target[row])
        name, home = int(symbols.name[target]), int(symbols.block[target])
        if name >= 0:
            mark = ("name", name)
        elif symbols.kind[target] == SymbolKind.ABSOLUTE:
            mark = ("address", signed(int(symbols.value[target])))
        elif home in address_of:
            mark = ("address", address_of[home] + int(symbols.value[target]))
        else:
            return None
        found.append((int(edges.offset[row]), int(edges.kind[row]), int(edges.addend[row]), mark))
    at, size = int(blocks.content[block]), int(blocks.size[block])
    return graph.section_name(block), graph.arena.bytes_at(at, size) if at >= 0 else bytes(size), tuple(sorted(found))


def thread_locals(graph: Graph) -> Iterator[str]:
    """Yield names of an object's thread-locals."""
    symbols = graph.symbols
    blocks = [row for row in range(len(graph.blocks)) if _OF_THREADS.match(graph.section_name(row))]
    local = (symbols.type == SymbolType.TLS) & (symbols.block != NONE)
    for row in true_rows(local | np.isin(symbols.block, blocks)).tolist():
        yield graph.symbol_name(row)
