"""Calls of functions in this process, by prototypes: cffi makes them, and plans say what it is given.

A call of numbers alone goes to cffi as it is. Where that refuses an argument, the plan says why, in C's terms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from uruk.c_types.cffi_values import any_pointer, cast, is_cffi_value, place_of, pointer
from uruk.c_types.declarations import Function
from uruk.errors import InvalidType, InvalidValue, UrukError
from uruk.executor import raised
from uruk.executor.arguments import REFUSED, called, convert_all, memory, with_functions, wrong_count
from uruk.executor.callbacks import Callback, Home, Keeper
from uruk.executor.control import Block, Memory
from uruk.executor.native_types import copied, from_native, native_type, to_native, type_of_calls
from uruk.executor.plan import Kind, Plan, Step, pointer_steps
from uruk.executor.prototypes import Prototype
from uruk.executor.this_process import THIS_PROCESS
from uruk.isa.abi import convention_of

CONVENTION = convention_of(THIS_PROCESS.triple)
"""The calling convention of this process."""


class PlaceHere:
    """See `uruk.executor.arguments.Place`. `kept` is memory that is made for one call."""

    executor = None

    def __init__(self, home: Keeper, for_one_call: bool, name: str = "") -> None:
        self.name = name
        self._home = home
        self._for_one_call = for_one_call
        self.kept: list[object] = []
        self.made: list[Callback] = []

    def callback(self, function: Function, value: Callable[..., Any]) -> int:
        """See `Place.callback`."""
        if not self._for_one_call:
            return self._home.kept(function, value).address
        self.made.append(self._home.make_of(Prototype(function), value))
        return self.made[-1].address


def function_here(
    prototype: Prototype, address: int, home: Keeper, *, callbacks: str = "dylib", name: str = ""
) -> Callable[..., Any]:
    """Return a callable for a function of this process, whose errors have its `name`.

    `home` has the callbacks that Python functions become.
    """
    plan = prototype.plan(CONVENTION)
    if prototype.native is None:
        prototype.native = _native(plan)
    raw = cast(prototype.native, address)
    if plan.is_plain:
        call = _plain(raw, plan, name)
    else:
        call = _converting(raw, plan, home, callbacks == "call", name)
    call.address = address  # pyright: ignore[reportFunctionMemberAccess]
    call.executor = None  # pyright: ignore[reportFunctionMemberAccess]
    return call


def function_by_cffi(
    function: Function, address: int, home: Keeper, *, callbacks: str = "dylib", name: str = ""
) -> Callable[..., Any]:
    """Return a callable for a function with variable arguments, which cffi alone passes.

    What cffi refuses for a pointer is converted as it is for other functions.
    """
    raw = cast(function.kind, address)
    steps = pointer_steps(function, CONVENTION)
    waiting, raise_kept = raised.waiting, raised.raise_kept

    def call(*values: Any) -> Any:
        place = PlaceHere(home, callbacks == "call", name)
        try:
            try:
                result = raw(*values)
            except REFUSED:
                result = _again(raw, function, steps, values, place)
            if waiting:
                raise_kept()
            return result
        finally:
            for each in place.made:
                each.release()

    raised.callers.update((call.__code__, _again.__code__))
    call.address = address  # pyright: ignore[reportFunctionMemberAccess]
    call.executor = None  # pyright: ignore[reportFunctionMemberAccess]
    return call


def _again(
    raw: Callable[..., Any], function: Function, steps: Sequence[Step | None], values: Sequence[Any], place: PlaceHere
) -> Any:
    """Make a call with its pointers converted. Raises InvalidType, InvalidValue, OverflowError."""
    if len(values) < len(steps) or (len(values) > len(steps) and not function.is_variadic):
        raise wrong_count(function, len(values), place.name)
    _check_variable(function, values, place.name)
    given = list(values)
    number = 0
    try:
        for number, (step, value) in enumerate(zip(steps, values, strict=False), 1):
            if step is not None:
                lent = _converted(step, value, place)
                place.kept.append(lent)  # what it is cast to does not keep it
                given[number - 1] = cast(step.layout.kind, lent)
        number = 0
        result = raw(*given)
    except REFUSED as error:
        kind = type(error) if isinstance(error, UrukError) else InvalidType
        kind = OverflowError if isinstance(error, OverflowError) else kind
        where = called(place.name, function.text) + (f"argument {number} of " if number else "")
        raise kind(f"{where}`{function.text}': {error}") from None
    if raised.waiting:
        raised.raise_kept()
    return result


def _check_variable(function: Function, values: Sequence[Any], name: str) -> None:
    """Raise InvalidType for a variable argument without a type of C."""
    for number, value in enumerate(values[len(function.arguments) :], len(function.arguments) + 1):
        if not is_cffi_value(value):
            what = f"argument {number} of {called(name, function.text)}`{function.text}'"
            raise InvalidType(f"{what}, {value!r:.40}, has no type of C: {function.fixed_for(values)}")


def _native(plan: Plan) -> Any:
    """Return cffi's type of the calls: memory is passed as `void *`, and results that are pointers are numbers."""
    arguments = [
        any_pointer() if step.kind in (Kind.POINTER, Kind.FUNCTION) else native_type(plan.text, step.layout)
        for step in plan.arguments
    ]
    result = plan.result.layout.kind if plan.result.kind == Kind.VOID else native_type(plan.text, plan.result.layout)
    return type_of_calls(plan.text, arguments, result)


def _plain(raw: Callable[..., Any], plan: Plan, name: str) -> Any:
    nowhere = PlaceHere(Keeper(_no_home, int), False, name)
    waiting, raise_kept = raised.waiting, raised.raise_kept

    def call(*values: Any) -> Any:
        try:
            result = raw(*values)
        except REFUSED:
            pass
        else:
            if waiting:
                raise_kept()
            return result
        result = raw(*convert_all(plan, values, nowhere, _converted))
        if waiting:
            raise_kept()
        return result

    raised.callers.add(call.__code__)
    return call


def _converting(raw: Callable[..., Any], plan: Plan, home: Keeper, for_one_call: bool, name: str) -> Any:
    waiting, raise_kept = raised.waiting, raised.raise_kept
    count = len(plan.arguments)
    steps = [(step, step.kind in (Kind.POINTER, Kind.FUNCTION, Kind.COMPOSITE)) for step in plan.arguments]
    result_layout = plan.result.layout if plan.result.kind == Kind.COMPOSITE else None

    def call(*values: Any) -> Any:
        if len(values) != count:
            raise wrong_count(plan, len(values), name)
        place = PlaceHere(home, for_one_call, name)
        try:
            try:
                given = [
                    _converted(step, value, place) if converts else value
                    for (step, converts), value in zip(steps, values, strict=True)
                ]
                result = raw(*given)
            except REFUSED:
                result = None
            else:
                if waiting:
                    raise_kept()
                return result if result_layout is None else from_native(result_layout, result)
            result = raw(*convert_all(plan, values, place, _converted))
            if waiting:
                raise_kept()
            return result if result_layout is None else from_native(result_layout, result)
        finally:
            for each in place.made:
                each.release()

    raised.callers.add(call.__code__)
    return call


def _no_home() -> Home:
    raise InvalidValue("a number was to be converted, and not a function")


def _converted(step: Step, value: Any, place: Any) -> Any:
    """Return an argument as cffi takes it."""
    if step.kind not in (Kind.POINTER, Kind.FUNCTION):
        if step.kind == Kind.COMPOSITE:
            value = with_functions(step.layout, copied(step.layout, value), place)
        return to_native(step.layout, value)
    given = memory(step, value, place)
    if isinstance(given, Block):
        place.kept.append(given)
        return pointer(_filled(given, place.kept))
    return pointer(given)


def _filled(block: Block, kept: list[object]) -> bytearray:
    """Put the addresses of other memory into a block's."""
    for offset, inner in block.pointers:
        address = address_here(inner, kept)
        block.data[offset : offset + 8] = address.to_bytes(8, "little")
    return block.data


def address_here(inner: Memory, kept: list[object]) -> int:
    """Return the address of memory that a call is lent, which lasts as long as `kept`."""
    if isinstance(inner, int):
        return inner
    kept.append(inner)
    return place_of(_filled(inner, kept) if isinstance(inner, Block) else inner)
