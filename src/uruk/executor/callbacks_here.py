"""Python functions that linked code of this process calls: callbacks of cffi's behind stubs that outlive Python."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from uruk.c_types.cffi_values import address_of, native_callback
from uruk.errors import ReleasedCallback
from uruk.executor import raised
from uruk.executor.callbacks import REFUSED, RESTING, Callback, Home, fault_of_result, shown
from uruk.executor.locks import inner_lock
from uruk.executor.native_types import from_native, native_function, to_native
from uruk.executor.prototypes import Prototype
from uruk.executor.this_process import THIS_PROCESS, ThisProcess
from uruk.isa.abi import convention_of

raised.runs_initialisers = ThisProcess.call.__code__
_CONVENTION = convention_of(THIS_PROCESS.triple)
_homes: WeakKeyDictionary[object, CallbacksHere] = WeakKeyDictionary()
_lock = inner_lock()  # reentrant: a signal's handler or a destructor may make callbacks in the middle


def callbacks_of(session: object, guard: Callable[[int], int]) -> CallbacksHere:
    """Return the callbacks of a session in this process.

    `guard` returns an address that stands for a Python function's until the interpreter has ended.
    """
    with _lock:
        home = _homes.get(session)
        if home is None:
            home = _homes[session] = CallbacksHere(guard)
        return home


class _Entry:
    """A native function and the Python function that it calls now; None after its release, when it has its `name`."""

    __slots__ = ("address", "function", "name", "native")
    native: Any
    address: int
    name: str

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function: Callable[..., Any] | None = function


class CallbacksHere(Home):
    """The callbacks of one session in this process."""

    def __init__(self, guard: Callable[[int], int]) -> None:
        super().__init__()
        self._guard = guard
        self._lock = inner_lock()
        self._free: dict[Any, deque[_Entry]] = {}
        self._all: dict[int, tuple[Callback, _Entry]] = {}
        self._numbers = itertools.count()

    def make_of(self, prototype: Prototype, function: Callable[..., Any]) -> Callback:
        """See `Home.make_of`."""
        with self._lock:
            free = self._free.get(prototype.function.kind)
            if free and len(free) > RESTING:
                entry = free.popleft()
                entry.function = function
            else:
                entry = self._entry(prototype, function)
            number = next(self._numbers)
            callback = Callback(entry.address, number, prototype, function, self)
            self._all[number] = callback, entry
            return callback

    def _entry(self, prototype: Prototype, function: Callable[..., Any]) -> _Entry:
        signature = prototype.signature(_CONVENTION)
        kind = native_function(prototype.text, signature)
        arguments, result = signature.arguments, signature.result
        entry = _Entry(function)

        def enter(*values: Any) -> Any:
            wanted = entry.function
            if wanted is None:
                raised.keep(ReleasedCallback(entry.name), raised.frame_of(0).f_back, entry.name)
                return to_native(result, None, as_result=True, zero=True)
            swap = raised.swap_catching
            outer = swap(0) if swap is not None else 0  # no exception may pass Python's own frames
            try:
                if raised.runs_any():
                    with raised.function_of_python():
                        value = wanted(*map(from_native, arguments, values))
                else:
                    value = wanted(*map(from_native, arguments, values))
                try:
                    return to_native(result, value, as_result=True)
                except REFUSED as error:
                    raise fault_of_result(prototype.text, wanted, error) from None
            except BaseException as error:  # code below is C, which no exception passes
                raised.keep(error, raised.frame_of(0).f_back, wanted)
                return to_native(result, None, as_result=True, zero=True)
            finally:
                if swap is not None:
                    swap(outer)

        entry.native = native_callback(kind, enter)
        entry.address = self._guard(address_of(entry.native))
        return entry

    def release(self, callback: Callback) -> None:
        """See `Callback.release`: another callback of this type may use its address."""
        with self._lock:
            known, entry = self._all.get(callback.number, (None, None))
            if known is callback and entry is not None:
                del self._all[callback.number]
                entry.name, entry.function = shown(callback.function), None
                self._free.setdefault(callback.prototype.function.kind, deque()).append(entry)
