"""Calling conventions as data: the registers or the words of the stack in which each argument of a function is passed.

What uruk passes is described: integers and pointers of at most 8 bytes, the floating-point types, complex numbers, and
structures, unions and arrays in them of such members. Vectors and variable arguments have further rules, and are
refused before.

Sources: System V ABI, AMD64 supplement, 3.2.3 "Parameter Passing"; AAPCS64, 6.8.2 "Parameter passing rules", 6.9
"Result return"; Microsoft, "x64 calling convention" (parameter passing, return values, calling convention defaults).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from uruk.errors import UnknownTarget
from uruk.named_tuples import NamedTuple
from uruk.target import Target

WORD = 8
"""Bytes of a register and of a word of the stack, in every convention here."""


class Where(IntEnum):
    """The kind of place in which an argument is passed."""

    INTEGER = 0
    """An integer register."""
    VECTOR = 1
    """The low bytes of a vector register."""
    STACK = 2
    """A word of the stack."""
    WIDE = 3
    """The upper 8 bytes of the vector register of that number; of a result on x86-64, a word of x87's st0."""


class Place(NamedTuple):
    """A place for one word: the register of this number, or the word of this number on the stack, from 0.

    Words on the stack count upwards from the first argument there, which lies behind shadow space.
    """

    where: Where
    number: int


class LongDouble(IntEnum):
    """The format of long double, which has 16 bytes in memory."""

    X87 = 0
    """The 80 bits of the x87 unit; results are in its register st0."""
    BINARY128 = 1
    """IEEE 754's binary128, in vector registers."""


class Scalar(NamedTuple):
    """An integer, a pointer or a floating-point number: where it begins in a value, and its size in bytes."""

    offset: int
    size: int
    is_float: bool


class Shape(NamedTuple):
    """A type as conventions see it: its size in bytes, and its scalars."""

    size: int
    scalars: tuple[Scalar, ...]
    is_composite: bool = False
    """True for a structure, a union or a complex number."""

    @property
    def is_aligned(self) -> bool:
        """True if it is aligned to two words, as long double is."""
        return any(one.size > WORD for one in self.scalars)


class Unit(NamedTuple):
    """A part of a value that is passed in one place: `size` bytes from `offset` on."""

    place: Place
    offset: int
    size: int


class Passed(NamedTuple):
    """The way of a value: in units, or, by reference, the address of a copy of it in one unit."""

    units: tuple[Unit, ...]
    by_reference: bool = False


POINTER = Shape(WORD, (Scalar(0, WORD, False),))
"""The shape of an address."""


class Composites(IntEnum):
    """The way in which structures and unions are passed."""

    EIGHTBYTES = 0
    """At most two words, each in a vector register if it has floats alone; larger ones lie on the stack."""
    HOMOGENEOUS = 1
    """One to four members of one floating-point type in a vector register each; otherwise at most two words in integer
    registers; larger ones by reference. A value that finds too few registers leaves none for later ones."""
    ONE_WORD = 2
    """1, 2, 4 or 8 bytes in an integer register; all others by reference."""


class _Part(NamedTuple):
    """A part of a value that wants a register of a kind."""

    where: Where
    offset: int
    size: int


class CallingConvention(NamedTuple):
    """The way in which functions of C are called on some systems of an architecture."""

    name: str
    integer_registers: tuple[str, ...]
    """The registers of integers and pointers, the first argument's first."""
    vector_registers: tuple[str, ...]
    """The registers of float and double."""
    composites: Composites
    """The way in which structures are passed."""
    long_size: int = 8
    """The size in bytes of C's type long."""
    wchar_size: int = 4
    """The size in bytes of C's type wchar_t."""
    wchar_is_signed: bool = True
    result_place_is_argument: bool = True
    """True if the address of memory for a large result is the first argument, otherwise a register of its own."""
    positional: bool = False
    """True if the n-th argument takes the n-th register of its kind, and the other kind's n-th stays unused.

    Otherwise each kind takes its own registers in order.
    """
    long_double: LongDouble = LongDouble.X87
    """The format of long double."""
    shadow_space: int = 0
    """Bytes that the caller reserves between the return address and the first word on the stack, for the callee."""

    def passed(self, shapes: Sequence[Shape]) -> tuple[Passed, ...]:
        """Return how each of these arguments is passed."""
        registers = len(self.integer_registers), len(self.vector_registers)
        used = [0, 0]
        on_stack = 0
        result: list[Passed] = []
        for position, shape in enumerate(shapes):
            parts = self._parts(shape)
            by_reference = parts is None and self.composites != Composites.EIGHTBYTES
            if by_reference:
                shape, parts = POINTER, self._parts(POINTER)
            if self.positional:
                used = [position, position]
            begins_even = shape.is_aligned and self.composites == Composites.HOMOGENEOUS
            if begins_even and parts and parts[0].where == Where.INTEGER:
                used[Where.INTEGER] += used[Where.INTEGER] % 2
            taken = _in_registers(parts, used, registers) if parts is not None else None
            if taken is None:  # a value lies in registers or on the stack as a whole
                on_stack += on_stack % 2 * shape.is_aligned
                taken = tuple(Unit(Place(Where.STACK, on_stack + at // WORD), at, size) for at, size in _words(shape))
                on_stack += len(taken)
                if parts and self.composites == Composites.HOMOGENEOUS:
                    used[parts[0].where] = registers[parts[0].where]
            result.append(Passed(taken, by_reference))
        return tuple(result)

    def result(self, shape: Shape) -> tuple[Unit, ...] | None:
        """Return the registers in which a result is, counted for each kind; None if it is in memory of the caller's."""
        if self.composites == Composites.EIGHTBYTES and {*shape.scalars} == {Scalar(0, 2 * WORD, True)}:
            return tuple(Unit(Place(Where.WIDE, at // WORD), at, WORD) for at in (0, WORD))
        parts = self._parts(shape)
        return None if parts is None else _in_registers(parts, [0, 0], (4, 4))

    def _parts(self, shape: Shape) -> tuple[_Part, ...] | None:
        """Return what a value is split into for registers; None if it is never in registers."""
        scalars = shape.scalars
        if shape.is_aligned and self.composites != Composites.HOMOGENEOUS:
            # A union is in integer registers where both words of its long double are words of integers as well.
            whole = {one.offset // WORD for one in scalars if not one.is_float} == {0, 1} and shape.size == 2 * WORD
            if self.composites != Composites.EIGHTBYTES or not whole:
                return None
        if not shape.is_composite:
            return (_Part(Where.VECTOR if scalars[0].is_float else Where.INTEGER, 0, shape.size),)
        if self.composites == Composites.HOMOGENEOUS and len({one[1:] for one in scalars}) == 1 and scalars[0].is_float:
            size = scalars[0].size
            if shape.size <= 4 * size:
                return tuple(_Part(Where.VECTOR, at, size) for at in range(0, shape.size, size))
        if self.composites == Composites.ONE_WORD:
            return (_Part(Where.INTEGER, 0, shape.size),) if shape.size in (1, 2, 4, 8) else None
        if shape.size > 2 * WORD:
            return None
        return tuple(_Part(self._class_of_word(at, scalars), at, size) for at, size in _words(shape))

    def _class_of_word(self, start: int, scalars: tuple[Scalar, ...]) -> Where:
        if self.composites != Composites.EIGHTBYTES:
            return Where.INTEGER
        floats = all(one.is_float for one in scalars if start <= one.offset < start + WORD)
        return Where.VECTOR if floats else Where.INTEGER


def _words(shape: Shape) -> list[tuple[int, int]]:
    """Return where each word of a value begins, and how many bytes of the value are in it."""
    return [(at, min(WORD, shape.size - at)) for at in range(0, shape.size, WORD)]


def _in_registers(parts: tuple[_Part, ...], used: list[int], there_are: tuple[int, int]) -> tuple[Unit, ...] | None:
    """Return a register for each part, the next ones that are free, noted in `used`; None if there are too few."""
    now = list(used)
    units: list[Unit] = []
    for where, offset, size in parts:
        units.append(Unit(Place(where, now[where]), offset, min(size, WORD)))
        if size > WORD:
            units.append(Unit(Place(Where.WIDE, now[where]), offset + WORD, size - WORD))
        now[where] += 1
    if any(now[where] > there_are[where] for where, _, _ in parts):
        return None
    used[:] = now
    return tuple(units)


SYSTEM_V = CallingConvention(
    "System V (x86-64)",
    tuple("rdi rsi rdx rcx r8 r9".split()),
    tuple(f"xmm{number}" for number in range(8)),
    Composites.EIGHTBYTES,
)
"""x86-64 of Linux and other Unix-like systems."""
AAPCS64 = CallingConvention(
    "AAPCS64",
    tuple(f"x{number}" for number in range(8)),
    tuple(f"v{number}" for number in range(8)),
    Composites.HOMOGENEOUS,
    wchar_is_signed=False,
    result_place_is_argument=False,
    long_double=LongDouble.BINARY128,
)
"""AArch64 of Linux, and of Windows but for variable arguments (Microsoft, "Overview of ARM64 ABI conventions") and the
size of long."""
WIN64 = CallingConvention(
    "Win64",
    tuple("rcx rdx r8 r9".split()),
    tuple(f"xmm{number}" for number in range(4)),
    Composites.ONE_WORD,
    long_size=4,
    wchar_size=2,
    wchar_is_signed=False,
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
