"""GOT entries and stubs: which are needed, and where they lie in their module's tables.

Edges say by their kind's operand what they need. A slot is one per (module, symbol, operand); a stub jumps through
its symbol's GOT slot. Whether a call really uses its stub is decided once addresses are known.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import SymbolKind, SymbolType, Zone
from uruk.graph.kinds import OPERANDS, Base, Operand
from uruk.graph.types import I32, I64, NONE, Bool, ranks, some, true_rows
from uruk.isa.interface import InstructionSet
from uruk.passes.islands import ISLAND_ALIGN, Islands, leaves_reach, of_edges, plan
from uruk.passes.state import Slots, State, Stubs, synthetic_blocks

SLOT_OPERANDS = (Operand.GOT, Operand.TLS_GD, Operand.TLS_LD, Operand.TLS_DESC, Operand.TLS_IE)


def build_got_and_stubs(state: State, isa: InstructionSet) -> None:
    """Fill `slots` and `stubs`, and add the tables as blocks, one of each a module."""
    edges, kinds = state.edges, state.graph.kinds
    named = kinds.needs_got.take(edges.kind)
    if some(named):  # code that counts from the GOT itself needs one, be it empty
        state.got_modules |= set(state.block_module[edges.block[named]].tolist())
    slot_edges = true_rows(kinds.having(SLOT_OPERANDS).take(edges.kind))
    islands = plan(state)
    stub_edges = _edges_to_stubs(state, islands)
    ifunc_rows = _ifunc_rows(state)
    if not (slot_edges.size or stub_edges.size or ifunc_rows.size or state.got_modules):
        none = np.full(len(state.modules), NONE, np.int32)
        state.synthetic["got"] = state.synthetic["stubs"] = none
        return
    operand = kinds.operand.take(edges.kind)
    stub_key, stub_of_edge, ifunc = _stub_keys(state, islands, stub_edges, ifunc_rows)
    taken = np.zeros(stub_key.size, np.bool_)
    # A reference by an ordinary operand may put the stub's address into a pointer; a branch cannot.
    taken[stub_of_edge[operand[stub_edges] == Operand.SYMBOL]] = True
    count = len(state.symbols)
    row = state.canonical[edges.target[slot_edges]].astype(np.int64)
    held = operand[slot_edges].astype(np.int64)
    # Local-dynamic code asks for its module, whatever symbol it names: one slot a module.
    row[held == Operand.TLS_LD] = 0
    module = state.block_module[edges.block[slot_edges]]
    # One number for (module, operand, symbol row): sorting it orders slots by module, so that each table is one run.
    # Rows need 31 bits and operands 4, which leaves 28 for modules.
    key = (module * np.int64(OPERANDS) + held) * count + row
    # Where a stub may be the function's address, the GOT slot may hold that: the stub jumps through one of its own.
    behind = np.where(ifunc | taken, int(Operand.NOTHING), int(Operand.GOT))
    through = (islands.module[stub_key // count].astype(np.int64) * OPERANDS + behind) * count + stub_key % count
    unique, inverse = ranks(np.concatenate([key, through]), len(state.modules) * OPERANDS * count)
    _make_slots(state, unique, count)
    state.slot_edges, state.slot_of_edge = slot_edges, inverse[: key.size]
    _make_stubs(state, islands, stub_key, inverse[key.size :], ifunc, taken & ~ifunc, isa)
    state.stub_edges, state.stub_of_edge = stub_edges, stub_of_edge


def _edges_to_stubs(state: State, islands: Islands) -> I64:
    """Return branches, and 32-bit references that a function's stub can satisfy, to symbols from elsewhere.

    Branches inside the batch that may not reach their targets are among them. A stub takes the place of the function's
    first byte only, so that the addend must be what a plain reference has. That is 0, or, where the field is relative
    to the end of the instruction, -4, and a little less with an immediate behind the field.
    """
    edges, kinds = state.edges, state.graph.kinds
    inside = np.empty(0, np.int64)
    if kinds.branch_reach and (len(state.modules) > 1 or islands.region is not None):
        # In one module of ordinary size every branch reaches; elsewhere each one is looked at.
        inside = true_rows(kinds.near_branch.take(edges.kind))
        inside = inside[leaves_reach(state, islands, inside)]
    if state.undefined.size == 0 and not state.as_jitlink:
        return inside
    far = np.zeros(len(state.symbols), np.bool_)
    external = state.external
    far[state.undefined] = True
    data = np.zeros(len(state.symbols), np.bool_)
    if external is not None:
        data[state.undefined[external.is_data]] = True
        # Thread-locals are data of their own kind: no stub can stand for one.
        far[state.undefined[list(external.tls)]] = False
    # By symbols first, which are fewer than edges; JITLink has stubs for branches to other modules as well.
    rows = np.arange(len(edges)) if state.as_jitlink else true_rows(far.take(state.canonical).take(edges.target))
    kind, addend = edges.kind[rows], edges.addend[rows]
    branch = kinds.having((Operand.BRANCH, Operand.STUB)).take(kind)
    # On x86-64 a field counts from its end: -4, and up to 4 less where an immediate of 1, 2 or 4 bytes follows it.
    plain = (addend == 0) | ((addend >= -8) & (addend <= -4) & (kinds.base.take(kind) == Base.PLACE))
    # JITLink's links have no stubs for other references, and fail; a program that runs is not to fail for that.
    plain &= branch if state.as_jitlink and not state.execute else kinds.narrow.take(kind) | branch
    rows, branch = rows[plain], branch[plain]
    target = state.canonical[edges.target[rows]]
    # A branch may go through a stub whatever is known of its target; a 32-bit reference only if it means a function.
    wanted = far[target] & (branch | ~data[target])
    if state.as_jitlink:
        wanted |= branch & _leaves_module(state, rows)
        # JITLink has stubs for calls, and none for branches that reach a MiB or less (AArch64's conditional ones).
        return rows[wanted & (state.execute | ~kinds.short.take(edges.kind[rows]))]
    rows = rows[wanted]
    return np.sort(np.concatenate([rows, inside])) if inside.size else rows


def _leaves_module(state: State, rows: I64) -> Bool:
    """Return which edges refer to a definition in another module of the batch: JITLink makes stubs for these, too."""
    block = state.symbols.block[state.canonical[state.edges.target[rows]]]
    return (block >= 0) & (state.block_module[block] != state.block_module[state.edges.block[rows]])


def _ifunc_rows(state: State) -> I32:
    symbols = state.symbols
    rows = true_rows(symbols.type == SymbolType.IFUNC)
    if rows.size == 0:
        return rows.astype(np.int32)
    rows = rows[symbols.kind[rows] == SymbolKind.DEFINED]
    # An IFUNC that lost to another definition, or whose group was discarded, is never called.
    rows = rows[(state.canonical[rows] == rows) & state.live[symbols.block[rows]]]
    return rows.astype(np.int32)


def _stub_keys(state: State, islands: Islands, edges: I64, ifunc_rows: I32) -> tuple[I64, I64, Bool]:
    """Return sorted keys island * symbols + row of all stubs, the stub of each edge, and which are for IFUNCs."""
    count = len(state.symbols)
    wanted = of_edges(state, islands, edges).astype(np.int64) * count + state.canonical[state.edges.target[edges]]
    # An IFUNC has a stub even if nothing here calls it: its address is the stub's, for whoever looks it up.
    own = islands.of_block[state.symbols.block[ifunc_rows]].astype(np.int64) * count + ifunc_rows
    keys, inverse = ranks(np.concatenate([wanted, own]), islands.module.size * count)
    ifunc = np.zeros(keys.size, np.bool_)
    # The keys of IFUNCs were appended behind those of the edges.
    ifunc[inverse[edges.size :]] = True
    return keys, inverse[: edges.size], ifunc


def _make_slots(state: State, keys: I64, count: int) -> None:
    module = (keys // count // OPERANDS).astype(np.int32)
    operand = (keys // count % OPERANDS).astype(np.uint8)
    pointer = state.graph.kinds.pointer
    # General-dynamic slots hold a module id and an offset, descriptors a function and its argument: two words each.
    size = np.where((operand >= Operand.TLS_GD) & (operand <= Operand.TLS_DESC), 2 * pointer, pointer)
    offset = _tables(state, "got", module, size.astype(np.int64), Zone.R, pointer if state.as_jitlink else 16)
    # `_GLOBAL_OFFSET_TABLE_` must mean a place in the module, even if no slot is there.
    bare = np.array(sorted(state.got_modules - set(module.tolist())), np.int32)
    if bare.size:
        rows = state.add_blocks(synthetic_blocks(np.zeros(bare.size, np.int64), np.full(bare.size, 16), Zone.R), bare)
        state.synthetic["got"][bare] = rows
    state.slots = Slots(module, (keys % count).astype(np.int32), operand, offset)


def _make_stubs(
    state: State, islands: Islands, keys: I64, slot: I64, ifunc: Bool, taken: Bool, isa: InstructionSet
) -> None:
    count = len(state.symbols)
    island = (keys // count).astype(np.int32)
    bare = isa.JITLINK_TABLES
    size = np.full(keys.size, bare.size if state.as_jitlink else isa.STUB_SIZE, np.int64)
    align = 16 if islands.region is None else ISLAND_ALIGN
    align = bare.align if state.as_jitlink else align
    blocks = len(state.blocks)
    offset = _tables(state, "stubs", island, size, Zone.RX, align, islands.module)
    state.stubs = Stubs(islands.module[island], island, (keys % count).astype(np.int32), offset, slot, ifunc, taken)
    if islands.region is not None and islands.of_island is not None:
        state.region = np.zeros(len(state.blocks), np.uint8)
        state.region[: islands.region.size] = islands.region
        # Islands that no branch needs have no block: -1.
        made = state.synthetic["stubs"] >= blocks
        state.region[state.synthetic["stubs"][made]] = islands.of_island[made]


def _tables(state: State, name: str, home: I32, size: I64, zone: int, align: int, module: I32 | None = None) -> I64:
    """Lay rows (ordered by their home) out in one block a home; returns each row's offset.

    A home is a module, or an island: then `module` has the module of each.
    """
    state.synthetic[name] = np.full(len(state.modules) if module is None else module.size, NONE, np.int32)
    if home.size == 0:
        return np.empty(0, np.int64)
    # Rows are ordered by home, so that each table is one run of them.
    first = true_rows(np.concatenate([[True], home[1:] != home[:-1]]))
    end = size.cumsum()
    begin = end - size
    # A table's size is the distance between its first row and the next table's.
    total = np.diff(np.concatenate([begin[first], end[-1:]]))
    owner = home[first] if module is None else module[home[first]]
    rows = state.add_blocks(synthetic_blocks(total, np.full(first.size, align), zone), owner)
    state.synthetic[name][home[first]] = rows
    return begin - begin[first].repeat(np.diff(np.concatenate([first, [home.size]])))
