"""C prototypes for calls into another process: Python values to words, and the words to registers and the stack.

Where an argument is passed says the calling convention of the other process (`uruk.isa.abi`). Structures by value and
long double are not passed.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from uruk.calls import prototype
from uruk.errors import InvalidValue
from uruk.executor.control import Argument
from uruk.isa.abi import CallingConvention, Place, Where

_WORD = (1 << 64) - 1
_ADDRESSES = ("pointer", "function")  # what cffi calls a pointer to a function is a function to it


class Prototype:
    """A function type, as cffi reads it. Raises UrukError for a type that cannot be passed between processes."""

    def __init__(self, text: str) -> None:
        self.text = text
        kind = prototype(text)
        if kind.ellipsis:
            raise InvalidValue(f"`{text}': variable arguments cannot be passed to another process")
        self.arguments: list[Any] = list(kind.args)
        self.result: Any = kind.result
        for passed in (*self.arguments, self.result):
            _class_of(passed, text)
        self._places: dict[CallingConvention, tuple[Place, ...]] = {}

    def places(self, convention: CallingConvention) -> tuple[Place, ...]:
        """Return where each argument is passed."""
        places = self._places.get(convention)
        if places is None:
            places = self._places[convention] = convention.places(tuple(map(is_float, self.arguments)))
        return places

    def encode(
        self, values: Sequence[Any], convention: CallingConvention
    ) -> tuple[list[Argument], list[int], list[int]]:
        """Return integer registers, vector registers and stack words of a call.

        Bytes-like values are lent to the function while it runs. Raises TypeError, OverflowError as a call in C would
        warn.
        """
        if len(values) != len(self.arguments):
            raise TypeError(f"`{self.text}' takes {len(self.arguments)} arguments, not {len(values)}")
        rows: tuple[list[Any], list[Any], list[Any]] = [], [], []  # as Where counts them
        for kind, value, (where, number) in zip(self.arguments, values, self.places(convention), strict=True):
            word = _float_word(kind, value) if is_float(kind) else to_word(kind, value)
            row = rows[where]
            while len(row) < number:  # a slot that a register of the other kind took, in a positional convention
                row.append(0)
            if where and not isinstance(word, int):
                raise TypeError(f"`{self.text}': bytes can be lent in registers only ({convention.name})")
            row.append(word)
        return rows

    def decode(
        self, convention: CallingConvention, integers: Sequence[int], vectors: Sequence[int], stack: Sequence[int]
    ) -> list[Any]:
        """Return the Python values of a callback's arguments, from all argument registers and the stack."""
        words = (integers, vectors, stack)  # as Where counts them
        places = self.places(convention)
        return [self.value(kind, words[at.where][at.number]) for kind, at in zip(self.arguments, places, strict=True)]

    def stack_words(self, convention: CallingConvention) -> int:
        """Return how many arguments of a call are on the stack."""
        return sum(place.where == Where.STACK for place in self.places(convention))

    def value(self, kind: Any, word: int) -> Any:
        """Return the Python value of a word of a type; pointers are addresses."""
        data = (word & _WORD).to_bytes(8, "little")
        if kind.kind == "void":
            return None
        if is_float(kind):
            return struct.unpack("<d", data)[0] if kind.cname == "double" else struct.unpack("<f4x", data)[0]
        if kind.kind in _ADDRESSES:
            return word & _WORD
        size, signed = _integer(kind)
        # The bits of a register above a narrow type are undefined (psABI, "Parameter Passing").
        number = int.from_bytes(data[:size], "little", signed=signed)
        if kind.cname == "_Bool":
            return bool(number)
        return bytes([number & 0xFF]) if kind.cname == "char" else number

    def result_words(self, value: Any) -> tuple[int, int]:
        """Return the first integer and vector register of a callback's result."""
        kind = self.result
        if kind.kind == "void":
            return 0, 0
        if is_float(kind):
            return 0, _float_word(kind, value)
        word = to_word(kind, value)
        if not isinstance(word, int):
            raise TypeError(f"`{self.text}': a callback returns the address of memory, not bytes")
        return word & _WORD, 0


def to_word(kind: Any, value: Any) -> Argument:
    """Return a value for an integer register: bytes, bytearray and contiguous arrays as memory that is lent."""
    if kind.kind in _ADDRESSES:
        if value is None:
            return 0
        if isinstance(value, bytes):
            # C reads strings up to a NUL, which bytes of Python's have behind them in this process only.
            return value + b"\0"
        if isinstance(value, bytearray):
            return value
        if isinstance(value, np.ndarray):
            raise TypeError("an array is memory of this process: pass bytes or a bytearray, or an address there")
        address = getattr(value, "address", value)
        return int(address) & _WORD
    size, signed = _integer(kind)
    if isinstance(value, bytes) and len(value) == 1:
        value = value[0]
    number = int(value)
    low, high = (-(1 << (8 * size - 1)), 1 << (8 * size - 1)) if signed else (0, 1 << 8 * size)
    if not low <= number < high:
        raise OverflowError(f"{number} does not fit `{kind.cname}'")
    return number & _WORD


def _float_word(kind: Any, value: Any) -> int:
    """Return the bytes that a float or a double has in a vector register or on the stack; a float leaves 4 unused."""
    return int.from_bytes(struct.pack("<d" if kind.cname == "double" else "<f4x", value), "little")


def is_float(kind: Any) -> bool:
    """Return True if values of a type are passed in vector registers."""
    return kind.kind == "primitive" and kind.cname in ("float", "double")


def _integer(kind: Any) -> tuple[int, bool]:
    """Return the size in bytes, and whether it is signed."""
    from uruk.calls import size_and_sign

    return size_and_sign(kind)


def _class_of(kind: Any, text: str) -> None:
    if kind.kind in ("void", "enum", *_ADDRESSES) or is_float(kind):
        return
    if kind.kind == "primitive" and "double" not in kind.cname and "complex" not in kind.cname.lower():
        return
    raise InvalidValue(f"`{text}': `{kind.cname}' cannot be passed by value to another process; pass a pointer")
