"""Calls of functions in this process by function objects of C: see runtime/linux/python_call.c.

They take numbers, addresses and buffers, which need no Python code. Whatever else they are given goes to the same call
in Python, which converts it or says what is wrong with it.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from uruk.executor.plan import Kind, Plan, Step

if TYPE_CHECKING:
    from uruk.executor.typed_call import TypedCall

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
_VOID, _PLACE = _SLOT.pack(_NOTHING, 0, _ANY, 0, 0), _SLOT.pack(_POINTER, 0, _ANY, 0, 0)
_SIZE = _SLOT.pack(_UNSIGNED64, 0, _ANY, 0, 0)
SHAPES: list[tuple[bytes, tuple[bytes, ...]]] = [
    *((result, arguments) for result in (_LONG, _NUMBER, _SINGLE) for arguments in ((), (_LONG,), (_LONG, _NUMBER))),
    (_NUMBER, (_NUMBER,)),
    (_INT, (_INT, _INT)),
    (_VOID, (_PLACE, _SIZE)),
]
"""Results and arguments for which C has a call of its own each: all places where it calls linked code."""


def _with_signature(name: str, plan: Plan) -> str:
    """Return a function's documentation with its parameters in front, as CPython writes them for `inspect`."""
    parameters = "".join(f"argument_{at}, " for at in range(1, len(plan.arguments) + 1))
    return f"{name.rpartition('.')[2]}({parameters and parameters + '/'})\n--\n\n{plan.text}"


class NativeCalls:
    """Makes such function objects.

    `new` is the address of ``uruk_py_new_function``, `calls_in` that of ``uruk_py_calls_in``. One for this process.
    """

    def __init__(self, new: int, calls_in: int) -> None:
        text, thing, place = ctypes.c_char_p, ctypes.py_object, ctypes.c_void_p
        self._new = ctypes.PYFUNCTYPE(thing, text, text, text, thing, place)(new)
        self._calls_in = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, ctypes.c_uint64)(calls_in)

    def make(self, plan: Plan, call: TypedCall, *, hold_gil: bool) -> Any:
        """Return a function object of C that makes a call; None where the plan takes Python code.

        What C does not take goes to `call`. `hold_gil`: other threads of Python wait meanwhile.
        """
        data = packed(plan, call.address, hold_gil=hold_gil)
        if data is None:
            return None
        place = ctypes.c_void_p()
        text = _with_signature(call.name, plan).encode()
        function = self._new(data, call.name.encode(), text, call.make, ctypes.addressof(place))
        call.place = ctypes.c_uint64.from_address(place.value or 0)
        return function

    def call_everywhere(self, address: int) -> None:
        """Call a function that takes anything from each place where calls are made: compilers may make two of one."""
        place = ctypes.c_void_p()
        for result, arguments in SHAPES:
            for hold_gil in (False, True):
                data = _put_together(address, [result, *arguments], hold_gil)
                function = self._new(data, b"", b"", None, ctypes.addressof(place))
                function(*(0.0 if slot in (_NUMBER, _SINGLE) else 0 for slot in arguments))

    def under_way(self, ranges: Sequence[tuple[int, int]]) -> int:
        """Return how many calls that C makes are in functions from `start` to `end`, for each pair of `ranges`."""
        return sum(self._calls_in(start, end) for start, end in ranges)
