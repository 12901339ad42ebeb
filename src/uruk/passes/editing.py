"""For the authors of passes: find symbols and edges, send edges elsewhere, add references, blocks, symbols and edges.

Rows are numbers; a choice of rows is a column. Columns are replaced, never written in place: they may be those of the
objects, which a later link reads again. Each function says until which step of the link it may be used, and raises
ValueError after that, which `link` wraps with the point and the plug-in's name.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.graph.graph import Binding, Edges, SymbolKind, Symbols, SymbolType, Visibility, Zone
from uruk.graph.kinds import Operand
from uruk.graph.types import I64, NONE, AnyArray, Bool, some, true_rows, unique
from uruk.passes.meant_places import calls_and_jumps, meant_offsets
from uruk.passes.state import State, synthetic_blocks


def object_row(state: State, file: str) -> int:
    """Return the object of this batch that errors call `file`; -1 if it is not among them. At every point."""
    return state.graph.files.index(file) if file in state.graph.files else NONE


def symbol_row(state: State, name: str, file: str = "") -> int | None:
    """Return the row that stands for `name` in this batch, from ``after bind names`` on.

    Returns None if no symbol is called so.

    With `file`, the row of that object instead, its local symbols included (``static`` functions).
    """
    _wants(state, "symbol_row", after="bind names")
    if file:
        return _row_in_file(state, name.encode("utf-8", "surrogateescape"), file)
    # `get` does not take up the name, as `[]` would: a question must not change the session.
    number = state.names.get(name.encode("utf-8", "surrogateescape"), NONE)
    rows = true_rows(state.symbols.name == number)
    return int(state.canonical[rows[0]]) if number != NONE and rows.size else None


def _row_in_file(state: State, name: bytes, file: str) -> int | None:
    owner = object_row(state, file)
    if owner < 0:
        return None
    # Local symbols have no number, so that their texts are compared.
    first, last = state.graph.ranges.symbols[owner : owner + 2].tolist()
    texts = state.symbols.text[first:last].tolist()
    arena = state.graph.arena
    return next((first + at for at, text in enumerate(texts) if text >= 0 and arena.string_at(text) == name), None)


def edges_to(state: State, row: int, *, branches: bool = False) -> I64:
    """Return the edges that refer to a symbol, whichever object's row for it they name; with `branches`, calls and
    jumps only. Unwind data is left out, which describes the code that lies there.

    From ``after bind names`` on. `state.objects_of(edges)` says which object each comes from.
    """
    _wants(state, "edges_to", after="bind names")
    kinds, edges = state.graph.kinds, state.edges
    meant = (state.canonical[edges.target] == state.canonical[row]) & _of_code_and_data(state)
    if branches:
        meant &= kinds.having((Operand.BRANCH,)).take(edges.kind)
    return true_rows(meant)


def edges_into(state: State, row: int, *, branches: bool = False) -> I64:
    """Return the edges that mean the start of a symbol: those of `edges_to`, and those that name its section.

    So it finds what refers to a static function, whose callers have its section and an offset. From ``after bind
    names`` on. What an assembler has resolved by itself is no edge: see the guide on writing a pass.
    """
    _wants(state, "edges_into", after="bind names")
    edges, symbols = state.edges, state.symbols
    row = int(state.canonical[row])
    block = int(symbols.block[row])
    named = state.canonical[edges.target] == row
    if block < 0:
        return edges_to(state, row, branches=branches)
    place = symbols.value[edges.target].view(np.int64) + meant_offsets(state.graph, state.blocks, edges)
    unnamed = (symbols.name[edges.target] < 0) & (symbols.block[edges.target] == block)
    unnamed &= place == symbols.value[row].view(np.int64)
    meant = (named | unnamed) & _of_code_and_data(state)
    if branches:
        meant &= calls_and_jumps(state.graph, state.blocks, edges)
    return true_rows(meant)


def _of_code_and_data(state: State) -> Bool:
    """Return which edges there are, but for those of unwind data."""
    edges = state.edges
    return (edges.kind != 0) & ~state.unwind_data()[edges.block]


def redirect(state: State, edges: I64, row: int) -> None:
    """Let `edges` refer to symbol `row`; addends and kinds stay. Before ``got, stubs``.

    Names that nothing refers to any more are not asked for. From ``provided names`` on, `row` must be a defined symbol,
    or one that is asked for already.
    """
    _wants(state, "redirect", after="bind names", before="got, stubs")
    _ask_for(state, row)
    target = state.edges.target.copy()
    # Taken before the targets change: these may have lost their last reference.
    left = unique(state.canonical[target[edges]])
    target[edges] = row
    state.edges = state.edges.replaced(target=target)
    _forget(state, left)


def add_reference(state: State, name: str) -> int:
    """Return a new undefined symbol; it is bound to the batch's definition of `name`, or asked for, like any other.

    Returns its row. After ``bind names``, before ``provided names``. The name does not pull anything into the batch:
    what defines it must be looked up before, or be added with what is being linked. Raises ValueError for the names
    that each module has for itself (ELF's ``__dso_handle``, ``__start_X``), as it would not say which module's.
    """
    _wants(state, "add_reference", after="bind names", before="provided names")
    text = name.encode("utf-8", "surrogateescape")
    if state.is_own_name(text):
        raise ValueError(f"`{name}' is a name that each module has for itself")
    number = state.names[text]
    row = _append_symbol(state, text, number, NONE, 0, SymbolKind.UNDEFINED)
    same = true_rows(state.symbols.name == number)
    state.canonical[row] = state.canonical[same[0]]
    _ask_for(state, row)
    return row


def add_block(
    state: State, content: bytes | int, zone: int = Zone.RX, *, owner: int = 0, align: int = 16, name: str = ".added"
) -> int:
    """Return a new block with `content`, or of that many zero bytes; returns its row.

    After ``bind names``, before ``layout``.

    It is placed with the code of object `owner`, which errors name; `zone` is one of `Zone`. Give it symbols and edges
    with `add_symbol` and `add_edges`.
    """
    _wants(state, "add_block", after="bind names", before="layout")
    # A block without a place of its content is zero-fill.
    size, at = (content, NONE) if isinstance(content, int) else (len(content), _store(state, content))
    row = np.ones(1, np.int64)
    new = synthetic_blocks(row * size, row * align, zone, row * at)
    # Blocks that passes make have no object otherwise, and errors could not name a file.
    new.object[:] = owner
    new.text[:] = _store(state, name.encode() + b"\0")
    return int(state.add_blocks(new, state.module_of_object[[owner]])[0])


def add_symbol(state: State, block: int, offset: int = 0, name: str = "added") -> int:
    """Return a new local symbol in a block, for edges to refer to; returns its row.

    After ``bind names``, before ``layout``.

    It is known in this link only, and is found by no lookup.
    """
    _wants(state, "add_symbol", after="bind names", before="layout")
    return _append_symbol(state, name.encode(), NONE, block, offset, SymbolKind.DEFINED)


def add_edges(
    state: State, block: int, offsets: Sequence[int], kind: str, targets: Sequence[int], addends: Sequence[int]
) -> I64:
    """Add edges of one kind (a name of the ISA's table, ``BranchPCRel32``) in a block; returns their rows.

    After ``unwind``, as `post-prune` is, before ``got, stubs``. Raises KeyError for an unknown kind.
    """
    _wants(state, "add_edges", after="unwind", before="got, stubs")
    count, first = len(offsets), len(state.edges)
    new = Edges(
        np.full(count, block, np.int32),
        np.array(offsets, np.int64),
        np.full(count, state.graph.kinds.number[kind], np.uint8),
        np.array(targets, np.int32),
        np.array(addends, np.int64),
    )
    for row in set(targets):
        _ask_for(state, row)
    if state.read_edges is not None:
        # `read_edges` has a row for each row of `edges`, which errors rely on.
        state.read_edges = Edges.concat([state.read_edges, new])
    state.edges = Edges.concat([state.edges, new])
    return np.arange(first, first + count)


def drop_edges(state: State, edges: I64) -> None:
    """Let `edges` write nothing; their rows stay, as None edges. Before ``got, stubs``."""
    _wants(state, "drop_edges", after="bind names", before="got, stubs")
    kind = state.edges.kind.copy()
    # Rows are kept: `read_edges` and the rows that plug-ins hold count them.
    kind[edges] = 0
    left = unique(state.canonical[state.edges.target[edges]])
    state.edges = state.edges.replaced(kind=kind)
    _forget(state, left)


def zero_fill(state: State, block: int) -> None:
    """Make a block all zeros, without content or edges. Before ``got, stubs``."""
    drop_edges(state, true_rows(state.edges.block == block))
    content = state.blocks.content.copy()
    # Its size stays, and with it all that was placed by offsets in it.
    content[block] = NONE
    state.blocks = state.blocks.replaced(content=content)


def _wants(state: State, function: str, *, after: str, before: str = "") -> None:
    """Raise ValueError where the link is not between two steps."""
    if after not in state.passed:
        raise ValueError(f"{function} comes too early at `{state.point}': use it after `{after}'")
    if before in state.passed:
        raise ValueError(f"{function} comes too late at `{state.point}': use it before `{before}'")


def _store(state: State, content: bytes) -> int:
    """Put bytes into the arena; returns their offset."""
    return state.graph.arena.append(np.frombuffer(content or b"\0", np.uint8))


def _append_symbol(state: State, text: bytes, name: int, block: int, value: int, kind: int) -> int:
    """Append a symbol behind those of the objects, in the tables as read, too, where passes look for facts."""
    row = len(state.symbols)
    binding = Binding.LOCAL if name == NONE else Binding.GLOBAL
    # Code is a function, so that a branch to it may go through a stub.
    type_ = SymbolType.FUNC if block >= 0 and state.blocks.zone[block] == Zone.RX else SymbolType.NOTYPE
    new = Symbols(
        np.array([name], np.int32),
        np.array([_store(state, text + b"\0")], np.int64),
        np.array([block], np.int32),
        np.array([value], np.uint64),
        np.zeros(1, np.int64),
        *(np.array([value], np.uint8) for value in (kind, binding, type_, Visibility.DEFAULT)),
    )
    state.add_symbols(new)
    return row


def _ask_for(state: State, row: int) -> None:
    """Have an undefined symbol answered for, if it would not be."""
    row = int(state.canonical[row])
    # Defined, or asked for already.
    if state.symbols.kind[row] != SymbolKind.UNDEFINED or some(state.undefined == row):
        return
    if "provided names" in state.passed:
        raise ValueError(f"`{state.graph.symbol_name(row)}' comes too late: refer to it before `provided names'")
    # `undefined` stays sorted: passes search in it.
    at = int(state.undefined.searchsorted(row))
    state.undefined = np.concatenate([state.undefined[:at], np.array([row], np.int32), state.undefined[at:]])


def _forget(state: State, rows: AnyArray) -> None:
    """Ask no more for those of some canonical rows that nothing refers to, unless the link has begun to ask."""
    if "provided names" in state.passed:
        return
    used = np.zeros(len(state.symbols), np.bool_)
    # Edges of kind 0 need nothing.
    used[state.canonical[state.edges.target[state.edges.kind != 0]]] = True
    gone = rows[~used[rows]]
    state.undefined = state.undefined[~np.isin(state.undefined, gone)]
