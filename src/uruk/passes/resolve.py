"""Symbols to definitions: which row stands for each name, which names come from elsewhere, and, once blocks have
addresses, the address of every symbol row."""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Role, SymbolKind, SymbolType, Visibility, Zone
from uruk.graph.kinds import Base, Operand
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, NONE, U8, Bool, every, some, true_rows, unique
from uruk.passes.state import State, synthetic_blocks
from uruk.records import replace


def bind_names(state: State, names: Names, defines: Bool, private: I32) -> None:
    """Fill `canonical` and `undefined`; `defines` marks the rows that are the definition of their name.

    `private` are names that every module has for itself (``__dso_handle``, ``atexit``). Only names that a live edge
    refers to count as undefined: what only dead code wants may be undefined.
    """
    symbols = state.symbols
    canonical = np.arange(len(symbols), dtype=np.int32)
    outer = true_rows(symbols.name >= 0)
    ids = symbols.name[outer].astype(np.int64)
    row_of_name = names.scratch()
    # Where a name occurs several times, the last assignment counts: backwards, that is the first row. A definition then
    # replaces it, wherever it stands.
    row_of_name[ids[::-1]] = outer[::-1]
    definitions = true_rows(defines)
    row_of_name[symbols.name[definitions]] = definitions
    canonical[outer] = row_of_name[ids]
    _bind_private(state, canonical, defines, outer[ids < private.size])
    state.canonical = canonical
    # A row that stands for its own name and is not a definition has nothing else to be bound to.
    missing = outer[true_rows((canonical[outer] == outer) & ~defines[outer])]
    if missing.size:
        referenced = np.zeros(len(symbols), np.bool_)
        referenced[canonical.take(state.edges.target)] = True
        if state.graph.fallbacks.symbol.size:
            _refer_to_fallbacks(state, referenced, missing)
        state.undefined = missing[referenced[missing]].astype(np.int32)
        _make_undefined(state, missing)


def _refer_to_fallbacks(state: State, referenced: Bool, missing: I64) -> None:
    """Mark what stands for missing names that are referred to as referred to, fallbacks of fallbacks included."""
    fallbacks = state.graph.fallbacks
    is_missing = np.zeros(referenced.size, np.bool_)
    is_missing[missing] = True
    symbol, instead = state.canonical[fallbacks.symbol], state.canonical[fallbacks.instead]
    while True:
        # Each round reaches one fallback further along a chain; it ends when a round adds none, in cycles too.
        more = instead[referenced[symbol] & is_missing[symbol]]
        if every(referenced[more]):
            return
        referenced[more] = True


def use_fallbacks(state: State) -> None:
    """Bind names that nothing defines to their fallbacks, for all references of the batch; the first object's wins."""
    assert state.external is not None
    fallbacks, canonical = state.graph.fallbacks, state.canonical
    lost = np.zeros(canonical.size, np.bool_)
    lost[state.undefined[~state.external.found]] = True
    instead: dict[int, int] = {}
    for row, fallback in zip(canonical[fallbacks.symbol].tolist(), canonical[fallbacks.instead].tolist(), strict=True):
        if lost[row]:
            instead.setdefault(row, fallback)
    # Follow each chain of fallbacks to its end; `seen` ends it where fallbacks form a cycle.
    final = np.arange(canonical.size, dtype=np.int32)
    for row in instead:
        end, seen = row, {row}
        while end in instead and (end := instead[end]) not in seen:
            seen.add(end)
        final[row] = end
    state.canonical = final[canonical]


def _make_undefined(state: State, rows: I64) -> None:
    """Make definitions that another object's override undefined rows: they have no block any more."""
    symbols = state.symbols
    lost = rows[symbols.kind[rows] != SymbolKind.UNDEFINED]
    if lost.size == 0:
        return
    block, kind = symbols.block.copy(), symbols.kind.copy()
    block[lost] = NONE
    kind[lost] = SymbolKind.UNDEFINED
    state.symbols = replace(symbols, block=block, kind=kind)


def _bind_private(state: State, canonical: I32, defines: Bool, rows: I64) -> None:
    """Bind the rows whose names are private to a module within each module; they are few: a loop."""
    if rows.size == 0:
        return
    symbols = state.symbols
    module = state.module_of_object[state.symbol_objects(rows)]
    first: dict[tuple[int, int], int] = {}
    keys = list(zip(module.tolist(), symbols.name[rows].tolist(), strict=True))
    for key, row in zip(keys, rows.tolist(), strict=True):
        if defines[row] or key not in first:
            first[key] = row
    canonical[rows] = [first[key] for key in keys]


def undefined_facts(state: State) -> tuple[Bool, Bool, Bool]:
    """Return for each undefined row: is every reference weak, is it thread-local, is some reference hidden."""
    symbols = state.graph.symbols  # as they were read: a definition that lost needs its winner
    count = len(state.symbols)
    asks = true_rows((symbols.name >= 0) & (symbols.kind == SymbolKind.UNDEFINED))
    target = state.canonical[asks]
    strong, tls, hidden = (np.zeros(count, np.bool_) for _ in range(3))
    # 2 is STB_WEAK: a name is weak only if every row that asks for it is.
    strong[target[symbols.binding[asks] != 2]] = True
    lost = true_rows((symbols.name >= 0) & (symbols.kind != SymbolKind.UNDEFINED))
    # A definition that lost to one from elsewhere needs its winner, whatever the binding of the references.
    strong[state.canonical[lost]] = True
    # A weak external (PE/COFF specification, 5.5.3) has a fallback, so that it may be undefined.
    strong[state.canonical[state.graph.fallbacks.symbol]] = False
    tls[target[symbols.type[asks] == SymbolType.TLS]] = True
    visibility = symbols.visibility[asks]
    hidden[target[(visibility == Visibility.HIDDEN) | (visibility == Visibility.INTERNAL)]] = True
    rows = state.undefined
    return ~strong[rows], tls[rows], hidden[rows]


def functions_are_no_data(state: State) -> None:
    """Mark targets of the batch's branches as functions, whatever is known of them: stubs may stand for them."""
    assert state.external is not None
    edges = state.edges
    branches = true_rows(state.graph.kinds.having((Operand.BRANCH, Operand.STUB)).take(edges.kind))
    called = np.zeros(len(state.symbols), np.bool_)
    called[state.canonical.take(edges.target.take(branches))] = True
    state.external.is_data &= ~called[state.undefined]


def place_commons(state: State, defines: Bool) -> None:
    """Give each common symbol that is its name's definition a zero-filled block; the largest size and alignment win."""
    symbols = state.symbols
    commons = true_rows(symbols.kind == SymbolKind.COMMON)
    rows = commons[defines[commons]]
    if rows.size == 0:
        return
    commons = commons[symbols.name[commons] >= 0]
    size = np.zeros(len(symbols), np.int64)
    align = np.ones(len(symbols), np.int64)
    # `at` takes repeated rows one after the other, where a plain assignment would keep one of them (gABI, SHN_COMMON:
    # the largest size and the strictest alignment hold).
    np.maximum.at(size, state.canonical[commons], symbols.size[commons])
    # A common symbol's value is its alignment, until it has a place.
    np.maximum.at(align, state.canonical[commons], symbols.value[commons].astype(np.int64))
    # The object of a symbol row is the last one whose range begins at or before the row.
    owner = state.graph.ranges.symbols.searchsorted(rows, "right") - 1
    tls = symbols.type[rows] == SymbolType.TLS
    new = synthetic_blocks(size[rows], align[rows], Zone.RW, role=Role.COMMON)
    new.zone[tls] = Zone.TLS
    new.object[:] = owner
    block = symbols.block.copy()
    block[rows] = state.add_blocks(new, state.module_of_object[owner])
    value = symbols.value.copy()
    value[rows] = 0
    state.symbols = replace(symbols, block=block, value=value)


def address_symbols(state: State) -> None:
    """Fill `symbol_address` from block addresses, absolute values and external answers."""
    symbols = state.symbols
    value = symbols.value.view(np.int64)
    placed = true_rows(symbols.block >= 0)
    address = np.zeros(len(symbols), np.int64)
    address[placed] = state.address.take(symbols.block[placed]) + value[placed]
    absolute = true_rows(symbols.kind == SymbolKind.ABSOLUTE)
    if absolute.size:
        address[absolute] = value[absolute]
    if state.external is not None and state.undefined.size:
        address[state.undefined] = np.where(state.external.found, state.external.address, 0)
    stubs = state.stubs
    if some(stubs.ifunc):
        own = true_rows(stubs.ifunc)
        block = state.synthetic["stubs"][stubs.island[own]]
        state.resolver_address = address[stubs.row[own]]
        # The stub's address is the function's for all: what the resolver chooses is known only to the slot.
        address[stubs.row[own]] = state.address[block] + stubs.offset[own]
    # Taken before functions may get their stubs' addresses: a stub must jump to the function, not to itself.
    state.stub_target = address[stubs.row]
    if some(state.stubs.taken):
        _use_stubs_as_addresses(state, address)
    state.symbol_address = address.take(state.canonical)


def _use_stubs_as_addresses(state: State, address: I64) -> None:
    """Make its stub a function's address everywhere, where some 32-bit reference can reach only the stub.

    So functions compare equal within the batch, as the PLT entry of an executable is the function's address natively.
    Of several modules' stubs the last is the address; the others' code depends on its module then.
    """
    edges, stubs, kinds = state.edges, state.stubs, state.graph.kinds
    taken = stubs.taken[state.stub_of_edge]
    rows, stub = state.stub_edges[taken], state.stub_of_edge[taken]
    kind = edges.kind[rows]
    symbol = kinds.operand[kind] == Operand.SYMBOL
    place = state.address[edges.block[rows]] + edges.offset[rows]
    value = kinds.displacement(kind, state.stub_target[stub] + edges.addend[rows], place)
    if kinds.counts_from_starts:
        count_from_images(state, edges.block[rows], kind, value)
    # Branches go through stubs unseen, and offsets in images are read by unwinders, which compare none: only a
    # reference that may yield an address makes the stub the function's.
    far = symbol & (kinds.base[kind] != Base.IMAGE) & ((value < kinds.low[kind]) | (value > kinds.last[kind]))
    used = unique(stub[far])
    address[stubs.row[used]] = state.address[state.synthetic["stubs"][stubs.island[used]]] + stubs.offset[used]
    state.stub_modules = dict(zip(stubs.row[used].tolist(), stubs.module[used].tolist(), strict=True))
    state.stub_of_function = dict(zip(state.stub_target[used].tolist(), address[stubs.row[used]].tolist(), strict=True))


def count_from_images(state: State, block: I32, kind: U8, value: I64) -> None:
    """Subtract where images begin from the values of kinds that count from there; `block` is that of each field."""
    rows = true_rows(state.graph.kinds.base.take(kind) == Base.IMAGE)
    if rows.size:
        value[rows] -= state.image_base[state.block_module[block[rows]]]


def dead_references(state: State) -> I32:
    """Return edge rows whose symbol lies in a discarded section, in places where that is not dead data itself."""
    if not state.has_dead:
        return np.empty(0, np.int32)
    edges, block = state.edges, state.symbols.block.take(state.canonical)
    # By symbols, which are far fewer than edges. Rows without a block look at block 0 here, and are taken out.
    dead = ~state.live.take(np.where(block >= 0, block, 0)) & (block >= 0)
    if not some(dead):
        return np.empty(0, np.int32)
    return true_rows(dead.take(edges.target) & (edges.kind != 0)).astype(np.int32)
