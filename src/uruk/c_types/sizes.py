"""Sizes of C's types, for constants: computed from cffi's tree of a type, as what cffi itself has laid out stays so.

A structure that it lays out before all of its text was read keeps the members that are known by then.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import Any

from cffi import FFIError, model

from uruk.named_tuples import NamedTuple

POINTER = 8
_cffi_backend: Any = import_module("_cffi_backend")
_LARGEST = 1 << 63
_DIFFERENT = re.compile(r"wchar_t|long double|u?int_fast\d\d_t")
"""Types whose sizes are not as here where a `long` has 4 bytes: some compilers of such a system have others, too."""
_UNSIGNED = ("unsigned", "uint", "size_t", "char16_t", "char32_t", "_Bool")


class Size(NamedTuple):
    """The size and the alignment of a type, in bytes."""

    size: int
    alignment: int


class Integer(NamedTuple):
    """A whole number's type, by the name that C has for it."""

    name: str
    bits: int
    is_signed: bool


class Sizes:
    """Sizes of types where a `long` has `long_size` bytes. Methods raise cffi.FFIError for a type without a size."""

    def __init__(self, long_size: int) -> None:
        self.long_size = long_size
        self._known: dict[int, tuple[Any, Size, dict[str, tuple[int, Any]]]] = {}

    def of(self, kind: Any) -> Size:
        """Return a type's size and alignment."""
        if isinstance(kind, model.PrimitiveType):
            return self._primitive(kind.name)
        if isinstance(kind, model.PointerType | model.FunctionPtrType):
            return Size(POINTER, POINTER)
        if isinstance(kind, model.ArrayType):
            length: Any = kind.length
            if not isinstance(length, int):
                raise FFIError(f"`{_name(kind)}' has no size, as its length is not said")
            item = self.of(kind.item)
            return Size(_bounded(length * item.size), item.alignment)
        if isinstance(kind, model.EnumType):
            return Size(self.integer(kind).bits // 8, self.integer(kind).bits // 8)
        if isinstance(kind, model.StructOrUnion):
            return self._laid_out(kind)[0]
        raise FFIError(f"`{_name(kind)}' has no size")

    def member(self, kind: Any, name: str) -> tuple[int, Any]:
        """Return the offset and the type of a structure's member."""
        if not isinstance(kind, model.StructOrUnion):
            raise FFIError(f"`{_name(kind)}' is no structure")
        members = self._laid_out(kind)[1]
        if name not in members:
            raise FFIError(f"`{_name(kind)}' has no member `{name}'")
        return members[name]

    def integer(self, kind: Any) -> Integer:
        """Return what is known of a type of whole numbers."""
        if isinstance(kind, model.EnumType) and kind.enumerators and not kind.partial:
            low, high = min(kind.enumvalues), max(kind.enumvalues)
            bits = 32 if low >= -(1 << 31) and high < 1 << (31 if low < 0 else 32) else 64
            return Integer("enum", bits, low < 0)
        name = getattr(kind, "name", "") if isinstance(kind, model.PrimitiveType) else ""
        if not name or any(word in name for word in ("float", "double", "wchar", "complex")):
            raise FFIError(f"`{_name(kind)}' is no type of whole numbers that a constant has here")
        return Integer(name, 8 * self._primitive(name).size, not name.startswith(_UNSIGNED))

    def _primitive(self, name: str) -> Size:
        if self.long_size != POINTER and _DIFFERENT.fullmatch(name):
            raise FFIError(f"the size of `{name}' is not the same in all processes: write a number")
        if name in ("long", "unsigned long"):
            return Size(self.long_size, self.long_size)
        return _here(name)

    def _laid_out(self, kind: Any) -> tuple[Size, dict[str, tuple[int, Any]]]:
        """Return the size of a structure or union, and where its members are."""
        if (known := self._known.get(id(kind))) is not None:
            return known[1:]
        if kind.fldtypes is None or kind.partial or kind.packed:
            raise FFIError(f"`{_name(kind)}' has no members that are known before this line")
        size, alignment = 0, 1
        members: dict[str, tuple[int, Any]] = {}
        for name, each, bits in zip(kind.fldnames, kind.fldtypes, kind.fldbitsize, strict=True):
            if bits >= 0:
                raise FFIError(f"`{_name(kind)}' has bit-fields, which compilers lay out differently: write a number")
            is_open = isinstance(each, model.ArrayType) and each.length is None
            own = Size(0, self.of(each.item).alignment) if is_open else self.of(each)
            start = -(-size // own.alignment) * own.alignment if isinstance(kind, model.StructType) else 0
            size, alignment = max(size, start + own.size), max(alignment, own.alignment)
            members.update({name: (start, each)} if name else self._unnamed(each, start))
        found = Size(_bounded(-(-size // alignment) * alignment), alignment)
        self._known[id(kind)] = kind, found, members
        return found, members

    def _unnamed(self, kind: Any, start: int) -> dict[str, tuple[int, Any]]:
        """Return the members of a member without a name, which are those of what is around it."""
        if not isinstance(kind, model.StructOrUnion):
            return {}
        return {name: (start + offset, each) for name, (offset, each) in self._laid_out(kind)[1].items()}


@lru_cache(maxsize=64)
def _here(name: str) -> Size:
    kind: Any = _cffi_backend.new_primitive_type(name)
    return Size(_cffi_backend.sizeof(kind), _cffi_backend.alignof(kind))


def _bounded(size: int) -> int:
    if size >= _LARGEST:
        raise FFIError("a type has more bytes than there are addresses")
    return size


def _name(kind: Any) -> str:
    if isinstance(kind, model.StructOrUnion) and "$" in str(kind.name):
        return "a structure without a name" if isinstance(kind, model.StructType) else "a union without a name"
    return str(kind.get_c_name())
