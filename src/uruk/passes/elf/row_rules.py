"""The rules of ELF for a link of one object row by row: its `.eh_frame`, and the names that the link provides."""

from __future__ import annotations

from typing import Any

from uruk.graph.graph import Role, Zone
from uruk.graph.types import NONE
from uruk.passes.elf.own_names import DSO_HANDLE, OWN_PLACES, PRIVATE, START, STOP
from uruk.passes.elf.small_frames import SMALL, Field, functions_of
from uruk.passes.rows.work import LeftToColumns, Work

_BOUNDS = (START, STOP)


class ELFRowRules:
    """See `uruk.passes.rules.RowRules`."""

    def keep_unwind_data(self, work: Work, registers: int) -> None:
        """Keep one small `.eh_frame` as it is, if nothing in it is wrong; see `uruk.passes.elf.eh_frame`."""
        found = NONE
        for number, (_, content, size, _, _, role) in enumerate(work.rows.blocks):
            if role == Role.UNWIND and content >= 0 and size:
                # Several become one, and records of odd length are filled up: both change offsets.
                if found >= 0 or size > SMALL or size % 4:
                    raise LeftToColumns
                found = number
        if found < 0:
            return
        block = work.blocks[found]
        content = bytes(work.buffer[block.content : block.content + block.size])
        functions = functions_of(content, _fields_of(work, found), registers)
        if functions is None:
            raise LeftToColumns
        # Four zero bytes more: a record of length 0 ends the chain for unwinders (LSB, "Exception Frames").
        work.unwind, work.unwind_content, work.unwound = block, content + bytes(4), functions
        block.content, block.align, block.zone = NONE, 8, Zone.R
        block.size = block.stored = block.size + 4

    def provides(self, text: bytes) -> bool | None:
        """Return True for the module's handle, False for names that the session is asked for, None for others."""
        if text in OWN_PLACES:
            return None
        if not text.startswith(b"_"):
            return False
        if text == DSO_HANDLE:
            return True
        return None if text in PRIVATE or text.startswith(_BOUNDS) else False


def _fields_of(work: Work, block: int) -> list[Field]:
    """Return the fields of the edges of a block, in order."""
    kinds, symbols, blocks, fields = work.kind_rows, work.rows.symbols, work.blocks, list[Field]()
    for home, begin, kind, target, addend in work.edges:
        if home == block:
            row, place, value = kinds[kind], symbols[target][3], symbols[target][7] + addend
            room = blocks[place].size - value
            fields.append(_field(Field, (begin, begin + row.width, place, row.address_of, row.plain, value, room)))
    if len(fields) > 1:
        fields.sort()
    return fields


_field: Any = getattr(tuple, "__new__")  # noqa: B009 - its type knows nothing of the items
"""Makes a named tuple without a call in Python for each."""


ROW_RULES = ELFRowRules()
