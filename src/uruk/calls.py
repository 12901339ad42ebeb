"""Typed calls: C prototypes to callables by cffi, and the addresses of ctypes and cffi callbacks."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from importlib import import_module
from typing import Any

import cffi

from uruk.errors import InvalidType, InvalidValue

_FUNCTION: type = type(ctypes.CFUNCTYPE(None)()).__mro__[1]
"""The base class of ctypes function objects."""


@lru_cache(maxsize=1)
def _ffi() -> Any:
    return cffi.FFI()


def _backend() -> Any:
    """Return the part of cffi that puts types together: not all have a text."""
    return import_module("_cffi_backend")


def _with(declarations: str) -> Any:
    """Return cffi with the types that a text declares."""
    ffi = cffi.FFI()
    ffi.cdef(declarations)
    return ffi


_declared = lru_cache(maxsize=256)(_with)


@lru_cache(maxsize=1024)
def _pointer_type(prototype: str) -> Any:
    try:
        kind = _function_type(prototype)
    except Exception as error:  # cffi lets its parser's and its own internal errors through
        raise InvalidValue(f"`{prototype}' is not a C function type that cffi reads: {error}") from error
    if kind.kind != "function":
        raise InvalidValue(f"`{prototype}' is not a C function type, but `{kind.cname}'")
    return kind


def _function_type(prototype: str) -> Any:
    declarations, text = _split(prototype)

    def ffi() -> Any:
        # A name is declared once in each cffi.FFI: a type that declares one in itself has an FFI of its own.
        if "{" in text:
            return _with(declarations)
        return _declared(declarations) if declarations else _ffi()

    try:
        return ffi().typeof(text)
    except cffi.CDefError:  # a function type; cffi casts to pointers to functions only
        return ffi().typeof(_as_pointer(text))


def _split(prototype: str) -> tuple[str, str]:
    """Return the declarations in front of a function type, and the type: what follows the last outer semicolon."""
    depth, end = 0, 0
    for at, letter in enumerate(prototype):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == ";" and not depth:
            end = at + 1
    return prototype[:end], prototype[end:]


def _as_pointer(prototype: str) -> str:
    """Return a function type as a pointer to it: ``(*)`` goes in front of the last outermost pair of parentheses."""
    depth = 0
    for at in range(len(prototype) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(prototype[at], 0)
        if depth == 0 and prototype[at] == "(":
            return f"{prototype[:at]}(*){prototype[at:]}"
    return prototype


def prototype(text: str) -> Any:
    """Return the function type that a C prototype (``"int(int, int)"``) stands for, as cffi has it.

    Declarations of types may stand in front: ``"struct point { int x, y; }; int(struct point)"``. Raises UrukError.
    """
    return _pointer_type(text)


def size_of(kind: Any) -> int:
    """Return the size in bytes of a type of cffi's, in this process."""
    return int(_ffi().sizeof(kind))


def alignment_of(kind: Any) -> int:
    """Return the alignment in bytes of a type of cffi's, in this process."""
    return int(_ffi().alignof(kind))


def size_and_sign(kind: Any) -> tuple[int, bool]:
    """Return the size in bytes of an integer type of cffi's, and whether it is signed."""
    return int(_ffi().sizeof(kind)), int(_ffi().cast(kind, -1)) < 0 if kind.cname not in ("_Bool", "char") else False


def integer_type(size: int, is_signed: bool) -> Any:
    """Return cffi's integer type of so many bytes."""
    return _ffi().typeof(f"{'' if is_signed else 'u'}int{8 * size}_t")


def function_type(arguments: tuple[Any, ...], result: Any) -> Any:
    """Return cffi's type of functions with these types. Raises NotImplementedError for what libffi does not pass."""
    made = _backend().new_function_type(arguments, result, False)
    _ffi().cast(made, 0)
    return made


def native_callback(kind: Any, function: Any) -> Any:
    """Return a Python function as cffi's callback of a function type; its address lasts as long as it does."""
    return _ffi().callback(kind, function)


def bytes_of(value: Any) -> bytes:
    """Return the bytes of a structure of cffi's."""
    return bytes(_ffi().buffer(_ffi().addressof(value)))


def composite(kind: Any, data: bytes) -> Any:
    """Return bytes as a structure of cffi's."""
    place = _ffi().new(_pointer_to(kind))
    _ffi().buffer(place)[:] = data
    return place[0]


def _pointer_to(kind: Any) -> Any:
    return _backend().new_pointer_type(kind)


def cast(prototype: str, address: int) -> Any:
    """Return a callable of C type `prototype` (``"int(int, int)"``) at `address`.

    Raises UrukError for what is not a type.
    """
    return _ffi().cast(_pointer_type(prototype), address)


def address_of(callback: Any) -> int:
    """Return the address of a ctypes function object, or of a cffi callback or pointer. Raises UrukError for others."""
    if isinstance(callback, _FUNCTION):
        return ctypes.cast(callback, ctypes.c_void_p).value or 0
    kind = _ffi().typeof(callback).kind if isinstance(callback, _ffi().CData) else ""
    if kind not in ("function", "pointer"):
        raise InvalidType(f"{callback!r} is neither an address nor a ctypes or cffi function")
    return int(_ffi().cast("uintptr_t", callback))


def is_python(callback: Any) -> bool:
    """Return True if a ctypes function object or a cffi callback is a Python function, and not one of a library."""
    if isinstance(callback, _FUNCTION):
        kept: dict[str, object] = getattr(callback, "_objects", None) or {}
        return any(type(value).__name__ == "CThunkObject" for value in kept.values())  # a callback's own trampoline
    return " calling " in repr(callback)
