"""One typed callable of linked code, which ends with its code: calls raise RemovedCode from then on."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from uruk.errors import FunctionGone, RemovedCode

if TYPE_CHECKING:
    import ctypes

_known: dict[int, TypedCall] = {}
"""Objects that users call, by id -> what makes their calls."""


def call_of(function: object) -> TypedCall | None:
    """Return what makes the calls of an object that users call; None for other objects."""
    call = _known.get(id(function))
    return call if call is not None and call.function() is function else None


class TypedCall:
    """A typed callable: how Python makes its calls, and what is to be known of it when its code goes."""

    place: ctypes.c_uint64 | None = None
    """The place where C keeps the address that it calls, if it makes the calls; 0 there has it use `make` always."""
    function: weakref.ref[Any]
    """The object that users call."""
    known: weakref.ref[Any]
    """The same, for `call_of`."""

    def __init__(self, name: str, address: int, call: Callable[..., Any]) -> None:
        self.name = name
        self.address = address
        self.executor: object = getattr(call, "executor", None)
        """The executor of another process; None for this one."""
        self.removed = ""
        """The name of what it called, once that was removed."""
        self.gone: tuple[str, str] | None = None
        """Name and file for FunctionGone, while the newest version of replaced code does not define the function."""
        self.under_way: list[None] = []
        """An item for each call that Python is making: both ends of a list change at once, for all threads."""
        self._call = call

    def make(self, *values: Any) -> Any:
        """Make the call. Raises RemovedCode once its code was removed, FunctionGone."""
        self.under_way.append(None)  # first: a removal notes itself, and then looks here
        try:
            if self.removed:
                raise RemovedCode(self.removed)
            if self.gone is not None:
                raise FunctionGone(*self.gone)
            return self._call(*values)
        finally:
            self.under_way.pop()

    def is_made(self, function: object, calls: dict[int, TypedCall]) -> None:
        """Note the object that users call; with it, this goes from `calls`, where it stands under its own id.

        No code of Python's runs for that: many a callable goes when its call returns, and what a handler of a signal
        raises there, as Ctrl-C does, would be lost.
        """
        _known[id(function)] = self
        self.known = weakref.ref(function, partial(_known.pop, id(function)))
        self.function = weakref.ref(function, partial(calls.pop, id(self)))

    def forget_threads(self) -> None:
        """Forget the calls of all threads but this one."""
        if not self.under_way:
            return
        frame, mine = sys._getframe(), 0  # pyright: ignore[reportPrivateUsage]
        while frame is not None:
            mine += frame.f_code is TypedCall.make.__code__ and frame.f_locals["self"] is self
            frame = frame.f_back
        del self.under_way[mine:]

    def as_function(self) -> Callable[..., Any]:
        """Return a function of Python's that makes the call."""
        make = self.make

        def function(*values: Any) -> Any:
            return make(*values)

        function.__name__ = function.__qualname__ = self.name
        function.address = self.address  # pyright: ignore[reportFunctionMemberAccess]
        function.executor = self.executor  # pyright: ignore[reportFunctionMemberAccess]
        return function
