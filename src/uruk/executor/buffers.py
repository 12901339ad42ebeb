"""Buffers as arguments of C: memory that is lent to a call, whose items are those that a pointer points to."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from uruk.c_types.cffi_values import is_same, memory_of, size_of
from uruk.errors import InvalidType, InvalidValue
from uruk.executor.control import Memory
from uruk.executor.layouts import has_format_of_here
from uruk.executor.plan import Kind, Step
from uruk.graph.types import AnyArray
from uruk.named_tuples import NamedTuple

_LETTERS = ("wchar_t", "char16_t", "char32_t")
_INTEGERS, _FLOATS = "bBhHiIlLqQnNP", "efdg"

_NAMES = {
    "&": "pointers",
    "X": "functions",
    "P": "pointers",
    "z": "pointers",
    "Z": "pointers",
    "u": "wide letters",
    "w": "wide letters",
}
"""Letters of ctypes's and the array module's for items that numpy does not have."""


class _Given(NamedTuple):
    """The items of a buffer: a letter for their kind, their size in bytes, and what numpy calls them."""

    letter: str
    size: int
    name: str


def is_letter(element: Step) -> bool:
    """Return True for the letters of wide texts."""
    return element.layout.kind.cname in _LETTERS


def _not_contiguous(step: Step, view: memoryview) -> str:
    if view.f_contiguous:
        return (
            f"the array is in Fortran's order, and `{step.name}' takes that of C: pass its transpose (array.T) for the "
            "memory as it is, or a copy (numpy.ascontiguousarray)"
        )
    return f"the array is not contiguous, and `{step.name}' wants one: numpy.ascontiguousarray makes a copy that is"


def memory_of_buffer(step: Step, value: Any) -> Memory:
    """Return a buffer's memory for a pointer. Raises InvalidType, InvalidValue for one of other items."""
    if step.kind == Kind.FUNCTION:
        raise InvalidType(f"`{step.name}' takes a function or the address of one, not {type(value).__name__}")
    own = memory_of(value)
    try:
        view = own[0] if own is not None else memoryview(value)
    except (TypeError, ValueError):
        raise InvalidType(_not_taken(step, value)) from None
    if own is None:
        check_items(step, value, view)
    else:
        check_memory(step, own[1], view)
    if not view.c_contiguous:
        raise InvalidType(_not_contiguous(step, view))
    if isinstance(value, bytes) and step.is_const:
        return value
    if view.readonly and not step.is_const:
        raise InvalidType(
            f"`{step.name}' may be written, and this {type(value).__name__} cannot: copy it, or declare it const"
        )
    flat = view.cast("B") if view.nbytes else memoryview(bytearray(1))
    return flat.toreadonly() if step.is_const else flat


def check_memory(step: Step, kind: Any, view: memoryview) -> None:
    """Check that memory of cffi's, whose items are of a `kind`, has what a pointer points to."""
    element = step.element
    if step.is_void or element is None or is_same(kind, element.layout.kind):
        return
    is_bytes = kind.kind == "primitive" and size_of(kind) == 1
    if not is_bytes or element.kind != Kind.COMPOSITE or view.nbytes % element.size:
        raise InvalidType(f"memory of `{kind.cname}' was given for `{step.name}'")


def _not_taken(step: Step, value: Any) -> str:
    if callable(value):
        return f"`{step.name}' takes no function: declare a pointer to a function, or pass a callback"
    if isinstance(value, np.ndarray):
        kind = cast("AnyArray", value).dtype
        view = ': pass its view as integers, array.view("int64")' if kind.kind in "mM" else ""
        return f"an array of {kind} has no items of C for `{step.name}'{view}"
    reason = f"`{step.name}' takes an address, a buffer, a list or None, not {type(value).__name__}"
    if isinstance(value, type(ctypes.byref(ctypes.c_int()))):
        return f"{reason}: pass the object itself, not its byref()"
    if isinstance(value, dict) and step.element is not None and step.element.kind == Kind.COMPOSITE:
        return f"{reason}: a structure of the call's own is a list of it, [{{...}}]"
    return reason


def check_items(step: Step, value: Any, view: memoryview) -> None:
    """Check that the items of a buffer are those that a pointer points to."""
    element = step.element
    if step.is_void:
        return
    letter, size, name = _given(value, view)
    if letter == "B" and (element is None or element.kind == Kind.COMPOSITE):
        if element is not None and view.nbytes % element.size:
            raise InvalidValue(f"{view.nbytes} bytes are no whole number of `{element.name}' ({element.size} bytes)")
        return
    if element is None:
        raise InvalidType(f"`{step.name}' points to what is not known here: pass bytes, not items of {name}")
    item, rows = _innermost(element)
    if not _fits(item, letter, size, view) or _differs(view, rows):
        raise InvalidType(
            f"an array of {name} was given for `{step.name}', which takes {_wanted(item)}{_in_rows(rows)}"
        )
    if view.nbytes % element.size:
        raise InvalidValue(f"{view.nbytes} bytes are no whole number of `{element.name}' ({element.size} bytes)")


def _innermost(element: Step) -> tuple[Step, tuple[int, ...]]:
    """Return the step of the items in arrays of arrays, and how many there are of each."""
    rows: list[int] = []
    while element.element is not None and element.layout.item is not None:
        rows.append(element.size // element.element.size)
        element = element.element
    return element, tuple(rows)


def _differs(view: memoryview, rows: tuple[int, ...]) -> bool:
    """Return True if a buffer has dimensions, and they are not those of arrays of so many items."""
    shape = tuple(view.shape or ())
    return bool(rows) and len(shape) > 1 and shape[-len(rows) :] != rows


def _in_rows(rows: Sequence[int]) -> str:
    return f" in rows of {' by '.join(map(str, rows))}" if rows else ""


def _given(value: Any, view: memoryview) -> _Given:
    text = view.format or "B"
    swapped = text[0] in ">!" and view.itemsize > 1
    plain = text.lstrip("@=<>!^")
    if len(plain) == 1:
        letter = "B" if view.itemsize == 1 and plain in "bBc" else plain
    else:
        letter = "T" if plain.startswith("T{") else "Z" if plain in ("Zf", "Zd") else ""
    try:
        name = str(np.dtype(text)) if letter != "T" else "structures"
    except TypeError:
        name = str(cast("AnyArray", value).dtype) if isinstance(value, np.ndarray) else _NAMES.get(plain[:1], text)
    return _Given("" if swapped else letter, view.itemsize, name)


def _fits(element: Step, letter: str, size: int, view: memoryview) -> bool:
    if not letter or size != element.size:
        return False
    if element.kind in (Kind.INTEGER, Kind.CHARACTER) and size == 1:
        return letter == "B"
    if element.kind == Kind.INTEGER:
        if letter in "uw":
            return is_letter(element)
        return letter in _INTEGERS and letter.islower() == element.is_signed
    if element.kind == Kind.BOOLEAN:
        return letter in "?B"
    if element.layout.is_complex:
        return letter == "Z"
    if element.kind == Kind.FLOAT:
        return letter in _FLOATS and has_format_of_here(element.layout)
    if element.kind in (Kind.POINTER, Kind.FUNCTION):
        return letter in _INTEGERS
    return letter == "T"


def _wanted(element: Step) -> str:
    if element.kind == Kind.INTEGER:
        return f"{'int' if element.is_signed else 'uint'}{8 * element.size}"
    if element.layout.is_complex:
        return f"complex{8 * element.size}"
    if element.kind == Kind.FLOAT:
        return f"float{8 * element.size}" if has_format_of_here(element.layout) else "binary128, as a list"
    names = {Kind.BOOLEAN: "bool", Kind.CHARACTER: "bytes", Kind.COMPOSITE: f"structures of {element.size} bytes"}
    return names.get(element.kind, "addresses (uint64)")
