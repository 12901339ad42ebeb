"""Typed calls: C prototypes to callables by cffi, and the addresses of ctypes and cffi callbacks."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import cffi

from uruk.errors import UrukError


@lru_cache(maxsize=1)
def _ffi() -> Any:
    return cffi.FFI()


@lru_cache(maxsize=1024)
def _pointer_type(prototype: str) -> Any:
    ffi = _ffi()
    text = prototype
    if "(*" not in text:  # a function type; cffi casts to pointers to functions
        text = text.replace("(", "(*)(", 1)
    try:
        kind = ffi.typeof(text)
    except (cffi.CDefError, cffi.FFIError, TypeError, ValueError) as error:
        raise UrukError(f"`{prototype}' is no C function type that cffi reads: {error}") from error
    if kind.kind != "function":
        raise UrukError(f"`{prototype}' is no C function type, but `{kind.cname}'")
    return kind


def cast(prototype: str, address: int) -> Any:
    """A callable of C type `prototype` (``"int(int, int)"``) at `address`. Raises UrukError for what is no type."""
    return _ffi().cast(_pointer_type(prototype), address)


def address_of(callback: Any) -> int:
    """The address of a ctypes function object, or of a cffi callback or pointer."""
    if isinstance(callback, ctypes._CFuncPtr):  # pyright: ignore[reportPrivateUsage,reportAttributeAccessIssue]
        return ctypes.cast(callback, ctypes.c_void_p).value or 0
    try:
        return int(_ffi().cast("uintptr_t", callback))
    except (TypeError, ValueError) as error:
        raise UrukError(f"{callback!r} is neither an address nor a ctypes or cffi function") from error
