"""Calls of functions in another process, by prototypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from uruk.c_types.declarations import Function
from uruk.executor.callbacks import Callback, Callbacks, Keeper
from uruk.executor.prototypes import Prototype
from uruk.executor.remote_process import RemoteProcess


class Elsewhere(Protocol):
    """The members of an executor of another process by which its functions are called."""

    callbacks: Callbacks
    process: RemoteProcess


class _Place:
    """See `uruk.executor.arguments.Place`."""

    def __init__(self, executor: Elsewhere, name: str, home: Keeper) -> None:
        self.executor = executor
        self.name = name
        self.home = home

    def callback(self, function: Function, value: Callable[..., Any]) -> int:
        """See `Place.callback`: it is kept for the owner of the function, or the session."""
        return self.home.kept(function, value).address


class _PlaceOfOneCall(_Place):
    def __init__(self, executor: Elsewhere, name: str, home: Keeper) -> None:
        super().__init__(executor, name, home)
        self.made: list[Callback] = []

    def callback(self, function: Function, value: Callable[..., Any]) -> int:
        """See `Place.callback`: it is kept until the call has returned."""
        self.made.append(self.home.make_of(Prototype(function), value))
        return self.made[-1].address


def function_there(
    executor: Elsewhere, prototype: Prototype, address: int, home: Keeper, callbacks: str, name: str
) -> Callable[..., Any]:
    """Return a callable for a function of another process, whose errors have its `name`; see `uruk.Symbol.function`."""
    process, convention = executor.process, executor.process.convention
    in_x87 = prototype.signature(convention).is_in_x87
    prototype.plan(convention)
    lasting = _Place(executor, name, home)

    def call(*values: Any) -> Any:  # it keeps the executor
        place = lasting if callbacks != "call" else _PlaceOfOneCall(executor, name, home)
        try:
            words = prototype.encode(values, convention, place)
            integers, vectors, stack, wide, place_of_result, _ = words
            answer = process.invoke(
                address, integers, vectors, stack, place_of_result, wide=wide, in_x87=in_x87, raises=True
            )
            return prototype.result_of(answer, words, convention)
        finally:
            for each in place.made if isinstance(place, _PlaceOfOneCall) else ():
                each.release()

    call.address = address  # pyright: ignore[reportFunctionMemberAccess]
    call.executor = executor  # pyright: ignore[reportFunctionMemberAccess]
    return call
