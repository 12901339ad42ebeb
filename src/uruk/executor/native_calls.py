"""Calls of functions in this process by function objects of C: see runtime/linux/python_call.c.

They take numbers, addresses and buffers, which need no Python code. Whatever else they are given goes to the same call
in Python, which converts it or says what is wrong with it.
"""

from __future__ import annotations

import ctypes
import struct
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from uruk.errors import RemovedCode
from uruk.executor.plan import Kind, Plan, Step, native_addresses

MOST = 8
"""The largest number of arguments (runtime/linux/python_call.c)."""
_NOTHING, _SIGNED, _UNSIGNED64, _BOOL, _DOUBLE, _FLOAT, _POINTER = range(7)
_HEAD, _SLOT = struct.Struct("<QBB6x"), struct.Struct("<BB6sqq")
_ANY = b""
_BYTES = b"Bbc"
_LETTERS = {
    (Kind.INTEGER, 1): (_BYTES, _BYTES),
    (Kind.INTEGER, 2): (b"H", b"h"),
    (Kind.INTEGER, 4): (b"I", b"i"),
    (Kind.INTEGER, 8): (b"LQN", b"lqn"),
    (Kind.CHARACTER, 1): (_BYTES, _BYTES),
    (Kind.FLOAT, 4): (b"f", b"f"),
    (Kind.FLOAT, 8): (b"d", b"d"),
}
"""Kind and size of a pointer's items -> what the struct module calls them, unsigned and signed."""


def packed(plan: Plan, address: int, *, hold_gil: bool) -> bytes | None:
    """Return a plan as C has it (`Plan` of python_call.c); None if such a call needs Python code."""
    if len(plan.arguments) > MOST:
        return None
    slots = [_slot(step, is_result=number == 0) for number, step in enumerate([plan.result, *plan.arguments])]
    known = [slot for slot in slots if slot is not None]
    if len(known) < len(slots):
        return None
    return _put_together(address, known, hold_gil)


def _put_together(address: int, slots: Sequence[bytes], hold_gil: bool) -> bytes:
    nothing = _SLOT.pack(_NOTHING, 0, _ANY, 0, 0)
    return _HEAD.pack(address, len(slots) - 1, hold_gil) + b"".join(slots) + nothing * (MOST + 1 - len(slots))


def _slot(step: Step, *, is_result: bool) -> bytes | None:
    if step.kind == Kind.VOID:
        return _SLOT.pack(_NOTHING, 0, _ANY, 0, 0)
    if step.kind == Kind.BOOLEAN:
        return _SLOT.pack(_BOOL, 0, _ANY, 0, 0)
    if step.kind == Kind.FLOAT and step.size in (4, 8):
        return _SLOT.pack(_FLOAT if step.size == 4 else _DOUBLE, 0, _ANY, 0, 0)
    if step.kind in (Kind.POINTER, Kind.FUNCTION):
        if is_result:
            return _SLOT.pack(_UNSIGNED64, 0, _ANY, 0, 0)
        return _pointer(step)
    if step.kind != Kind.INTEGER or step.size > 8:
        return None
    if step.size == 8 and not step.is_signed:
        return _SLOT.pack(_UNSIGNED64, 0, _ANY, 0, 0)
    bits = 8 * step.size - step.is_signed
    return _SLOT.pack(_SIGNED, 0, _ANY, -(1 << bits) if step.is_signed else 0, (1 << bits) - 1)


def _pointer(step: Step) -> bytes | None:
    if step.kind == Kind.FUNCTION:  # an address alone
        return _SLOT.pack(_UNSIGNED64, 0, _ANY, 0, 0)
    element, letters = step.element, _ANY
    if not step.is_void:
        pair = _LETTERS.get((element.kind, element.size)) if element is not None else None
        if pair is None or element is None:
            return _SLOT.pack(_UNSIGNED64, 0, _ANY, 0, 0)
        letters = pair[element.is_signed]
    return _SLOT.pack(_POINTER, step.is_const, letters, 0, 0)


_INT = _SLOT.pack(_SIGNED, 0, _ANY, -(1 << 31), (1 << 31) - 1)
_LONG = _SLOT.pack(_SIGNED, 0, _ANY, -(1 << 63), (1 << 63) - 1)
_NUMBER, _SINGLE = _SLOT.pack(_DOUBLE, 0, _ANY, 0, 0), _SLOT.pack(_FLOAT, 0, _ANY, 0, 0)
SHAPES: list[tuple[bytes, tuple[bytes, ...]]] = [
    *((result, arguments) for result in (_LONG, _NUMBER, _SINGLE) for arguments in ((), (_LONG,), (_LONG, _NUMBER))),
    (_NUMBER, (_NUMBER,)),
    (_INT, (_INT, _INT)),
]
"""Results and arguments for which C has a call of its own each: all places where it calls linked code."""


class NativeCalls:
    """Makes such function objects, and takes the code from them when it is removed.

    `new` is the address of ``uruk_py_new_function``. One for this process.
    """

    def __init__(self, new: int) -> None:
        text, thing, place = ctypes.c_char_p, ctypes.py_object, ctypes.c_void_p
        self._new = ctypes.PYFUNCTYPE(thing, text, text, text, thing, place)(new)
        self._lock = threading.Lock()
        self._made: dict[int, _Made] = {}

    def make(self, plan: Plan, name: str, address: int, call: Callable[..., Any], *, hold_gil: bool) -> Any:
        """Return a callable for a function of linked code: a function object of C, where the plan is for that.

        `call` makes the same call in Python. `hold_gil`: other threads of Python wait meanwhile.
        """
        made = _Made(name, address, call)
        data = packed(plan, address, hold_gil=hold_gil)
        function = made.as_function() if data is None else self._in_c(made, data, plan.text)
        key = id(made)
        with self._lock:
            self._made[key] = made
        made.function = weakref.ref(function, lambda _: self._made.pop(key, None))
        return function

    def _in_c(self, made: _Made, data: bytes, text: str) -> Any:
        place = ctypes.c_void_p()
        function = self._new(data, made.name.encode(), text.encode(), made.call_in_python, ctypes.addressof(place))
        made.place = ctypes.c_uint64.from_address(place.value or 0)
        native_addresses[function] = made.address
        return function

    def __len__(self) -> int:
        """Return how many function objects there are."""
        return len(self._made)

    def call_everywhere(self, address: int) -> None:
        """Call a function that takes anything from each place where calls are made: compilers may make two of one."""
        place = ctypes.c_void_p()
        for result, arguments in SHAPES:
            for hold_gil in (False, True):
                data = _put_together(address, [result, *arguments], hold_gil)
                function = self._new(data, b"", b"", None, ctypes.addressof(place))
                function(*(0.0 if slot in (_NUMBER, _SINGLE) else 0 for slot in arguments))

    def forget(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Have calls of functions from `start` to `end`, for each pair of `ranges`, raise RemovedCode from now on."""
        with self._lock:
            for made in list(self._made.values()):
                function = made.function()  # held: its plan must not go meanwhile
                if function is not None and any(start <= made.address < end for start, end in ranges):
                    made.removed = True
                    if made.place is not None:
                        made.place.value = 0


class _Made:
    """A function object's other half."""

    place: ctypes.c_uint64 | None = None
    """The address that the object calls, in C's plan; 0: it calls `call_in_python` always. None: it is Python's."""
    function: weakref.ref[Any]

    def __init__(self, name: str, address: int, call: Callable[..., Any]) -> None:
        self.name = name
        self.address = address
        self.removed = False
        self._call = call

    def as_function(self) -> Callable[..., Any]:
        """Return a function of Python's that makes the call."""

        def function(*values: Any) -> Any:
            return self.call_in_python(*values)

        function.address = self.address  # pyright: ignore[reportFunctionMemberAccess]
        function.executor = None  # pyright: ignore[reportFunctionMemberAccess]
        return function

    def call_in_python(self, *values: Any) -> Any:
        """Make the call, with arguments that C does not take. Raises RemovedCode once its code was removed."""
        if self.removed:
            raise RemovedCode(self.name)
        return self._call(*values)
