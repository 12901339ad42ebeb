"""Values and types of cffi's: their sizes, and what calls of this process make of them."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from importlib import import_module
from typing import Any

import cffi

from uruk.errors import InvalidType

_FUNCTION: type = type(ctypes.CFUNCTYPE(None)()).__mro__[1]
"""The base class of ctypes function objects."""
_SIMPLE_POINTERS = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_wchar_p)
_POINTERS = (*_SIMPLE_POINTERS, getattr(ctypes, "_Pointer"))  # noqa: B009 - not public


@lru_cache(maxsize=1)
def _ffi() -> Any:
    return cffi.FFI()


@lru_cache(maxsize=1)  # an import takes a lock that a destructor must not take in the middle of another, until 3.11
def _backend() -> Any:
    """Return the part of cffi that puts types together: not all have a text."""
    return import_module("_cffi_backend")


def size_of(kind: Any) -> int:
    """Return the size in bytes of a type of cffi's, in this process."""
    return int(_ffi().sizeof(kind))


def alignment_of(kind: Any) -> int:
    """Return the alignment in bytes of a type of cffi's, in this process."""
    return int(_ffi().alignof(kind))


def is_complete(kind: Any) -> bool:
    """Return True if the size of a type of cffi's is known."""
    if kind.kind in ("struct", "union"):
        return kind.fields is not None
    return kind.kind != "void" and (kind.kind != "array" or (kind.length is not None and is_complete(kind.item)))


def size_and_sign(kind: Any) -> tuple[int, bool]:
    """Return the size in bytes of an integer type of cffi's, and whether it is signed."""
    return int(_ffi().sizeof(kind)), int(_ffi().cast(kind, -1)) < 0 if kind.cname not in ("_Bool", "char") else False


def integer_type(size: int, is_signed: bool) -> Any:
    """Return cffi's integer type of so many bytes."""
    return _ffi().typeof(f"{'' if is_signed else 'u'}int{8 * size}_t")


@lru_cache(maxsize=1)
def any_pointer() -> Any:
    """Return cffi's type ``void *``."""
    return _ffi().typeof("void *")


def pointer(value: Any) -> Any:
    """Return an address, or the memory of a buffer, as cffi's ``void *`` or an array, which keeps the buffer alive."""
    return _ffi().cast("void *", value) if isinstance(value, int) else _ffi().from_buffer(value)


def place_of(buffer: Any) -> int:
    """Return the address of a buffer's memory, which lasts as long as the buffer."""
    return int(_ffi().cast("uintptr_t", _ffi().from_buffer(buffer)))


def function_type(arguments: tuple[Any, ...], result: Any) -> Any:
    """Return cffi's type of functions with these types. Raises NotImplementedError for what libffi does not pass."""
    made = _backend().new_function_type(arguments, result, False)
    _ffi().cast(made, 0)
    return made


def passes(kind: Any) -> bool:
    """Return True if libffi passes a structure by value: none with unions, or with members without a name."""
    try:
        _ffi().callback(_backend().new_function_type((kind,), _ffi().typeof("void"), False), int)
    except NotImplementedError:
        return False
    return True


def cast(kind: Any, address: int) -> Any:
    """Return a function at an address as cffi calls it, by a type of cffi's."""
    return _ffi().cast(kind, address)


def native_callback(kind: Any, function: Any) -> Any:
    """Return a Python function as cffi's callback of a function type; its address lasts as long as it does."""
    return _ffi().callback(kind, function)


def bytes_of(value: Any) -> bytes:
    """Return the bytes of a structure of cffi's."""
    return bytes(_ffi().buffer(_ffi().addressof(value)))


def bytes_as(kind: Any, value: Any) -> bytes:
    """Return the bytes of a value as cffi stores it for a type. Raises TypeError for what the type does not take."""
    if value is None:  # for cffi no value at all, which makes zeros
        raise TypeError(f"`{kind.cname}' takes a value, not None")
    return bytes(_ffi().buffer(_ffi().new(_backend().new_pointer_type(kind), value)))


def composite(kind: Any, data: bytes) -> Any:
    """Return bytes as a value of cffi's: a structure, or a number that Python does not have."""
    place = _ffi().new(_backend().new_pointer_type(kind))
    _ffi().buffer(place)[:] = data
    return place[0]


# -- values of other packages


def address_of(callback: Any) -> int:
    """Return the address of a ctypes function or pointer, or of a cffi callback or pointer. Raises UrukError for
    others."""
    if isinstance(callback, (_FUNCTION, *_POINTERS)):
        return ctypes.cast(callback, ctypes.c_void_p).value or 0
    kind = _ffi().typeof(callback).kind if isinstance(callback, _ffi().CData) else ""
    if kind not in ("function", "pointer"):
        raise InvalidType(f"{callback!r} is neither an address nor a ctypes or cffi function")
    return int(_ffi().cast("uintptr_t", callback))


def is_cffi_value(value: Any) -> bool:
    """Return True for a value of cffi's, which has a type of C."""
    return isinstance(value, _ffi().CData)


def is_foreign_pointer(value: Any) -> bool:
    """Return True for a ctypes function object, and for a cffi callback or pointer."""
    if isinstance(value, _FUNCTION):
        return True
    return isinstance(value, _ffi().CData) and _ffi().typeof(value).kind in ("function", "pointer")


def is_ctypes_pointer(value: Any) -> bool:
    """Return True for a pointer of ctypes, which is not the address of a function."""
    return isinstance(value, _POINTERS)


def target_of(value: Any) -> Any:
    """Return what a pointer of ctypes leads to, as a buffer with items of its type; None where that is not known.

    The pointer is not null. Raises TypeError where its type has no items of C.
    """
    if isinstance(value, ctypes.c_char_p):
        return b"0"
    if isinstance(value, ctypes.c_wchar_p):
        return ctypes.c_wchar()
    return None if isinstance(value, ctypes.c_void_p) else value.contents


def is_pointer_variable(value: Any) -> bool:
    """Return True for a pointer of ctypes that says nothing of what is there, and may be given for its own memory."""
    return isinstance(value, _SIMPLE_POINTERS)


def pointed_to(value: Any) -> Any:
    """Return the type of what a pointer of cffi's points to; None for void, and for anything else."""
    kind = _ffi().typeof(value) if isinstance(value, _ffi().CData) else None
    item = kind.item if kind is not None and kind.kind == "pointer" else None
    return item if item is not None and is_complete(item) else None


def memory_of(value: Any) -> tuple[memoryview, Any] | None:
    """Return the memory of an array or a structure of cffi's, and the type of the items; None for anything else."""
    if not isinstance(value, _ffi().CData):
        return None
    kind = _ffi().typeof(value)
    if kind.kind == "array":
        return memoryview(_ffi().buffer(value)), kind.item
    if kind.kind not in ("struct", "union"):
        return None
    return memoryview(_ffi().buffer(_ffi().addressof(value))), kind


def is_same(one: Any, other: Any) -> bool:
    """Return True if values of two types of cffi's are the same in memory: such types may be declared several times."""
    if one.kind != other.kind or not is_complete(one) or size_of(one) != size_of(other):
        return False
    if one.kind in ("struct", "union"):
        ours, theirs = one.fields, other.fields
        return len(ours) == len(theirs) and all(
            left == right and mine.offset == yours.offset and (mine.type is one or is_same(mine.type, yours.type))
            for (left, mine), (right, yours) in zip(ours, theirs, strict=True)
        )
    if one.kind == "array":
        return is_same(one.item, other.item)
    if one.kind != "primitive" or "double" in one.cname or "float" in one.cname:
        return bool(one.kind != "primitive" or one.cname == other.cname)
    return size_of(one) == 1 or size_and_sign(one) == size_and_sign(other)


def structure_bytes(value: Any, name: str) -> bytes | None:
    """Return the bytes of a structure or union of cffi's whose type has this name; None for anything else."""
    if not isinstance(value, _ffi().CData):
        return None
    kind = _ffi().typeof(value)
    return bytes_of(value) if kind.kind in ("struct", "union") and kind.cname == name else None


def is_python(callback: Any) -> bool:
    """Return True if a ctypes function object or a cffi callback is a Python function, and not one of a library."""
    if isinstance(callback, _FUNCTION):
        kept: dict[str, object] = getattr(callback, "_objects", None) or {}
        return any(type(value).__name__ == "CThunkObject" for value in kept.values())  # a callback's own trampoline
    return " calling " in repr(callback)
