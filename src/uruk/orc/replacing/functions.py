"""Leads an object's references to its own functions through stubs, so that these can get other code later.

Whatever reaches a function from outside of its own code does so by the stub: calls, function pointers in data, and
addresses that code takes. Of static functions only those need a stub whose address is taken; they get a name for it
that no source can have. A call of a static function stays a direct one, within one version of the object.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import (
    HOLDS_FUNCTIONS,
    Binding,
    Graph,
    Role,
    SymbolKind,
    Symbols,
    SymbolType,
    Visibility,
    Zone,
)
from uruk.graph.kinds import Base, Operand
from uruk.graph.types import I64, NONE, Bool, true_rows
from uruk.orc.registry.definitions import definitions_of
from uruk.orc.registry.symbols import Rank
from uruk.passes.meant_places import calls_and_jumps, meant_offsets
from uruk.records import replace

if TYPE_CHECKING:
    from uruk.orc.registry.entries import Contents

RUNS_BY_ITSELF = HOLDS_FUNCTIONS.copy()
"""True for each Role of blocks whose references to functions stay direct: unwind data, initialisers."""
RUNS_BY_ITSELF[[Role.FINI, Role.DTORS]] = False
RUNS_BY_ITSELF[Role.UNWIND] = True


def lead_through_stubs(graph: Graph, public: Contents, bodies: Contents, tag: str) -> Graph:
    """Return the graph of one object, read with the names of `bodies`, with its functions called by stubs of `public`.

    `tag` makes the names of static functions different from those of other objects.
    """
    graph = _named_statics(_by_names(graph), bodies, tag)
    symbols, edges = graph.symbols, graph.edges
    assert edges is not None  # relocations of objects that are added are read at once
    own = function_rows(graph)
    texts = public.names.ids.texts(symbols.name[own].tolist())
    first = len(symbols)
    stubs = np.full(first, NONE, np.int64)
    stubs[own] = first + np.arange(own.size)
    graph = with_symbols(
        graph,
        Symbols(
            np.array(public.names.intern(texts), np.int32),
            symbols.text[own],
            np.full(own.size, NONE, np.int32),
            np.zeros(own.size, np.uint64),
            np.zeros(own.size, np.int64),
            np.full(own.size, SymbolKind.UNDEFINED, np.uint8),
            np.full(own.size, Binding.GLOBAL, np.uint8),
            np.full(own.size, SymbolType.FUNC, np.uint8),
            np.full(own.size, Visibility.DEFAULT, np.uint8),
        ),
    )
    rows = true_rows((stubs[edges.target] >= 0) & may_lead_elsewhere(graph) & (offsets(graph) == 0))
    target = edges.target.copy()
    target[rows] = stubs[edges.target[rows]]
    return replace(graph, edges=edges.replaced(target=target))


def function_rows(graph: Graph) -> I64:
    """Return symbol rows of the functions that an object defines for others: whatever lies in code, typed or not."""
    symbols = graph.symbols
    inside = (symbols.name >= 0) & (symbols.kind == SymbolKind.DEFINED) & (symbols.block >= 0)
    rows = true_rows(inside)
    return rows[graph.blocks.zone[symbols.block[rows]] == Zone.RX]


def may_lead_elsewhere(graph: Graph) -> Bool:
    """Mark edges that mean a function as others see it: not its unwind data, nor the start of its initialisers."""
    edges, kinds = graph.edges, graph.kinds
    assert edges is not None
    operand = kinds.operand[edges.kind]
    means = (operand == Operand.SYMBOL) | (operand == Operand.BRANCH) | (operand == Operand.GOT)
    return means & (kinds.base[edges.kind] != Base.IMAGE) & ~RUNS_BY_ITSELF[graph.blocks.role[edges.block]]


def offsets(graph: Graph) -> I64:
    """Return for each edge how far behind its symbol the place lies that it means."""
    assert graph.edges is not None
    return meant_offsets(graph, graph.blocks, graph.edges)


def _by_names(graph: Graph) -> Graph:
    """Return the graph with references to functions that others see by their names, and not by their sections.

    Assemblers write COFF's so, to whatever their own object defines.
    """
    symbols, edges = graph.symbols, graph.edges
    assert edges is not None
    block = symbols.block[edges.target]
    meant = may_lead_elsewhere(graph) & _mean_code(graph)
    rows = true_rows(meant & (symbols.name[edges.target] < 0) & (symbols.type[edges.target] != SymbolType.FUNC))
    if not rows.size:
        return graph
    own = function_rows(graph).tolist()
    at = {(int(symbols.block[row]), int(symbols.value[row])): row for row in reversed(own)}
    place = symbols.value[edges.target[rows]].view(np.int64) + offsets(graph)[rows]
    found = [at.get(pair, NONE) for pair in zip(block[rows].tolist(), place.tolist(), strict=True)]
    return _with_targets(graph, rows, found)


def _mean_code(graph: Graph) -> Bool:
    """Mark edges into code, from code or by pointers.

    In data only pointers mean functions: tables of switches have distances, which may be those of a function, too.
    """
    symbols, edges = graph.symbols, graph.edges
    assert edges is not None
    block = symbols.block[edges.target]
    into = block >= 0
    into[into] = graph.blocks.zone[block[into]] == Zone.RX
    return into & ((graph.blocks.zone[edges.block] == Zone.RX) | (graph.kinds.base[edges.kind] == Base.ZERO))


def _with_targets(graph: Graph, rows: I64, found: Sequence[int]) -> Graph:
    """Return the graph with edges that mean the same places by other symbols; NONE leaves one as it is."""
    symbols, edges = graph.symbols, graph.edges
    assert edges is not None
    new = np.array(found, np.int64)
    rows, new = rows[new >= 0], new[new >= 0]
    if not rows.size:
        return graph
    target, addend = edges.target.copy(), edges.addend.copy()
    addend[rows] += symbols.value[target[rows]].view(np.int64) - symbols.value[new].view(np.int64)
    target[rows] = new
    return replace(graph, edges=edges.replaced(target=target, addend=addend))


def _named_statics(graph: Graph, bodies: Contents, tag: str) -> Graph:
    """Return the graph with a name for each static function whose address is taken, and these references by it."""
    symbols, edges = graph.symbols, graph.edges
    assert edges is not None
    # A direct call knows more of a static function than its type (which registers it leaves alone, say).
    taken = may_lead_elsewhere(graph) & ~calls_and_jumps(graph, graph.blocks, edges)
    block = symbols.block[edges.target]
    rows = true_rows(taken & (symbols.name[edges.target] < 0) & _mean_code(graph))
    if not rows.size:
        return graph
    at = static_functions(graph)
    place = symbols.value[edges.target[rows]].view(np.int64) + offsets(graph)[rows]
    found = [at.get(pair, NONE) for pair in zip(block[rows].tolist(), place.tolist(), strict=True)]
    rows, function = rows[np.array(found) >= 0], np.array([row for row in found if row >= 0], np.int64)
    if not rows.size:
        return graph
    chosen = np.unique(function)
    new = symbols.rows(chosen)
    texts = [graph.arena.string_at(int(text)) + f" [static, {tag}]".encode() for text in new.text.tolist()]
    new = new.replaced(
        name=np.array(bodies.names.intern(texts), np.int32),
        text=np.array([graph.arena.append(np.frombuffer(text + b"\0", np.uint8)) for text in texts], np.int64),
        binding=np.full(chosen.size, Binding.GLOBAL, np.uint8),
        visibility=np.full(chosen.size, Visibility.HIDDEN, np.uint8),
    )
    target, addend = edges.target.copy(), edges.addend.copy()
    addend[rows] += symbols.value[target[rows]].view(np.int64) - symbols.value[function].view(np.int64)
    target[rows] = len(symbols) + np.searchsorted(chosen, function)
    return replace(with_symbols(graph, new), edges=edges.replaced(target=target, addend=addend))


def static_functions(graph: Graph) -> dict[tuple[int, int], int]:
    """Return symbol rows of static functions by block and offset; those whose name several have are left out."""
    symbols = graph.symbols
    local = (symbols.name < 0) & (symbols.type == SymbolType.FUNC) & (symbols.block >= 0) & (symbols.text >= 0)
    by_name: dict[bytes, list[int]] = {}
    for row in true_rows(local).tolist():
        by_name.setdefault(graph.arena.string_at(int(symbols.text[row])), []).append(row)
    rows = [rows[0] for rows in by_name.values() if len(rows) == 1]
    return {(int(symbols.block[row]), int(symbols.value[row])): row for row in rows}


def hidden_statics(graph: Graph) -> list[str]:
    """Return static functions whose address other code of their section may take, which assemblers do by themselves."""
    symbols = graph.symbols
    functions = true_rows(
        (symbols.type == SymbolType.FUNC) & (symbols.block >= 0) & (symbols.kind == SymbolKind.DEFINED)
    )
    # A static function has a second symbol, by which its stub knows it: places are counted, and not symbols.
    places = {(int(symbols.block[row]), int(symbols.value[row])) for row in functions.tolist()}
    blocks, count = np.unique([block for block, _ in places], return_counts=True)
    shared = functions[np.isin(symbols.block[functions], blocks[count > 1]) & (symbols.name[functions] < 0)]
    names = [graph.symbol_name(row) for row in shared.tolist()]
    return [name for name in names if not CLONE.search(name) and not name.startswith(RUN_FIRST)]


CLONE = re.compile(r"\.(constprop|isra|part|cold|lto_priv|llvm)\b")
"""The parts and copies that compilers make of functions, which are reached by direct calls and jumps only."""
RUN_FIRST = ("_GLOBAL__", "_Z41__static_initialization_and_destruction_0", "__cxx_global_")
"""The functions that compilers make for initialising variables of C++."""


def with_symbols(graph: Graph, new: Symbols) -> Graph:
    """Return the graph of one object with more symbols."""
    ranges = graph.ranges
    symbols = Symbols.concat([graph.symbols, new])
    bounds = np.array([0, len(symbols)], np.int64)
    return replace(graph, symbols=symbols, ranges=replace(ranges, symbols=bounds))


def give_way(graphs: Sequence[Graph]) -> list[Graph]:
    """Return the graphs with their definitions weak that later ones of them define as well, so that the last counts."""
    later = np.empty(0, np.int64)
    made: list[Graph] = []
    for graph in reversed(graphs):
        definitions = definitions_of(graph)
        rows = definitions.row[(definitions.rank == Rank.STRONG) & np.isin(definitions.name, later)]
        later = np.union1d(later, definitions.name)
        binding = graph.symbols.binding.copy()
        binding[rows] = Binding.WEAK
        made.append(replace(graph, symbols=replace(graph.symbols, binding=binding)))
    return made[::-1]
