"""Members of structures, and how C lays them out: what DWARF says must be what a compiler of C makes of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.debug_info.c_text import CType
from uruk.debug_info.reader import References, children, has, number, text
from uruk.named_tuples import NamedTuple

if TYPE_CHECKING:
    from elftools.dwarf.die import DIE


COMPOSITES = {"DW_TAG_structure_type": "struct", "DW_TAG_class_type": "struct", "DW_TAG_union_type": "union"}
QUALIFIERS = frozenset(("DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type", "DW_TAG_atomic_type"))
_MOST_QUALIFIERS = 8


class Member(NamedTuple):
    """A member, or a base class: its name, its type's entry, its offset in bits; of a bit-field also how many bits.

    The name is empty for a structure or union whose members are reached as if they were those of the one around it.
    """

    name: str
    die: DIE | None
    bit: int
    bits: int | None = None


class Layout(NamedTuple):
    """The size and alignment of a structure in bytes."""

    size: int
    alignment: int


def members_of(references: References, die: DIE) -> list[Member]:
    """Return the members of a structure, class or union, base classes first; no static ones."""
    members: list[Member] = []
    for each in children(die):
        if each.tag not in ("DW_TAG_member", "DW_TAG_inheritance"):
            continue
        if has(each, "DW_AT_external") or has(each, "DW_AT_declaration"):  # static (DWARF 4)
            continue
        kind = references.refer(each, "DW_AT_type")
        name = text(each, "DW_AT_name")
        if not name and each.tag == "DW_TAG_inheritance":
            name = "" if kind is None else text(kind, "DW_AT_name")
            name = name or f"unnamed_{len(members)}"
        elif not name and not _is_composite(references, kind):
            name = f"unnamed_{len(members)}"
        members.append(Member(name, kind, _bit(each, references), number(each, "DW_AT_bit_size")))
    return members


def _is_composite(references: References, die: DIE | None) -> bool:
    """Return True for a structure, class or union, be it constant or volatile."""
    for _ in range(_MOST_QUALIFIERS):
        if die is None or die.tag not in QUALIFIERS:
            break
        die = references.refer(die, "DW_AT_type")
    return die is not None and die.tag in COMPOSITES


def _bit(die: DIE, references: References) -> int:
    """Return a member's offset in bits."""
    whole = 8 * (number(die, "DW_AT_data_member_location", 0) or 0)
    if "DW_AT_data_bit_offset" in die.attributes:
        return whole + (number(die, "DW_AT_data_bit_offset") or 0)
    if "DW_AT_bit_offset" not in die.attributes:
        return whole
    # DWARF 3: counted from the highest bit of the storage unit (section 5.6.6 there).
    unit = number(die, "DW_AT_byte_size")
    if unit is None:
        under = references.refer(die, "DW_AT_type")
        unit = number(under, "DW_AT_byte_size", 4) if under is not None else 4
    return whole + 8 * (unit or 4) - (number(die, "DW_AT_bit_offset") or 0) - (number(die, "DW_AT_bit_size") or 0)


def natural_layout(is_union: bool, members: Sequence[Member], kinds: Sequence[CType]) -> Layout | None:
    """Return the layout that C gives these members; None where it puts one of them elsewhere than DWARF says."""
    at = size = 0
    alignment = 1
    for member, kind in zip(members, kinds, strict=True):
        width = 8 * kind.size
        if is_union:
            at = 0
        if member.bits is None:
            at = _up(at, 8 * kind.alignment)
        elif width and at // width != (at + member.bits - 1) // width:
            at = _up(at, width)  # a bit-field lies in one storage unit of its type
        if at != member.bit:
            return None
        at += width if member.bits is None else member.bits
        size, alignment = max(size, at), max(alignment, kind.alignment)
    return Layout(_up(size, 8 * alignment) // 8, alignment)


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
