"""Python values as arguments of C, by the steps of a plan: numbers, addresses, and memory that is lent to a call."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from types import BuiltinFunctionType, FunctionType
from typing import Any, Protocol, cast

import numpy as np

from uruk.c_types.cffi_values import address_of, is_foreign_pointer, is_same, memory_of, pointed_to, size_of
from uruk.c_types.declarations import Function, function_of_kind
from uruk.demangle import demangle
from uruk.errors import InvalidType, InvalidValue, RemovedCode
from uruk.executor.control import Block, Memory
from uruk.executor.layouts import Layout, Structure, has_format_of_here, layout_of_value, shown
from uruk.executor.live import LiveStructure, place_of_structure
from uruk.executor.plan import Kind, Plan, Step
from uruk.executor.structure_callbacks import with_addresses
from uruk.executor.typed_call import TypedCall, call_of
from uruk.graph.types import AnyArray
from uruk.named_tuples import NamedTuple

REFUSED = (TypeError, ValueError, OverflowError, NotImplementedError)
"""The errors by which conversions, cffi and memoryviews refuse an argument."""
_WORD = re.compile(r"\w+")
_ADDRESSES = 1 << 64
_INTEGERS, _FLOATS = "bBhHiIlLqQnNP", "efdg"


class Place(Protocol):
    """The process where a function is called, and the function's name, for errors."""

    name: str

    @property
    def executor(self) -> object:
        """The executor of another process; None for this one."""
        ...

    def callback(self, function: Function, value: Callable[..., Any]) -> int:
        """Return the address of a Python function as one of a type, for as long as the place says."""
        ...


class _Given(NamedTuple):
    """The items of a buffer: a letter for their kind, their size in bytes, and what numpy calls them."""

    letter: str
    size: int
    name: str


def wrong_count(plan: Plan | Function, given: int, name: str) -> InvalidType:
    """Return the error of a call with too few or too many arguments."""
    wanted = len(plan.arguments)
    least = "at least " if isinstance(plan, Function) and plan.is_variadic else ""
    return InvalidType(
        f"{called(name, plan.text)}`{plan.text}' takes {least}{wanted} argument{'s' * (wanted != 1)}, not {given}"
    )


def called(name: str, text: str) -> str:
    """Return what an error begins with: a function's name, unless its prototype has it."""
    if not name or name in _WORD.findall(text):
        return ""
    return f"{demangle(name)}: "


def convert_all(
    plan: Plan, values: Sequence[Any], place: Place, convert: Callable[[Step, Any, Place], Any]
) -> list[Any]:
    """Return all arguments of a call, converted. Raises InvalidType, InvalidValue, OverflowError: which, and why."""
    if len(values) != len(plan.arguments):
        raise wrong_count(plan, len(values), place.name)
    converted: list[Any] = []
    for step, value in zip(plan.arguments, values, strict=True):
        try:
            converted.append(convert(step, value, place))
        except REFUSED as error:
            known = isinstance(error, (InvalidType, InvalidValue))
            kind = type(error) if known else OverflowError if isinstance(error, OverflowError) else InvalidType
            where = f"{called(place.name, plan.text)}argument {len(converted) + 1}"
            raise kind(f"{where} of `{plan.text}': {error}") from None
    return converted


def memory(step: Step, value: Any, place: Place) -> Memory:
    """Return a value for a pointer. Raises InvalidType, InvalidValue, OverflowError."""
    if value is None:
        return 0
    if isinstance(value, int):
        return _address(int.__index__(value))
    if isinstance(value, np.ndarray):
        return _buffer(step, value)
    if isinstance(value, Structure):
        return _structure(step, value, place)
    if hasattr(value, "__index__"):
        return _address_in(value, place)
    if isinstance(value, (BuiltinFunctionType, FunctionType)) and (call := call_of(value)) is not None:
        return _function_address(call, value, place)
    if hasattr(value, "address") and hasattr(value, "executor"):  # a function that was given a type
        return _address_in(value, place)
    if is_foreign_pointer(value):
        if place.executor is not None:
            if not address_of(value):
                return 0
            raise InvalidType(f"{value!r} is an address of this process, and the function is in another one")
        item = pointed_to(value)
        if item is not None and item.kind in ("struct", "union"):
            _check_memory(step, item, memoryview(b""))
        return address_of(value)
    if step.kind == Kind.FUNCTION:
        return _function(step, value, place)
    if isinstance(value, str):
        return _text(step, value)
    if isinstance(value, (list, tuple)):
        return _items(step, cast("Sequence[Any]", value), place)
    return _buffer(step, value)


def _address(number: int) -> int:
    if not 0 <= number < _ADDRESSES:
        raise OverflowError(f"{shown(number)} is no address")
    return number


def _address_in(value: Any, place: Place) -> int:
    if getattr(value, "executor", place.executor) is not place.executor:
        raise InvalidValue(f"{value!r} is of another process than the function")
    return _address(operator.index(value if hasattr(value, "__index__") else value.address))


def _function_address(call: TypedCall, value: Any, place: Place) -> int:
    if place.executor is not call.executor:
        raise InvalidValue(f"{value!r} is of another process than the function")
    if call.removed:
        raise RemovedCode(call.removed)
    return call.address


def _function(step: Step, value: Any, place: Place) -> int:
    if not callable(value):
        raise InvalidType(f"`{step.name}' takes a function or the address of one, not {_type(value)}")
    if step.function is None:
        raise InvalidType(f"`{step.name}' does not say what is passed: give the address of a function")
    return place.callback(step.function, value)


def _text(step: Step, value: str) -> bytes:
    if not step.is_text:
        raise InvalidType(f"`{step.name}' takes no str: encode it")
    if not step.is_const:
        raise InvalidType(f"`{step.name}' may be written, and a str cannot: pass a bytearray, or declare it const")
    if "\0" in value:
        raise InvalidValue("a str with a NUL in it is no string of C")
    return value.encode()


def with_functions(layout: Layout, value: Any, place: Place) -> Any:
    """Return a structure's value with addresses in the place of functions, those of Python's among them."""

    def address(member: Layout, given: Any) -> int:
        kind = member.kind
        step = Step(Kind.FUNCTION, kind.cname, member.size, member, function=function_of_kind(kind))
        return cast("int", memory(step, given, place))

    return with_addresses(layout, value, address)


def _structure(step: Step, value: Structure, place: Place) -> Memory:
    """Return the address of a structure in the memory of linked code; of another a copy, for what reads it."""
    if step.kind == Kind.FUNCTION:
        raise InvalidType(f"`{step.name}' takes a function or the address of one, not {_type(value)}")
    kind = layout_of_value(value).kind
    lies = place_of_structure(value) if isinstance(value, LiveStructure) else None
    is_same_type = step.is_void or (step.element is not None and is_same(kind, step.element.layout.kind))
    if lies is not None and is_same_type and lies.executor is place.executor and (step.is_const or not lies.constant):
        lies.check()
        return lies.address
    if step.element is None or not step.element.layout.is_composite:
        raise InvalidType(f"`{step.name}' does not point to `{kind.cname}'")
    if not step.is_const:
        which = "is a copy" if lies is None or not lies.constant else f"is not ({lies.constant})"
        raise InvalidType(
            f"`{step.name}' may be written, and this structure {which}: pass the address of the variable "
            "(jit.lookup), or a list of it, if what is written may be lost"
        )
    return Block(bytearray(step.element.layout.to_bytes(value)), ())


def _type(value: Any) -> str:
    return type(value).__name__


# -- buffers


def _not_contiguous(step: Step, view: memoryview) -> str:
    if view.f_contiguous:
        return (
            f"the array is in Fortran's order, and `{step.name}' takes that of C: pass its transpose (array.T) for the "
            "memory as it is, or a copy (numpy.ascontiguousarray)"
        )
    return f"the array is not contiguous, and `{step.name}' wants one: numpy.ascontiguousarray makes a copy that is"


def _buffer(step: Step, value: Any) -> Memory:
    if step.kind == Kind.FUNCTION:
        raise InvalidType(f"`{step.name}' takes a function or the address of one, not {_type(value)}")
    own = memory_of(value)
    try:
        view = own[0] if own is not None else memoryview(value)
    except (TypeError, ValueError):
        raise InvalidType(_not_taken(step, value)) from None
    if own is None:
        _check_items(step, value, view)
    else:
        _check_memory(step, own[1], view)
    if not view.c_contiguous:
        raise InvalidType(_not_contiguous(step, view))
    if isinstance(value, bytes) and step.is_const:
        return value
    if view.readonly and not step.is_const:
        raise InvalidType(f"`{step.name}' may be written, and this {_type(value)} cannot: copy it, or declare it const")
    flat = view.cast("B") if view.nbytes else memoryview(bytearray(1))
    return flat.toreadonly() if step.is_const else flat


def _check_memory(step: Step, kind: Any, view: memoryview) -> None:
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
        return f"an array of {cast('AnyArray', value).dtype} has no items of C for `{step.name}'"
    return f"`{step.name}' takes an address, a buffer, a list or None, not {_type(value)}"


def _check_items(step: Step, value: Any, view: memoryview) -> None:
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
        name = text
    return _Given("" if swapped else letter, view.itemsize, name)


def _fits(element: Step, letter: str, size: int, view: memoryview) -> bool:
    if not letter or size != element.size:
        return False
    if element.kind in (Kind.INTEGER, Kind.CHARACTER) and size == 1:
        return letter == "B"
    if element.kind == Kind.INTEGER:
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


# -- lists


def _items(step: Step, values: Sequence[Any], place: Place) -> Block:
    """Return the array that a list is: memory of the call's own, so that what is written there is lost."""
    element = step.element
    if element is None:
        raise InvalidType(f"`{step.name}' does not say what a list is of: pass a buffer")
    data = bytearray()
    pointers: list[tuple[int, Memory]] = []
    for number, value in enumerate(values):
        try:
            if element.kind in (Kind.POINTER, Kind.FUNCTION):
                inner = memory(element, value, place)
                if not isinstance(inner, int):
                    pointers.append((len(data), inner))
                    inner = 0
                data += inner.to_bytes(8, "little")
            else:
                data += element.layout.to_bytes(with_functions(element.layout, value, place))
        except (TypeError, OverflowError) as error:
            kind = OverflowError if isinstance(error, OverflowError) else InvalidType
            raise kind(f"item {number}: {error}") from None
    return Block(data or bytearray(1), tuple(pointers))
