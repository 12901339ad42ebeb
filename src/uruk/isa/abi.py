"""Calling conventions as data: the register or the word of the stack in which each argument of a function is passed.

Only what uruk passes is described: integers and pointers of at most 8 bytes, float and double, each in a word of its
own. Structures by value, long double, vectors and variable arguments have further rules, and are refused before.

Sources: System V ABI, AMD64 supplement, 3.2.3 "Parameter Passing"; AAPCS64, 6.8.2 "Parameter passing rules";
Microsoft, "x64 calling convention" (parameter passing, calling convention defaults).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from uruk.errors import UnknownTarget
from uruk.target import Target


class Where(IntEnum):
    """The kind of place in which an argument is passed."""

    INTEGER = 0
    """An integer register."""
    VECTOR = 1
    """The low bytes of a vector register."""
    STACK = 2
    """A word of the stack."""


class Place(NamedTuple):
    """The place of one argument: the register of this number, or the word of this number on the stack, from 0.

    Words on the stack count upwards from the first argument there, which lies behind shadow space.
    """

    where: Where
    number: int


@dataclass(frozen=True, eq=False)
class CallingConvention:
    """The way in which functions of C are called on some systems of an architecture."""

    name: str
    integer_registers: tuple[str, ...]
    """The registers of integers and pointers, the first argument's first."""
    vector_registers: tuple[str, ...]
    """The registers of float and double."""
    positional: bool = False
    """True if the n-th argument takes the n-th register of its kind, and the other kind's n-th stays unused.

    Otherwise each kind takes its own registers in order.
    """
    shadow_space: int = 0
    """Bytes that the caller reserves between the return address and the first word on the stack, for the callee."""

    def places(self, floats: tuple[bool, ...]) -> tuple[Place, ...]:
        """Return the place of each argument; `floats` is true for each one that is a float or a double."""
        used = [0, 0]
        on_stack = 0
        places: list[Place] = []
        for position, is_float in enumerate(floats):
            where = Where.VECTOR if is_float else Where.INTEGER
            registers = self.vector_registers if is_float else self.integer_registers
            # A full kind goes to the stack; arguments of the other kind behind it still take registers.
            index = position if self.positional else used[where]
            used[where] += 1
            if index < len(registers):
                places.append(Place(where, index))
            else:
                places.append(Place(Where.STACK, on_stack))
                on_stack += 1
        return tuple(places)


SYSTEM_V = CallingConvention(
    "System V (x86-64)",
    tuple("rdi rsi rdx rcx r8 r9".split()),
    tuple(f"xmm{number}" for number in range(8)),
)
"""x86-64 of Linux and other Unix-like systems."""
AAPCS64 = CallingConvention(
    "AAPCS64",
    tuple(f"x{number}" for number in range(8)),
    tuple(f"v{number}" for number in range(8)),
)
"""AArch64 of Linux, and of Windows but for variable arguments (Microsoft, "Overview of ARM64 ABI conventions")."""
WIN64 = CallingConvention(
    "Win64",
    tuple("rcx rdx r8 r9".split()),
    tuple(f"xmm{number}" for number in range(4)),
    positional=True,
    shadow_space=32,
)
"""x86-64 of Windows: four slots that both kinds share, and room for the four registers above the return address."""

_BY_TARGET = {
    "x86_64-linux": SYSTEM_V,
    "aarch64-linux": AAPCS64,
    "x86_64-windows": WIN64,
    "aarch64-windows": AAPCS64,
}


def convention_of(triple: str) -> CallingConvention:
    """Return the calling convention of C on the system of a target triple, or of a target.

    Raises UnknownTarget, which lists the targets whose convention uruk knows.
    """
    convention = _BY_TARGET.get(str(Target.of_triple(triple)))
    if convention is None:
        raise UnknownTarget(triple, tuple(_BY_TARGET))
    return convention


def clash(code: Target, place: Target) -> tuple[CallingConvention, CallingConvention] | None:
    """Return the conventions of code and of the place where it would run, if both are known and are not the same."""
    own, there = _BY_TARGET.get(str(code)), _BY_TARGET.get(str(place))
    return None if own is None or there is None or own is there else (own, there)
