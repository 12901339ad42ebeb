"""Typed callables of a session's code, in whatever process that is.

Once the code of one is removed, its calls raise RemovedCode, also where other code lies at its address by then. Code
that a call is in stays until that has returned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from uruk.demangle import demangle
from uruk.executor.locks import inner_lock
from uruk.executor.typed_call import TypedCall

if TYPE_CHECKING:
    from uruk.executor.callbacks import Home
    from uruk.executor.native_calls import NativeCalls


class CodeCalls:
    """The typed callables of one session.

    `native` makes calls in this process from C, where there is that. `others` counts calls in ranges of addresses that
    go on though their callers do not wait any more.
    """

    def __init__(self, native: NativeCalls | None, others: Callable[[Sequence[tuple[int, int]]], int] | None) -> None:
        self.native = native
        self.callbacks: Home | None = None
        """The callbacks that are kept for dylibs, once there are any."""
        self._others = others
        self._lock = inner_lock()  # reentrant: a handler or a collector may interrupt its holder
        self._made: dict[int, TypedCall] = {}
        self._gone: dict[int, tuple[str, str]] = {}
        """Addresses of stubs of functions that no version defines -> what FunctionGone says."""

    def add(self, call: TypedCall, function: Any) -> Any:
        """Have the calls of a function end when its code goes; returns the function, which is not kept."""
        key = id(call)
        with self._lock:
            self._made[key] = call
            self._set_gone(call, self._gone.get(call.address))
        call.is_made(function, self._made)
        return function

    def lead(self, address: int, gone: tuple[str, str] | None) -> None:
        """Note that a stub leads to a function again, or, with what FunctionGone says, to none."""
        with self._lock:
            known = self._gone.pop(address, None)
            if gone is not None:
                self._gone[address] = gone
            if known is not None or gone is not None:
                for call, _ in self._in([(address, address + 1)]):
                    self._set_gone(call, gone)

    def _set_gone(self, call: TypedCall, gone: tuple[str, str] | None) -> None:
        call.gone = gone
        if call.place is not None and not call.removed:
            call.place.value = call.address if gone is None else 0

    def __len__(self) -> int:
        """Return how many callables there are."""
        return len(self._made)

    def _in(self, ranges: Sequence[tuple[int, int]]) -> list[tuple[TypedCall, Any]]:
        """Return the callables with code in some ranges, each with its function: held, as C's plan goes with it."""
        calls = [call for call in list(self._made.values()) if any(a <= call.address < b for a, b in ranges)]
        pairs = ((call, call.function()) for call in calls)
        return [pair for pair in pairs if pair[1] is not None]

    def remove(self, ranges: Sequence[tuple[int, int]], owner: str) -> None:
        """Have calls of functions from `start` to `end`, for each pair of `ranges`, raise RemovedCode from now on.

        `owner` is what the error says that they were of.
        """
        with self._lock:
            for call, _ in self._in(ranges):
                call.removed = call.removed or f"`{demangle(call.name)}' of {owner}"
                if call.place is not None:
                    call.place.value = 0

    def remove_at(self, addresses: Collection[int], owner: str) -> None:
        """Do the same for functions at some addresses."""
        with self._lock:
            for address in addresses if self._gone else ():
                self._gone.pop(address, None)
        wanted = {call.address for call in list(self._made.values())}.intersection(addresses)
        if wanted:
            self.remove([(address, address + 1) for address in wanted], owner)

    def forget_threads(self) -> None:
        """Forget the calls of all threads but this one: a fork's child has none of these."""
        self._lock = inner_lock()  # a thread that is not there may hold the other one
        for call in list(self._made.values()):
            call.forget_threads()

    def under_way(self, ranges: Sequence[tuple[int, int]]) -> int:
        """Return how many calls of functions in these ranges have begun and not returned, of all threads."""
        with self._lock:
            in_python = sum(len(call.under_way) for call, _ in self._in(ranges))
        left = self._others(ranges) if self._others is not None else 0
        return in_python + left + (self.native.under_way(ranges) if self.native is not None else 0)
