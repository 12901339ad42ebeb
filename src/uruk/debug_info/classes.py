"""C++ classes that are passed by reference, whatever a function's declaration says.

That is so where a copy or move constructor, or the destructor, is not trivial, or all of the former are deleted
(Itanium C++ ABI, section 3.1.2.3). Clang says so in one attribute; for other compilers it is decided from the members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.debug_info.reader import References, children, has, number, text

if TYPE_CHECKING:
    from elftools.dwarf.die import DIE

_BY_REFERENCE, _BY_VALUE = 4, 5
"""DW_CC_pass_by_reference, DW_CC_pass_by_value."""
_IN_CLASS = 1
"""DW_DEFAULTED_in_class; the other value is that of a function defined outside, which is not trivial."""
_COMPOSITES = frozenset(("DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_union_type"))
_THROUGH = frozenset(
    ("DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_typedef", "DW_TAG_array_type", "DW_TAG_atomic_type")
)
_INSIDE = "has a member of a class that is passed by reference: "
_DEEPEST = 64


def refusal_of_class(references: References, die: DIE, depth: int = 0) -> str:
    """Return why values of a class are passed by reference; empty if they are passed as C's structures are."""
    # Each class is looked at once: of those with two members of one class each, a few would take years.
    key = id(die.cu), die.offset
    if key not in references.refusals:
        references.refusals[key] = _refusal(references, die, depth)
    return references.refusals[key]


def _refusal(references: References, die: DIE, depth: int) -> str:
    name = text(die, "DW_AT_name") or "a class without a name"
    convention = number(die, "DW_AT_calling_convention")
    if convention == _BY_REFERENCE:
        return f"`{name}' is not trivially copyable, as the compiler notes"
    if convention == _BY_VALUE:
        return ""
    if depth > _DEEPEST:
        raise ValueError("classes that contain each other")
    for each in children(die):
        reason = ""
        if each.tag == "DW_TAG_subprogram":
            reason = _of_function(references, die, each)
        elif each.tag in ("DW_TAG_member", "DW_TAG_inheritance"):
            reason = _of_member(references, each, depth)
        if reason:
            return f"`{name}' {reason}"
    return ""


def _of_function(references: References, owner: DIE, die: DIE) -> str:
    """Return what a member function makes of its class."""
    name, artificial = text(die, "DW_AT_name"), has(die, "DW_AT_artificial")
    if number(die, "DW_AT_virtuality"):
        return f"has a virtual function, `{name}'"
    if artificial:  # the compiler's own: as trivial as those of members and base classes
        return ""
    trivial = number(die, "DW_AT_defaulted") == _IN_CLASS and not has(die, "DW_AT_deleted")
    if name.startswith("~"):
        return "" if trivial else "is not trivially copyable: it declares a destructor"
    plain = text(owner, "DW_AT_name").partition("<")[0]
    reference = _reference_to(references, owner, die)
    if name.partition("<")[0] == plain and reference and not trivial:
        return f"is not trivially copyable: it declares a {reference} constructor"
    # A move assignment deletes the copy constructor that the class would have.
    if name == "operator=" and reference == "move":
        return "is not trivially copyable: it declares a move assignment"
    return ""


def _reference_to(references: References, owner: DIE, die: DIE) -> str:
    """Return ``copy`` or ``move`` for a function whose first parameter is a reference to the class; else nothing."""
    parameters = [each for each in children(die) if each.tag == "DW_TAG_formal_parameter"]
    plain = [each for each in parameters if not has(each, "DW_AT_artificial")]
    if not plain:
        return ""
    kind = references.refer(plain[0], "DW_AT_type")
    if kind is None or kind.tag not in ("DW_TAG_reference_type", "DW_TAG_rvalue_reference_type"):
        return ""
    under = references.refer(kind, "DW_AT_type")
    while under is not None and under.tag in _THROUGH:
        under = references.refer(under, "DW_AT_type")
    if under is None or text(references.chain(under)[-1], "DW_AT_name") != text(owner, "DW_AT_name"):
        return ""
    return "move" if kind.tag == "DW_TAG_rvalue_reference_type" else "copy"


def _of_member(references: References, die: DIE, depth: int) -> str:
    if die.tag == "DW_TAG_inheritance" and number(die, "DW_AT_virtuality"):
        return "has a virtual base class"
    if text(die, "DW_AT_name").startswith("_vptr"):
        return "has virtual functions"
    if has(die, "DW_AT_external") or has(die, "DW_AT_declaration"):  # static
        return ""
    under = references.refer(die, "DW_AT_type")
    for _ in range(_DEEPEST):
        if under is None or under.tag not in _THROUGH:
            break
        under = references.refer(under, "DW_AT_type")
    if under is None or under.tag not in _COMPOSITES:
        return ""
    inner = references.chain(under)[-1]
    reason = refusal_of_class(references, inner, depth + 1)
    innermost = reason.rpartition(_INSIDE)[2]
    return f"{_INSIDE}{innermost}" if reason else ""
