"""Makes a new version of an object use the variables and constants of the versions before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from uruk.errors import StaticsDiffer
from uruk.graph.graph import HOLDS_FUNCTIONS, Graph, Role, SymbolKind, SymbolType, Zone
from uruk.graph.types import I64, NONE, Bool, true_rows
from uruk.orc.replacing.functions import RUN_FIRST, offsets
from uruk.orc.replacing.statics import Kept, Statics, Variable, constant_blocks, content_of, thread_locals, variables_of
from uruk.records import replace

_SECTIONS = 'compile both versions with -fdata-sections (uruk does, for sources), or replace with statics="new"'


def keep_statics(graph: Graph, statics: Statics, changed: Mapping[str, str]) -> Graph:
    """Return the graph of one object with its variables and constants where those of earlier versions lie.

    `changed` has what differs for variables of other types, by name, as far as that is known.

    Raises StaticsDiffer where one has another size or type, or cannot be told from others by the references to it.
    """
    file = graph.files[0]
    if names := list(thread_locals(graph)):
        raise StaticsDiffer(file, [f"`{name}' is thread-local: each thread would have a new one" for name in names])
    variables = variables_of(graph)
    kept = _matches(file, variables, statics, changed)
    whole = _whole_blocks(graph, variables, kept)
    _check_references(graph, variables, kept, whole)
    graph = _without_initialisers(graph, kept, variables, whole)
    address = {variable.row: kept[variable.row].address for variable in variables if variable.row in kept}
    graph = _placed(graph, address, whole)
    return _with_constants(graph, statics)


def _matches(file: str, variables: list[Variable], statics: Statics, changed: Mapping[str, str]) -> dict[int, Kept]:
    """Return what each symbol row keeps. Raises StaticsDiffer."""
    kept: dict[int, Kept] = {}
    problems: list[str] = []
    for variable in variables:
        before = statics.variables.get(variable.key)
        if before is None:
            continue
        name = variable.key[0].decode("utf-8", "replace")
        if name in changed:
            problems.append(f"`{name}' {changed[name]}")
        elif before.size != variable.size:
            problems.append(f"`{name}' has {variable.size} bytes, and had {before.size}")
        elif before.type != variable.type:
            problems.append(f"`{name}' is a symbol of type {variable.type}, and was one of type {before.type}")
        kept[variable.row] = before
    if problems:
        raise StaticsDiffer(file, problems)
    return kept


def _whole_blocks(graph: Graph, variables: list[Variable], kept: dict[int, Kept]) -> dict[int, int]:
    """Return the sections that lie where one of an earlier version does, with all their variables: block -> address."""
    of_block: dict[int, list[Variable]] = defaultdict(list)
    for variable in variables:
        if variable.block >= 0:
            of_block[variable.block].append(variable)
    whole: dict[int, int] = {}
    for block, inside in of_block.items():
        if any(variable.row not in kept for variable in inside):
            continue
        starts = {kept[variable.row].address - variable.value for variable in inside}
        homes = {(kept[variable.row].home, kept[variable.row].end) for variable in inside}
        if len(starts) == 1 and len(homes) == 1:
            start, (home, end) = starts.pop(), homes.pop()
            if home <= start and start + int(graph.blocks.size[block]) <= end:
                whole[block] = start
    return whole


def _check_references(graph: Graph, variables: list[Variable], kept: dict[int, Kept], whole: dict[int, int]) -> None:
    """Raise StaticsDiffer where code refers by section to one of which some variables are kept: which ones is unknown.

    An end of one variable is the start of the next, and compilers count from places outside.
    """
    edges, symbols = graph.edges, graph.symbols
    assert edges is not None
    partly = {variable.block for variable in variables if variable.row in kept and variable.block >= 0} - whole.keys()
    if not partly:
        return
    named = np.zeros(len(symbols), np.bool_)
    named[[variable.row for variable in variables]] = True
    doubtful = true_rows(~named[edges.target] & np.isin(symbols.block[edges.target], list(partly)) & (edges.kind != 0))
    if doubtful.size:
        row = int(doubtful[0])
        place = graph.place(int(edges.block[row]), int(edges.offset[row]))
        section = graph.section_name(int(symbols.block[edges.target[row]]))
        problem = f"variables of {section} lie elsewhere than before, and {place} means one of them by the section only"
        raise StaticsDiffer(graph.files[0], [problem], _SECTIONS)


def _without_initialisers(
    graph: Graph, kept: dict[int, Kept], variables: list[Variable], whole: dict[int, int]
) -> Graph:
    """Return the graph without initialisers if these are for kept variables, or for none at all.

    Finalisers are those of the first version: they were registered by addresses that lead to the newest code. Raises
    StaticsDiffer where initialisers are for kept variables and for new ones.
    """
    roles = graph.blocks.role
    initial = true_rows(HOLDS_FUNCTIONS[roles] & (roles != Role.FINI) & (roles != Role.DTORS) & (graph.blocks.size > 0))
    if initial.size:
        rows = _edges_of_initialisers(graph, initial)
        names = {variable.row: variable for variable in variables}
        old, new = _touched(graph, rows, kept, names, whole)
        if old and new:
            text = f"its initialisers are for {_list(new)}, which are new, and for {_list(old)}, which are kept"
            advice = (
                'make the new ones static in a function, put them into another object, or replace with statics="new"'
            )
            raise StaticsDiffer(graph.files[0], [text], advice)
        if new:
            return graph
    drop = HOLDS_FUNCTIONS[roles]
    return _emptied(graph, drop)


def _list(names: set[str]) -> str:
    return ", ".join(f"`{name}'" for name in sorted(names)[:3])


def _edges_of_initialisers(graph: Graph, blocks: I64) -> I64:
    """Return edges in the code of functions that run first."""
    symbols, edges = graph.symbols, graph.edges
    assert edges is not None
    entries = true_rows(np.isin(edges.block, blocks))
    places = {
        (int(symbols.block[target]), int(symbols.value[target]) + addend)
        for target, addend in zip(edges.target[entries].tolist(), edges.addend[entries].tolist(), strict=True)
    }
    marked = np.zeros(len(edges), np.bool_)
    for row in true_rows((symbols.type == SymbolType.FUNC) & (symbols.block >= 0)).tolist():
        block, start, size = int(symbols.block[row]), int(symbols.value[row]), int(symbols.size[row])
        if (block, start) in places or graph.symbol_name(row).startswith(RUN_FIRST):
            marked |= (edges.block == block) & (edges.offset >= start) & (edges.offset < start + size)
    return true_rows(marked)


def _touched(
    graph: Graph, rows: I64, kept: dict[int, Kept], names: dict[int, Variable], whole: dict[int, int]
) -> tuple[set[str], set[str]]:
    """Return names of kept variables and of new ones that edges refer to."""
    symbols, edges = graph.symbols, graph.edges
    assert edges is not None
    old: set[str] = set()
    new: set[str] = set()
    place = offsets(graph)
    for row in rows.tolist():
        target = int(edges.target[row])
        block = int(symbols.block[target])
        if target in names:
            (old if target in kept else new).add(graph.symbol_name(target))
        elif block >= 0 and graph.blocks.zone[block] == Zone.RW:
            at = int(symbols.value[target]) + int(place[row])
            inside = [one for one in names.values() if one.block == block and one.value <= at <= one.value + one.size]
            label = graph.symbol_name(inside[-1].row) if inside else graph.section_name(block)
            (old if block in whole else new).add(label)
    return old, new


def _placed(graph: Graph, address: dict[int, int], whole: dict[int, int]) -> Graph:
    """Return the graph with symbols, and all that lies in `whole` blocks, at addresses that are known."""
    symbols = graph.symbols
    place = np.zeros(len(symbols), np.int64)
    known = np.zeros(len(symbols), np.bool_)
    for block, start in whole.items():
        rows = true_rows(symbols.block == block)
        place[rows] = start + symbols.value[rows].view(np.int64)
        known[rows] = True
    for row, at in address.items():
        place[row], known[row] = at, True
    rows = true_rows(known)
    if not rows.size:
        return graph
    kind, block, value = symbols.kind.copy(), symbols.block.copy(), symbols.value.copy()
    kind[rows], block[rows], value[rows] = SymbolKind.ABSOLUTE, NONE, place[rows].view(np.uint64)
    type_ = symbols.type.copy()
    type_[rows[type_[rows] == SymbolType.SECTION]] = SymbolType.NOTYPE
    type_[rows[type_[rows] == SymbolType.COMMON]] = SymbolType.OBJECT
    drop = np.zeros(len(graph.blocks), np.bool_)
    drop[list(whole)] = True
    symbols = symbols.replaced(kind=kind, block=block, value=value, type=type_)
    return _emptied(replace(graph, symbols=symbols), drop)


def _emptied(graph: Graph, drop: Bool) -> Graph:
    """Return the graph without the content of some blocks."""
    edges = graph.edges
    assert edges is not None
    if not drop.any():
        return graph
    size, content, role = graph.blocks.size.copy(), graph.blocks.content.copy(), graph.blocks.role.copy()
    size[drop], content[drop], role[drop] = 0, NONE, Role.PLAIN
    blocks = graph.blocks.replaced(size=size, content=content, role=role)
    return replace(graph, blocks=blocks, edges=edges.rows(~drop[edges.block]))


def _with_constants(graph: Graph, statics: Statics) -> Graph:
    """Return the graph with constants that are those of an earlier version at their addresses."""
    left = set(constant_blocks(graph))
    while left:  # until no more are found: constants may refer to constants
        found: dict[int, int] = {}
        for block in left:
            content = content_of(graph, block, {})
            if content is not None and content in statics.constants:
                found[block] = statics.constants[content]
        if not found:
            return graph
        graph = _placed(graph, {}, found)
        left -= found.keys()
    return graph
