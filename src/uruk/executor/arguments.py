"""Python values as arguments of C, by the steps of a plan: numbers, addresses, and memory that is lent to a call."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from types import BuiltinFunctionType, FunctionType
from typing import Any, Protocol, cast

import numpy as np

from uruk.c_types.cffi_values import (
    address_of,
    is_ctypes_pointer,
    is_foreign_pointer,
    is_pointer_variable,
    is_same,
    pointed_to,
    target_of,
)
from uruk.c_types.declarations import Function, function_of_kind
from uruk.demangle import demangle
from uruk.errors import InvalidType, InvalidValue, RemovedCode
from uruk.executor.buffers import check_items, check_memory, is_letter, memory_of_buffer
from uruk.executor.control import Block, Memory
from uruk.executor.layouts import Layout, Structure, layout_of_value, shown
from uruk.executor.live import LiveStructure, place_of_structure
from uruk.executor.plan import Kind, Plan, Step
from uruk.executor.structure_callbacks import with_addresses
from uruk.executor.typed_call import TypedCall, call_of
from uruk.special_methods import has_method

REFUSED = (TypeError, ValueError, OverflowError, NotImplementedError)
"""The errors by which conversions, cffi and memoryviews refuse an argument."""
_WORD = re.compile(r"\w+")
_ADDRESSES = 1 << 64
_WIDE = {2: "utf-16-le", 4: "utf-32-le"}
"""Sizes of the letters of wide texts -> their encoding."""


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
        return memory_of_buffer(step, value)
    if isinstance(value, Structure):
        return _structure(step, value, place)
    if has_method(value, "__index__"):
        return _address_in(value, place)
    if isinstance(value, (BuiltinFunctionType, FunctionType)) and (call := call_of(value)) is not None:
        return _function_address(call, value, place)
    if hasattr(value, "address") and hasattr(value, "executor"):  # a function that was given a type
        return _address_in(value, place)
    if is_foreign_pointer(value):
        if address_of(value):
            _check_is_here(value, place)
        item = pointed_to(value)
        if item is not None and item.kind in ("struct", "union"):
            check_memory(step, item, memoryview(b""))
        return address_of(value)
    if is_ctypes_pointer(value) and not (is_pointer_variable(value) and _points_to_pointers(step)):
        return _ctypes_pointer(step, value, place)
    if step.kind == Kind.FUNCTION:
        return _function(step, value, place)
    if isinstance(value, str):
        return _text(step, value)
    if isinstance(value, (list, tuple)):
        return _items(step, cast("Sequence[Any]", value), place)
    return memory_of_buffer(step, value)


def _check_is_here(value: Any, place: Place) -> None:
    if place.executor is not None:
        raise InvalidType(f"{value!r} is an address of this process, and the function is in another one")


def _points_to_pointers(step: Step) -> bool:
    return step.element is not None and step.element.kind in (Kind.POINTER, Kind.FUNCTION)


def _ctypes_pointer(step: Step, value: Any, place: Place) -> int:
    """Return the address that a pointer of ctypes is, where it leads to what the argument points to."""
    address = address_of(value)
    if step.kind == Kind.FUNCTION or not address:
        return address
    target = target_of(value)
    if target is not None:  # an address without a type may be one of any process
        _check_is_here(value, place)
        check_items(step, target, memoryview(target))
    return address


def _address(number: int) -> int:
    if not 0 <= number < _ADDRESSES:
        raise OverflowError(f"{shown(number)} is no address")
    return number


def _address_in(value: Any, place: Place) -> int:
    if getattr(value, "executor", place.executor) is not place.executor:
        raise InvalidValue(f"{value!r} is of another process than the function")
    return _address(operator.index(value if has_method(value, "__index__") else value.address))


def _function_address(call: TypedCall, value: Any, place: Place) -> int:
    if place.executor is not call.executor:
        raise InvalidValue(f"{value!r} is of another process than the function")
    if call.removed:
        raise RemovedCode(call.removed)
    return call.address


def _function(step: Step, value: Any, place: Place) -> int:
    if not callable(value):
        raise InvalidType(f"`{step.name}' takes a function or the address of one, not {type(value).__name__}")
    if step.function is None:
        raise InvalidType(f"`{step.name}' does not say what is passed: give the address of a function")
    return place.callback(step.function, value)


def _text(step: Step, value: str) -> bytes:
    wide = _WIDE.get(step.element.size) if step.element is not None and is_letter(step.element) else None
    if not step.is_text and wide is None:
        raise InvalidType(f"`{step.name}' takes no str: encode it")
    if not step.is_const:
        raise InvalidType(f"`{step.name}' may be written, and a str cannot: pass a bytearray, or declare it const")
    if "\0" in value:
        raise InvalidValue("a str with a NUL in it is no string of C")
    return value.encode() if wide is None else f"{value}\0".encode(wide)


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
        raise InvalidType(f"`{step.name}' takes a function or the address of one, not {type(value).__name__}")
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
