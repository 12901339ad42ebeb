"""Types of C as another process has them: where scalars lie, and Python values to bytes and back.

The types are read by cffi, which lays them out for this process; what systems differ in is laid out here, as the
calling convention of the other process says. Bit-fields are not passed: compilers differ in where they put them. In the
memory of a process that lays types out as this one they are where cffi has them.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from uruk.c_types.cffi_values import alignment_of, size_and_sign, size_of
from uruk.errors import InvalidType, InvalidValue
from uruk.executor import long_double
from uruk.isa.abi import WORD, CallingConvention, LongDouble, Scalar, Shape
from uruk.records import record
from uruk.special_methods import has_method

_WORD = (1 << 64) - 1
_ADDRESSES = ("pointer", "function")  # what cffi calls a pointer to a function is a function to it
_COMPLEX = {"_cffi_float_complex_t": "<2f", "_cffi_double_complex_t": "<2d"}  # the names are cffi's own
_LONGEST_SHOWN = 128  # bits
_LARGEST_IN_REGISTERS = 64  # bytes: four of long double
_NOT_IN_ORDER = 1
"""cffi's mark of a member that lies in a union behind its first one: values in order leave it out, as in C."""


@record
class Layout:
    """A type of C in a process: `size` and `alignment` in bytes, and what it is made of.

    `members` has a structure's or union's names, offsets and layouts, with those of members without a name in their
    place; `item` is the layout of an array's items. `bits` are the shift and width of a bit-field in its storage unit.
    """

    kind: Any
    size: int
    alignment: int
    is_signed: bool = False
    members: tuple[tuple[str, int, Layout], ...] = ()
    item: Layout | None = None
    unordered: frozenset[str] = frozenset()
    """Members that values in order leave out: those of a union but the first."""
    bits: tuple[int, int] | None = None
    long_double: LongDouble | None = None
    """The format of long double; None for other types."""

    @property
    def is_float(self) -> bool:
        """True for float, double and long double."""
        return is_float(self.kind)

    @property
    def is_complex(self) -> bool:
        """True for complex numbers."""
        return bool(self.kind.kind == "primitive" and self.kind.cname in _COMPLEX)

    @property
    def is_composite(self) -> bool:
        """True for structures and unions."""
        return self.kind.kind in ("struct", "union")

    def shape(self) -> Shape:
        """Return what calling conventions ask of the type; the scalars are left out of what no register takes."""
        scalars = tuple(self._scalars(0)) if self.size <= _LARGEST_IN_REGISTERS else ()
        return Shape(self.size, scalars, self.is_composite or self.is_complex)

    def _scalars(self, start: int) -> Iterator[Scalar]:
        if self.is_composite:
            for _, offset, member in self.members:
                yield from member._scalars(start + offset)
        elif self.item is not None:
            for at in range(start, start + self.size, self.item.size):
                yield from self.item._scalars(at)
        elif self.is_complex:
            yield from (Scalar(at, self.size // 2, True) for at in (start, start + self.size // 2))
        else:
            yield Scalar(start, self.size, self.is_float)

    # -- values

    def to_bytes(self, value: Any) -> bytes:
        """Return the bytes of a value. Raises TypeError and OverflowError for what the type cannot have."""
        if self.is_composite:
            return self._composite_bytes(value)
        if self.item is not None:
            return self._array_bytes(value)
        if self.is_float:
            return self._float_bytes(value)
        if self.is_complex:
            return self._complex_bytes(value)
        return self.to_word(value).to_bytes(8, "little")[: self.size]

    def merged(self, old: bytes, value: Any) -> bytes:
        """Return the bytes of a value: of a bit-field, those of its storage unit, whose other bits are as in `old`."""
        if self.bits is None:
            return self.to_bytes(value)
        shift, width = self.bits
        mask = ((1 << width) - 1) << shift
        unit = int.from_bytes(old, "little") & ~mask | (self.to_word(value) << shift) & mask
        return unit.to_bytes(self.size, "little")

    def to_word(self, value: Any) -> int:
        """Return an integer, or an address, as the word of a register. Raises TypeError, OverflowError."""
        name = self.kind.cname
        if self.kind.kind in _ADDRESSES:
            return _address(value, name)
        bits = 8 * self.size if self.bits is None else self.bits[1]
        low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if self.is_signed else (0, 1 << bits)
        if name == "char":
            low, high = -128, 256
            if isinstance(value, bytes) and len(value) == 1:
                value = value[0]
        elif name == "_Bool":
            high = 2
        try:
            # As C does, and cffi: any number but a float of Python's, which is refused as a loss that C would warn of.
            number = int.__index__(value) if isinstance(value, int) else _integer(value)
        except (TypeError, ValueError):
            wanted = "a byte or an integer" if name == "char" else "an integer"
            raise TypeError(f"`{name}' takes {wanted}, not {type(value).__name__}") from None
        if not low <= number < high:
            width = "" if self.bits is None else f" : {bits}"
            raise OverflowError(f"{shown(number)} does not fit `{name}{width}'")
        return number & ((1 << bits) - 1) if name == "char" else number & _WORD

    def _complex_bytes(self, value: Any) -> bytes:
        try:
            number = None if isinstance(value, str) else complex(value)
        except TypeError:
            number = None
        if number is None:
            name = "float" if self.size == 8 else "double"
            raise TypeError(f"`{name} _Complex' takes a number, not {type(value).__name__}")
        if self.size == 16:
            return struct.pack("<2d", number.real, number.imag)
        return _single(number.real) + _single(number.imag)

    def _float_bytes(self, value: Any) -> bytes:
        if self.long_double is not None:
            return long_double.to_bytes(self.kind, value, self.long_double)
        try:
            number = math.ldexp(value, 0)  # unlike float(), no text; and what `__float__` raises comes through
        except OverflowError:
            if not isinstance(value, int):
                raise
            raise OverflowError(f"{shown(value)} does not fit `{self.kind.cname}'") from None
        except TypeError:
            raise TypeError(f"`{self.kind.cname}' takes a number, not {type(value).__name__}") from None
        if self.size == 8:
            return struct.pack("<d", number)
        return _single(number)

    def from_bytes(self, data: bytes, start: int = 0) -> Any:
        """Return the value whose bytes begin at `start`; pointers are addresses, structures are `Structure`."""
        here = data[start : start + self.size]
        kind = self.kind
        if self.is_composite:
            return Structure(self, here)
        if self.item is not None:
            if self.item.kind.cname == "char":
                return here
            return [self.item.from_bytes(here, at) for at in range(0, self.size, self.item.size)]
        if self.long_double is not None:
            return long_double.from_bytes(self.kind, here, self.long_double)
        if self.is_float:
            return struct.unpack("<d" if self.size == 8 else "<f", here)[0]
        if self.is_complex:
            return complex(*struct.unpack(_COMPLEX[kind.cname], here))
        if kind.cname == "char" and self.bits is None:
            return here
        number = int.from_bytes(here, "little", signed=self.is_signed and self.bits is None)
        if self.bits is not None:
            shift, width = self.bits
            number = (number >> shift) & ((1 << width) - 1)
            number -= self.is_signed and number >> (width - 1) << width
        return bool(number) if kind.cname == "_Bool" else number

    def _composite_bytes(self, value: Any) -> bytes:
        if isinstance(value, Structure) and layout_of_value(value).kind is self.kind:
            return bytes(value)
        data = bytearray(self.size)
        for (_, offset, member), each in self.given(value):
            end = offset + member.size
            data[offset:end] = member.merged(bytes(data[offset:end]), each)
        return bytes(data)

    def given(self, value: Any) -> list[tuple[tuple[str, int, Layout], Any]]:
        """Return the members that a value has, and theirs: by name, in order, or as attributes."""
        ordered = [member for member in self.members if member[0] not in self.unordered]
        at_most = 1 if self.kind.kind == "union" and len(ordered) == 1 else len(self.members)
        names = getattr(getattr(value, "dtype", None), "names", None)
        if names:  # a row of an array of numpy's
            value = {name: value[name] for name in names}
        if isinstance(value, Mapping):
            named: dict[str, Any] = dict(cast("Mapping[str, Any]", value))
            unknown = named.keys() - {name for name, _, _ in self.members}
            if unknown:
                raise TypeError(f"`{self.kind.cname}' has no member `{min(map(str, unknown))}'")
            given = [(member, named[member[0]]) for member in self.members if member[0] in named]
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
            items: list[Any] = list(cast("Sequence[Any]", value))
            given = [*zip(ordered, items, strict=False)]
            at_most = len(items) if len(items) == len(given) else 0
        elif self.kind.kind == "struct" and all(hasattr(value, name) for name, _, _ in self.members):
            given = [(member, getattr(value, member[0])) for member in self.members]
        else:
            raise TypeError(f"{value!r} is no value of `{self.kind.cname}': give its members, by name or in order")
        if len(given) > at_most:
            raise TypeError(f"{value!r} has more members than `{self.kind.cname}' takes")
        return given

    def _array_bytes(self, value: Any) -> bytes:
        item = self.item or self
        count = self.size // item.size
        if isinstance(value, str) or not hasattr(value, "__len__"):
            raise TypeError(f"`{self.kind.cname}' takes bytes or a sequence, not {type(value).__name__}")
        if len(value) > count:
            raise TypeError(f"{len(value)} items do not fit `{self.kind.cname}'")
        return b"".join(map(item.to_bytes, value)).ljust(self.size, b"\0")


class Structure:
    """A structure or union of another process by value: a copy, whose members are attributes, and come in order.

    It can be passed where its type is wanted. Two are equal if all members are.
    """

    __slots__ = ("_data", "_layout")
    _data: bytes
    _layout: Layout

    def __init__(self, layout: Layout, data: bytes) -> None:
        object.__setattr__(self, "_layout", layout)
        object.__setattr__(self, "_data", data)

    def __getattr__(self, name: str) -> Any:
        if name not in self.__slots__:
            for known, offset, member in self._layout.members:
                if known == name:
                    return member.from_bytes(self._data, offset)
        raise AttributeError(f"`{self._layout.kind.cname}' has no member `{name}'")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"`{name}' is not set: this is a copy; store the variable as a whole")

    def __iter__(self) -> Iterator[Any]:
        return (member.from_bytes(self._data, offset) for _, offset, member in self._layout.members)

    def __bytes__(self) -> bytes:
        return self._data

    def __copy__(self) -> Structure:
        return Structure(self._layout, bytes(self))

    def __deepcopy__(self, memo: object) -> Structure:
        return self.__copy__()

    def __reduce_ex__(self, protocol: object) -> Any:
        name = self._layout.kind.cname
        raise InvalidType(f"a value of `{name}' is not pickled, as its type is of this process: pickle its bytes()")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Structure):
            return NotImplemented
        if self._layout.kind is not other._layout.kind:
            return False
        return all(map(_is_equal, (member for _, _, member in self._layout.members), self, other))

    __hash__ = None  # type: ignore[assignment]  # what is compared by its content changes with the memory

    def __repr__(self) -> str:
        names = (member[0] for member in self._layout.members)
        members = ", ".join(f"{name}={value!r}" for name, value in zip(names, self, strict=True))
        return f"<{self._layout.kind.cname}: {members}>"


def layout_of_value(value: Structure) -> Layout:
    """Return the layout of a structure; it has no public attributes, which would hide members."""
    return value._layout  # pyright: ignore[reportPrivateUsage]


def layout_of(kind: Any, convention: CallingConvention, *, in_memory: bool = False) -> Layout:
    """Return the layout of a type of cffi's in a process that calls by a convention.

    `in_memory`: of a process that lays types out as this one does, for values that are not passed, but read and
    written. Raises InvalidValue for a type whose values are not passed between processes.
    """
    if kind.kind in ("struct", "union"):
        return _as_cffi_has_it(kind, convention) if in_memory else _composite(kind, convention)
    if kind.kind == "array":
        if not kind.length:
            raise InvalidValue(f"`{kind.cname}' has no fixed size; pass a pointer")
        item = layout_of(kind.item, convention, in_memory=in_memory)
        return Layout(kind, item.size * kind.length, item.alignment, item=item)
    if kind.kind == "void" or kind.kind in _ADDRESSES:
        return Layout(kind, WORD, WORD)
    if is_float(kind):
        size = size_of(kind)
        return Layout(kind, size, size, long_double=convention.long_double if size > WORD else None)
    if kind.kind == "primitive" and kind.cname in _COMPLEX:
        return Layout(kind, size_of(kind), alignment_of(kind))
    size, is_signed = size_and_sign(kind)
    if kind.cname in ("long", "unsigned long"):
        size = convention.long_size
    elif kind.cname == "wchar_t":
        size, is_signed = convention.wchar_size, convention.wchar_is_signed
    return Layout(kind, size, size, is_signed)


def _composite(kind: Any, convention: CallingConvention) -> Layout:
    if not kind.fields:
        raise InvalidValue(f"`{kind.cname}' has no members that are known here; declare them, or pass a pointer")
    members: list[tuple[str, int, Layout]] = []
    size = here = 0
    alignment = alignment_here = 1
    for name, field in kind.fields:
        member = _passed_member(kind, name, field, convention)
        start = start_here = 0
        own_size, own_alignment = size_of(field.type), alignment_of(field.type)
        if kind.kind == "struct":
            start, start_here = _round_up(size, member.alignment), _round_up(here, own_alignment)
        if start_here != field.offset:  # cffi lists the members of a member without a name, and not itself
            return _with_unnamed(kind, convention)
        members.append((name, start, member))
        size, here = max(size, start + member.size), max(here, start_here + own_size)
        alignment, alignment_here = max(alignment, member.alignment), max(alignment_here, own_alignment)
    if _round_up(here, alignment_here) != size_of(kind):
        return _with_unnamed(kind, convention)
    return Layout(kind, _round_up(size, alignment), alignment, members=tuple(members), unordered=_unordered(kind))


def _passed_member(kind: Any, name: str, field: Any, convention: CallingConvention) -> Layout:
    if field.bitsize >= 0:
        raise InvalidValue(f"`{kind.cname}' has a bit-field, `{name}': compilers disagree; pass a pointer")
    return layout_of(field.type, convention)


def _with_unnamed(kind: Any, convention: CallingConvention) -> Layout:
    """Return the layout of a structure with members without a name, which is the one here where all its members are as
    here: cffi does not say which of them are in which."""
    for name, field in kind.fields:
        member = _passed_member(kind, name, field, convention)
        if (member.size, member.alignment) != (size_of(field.type), alignment_of(field.type)):
            raise InvalidValue(
                f"`{kind.cname}' has a member without a name, and `{name}' has another size in that process: "
                "give it one"
            )
    return _as_cffi_has_it(kind, convention, in_memory=False)


def _as_cffi_has_it(kind: Any, convention: CallingConvention, *, in_memory: bool = True) -> Layout:
    members: list[tuple[str, int, Layout]] = []
    for name, field in kind.fields or ():
        member = layout_of(field.type, convention, in_memory=in_memory)
        if field.bitsize >= 0:
            member.bits = field.bitshift, field.bitsize
        members.append((name, field.offset, member))
    return Layout(kind, size_of(kind), alignment_of(kind), members=tuple(members), unordered=_unordered(kind))


def _unordered(kind: Any) -> frozenset[str]:
    return frozenset(name for name, field in kind.fields if field.flags & _NOT_IN_ORDER)


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _integer(value: Any) -> int:
    given: Any = value  # a type checker takes what is left of `value` below for a float
    return int(given) if has_method(given, "__int__") and not isinstance(value, float) else operator.index(given)


def shown(number: int) -> str:
    """Return a number for an error: Python writes none of thousands of digits."""
    return str(number) if number.bit_length() <= _LONGEST_SHOWN else f"an integer of {number.bit_length()} bits"


def is_float(kind: Any) -> bool:
    """Return True if a type is float, double or long double."""
    return bool(kind.kind == "primitive" and kind.cname in ("float", "double", "long double"))


def has_format_of_here(layout: Layout) -> bool:
    """Return True if numbers of a floating-point type have the same bytes in this process."""
    return layout.long_double in (None, long_double.format_here(layout.kind))


def _single(number: float) -> bytes:
    """Return a number as C's float."""
    try:
        return struct.pack("<f", number)
    except OverflowError:  # C's conversion gives an infinity there
        return struct.pack("<f", math.copysign(math.inf, number))


def _is_equal(layout: Layout, one: Any, other: Any) -> bool:
    """Return True if two values of a type are equal; numbers of cffi's, which long doubles are, do not say so."""
    if layout.item is not None and layout.item.kind.cname != "char":
        return all(_is_equal(layout.item, *pair) for pair in zip(one, other, strict=True))
    if layout.long_double is not None:
        return layout.to_bytes(one) == layout.to_bytes(other)
    return bool(one == other)


def _address(value: Any, name: str) -> int:
    """Return a value for a pointer in a structure or a result: an address alone."""
    if value is None:
        return 0
    try:
        number = operator.index(value if has_method(value, "__index__") else getattr(value, "address", value))
    except TypeError:
        given = type(value).__name__
        raise TypeError(f"`{name}' in a structure or a result is an address, not {given}") from None
    if not -(1 << 63) <= number < 1 << 64:
        raise OverflowError(f"{shown(number)} is no address")
    return number & _WORD
