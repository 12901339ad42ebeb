"""Values of C's long double, in the formats that processes have for it: the same number in each.

In Python such a number is one of cffi's, in this process's format: `float` rounds it to the 53 bits of a float.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from uruk.c_types.cffi_values import bytes_as, composite
from uruk.isa.abi import LongDouble

_X87_BITS, _BITS = 63, 112
"""Bits of the fraction, without the one in front of the point: that one is written down in x87's format alone."""
_EXPONENTS = (1 << 15) - 1
"""The exponent of infinities and NaNs, in both formats."""


def to_bytes(kind: Any, value: Any, there: LongDouble) -> bytes:
    """Return the 16 bytes of a number, for which `kind` is cffi's type. Raises TypeError for what is not a number."""
    try:
        data = bytes_as(kind, value)
    except TypeError:
        raise TypeError(f"`{kind.cname}' takes a number, not {type(value).__name__}") from None
    if format_here(kind) == LongDouble.X87:
        data = data[:10] + bytes(6)  # the rest is whatever was in memory
    return _converted(data, format_here(kind), there)


def from_bytes(kind: Any, data: bytes, there: LongDouble) -> Any:
    """Return the number of cffi's with these bytes in another process; binary128 is rounded for x87."""
    return composite(kind, _converted(data, there, format_here(kind)))


@lru_cache(maxsize=1)
def format_here(kind: Any) -> LongDouble:
    """Return the format of this process; `kind` is cffi's type."""
    return LongDouble.BINARY128 if bytes_as(kind, 1.0)[14:] == b"\xff\x3f" else LongDouble.X87


def _converted(data: bytes, before: LongDouble, after: LongDouble) -> bytes:
    if before == after:
        return data
    return _lengthened(data) if before == LongDouble.X87 else _shortened(data)


def _lengthened(data: bytes) -> bytes:
    """Return a number of x87's format as binary128, which has all of its numbers."""
    top, digits = int.from_bytes(data[8:10], "little"), int.from_bytes(data[:8], "little")
    if digits >> _X87_BITS and not top & _EXPONENTS:  # the smallest number of full precision, written as one below
        top += 1
    fraction = (digits & ((1 << _X87_BITS) - 1)) << (_BITS - _X87_BITS)
    return (top << _BITS | fraction).to_bytes(16, "little")


def _shortened(data: bytes) -> bytes:
    """Return a binary128 number in x87's format: the nearest one, of two as near the even one."""
    whole, lost = int.from_bytes(data, "little"), _BITS - _X87_BITS
    exponent = whole >> _BITS & _EXPONENTS
    rest, half = whole & ((1 << lost) - 1), 1 << (lost - 1)
    number = whole >> lost
    if exponent == _EXPONENTS:
        number |= bool(rest)  # a NaN stays one
    elif rest > half or (rest == half and number & 1):
        number += 1  # which goes on into the exponent where all digits are ones
    top, fraction = number >> _X87_BITS, number & ((1 << _X87_BITS) - 1)
    first = 1 if top & _EXPONENTS else 0
    return (first << _X87_BITS | fraction).to_bytes(8, "little") + top.to_bytes(2, "little") + bytes(6)
