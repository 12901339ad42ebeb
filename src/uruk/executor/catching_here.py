"""Calls in this process by the runtime, as other processes make them: C++ exceptions can end there, unions be passed.

They are slower than cffi's.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from typing import Any

from uruk.errors import AllocationError
from uruk.executor import raised
from uruk.executor.callbacks import Keeper
from uruk.executor.calls_here import CONVENTION, PlaceHere, address_here
from uruk.executor.control import Answer, Runtime
from uruk.executor.cpp_exceptions import taken
from uruk.executor.data import DataHere
from uruk.executor.native_types import copied
from uruk.executor.prototypes import Prototype, Words

_CALL = struct.Struct("<QQIIIIQQ")
_ANSWER = struct.Struct("<qq10Q")
_UNNUMBERED = (1 << 64) - 1
"""The number of a call that no message of a connection has made (runtime/common/remote.c: ~0)."""
_CATCHES, _IN_X87 = 1 << 31, 1 << 30
_VECTORS = 8
"""Lower words of vector registers, in a call that has upper ones."""
_PLACE_OF_RESULT = 8
"""The number of the register with the place of a large result, in conventions that have one."""


class _Result(ctypes.Structure):
    _fields_ = (("data", ctypes.c_uint64), ("size", ctypes.c_size_t))


class _Process(DataHere):
    """See `uruk.executor.cpp_exceptions.Process`."""

    def __init__(self, runtime: Runtime) -> None:
        self.call = runtime.process.call


def function_catching(
    prototype: Prototype,
    address: int,
    runtime: Runtime,
    home: Keeper,
    *,
    callbacks: str,
    catches: bool,
    name: str = "",
) -> Callable[..., Any]:
    """Return a callable for a function of this process; if it `catches`, C++ exceptions are raised as CppException."""
    signature = prototype.signature(CONVENTION)
    layouts, marks = signature.arguments, _CATCHES * catches | _IN_X87 * signature.is_in_x87
    prototype.plan(CONVENTION)
    make = ctypes.CFUNCTYPE(_Result, ctypes.c_char_p, ctypes.c_size_t)(runtime.address[b"uruk_rt_call_wrapper"])
    free = ctypes.CDLL(None).free
    free.argtypes, free.restype = [ctypes.c_void_p], None
    raised.swap_catching = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)(runtime.address[b"uruk_rt_swap_catching"])
    process = _Process(runtime)

    def call(*values: Any) -> Any:
        place = PlaceHere(home, callbacks == "call", name)
        try:
            given = [*map(copied, layouts, values), *values[len(layouts) :]]
            words = prototype.encode(given, CONVENTION, place)
            message = _message(address, words, place.kept, marks)
            result = make(message, len(message))
            if result.size != _ANSWER.size:
                raise AllocationError(f"there is no memory for a call of {address:#x}")
            first, second, v0, v1, v2, v3, error, exception, *wide = _ANSWER.unpack(
                ctypes.string_at(result.data, _ANSWER.size)
            )
            free(result.data)
            if raised.waiting:
                raised.raise_kept()
            if exception:
                raise taken(process, exception)
            return prototype.result_of(Answer((first, second), (v0, v1, v2, v3), error, tuple(wide)), words, CONVENTION)
        finally:
            for each in place.made:
                each.release()

    raised.callers.add(call.__code__)
    return call


def _message(address: int, words: Words, kept: list[object], marks: int) -> bytes:
    """Return a call as the runtime takes it, with its marks; memory is passed as it is."""
    mask = (1 << 64) - 1
    integers = [address_here(each, kept) & mask for each in words.integers]
    if words.result_place is not None:
        integers += [0] * (_PLACE_OF_RESULT - len(integers))
        integers.append(address_here(words.result_place, kept))
    stack = [address_here(each, kept) & mask for each in words.stack]
    vectors = words.vectors
    if words.wide:  # behind the lower words of all registers
        vectors = [*vectors, *[0] * (_VECTORS - len(vectors)), *words.wide]
    head = _CALL.pack(_UNNUMBERED, address, len(integers) | marks, len(vectors), len(stack), 0, 0, 0)
    return head + struct.pack(f"<{len(integers) + len(vectors) + len(stack)}Q", *integers, *vectors, *stack)
