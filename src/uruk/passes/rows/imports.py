"""GOT slots and stubs of one object; see `uruk.passes.got_plt` for what they are."""

from __future__ import annotations

from uruk.graph.graph import SymbolKind, Zone
from uruk.graph.kinds import Operand
from uruk.passes.rows.kinds import KindRow
from uruk.passes.rows.work import LeftToColumns, Slot, Stub, Work

MOST_CODE = 1 << 20
"""Bytes up to which every branch reaches all of the object's code."""


def build(work: Work, stub_size: int) -> None:
    """Fill `slots`, `stubs` and `low_end`, and add the tables as blocks.

    Leaves to the columns what bounds the place of the memory otherwise than from above: 32-bit references to data
    from elsewhere, and fields that reach a MiB or less.
    """
    for row in work.handle_rows:
        work.external[row] = 0, True
    if work.external:
        _functions_are_no_data(work)
    kinds, symbols, external = work.kind_rows, work.rows.symbols, work.external
    for edge in work.edges:
        kind, target = kinds[edge[2]], edge[3]
        if kind.operand == Operand.GOT:
            work.slots[target, False] = Slot(target, False)
        # Most are to a place of the object's own, by its distance: these need nothing, and no call.
        elif (kind.narrow or kind.operand == Operand.BRANCH) and (
            target in external or kind.narrow_absolute or symbols[target][2] == SymbolKind.ABSOLUTE
        ):
            _look_at_narrow(work, edge)
        if kind.short and _leaves_block(work, edge):
            raise LeftToColumns
    code = 0
    for block in work.blocks:
        if block.zone == Zone.RX:
            code += block.size
    if code > MOST_CODE:
        raise LeftToColumns
    for stub in work.stubs.values():
        # Where a stub may be the function's address, the GOT slot may hold that: it jumps through one of its own.
        stub.slot = work.slots.setdefault((stub.row, stub.taken), Slot(stub.row, stub.taken))
    if work.slots or work.stubs:
        _make_tables(work, stub_size)


def _functions_are_no_data(work: Work) -> None:
    """Mark targets of branches as functions, whatever is known of them: stubs may stand for them."""
    external, kinds = work.external, work.kind_rows
    for _, _, kind, target, _ in work.edges:
        if target in external and kinds[kind].operand == Operand.BRANCH and external[target][1]:
            address = external[target][0]
            # A stub cannot take the place of a function that nothing defines.
            external[target] = address, address == 0


def _look_at_narrow(work: Work, edge: tuple[int, int, int, int, int]) -> None:
    """Note what a branch or a 32-bit reference needs: a stub, or a place in low addresses."""
    _, _, kind, target, addend = edge
    row = work.kind_rows[kind]
    is_branch = row.operand == Operand.BRANCH
    if target not in work.external:
        if not row.narrow_absolute and is_branch:
            return
        symbol = work.rows.symbols[target][2]
        if symbol == SymbolKind.ABSOLUTE and not is_branch:
            raise LeftToColumns
        if row.narrow_absolute and symbol != SymbolKind.ABSOLUTE:
            work.low_end = min(work.low_end or row.last + 1, row.last + 1)
        return
    address, is_data = work.external[target]
    if is_data and not is_branch:
        if address:
            raise LeftToColumns
        return
    if row.narrow_absolute and not is_data:
        work.low_end = min(work.low_end or row.last + 1, row.last + 1)
    if is_plain(row, addend):
        stub = work.stubs.setdefault(target, Stub(target))
        stub.taken |= not is_branch


def is_plain(row: KindRow, addend: int) -> bool:
    """Return True if a reference is to a function's first byte, which is what a stub stands for."""
    # On x86-64 a field counts from its end: -4, and up to 4 less where an immediate of 1, 2 or 4 bytes follows it.
    return addend == 0 or (-8 <= addend <= -4 and row.from_place and not row.paged)


def _leaves_block(work: Work, edge: tuple[int, int, int, int, int]) -> bool:
    """Return True if a field refers to another block, or to a slot, which lies in one."""
    is_slot = work.kind_rows[edge[2]].operand == Operand.GOT
    return is_slot or work.rows.symbols[edge[3]][3] != edge[0]


def _make_tables(work: Work, stub_size: int) -> None:
    """Add the blocks of the tables; the order in them is that of columns: slots of stubs' own first, then by symbol."""
    if work.slots:
        pointer = work.kinds.pointer
        work.slots = dict(sorted(work.slots.items(), key=lambda item: (not item[1].own, item[1].row)))
        work.got = work.add_block(pointer * len(work.slots), 16, Zone.R, pointer * len(work.slots))
    if work.stubs:
        work.stubs = dict(sorted(work.stubs.items()))
        work.stub_block = work.add_block(stub_size * len(work.stubs), 16, Zone.RX, stub_size * len(work.stubs))
