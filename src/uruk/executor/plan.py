"""The plan of a call: for each argument, and the result, the steps from Python's values to words of C, as data.

A plan is made once for a prototype and a calling convention. It says nothing of how the call is made: `arguments.py`
follows it in Python, for this process and for others.
"""

from __future__ import annotations

from enum import IntEnum

from uruk.c_types.cffi_values import is_complete
from uruk.c_types.declarations import CType, Function
from uruk.errors import InvalidValue
from uruk.executor.layouts import Layout, layout_of
from uruk.isa.abi import CallingConvention
from uruk.records import record


class Kind(IntEnum):
    """The kind of a value's conversion."""

    VOID = 0
    INTEGER = 1
    """An integer of `size` bytes, or an enumeration."""
    BOOLEAN = 2
    CHARACTER = 3
    """`char`: bytes of length 1, or an integer."""
    FLOAT = 4
    """float, double or long double, by `size`, or a complex number."""
    POINTER = 5
    """An address, or memory that is lent: a buffer, a text, a list."""
    FUNCTION = 6
    """The address of a function, or a Python function."""
    COMPOSITE = 7
    """A structure or union by value: its bytes, as `layout` says."""


PLAIN = (Kind.VOID, Kind.INTEGER, Kind.BOOLEAN, Kind.CHARACTER, Kind.FLOAT)
"""Kinds whose values need nothing that must be kept during the call."""


@record
class Step:
    """The conversion of one value: `name` is its type as C writes it, `size` its bytes.

    Of an array, `element` is the step of its items. Of a pointer it is the step of what that points to, None for void
    and for a type that is not known. `is_const` says whether a function only reads that, and `function` is the type of
    a function that is pointed to.
    """

    kind: Kind
    name: str
    size: int
    layout: Layout
    is_signed: bool = False
    element: Step | None = None
    is_const: bool = False
    is_text: bool = False
    """True for a pointer to char."""
    is_void: bool = False
    """True for a pointer to void."""
    function: Function | None = None


@record
class Plan:
    """The steps of a prototype; `text` is the prototype."""

    text: str
    arguments: tuple[Step, ...]
    result: Step

    @property
    def is_plain(self) -> bool:
        """True if no argument is memory or a structure, so that numbers alone go in and come out."""
        return all(step.kind in PLAIN for step in self.arguments) and self.result.kind != Kind.COMPOSITE


def plan_of(function: Function, convention: CallingConvention) -> Plan:
    """Return the plan of a prototype. Raises InvalidValue for a type that cannot be passed."""
    try:
        return Plan(
            function.text,
            tuple(_step(each, convention) for each in function.arguments),
            _step(function.result, convention),
        )
    except InvalidValue as error:
        raise InvalidValue(f"`{function.text}': {error}") from None


def pointer_steps(function: Function, convention: CallingConvention) -> list[Step | None]:
    """Return the steps of those arguments of a function that are pointers; None for the others."""
    kinds = ("pointer", "function")
    return [_step(each, convention) if each.kind.kind in kinds else None for each in function.arguments]


def _step(kind: CType, convention: CallingConvention) -> Step:
    layout = layout_of(kind.kind, convention)
    name, size = kind.name, layout.size
    if kind.kind.kind == "void":
        return Step(Kind.VOID, name, size, layout)
    if kind.function is not None or kind.kind.kind == "function":
        return Step(Kind.FUNCTION, name, size, layout, function=kind.function)
    if kind.kind.kind == "pointer":
        item = kind.item
        assert item is not None
        element = _element(item, convention)
        is_void, is_text = item.kind.kind == "void", item.kind.cname == "char"
        return Step(Kind.POINTER, name, size, layout, False, element, kind.is_const, is_text, is_void)
    if layout.is_composite or layout.item is not None:
        items = _element(CType(kind.kind.item), convention) if layout.item is not None else None
        return Step(Kind.COMPOSITE, name, size, layout, element=items)
    if layout.is_float or layout.is_complex:
        return Step(Kind.FLOAT, name, size, layout)
    kinds = {"_Bool": Kind.BOOLEAN, "char": Kind.CHARACTER}
    return Step(kinds.get(kind.kind.cname, Kind.INTEGER), name, size, layout, layout.is_signed)


def _element(item: CType, convention: CallingConvention) -> Step | None:
    """Return the step of what a pointer points to; None where its values cannot be made here."""
    if not is_complete(item.kind):
        return None
    try:
        return _step(item, convention)
    except InvalidValue:  # its bytes may be given all the same
        return None
