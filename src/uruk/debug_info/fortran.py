"""Parameters of Fortran: references, unless they have the attribute VALUE, which DWARF tells by where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from uruk.debug_info.c_text import CType
from uruk.debug_info.types import ObjectTypes

if TYPE_CHECKING:
    from elftools.dwarf.die import DIE

_DEREF, _FBREG = 0x06, 0x91
_REGISTERS, _BASED = range(0x50, 0x70), range(0x70, 0x90)
"""DW_OP_reg0 to reg31, and DW_OP_breg0 to breg31 (DWARF 5, section 7.7.1)."""


def parameter(types: ObjectTypes, die: DIE) -> tuple[CType, str]:
    """Return how a parameter is passed, and the reason why it is not, which is empty if it is."""
    kind = types.target(die, by_value=True)
    is_array = kind.after.startswith("[")
    reference = True if is_array else _is_reference(die)
    if reference is None:
        return kind, "debug information does not say whether it is a reference (compile with -O0)"
    if not reference:
        return kind, kind.refusal
    if kind.unknown:
        return kind, kind.refusal or "it has no type that C has"
    return (CType(kind.before) if is_array else kind).pointer(), ""


def _is_reference(die: DIE) -> bool | None:
    """Return whether the address of a parameter is passed; None where its place is not in one expression."""
    attribute = die.attributes.get("DW_AT_location")
    value: Any = attribute.value if attribute is not None else None
    if not isinstance(value, list) or not value:
        return None
    words = cast("list[int]", value)
    first = words[0]
    if first in _REGISTERS and len(words) == 1:
        return False
    if first in _BASED and len(words) == 2:
        return True
    if first == _FBREG:
        # The frame has the value, or, with one step more, its address.
        return words[-1] == _DEREF and len(words) > 2
    return None
