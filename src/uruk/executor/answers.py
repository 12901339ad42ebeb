"""Checks of an executor's answers, before they are used as addresses or sizes here. All raise ExecutorError."""

from __future__ import annotations

from uruk.errors import ExecutorError
from uruk.memory.mapper import HIGHEST

_WORD = (1 << 64) - 1


def handle(value: int) -> int:
    """Return a number that only goes back to the executor, as the unsigned word that it is."""
    return value & _WORD


def address(value: int, title: str, size: int = 0, align: int = 1) -> int:
    """Return the address of `size` bytes of memory that an executor gave as `title`; 0 means none."""
    value = handle(value)
    # A hostile executor may give any number: what passes here is used for sums that must not overflow.
    if value and (value + size > HIGHEST or value % align):
        of = f" of {size:#x} bytes" * bool(size)
        raise ExecutorError(f"the executor gave {value:#x} as {title}: that is not an address{of} of a program")
    return value


def size(value: int, title: str, most: int) -> int:
    """Return a number of bytes that an executor gave as `title`, `most` at most."""
    if not 0 <= value <= most:
        raise ExecutorError(f"the executor gave {value:#x} bytes as {title}, where {most:#x} is the most")
    return value
