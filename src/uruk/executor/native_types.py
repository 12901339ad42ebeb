"""Types of C as cffi passes them in calls of this process: pointers as integers, structures as bytes of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from uruk.c_types.cffi_values import bytes_of, composite, function_type, integer_type, passes, structure_bytes
from uruk.errors import InvalidValue
from uruk.executor.layouts import Layout, Structure

if TYPE_CHECKING:
    from uruk.executor.prototypes import Signature


_IN_REGISTERS = 16
"""Bytes of the largest structures that may be in registers on x86-64: libffi does not get those of x87 right."""


def native_function(text: str, signature: Signature) -> Any:
    """Return the type of cffi's for a prototype, whose layouts are those of a signature. Raises InvalidValue."""
    arguments = [native_type(text, each) for each in signature.arguments]
    result = signature.result.kind if signature.result.kind.kind == "void" else native_type(text, signature.result)
    return type_of_calls(text, arguments, result)


def type_of_calls(text: str, arguments: Sequence[Any], result: Any) -> Any:
    """Return the type of cffi's for functions with these types. Raises InvalidValue where libffi does not pass one."""
    try:
        return function_type(tuple(arguments), result)
    except NotImplementedError as error:
        raise InvalidValue(f"`{text}': a type of it cannot be passed by value in this process: {error}") from None


def native_type(text: str, layout: Layout) -> Any:
    """Return the type of cffi's as which values of a layout are passed: of pointers, that of integers."""
    kind = layout.kind
    why = by_words(layout)
    if why:
        raise InvalidValue(f"`{text}': {why} cannot be passed by value to callbacks in this process; pass a pointer")
    if layout.is_composite:
        return kind
    if layout.is_float or kind.cname in ("char", "_Bool"):
        return kind
    return integer_type(layout.size, layout.is_signed)


def by_words(layout: Layout) -> str:
    """Return what libffi does not pass of a type, or not right; empty where it passes it."""
    if layout.is_complex:
        return "a complex number"
    if not layout.is_composite:
        return ""
    if not passes(layout.kind):
        return "a union, and a structure with one, with complex numbers or with members without a name,"
    return "a structure of one `long double'" if layout.size <= _IN_REGISTERS and _has_long_double(layout) else ""


def _has_long_double(layout: Layout) -> bool:
    parts = [layout.item] if layout.item is not None else [member for _, _, member in layout.members]
    return layout.long_double is not None or any(map(_has_long_double, parts))


def from_native(layout: Layout, value: Any) -> Any:
    """Return a value of cffi's as calls give it to Python."""
    return Structure(layout, bytes_of(value)) if layout.is_composite else value


def copied(layout: Layout, value: Any) -> Any:
    """Return a structure of cffi's, as variables of this process are, as `Structure`; anything else as it is."""
    data = structure_bytes(value, layout.kind.cname) if layout.is_composite else None
    return value if data is None or len(data) != layout.size else Structure(layout, data)


def to_native(layout: Layout, value: Any, *, as_result: bool = False, zero: bool = False) -> Any:
    """Return a Python value as cffi takes it; zeros if `zero`. Raises TypeError, OverflowError."""
    if layout.kind.kind == "void":
        return None
    data = bytes(layout.size) if zero else layout.to_bytes(copied(layout, value))
    return composite(layout.kind, data) if layout.is_composite else layout.from_bytes(data)
