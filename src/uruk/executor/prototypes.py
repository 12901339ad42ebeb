"""C prototypes for calls into another process: which argument goes to which register, and Python values to words.

System V psABI, 3.2.3 (and AAPCS64, 6.8): integers and pointers go to integer registers, float and double to vector
registers, what finds none to the stack. Structures by value and long double are not passed.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from uruk.calls import prototype
from uruk.errors import UrukError
from uruk.executor.control import Argument

_WORD = (1 << 64) - 1
VECTOR_REGISTERS = 8
_ADDRESSES = ("pointer", "function")  # what cffi calls a pointer to a function is a function to it


class Prototype:
    """A function type, as cffi reads it. Raises UrukError for a type that cannot be passed between processes."""

    def __init__(self, text: str) -> None:
        self.text = text
        kind = prototype(text)
        if kind.ellipsis:
            raise UrukError(f"`{text}': variable arguments cannot be passed to another process")
        self.arguments: list[Any] = list(kind.args)
        self.result: Any = kind.result
        for one in (*self.arguments, self.result):
            _class_of(one, text)

    def encode(self, values: Sequence[Any], registers: int) -> tuple[list[Argument], list[int], list[int]]:
        """Integer registers, vector registers and stack words of a call; bytes-like values are lent while it runs.

        `registers`: how many integer registers there are. Raises TypeError, OverflowError as a call in C would warn.
        """
        if len(values) != len(self.arguments):
            raise TypeError(f"`{self.text}' takes {len(self.arguments)} arguments, not {len(values)}")
        integers: list[Argument] = []
        vectors: list[int] = []
        stack: list[int] = []
        for kind, value in zip(self.arguments, values, strict=True):
            if is_float(kind):
                word = int.from_bytes(struct.pack("<d" if kind.cname == "double" else "<f4x", value), "little")
                (vectors if len(vectors) < VECTOR_REGISTERS else stack).append(word)
                continue
            word = to_word(kind, value)
            if len(integers) < registers:
                integers.append(word)
            elif isinstance(word, int):
                stack.append(word)
            else:
                raise TypeError(f"`{self.text}': bytes can be lent for the first {registers} arguments only")
        return integers, vectors, stack

    def decode(self, integers: Sequence[int], vectors: Sequence[int], stack: Sequence[int]) -> list[Any]:
        """Python values of a callback's arguments, from all argument registers and the stack."""
        whole, floats, rest = iter(integers), iter(vectors), iter(stack)
        found: list[Any] = []
        for kind in self.arguments:
            source = floats if is_float(kind) else whole
            word = next(source, None)
            found.append(self.value(kind, next(rest) if word is None else word))
        return found

    def stack_words(self, registers: int) -> int:
        """How many arguments of a call are on the stack."""
        floats = sum(map(is_float, self.arguments))
        return max(floats - VECTOR_REGISTERS, 0) + max(len(self.arguments) - floats - registers, 0)

    def value(self, kind: Any, word: int) -> Any:
        """The Python value of a word of a type; pointers are addresses."""
        data = (word & _WORD).to_bytes(8, "little")
        if kind.kind == "void":
            return None
        if is_float(kind):
            return struct.unpack("<d", data)[0] if kind.cname == "double" else struct.unpack("<f4x", data)[0]
        if kind.kind in _ADDRESSES:
            return word & _WORD
        size, signed = _integer(kind)
        number = int.from_bytes(data[:size], "little", signed=signed)
        if kind.cname == "_Bool":
            return bool(number)
        return bytes([number & 0xFF]) if kind.cname == "char" else number

    def result_words(self, value: Any) -> tuple[int, int]:
        """The first integer and vector register of a callback's result."""
        kind = self.result
        if kind.kind == "void":
            return 0, 0
        if is_float(kind):
            packed = struct.pack("<d" if kind.cname == "double" else "<f4x", value)
            return 0, int.from_bytes(packed, "little")
        word = to_word(kind, value)
        if not isinstance(word, int):
            raise TypeError(f"`{self.text}': a callback returns the address of memory, not bytes")
        return word & _WORD, 0


def to_word(kind: Any, value: Any) -> Argument:
    """A value for an integer register: bytes, bytearray and contiguous arrays as memory that is lent."""
    if kind.kind in _ADDRESSES:
        if value is None:
            return 0
        if isinstance(value, bytes):
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


def is_float(kind: Any) -> bool:
    """Whether values of a type are passed in vector registers."""
    return kind.kind == "primitive" and kind.cname in ("float", "double")


def _integer(kind: Any) -> tuple[int, bool]:
    """Size in bytes, and whether it is signed."""
    from uruk.calls import size_and_sign

    return size_and_sign(kind)


def _class_of(kind: Any, text: str) -> None:
    if kind.kind in ("void", "enum", *_ADDRESSES) or is_float(kind):
        return
    if kind.kind == "primitive" and "double" not in kind.cname and "complex" not in kind.cname.lower():
        return
    raise UrukError(f"`{text}': `{kind.cname}' cannot be passed by value to another process; pass a pointer")
