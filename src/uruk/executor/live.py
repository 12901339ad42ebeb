"""Structures and arrays in the memory of linked code, as views: what is read and set of them is read and set there."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from copy import copy
from typing import Any, Protocol, cast

import numpy as np

from uruk.errors import InvalidType, UrukError
from uruk.executor.array_types import array_type
from uruk.executor.layouts import Layout, Structure
from uruk.executor.presence import Presence
from uruk.named_tuples import NamedTuple
from uruk.special_methods import has_method


class Reached(Protocol):
    """A session's memory; `uruk.LLJIT` is one."""

    executor: Any

    def read(self, address: Any, size: int) -> bytes:
        """Return bytes at an address."""
        ...

    def write(self, address: Any, data: Any) -> None:
        """Store bytes at an address."""
        ...

    def array(self, address: Any, shape: int | tuple[int, ...], dtype: Any = "uint8") -> Any:
        """Return the memory at an address as an array."""
        ...


class Place(NamedTuple):
    """An address in the memory of a session's process; what is `constant` is not set."""

    memory: Reached
    executor: object
    """The executor of another process; None for this one."""
    address: int
    constant: str = ""
    """The reason why it is not written; empty for what may be."""
    presence: Presence | None = None
    """The variable that it is in, where that may be removed."""

    def at(self, offset: int) -> Place:
        """Return the place of a part."""
        return self._replace(address=self.address + offset)

    def check(self) -> None:
        """Raise RemovedCode if the variable was removed."""
        if self.presence is not None:
            self.presence.check()

    def read(self, size: int) -> bytes:
        """Return the bytes there. Raises RemovedCode, and what reading raises."""
        self.check()
        return self.memory.read(self.address, size)

    def value(self, layout: Layout) -> Any:
        """Return the value there: of a structure or an array, what reads and writes it."""
        if layout.is_composite:
            return LiveStructure(layout, self)
        if layout.item is not None:
            return self._array(layout)
        return layout.from_bytes(self.read(layout.size))

    def store(self, layout: Layout, value: Any) -> None:
        """Store a value. Raises InvalidType, OverflowError for what the type does not take."""
        if self.constant:
            raise InvalidType(self.constant)
        old = self.read(layout.size) if layout.bits is not None else b""
        try:
            data = layout.merged(old, value)
        except TypeError as error:
            raise InvalidType(str(error)) from None
        self.check()
        self.memory.write(self.address, data)

    def _array(self, layout: Layout) -> Any:
        """Return numpy's array of the memory, where it can be the memory itself; of other structures a `LiveArray`."""
        self.check()
        found = array_type(layout)
        if found is not None:
            kind, shape = found
            array = self.memory.array(self.address, shape, kind)
            if self.constant:
                array.flags.writeable = False
            return array if self.constant or array.flags.writeable else ArrayThere.of(array, layout, self)
        return LiveArray(layout, self)


class LiveStructure(Structure):
    """A structure or union in the memory of linked code. Its members are attributes, which are read and set there.

    It can be passed where its type, or a pointer to it, is wanted.
    """

    __slots__ = ("_place",)
    _place: Place

    def __init__(self, layout: Layout, place: Place) -> None:  # pyright: ignore[reportMissingSuperCall]
        object.__setattr__(self, "_layout", layout)
        object.__setattr__(self, "_place", place)

    @property
    def _data(self) -> bytes:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._place.read(self._layout.size)

    def __getattr__(self, name: str) -> Any:
        if name in ("_layout", "_place"):  # of an instance that has none yet
            raise AttributeError(name, name=name, obj=self)
        offset, member = self._member(name)
        return self._place.at(offset).value(member)

    def __setattr__(self, name: str, value: object) -> None:
        offset, member = self._member(name)
        try:
            self._place.at(offset).store(member, value)
        except InvalidType as error:
            raise InvalidType(f"`{name}' is not set: {error}") from None

    def _member(self, name: str) -> tuple[int, Layout]:
        for known, offset, member in self._layout.members:
            if known == name:
                return offset, member
        raise AttributeError(f"`{self._layout.kind.cname}' has no member `{name}'", name=name, obj=self)

    def __repr__(self) -> str:
        try:
            return super().__repr__()
        except UrukError as error:  # debuggers show what is there, whatever became of it
            return f"<{self._layout.kind.cname}: {error}>"

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *(name for name, _, _ in self._layout.members)})


class ArrayThere(np.ndarray[Any, Any]):
    """An array of memory that is not mapped here: a copy that cannot be written, but for its items.

    Those are read and set there, by numbers: ``array[2] = 1``, ``array[1, 0].x = 1``.
    """

    _layout: Layout | None = None
    _place: Place | None = None

    @staticmethod
    def of(copy: Any, layout: Layout, place: Place) -> ArrayThere:
        """Return a copy as such an array."""
        array: ArrayThere = copy.view(ArrayThere)
        array._layout, array._place = layout, place
        return array

    def __getitem__(self, key: Any) -> Any:
        part = _part(self._layout, self._place, key)
        if part is None:
            return np.asarray(self)[key]
        layout, place = part
        if layout.is_composite or layout.item is not None:
            return place.value(layout)
        return np.frombuffer(place.read(layout.size), self.dtype)[0]

    def __setitem__(self, key: Any, value: Any) -> None:
        part = _part(self._layout, self._place, key)
        if part is None:
            np.asarray(self)[key] = value  # an error: it is read-only
        else:
            part[1].store(part[0], value)

    def __iter__(self) -> Iterator[Any]:
        return (self[each] for each in range(len(self)))


class LiveArray:
    """An array in the memory of linked code whose items numpy has no type for; they are read and set by numbers."""

    def __init__(self, layout: Layout, place: Place) -> None:
        assert layout.item is not None
        self._layout, self._place = layout, place
        self._count = layout.size // layout.item.size

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, key: Any) -> Any:
        part = _part(self._layout, self._place, key)
        if part is not None:
            return part[1].value(part[0])
        if isinstance(key, slice):
            return [self[each] for each in range(*key.indices(self._count))]
        raise InvalidType(f"an array of `{self._layout.kind.item.cname}' has items by numbers, not by {key!r}")

    def __setitem__(self, key: Any, value: Any) -> None:
        part = _part(self._layout, self._place, key)
        if part is None:
            raise InvalidType(f"an item of an array of `{self._layout.kind.item.cname}' is set by its number")
        part[1].store(part[0], value)

    def __iter__(self) -> Iterator[Any]:
        return (self[each] for each in range(self._count))

    def __copy__(self) -> list[Any]:
        return [copy(each) for each in self]

    def __deepcopy__(self, memo: object) -> list[Any]:
        return self.__copy__()

    def __reduce_ex__(self, protocol: object) -> Any:
        raise InvalidType(f"`{self._layout.kind.cname}' in the memory of linked code is not pickled")

    def __repr__(self) -> str:
        try:
            return f"[{', '.join(map(repr, self))}]"
        except UrukError as error:
            return f"<{self._layout.kind.cname}: {error}>"


def _part(layout: Layout | None, place: Place | None, key: Any) -> tuple[Layout, Place] | None:
    """Return the item that a number, or a tuple of numbers, leads to; None for other keys. Raises IndexError."""
    numbers: tuple[Any, ...] = cast("tuple[Any, ...]", key) if isinstance(key, tuple) else (key,)
    for number in numbers:
        if layout is None or place is None or layout.item is None or not has_method(number, "__index__"):
            return None
        count, wanted = layout.size // layout.item.size, operator.index(number)
        if not -count <= wanted < count:
            raise IndexError(f"`{layout.kind.cname}' has no item {wanted}")
        at = wanted % count
        layout, place = layout.item, place.at(at * layout.item.size)
    return None if layout is None or place is None else (layout, place)


def place_of_structure(value: LiveStructure) -> Place:
    """Return where a structure lies; it has no public attributes, which would hide members."""
    return cast("Place", object.__getattribute__(value, "_place"))
