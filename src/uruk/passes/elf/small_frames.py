"""The unwind data of one small object, looked through record by record, which is cheaper there than columns are."""

from __future__ import annotations

from typing import TypeAlias

from uruk.graph.kinds import RELATIVE
from uruk.graph.types import I64, NONE
from uruk.named_tuples import NamedTuple
from uruk.passes.elf.frame_rules import FrameError, FrameRules, known_rules
from uruk.passes.state import State

SMALL = 1024
"""Bytes of unwind data up to which one object's is looked through record by record, which is then cheaper."""


class Field(NamedTuple):
    """A relocated field: where it begins and ends in the block, and what it refers to."""

    begin: int
    end: int
    home: int
    """The block that it refers to; -1 if that is not this object's to say."""
    form: int
    """`KindTable.address_of` of its kind."""
    plain: bool
    value: int
    """The offset in that block; `room` has the number of bytes from there on."""
    room: int


FrameOf: TypeAlias = "tuple[int, int, int]"
"""A function's block, its offset there, and the offset of its FDE."""


def fields_of(state: State, rows: I64) -> list[Field]:
    """Return the fields of the edges `rows`, in order.

    One by one: there are few, and a column costs more than a row.
    """
    edges, kinds, symbols = state.edges, state.graph.kinds, state.symbols
    fields: list[Field] = []
    # `item` gives a Python number without an array scalar between.
    for row in rows.tolist():
        kind, target, begin = edges.kind.item(row), edges.target.item(row), edges.offset.item(row)
        home, value = symbols.block.item(target), symbols.value.item(target) + edges.addend.item(row)
        room = state.blocks.size.item(home) - value
        # Another object's definition was chosen, so that this record's function is not the one that is used.
        if state.canonical.item(target) != target:
            home = NONE
        end = begin + kinds.width.item(kind)
        fields.append(Field(begin, end, home, kinds.address_of.item(kind), kinds.plain.item(kind), value, room))
    fields.sort()
    return fields


def is_sound(content: bytes, fields: list[Field], registers: int) -> bool:
    """Return True if nothing is wrong with any record, and each FDE is for code of a function that is placed.

    `registers`: how many unwinders know. What is wrong is left to the general way to say.
    """
    return functions_of(content, fields, registers) is not None


def functions_of(content: bytes, fields: list[Field], registers: int) -> list[FrameOf] | None:
    """Return the function of each FDE; None for content that is not sound (see `is_sound`)."""
    functions: list[FrameOf] = []
    words = memoryview(content).cast("I")
    cies: dict[int, FrameRules] = {}
    at, next_field, size, count = 0, 0, len(words), len(fields)
    # `at`, `end` and the distances count words of 4 bytes, offsets of fields count bytes.
    while at < size:
        length = words[at]
        end = at + 1 + (length >> 2)
        # A terminator (0) in the middle, an extended length and a record beyond the end all go to the general way.
        if length & 3 or length < 8 or end > size:
            return None
        first = next_field
        while next_field < count and fields[next_field].begin < 4 * end:
            next_field += 1
        theirs, record, distance = fields[first:next_field], content[4 * at : 4 * end], words[at + 1]
        if distance == 0:
            try:
                rules = cies[at] = known_rules(record, registers)
            except FrameError:
                return None
            for field in theirs:
                if not _is_personality(field, rules, 4 * at):
                    return None
        else:
            # The distance counts back from the pointer itself, one word into the record.
            of_cie = cies.get(at + 1 - (distance >> 2))
            if distance & 3 or of_cie is None or not _is_sound_fde(record, of_cie, theirs, 4 * at):
                return None
            functions.append((theirs[0].home, theirs[0].value, 4 * at))
        at = end
    # A field behind the last record changes something that is not a record.
    return functions if next_field == count else None


def _is_personality(field: Field, rules: FrameRules, at: int) -> bool:
    begin = at + rules.personality
    # `personality` is 0 in a CIE without one: then begin is `at`, and nothing is allowed.
    return field.plain and at < begin == field.begin and field.end == begin + rules.personality_size


def _is_sound_fde(record: bytes, rules: FrameRules, fields: list[Field], at: int) -> bool:
    """Return True if an FDE has room for what its CIE says, and is for code of its function; its block begins with
    `at`."""
    head = begin = rules.head
    if begin + rules.augmented > len(record) or not fields:
        return False
    # A length of more than one byte begins with 0x80 or more, and is left to the general way.
    length = record[begin] if rules.augmented else 0
    begin += rules.augmented
    if length >= 0x80 or length > len(record) - begin or length < rules.lsda:
        return False
    function, size = fields[0], int.from_bytes(record[8 + rules.pointer : head], "little", signed=True)
    # Fields are in order, so that the first one of a record must be its function's address.
    if function.begin != at + 8 or function.home < 0 or function.form != rules.pointer + RELATIVE * rules.relative:
        return False
    if function.value < 0 or not 0 <= size <= function.room:
        return False
    for field in fields[1:]:
        offset = field.begin - at
        if not field.plain or field.end > at + len(record):
            return False
        if offset < begin + length and (offset != begin or not rules.lsda):
            return False
    return True
