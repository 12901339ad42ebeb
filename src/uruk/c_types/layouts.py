"""Types of C that cffi would lay out as no compiler does, or that compilers lay out differently: errors with lines."""

from __future__ import annotations

from typing import Any

from cffi import model

from uruk.c_types.constants import fault_at


def check_type(node: Any, kind: Any) -> None:
    """Check a type that was read from a node of pycparser's tree. Raises cffi.FFIError."""
    if "_Atomic" in getattr(node, "quals", ()) and not _is_scalar(kind):
        raise fault_at(
            node,
            "`_Atomic' of a structure, a union, an array or a complex number: compilers differ in where it lies; "
            "leave the type without members, and pass pointers to it",
        )
    if isinstance(kind, model.ArrayType) and isinstance(kind.length, int) and kind.length < 0:
        raise fault_at(node, f"an array of {kind.length} items: write how many it has")


def _is_scalar(kind: Any) -> bool:
    return not isinstance(kind, model.StructOrUnion | model.ArrayType) and "omplex" not in getattr(kind, "name", "")


def check_members(node: Any, kind: Any, word: str) -> None:
    """Check the members of a structure or union, as `word` says, that was read from a node. Raises cffi.FFIError."""
    for declared, each, bits in zip(node.decls, kind.fldtypes, kind.fldbitsize, strict=True):
        _check_name(declared, each)
        _check_member(declared, each, bits)
    name = f"{word} {node.name}" if node.name else word
    if not any(map(_has_bytes, kind.fldtypes, kind.fldbitsize)):
        raise fault_at(node, f"`{name}' has no bytes, on which compilers differ: declare it without members")


def _check_name(declared: Any, kind: Any) -> None:
    tag = getattr(declared.type, "name", None)
    if isinstance(kind, model.StructOrUnion) and not declared.name and tag:
        raise fault_at(declared, f"`{type(declared.type).__name__.lower()} {tag}' declares no member: give it a name")


def _check_member(declared: Any, kind: Any, bits: int) -> None:
    name = declared.name or ""
    if isinstance(kind, model.EnumType) and not kind.enumerators and not kind.partial:
        raise fault_at(declared, f"`{name}' is of an enumeration whose constants are not declared: declare it first")
    if declared.bitsize is None:
        return
    if bits < 0:
        raise fault_at(declared.bitsize, f"the bit-field `{name}' has a width of {bits}: write how many bits it has")
    if not bits and name:
        raise fault_at(declared.bitsize, f"the bit-field `{name}' has no bits: leave its name out, or give it some")
    if name and getattr(kind, "name", "") in ("char", "wchar_t"):
        words = "write signed char or unsigned char" if kind.name == "char" else "write int or unsigned"
        raise fault_at(
            declared.bitsize, f"the bit-field `{name}' of type {kind.name} has a sign on some systems: {words}"
        )
    if getattr(kind, "name", "") == "_Bool" and bits > 1:
        raise fault_at(declared.bitsize, f"the bit-field `{name}' of type _Bool has {bits} bits: it takes 1")


def _has_bytes(kind: Any, bits: int) -> bool:
    if isinstance(kind, model.ArrayType):
        return bool(kind.length) and _has_bytes(kind.item, -1)
    return bits != 0
