"""Python functions that code in another process calls: a trampoline there for each, a request here for each call."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from uruk.errors import InvalidType, InvalidValue, ReleasedCallback
from uruk.executor import raised, sps
from uruk.executor.control import Runtime
from uruk.executor.locks import inner_lock
from uruk.isa.interface import TRAMPOLINE_SIZE, architecture_of
from uruk.memory.mapper import Reach
from uruk.memory.zones import CODE
from uruk.records import Unique, record

if TYPE_CHECKING:
    from uruk.c_types.declarations import Function
    from uruk.executor.prototypes import Prototype
    from uruk.isa.abi import CallingConvention
    from uruk.memory.interface import Memory

_REGISTERS = 25
"""Words of a request for registers: eight integers, eight vectors, the place of a result, and the upper words of the
vectors; those on the stack follow."""
_NOTHING = (0,) * 6
"""A result of zeros: two integer and four vector registers."""
REFUSED = (TypeError, ValueError, OverflowError)
"""The errors by which values are refused that a type does not have."""
COUNT = 128
"""The number of trampolines that are made at a time: a page of them."""
RESTING = 64
"""The number of addresses that rest after their release, before the first of them is another callback's."""


class Home(ABC):
    """The callbacks of one process, where a callback is released."""

    def __init__(self) -> None:
        self._kept: dict[int, dict[object, Callback]] = {}
        """Owners -> functions with their types -> callbacks."""
        self._keeping = inner_lock()  # reentrant: a signal's handler or a destructor may make one in the middle

    @abstractmethod
    def make_of(self, prototype: Prototype, function: Callable[..., Any]) -> Callback:
        """Return a callback of a type. Raises UrukError for one that cannot be passed."""

    @abstractmethod
    def release(self, callback: Callback) -> None:
        """See `Callback.release`."""

    def make(self, text: str, function: Callable[..., Any]) -> Callback:
        """Return a callback of C type `text`. Raises UrukError for a type that cannot be passed, or no function."""
        from uruk.executor.prototypes import Prototype  # reads types by cffi, which programs do without

        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"{text!r} is no C prototype, as text")
        if not callable(function):
            raise InvalidType(f"{function!r} is not callable, so that it is no callback of `{text}'")
        return self.make_of(Prototype(text), function)

    def kept(self, kind: Function, function: Callable[..., Any], owner: int = 0) -> Callback:
        """Return a callback that is kept for an owner, and is given again for the same function and type.

        It is there until `drop` is called for the owner.
        """
        from uruk.executor.prototypes import Prototype

        try:
            key: object = (kind.kind, hash(function), function)
        except TypeError:  # not hashable: it is itself alone
            key = (kind.kind, id(function))
        with self._keeping:
            kept = self._kept.setdefault(owner, {})
            callback = kept.get(key)
            if callback is None:
                callback = kept[key] = self.make_of(Prototype(kind), function)
            return callback

    def drop(self, owner: int) -> None:
        """Release all callbacks that are kept for an owner, which is gone."""
        with self._keeping:
            kept = self._kept.pop(owner, {})
        for callback in kept.values():
            callback.release()


class Keeper:
    """The callbacks that calls of one function make: `home()` has them, `owner()` is whose they are, 0 the session."""

    def __init__(self, home: Callable[[], Home], owner: Callable[[], int]) -> None:
        self._home = home
        self._owner = owner
        self._known: int | None = None

    def kept(self, kind: Function, function: Callable[..., Any]) -> Callback:
        """See `Home.kept`."""
        if self._known is None:
            self._known = self._owner()
        return self._home().kept(kind, function, self._known)

    def make_of(self, prototype: Prototype, function: Callable[..., Any]) -> Callback:
        """See `Home.make_of`."""
        return self._home().make_of(prototype, function)


@record
class Callback(Unique):
    """A Python function with an address for linked code; pass it where that wants a pointer to a function.

    A call after `release` raises ReleasedCallback in the call that led to it. It must not be called when its session
    is closed.
    """

    address: int
    number: int
    prototype: Prototype
    function: Callable[..., Any]
    home: Home

    def __index__(self) -> int:
        return self.address

    def __repr__(self) -> str:
        return f"<Callback {shown(self.function)} of `{self.prototype.text}' at {self.address:#x}>"

    def release(self) -> None:
        """Release the callback, which nothing calls any more.

        Its address is another callback's once 64 later ones were released.
        """
        self.home.release(self)


def shown(function: Callable[..., Any]) -> str:
    """Return a function's name for errors."""
    return str(getattr(function, "__qualname__", "") or type(function).__name__)


def fault_of_result(text: str, function: Callable[..., Any], error: Exception) -> Exception:
    """Return the error of a callback of C type `text` whose result is no value of its type, by that of the value."""
    kind = OverflowError if isinstance(error, OverflowError) else InvalidType
    return kind(f"the result of {shown(function)}, a callback of `{text}': {error}")


@record
class _Segment:
    module: int
    zone: int
    size: int
    align: int
    stored: int


class Callbacks(Home):
    """The callbacks of one executor. `raising`: calls that raise what their callbacks raise, by their numbers."""

    def __init__(self, runtime: Runtime, memory: Memory, raising: dict[int, BaseException | None]) -> None:
        super().__init__()
        self._raising = raising
        self._runtime = runtime
        self._architecture = architecture_of(runtime.process.triple)
        self._memory = memory
        self._lock = inner_lock()
        self._free: dict[int, deque[int]] = {}
        """Numbers of stack words -> addresses of trampolines, those that were never used first."""
        self._released: dict[int, str] = {}
        """Numbers of trampolines that rest -> what they led to."""
        self._number_at: dict[int, int] = {}
        self._all: dict[int, Callback] = {}
        self._numbers = itertools.count(0, COUNT)

    @cached_property
    def _convention(self) -> CallingConvention:
        from uruk.isa.abi import convention_of  # most executors call nothing back

        return convention_of(self._runtime.process.triple)

    def make_of(self, prototype: Prototype, function: Callable[..., Any]) -> Callback:
        """See `Home.make_of`."""
        words = prototype.signature(self._convention).stack_words
        if words > 16:
            raise InvalidValue(f"`{prototype.text}': a callback takes at most 16 words of arguments on the stack")
        with self._lock:
            free = self._free.setdefault(words, deque())
            while len(free) <= RESTING:
                self._add(words)
            address = free.popleft()
            number = self._number_at[address]
            self._released.pop(number, None)
            callback = self._all[number] = Callback(address, number, prototype, function, self)
            return callback

    def _add(self, words: int) -> None:
        """Add a page of trampolines for callbacks with so many words on the stack."""
        size = COUNT * TRAMPOLINE_SIZE
        allocation = self._memory.allocate([_Segment(0, CODE, size, 16, size)], Reach())
        address = allocation.segments[0][1]
        first = next(self._numbers)
        numbers = np.arange(first, first + COUNT, dtype=np.uint64)
        enter = self._runtime.address[b"uruk_rt_callback_enter"]
        # A trampoline hands its number over in one register: 48 bits of it, with the words on the stack above.
        code = self._architecture.trampolines(numbers | np.uint64(words << 48), enter)
        start = address - allocation.base
        allocation.image[start : start + size] = code
        allocation.protect_code()
        allocation.seal()
        for row in range(COUNT):
            self._number_at[address + row * TRAMPOLINE_SIZE] = first + row
        # In front of those that rest, the first one first.
        self._free[words].extendleft(address + row * TRAMPOLINE_SIZE for row in reversed(range(COUNT)))

    def release(self, callback: Callback) -> None:
        """See `Callback.release`."""
        with self._lock:
            # A second release must not free a trampoline that is another callback's by now.
            if self._all.get(callback.number) is callback:
                del self._all[callback.number]
                self._released[callback.number] = shown(callback.function)
                self._free[callback.prototype.signature(self._convention).stack_words].append(callback.address)

    def answer(self, payload: bytes) -> bytes:
        """Serve a request: call the function. The call that it came out of raises its exception; the result is 0."""
        reader = sps.Reader(payload, "a callback")
        origin = reader.u64()  # the call that it came out of
        number = reader.u64()
        callback = self._all.get(number)
        if callback is None:
            name = self._released.get(number, "a function")
            self._keep(origin, ReleasedCallback(name), name)
            return sps.u64(*_NOTHING)
        prototype, convention = callback.prototype, self._convention
        words = [reader.u64() for _ in range(_REGISTERS + prototype.signature(convention).stack_words)]
        rows = words[:8], words[8:16], words[_REGISTERS:], words[17:_REGISTERS]
        process = self._runtime.process
        try:
            with raised.function_of_python():
                value = callback.function(*prototype.decode(convention, rows, process.read))
            try:
                data = prototype.result_bytes(value, convention)
            except REFUSED as error:
                raise fault_of_result(prototype.text, callback.function, error) from None
        except Exception as error:
            self._keep(origin, error, callback.function)
            data = bytes(prototype.signature(convention).result.size)
        place = prototype.result_place(convention, rows, words[16])
        if place is None:
            return sps.u64(*prototype.result_words(data, convention))
        process.write(place, data)
        return sps.u64(place, *_NOTHING[1:])

    def _keep(self, origin: int, error: Exception, function: object) -> None:
        """Keep an exception for the call that led to it; it is reported where no such call of Python's waits."""
        if self._raising.get(origin, error) is None:
            self._raising[origin] = error
        elif origin in self._raising or not raised.collect(error):
            raised.report(error, function)
