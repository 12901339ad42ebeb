"""Readable names for error texts: C++ (Itanium ABI) by the C++ runtime's own demangler, Rust's legacy names
here.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from functools import lru_cache

_LONGEST = 4096
_LARGEST_RESULT = 1 << 26
_BACK_REFERENCE = re.compile(r"[ST][0-9A-Z]*_")
_RUST_LEGACY = re.compile(r"_{1,2}ZN(.*)17h[0-9a-f]{16}E(?:\.llvm\.[0-9A-Fa-f]+)?")
_RUST_ESCAPE = re.compile(r"\$(SP|BP|RF|LT|GT|LP|RP|C|u[0-9a-f]{1,6})\$|\.\.")
_RUST_SIGNS = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}
_RUNTIMES = ("libstdc++.so.6", "libc++abi.so.1")


@lru_cache(maxsize=4096)
def demangle(name: str) -> str:
    """Return the name as the programmer wrote it; `name` itself where that is not known. Never raises.

    A Rust name loses its hash. C++ names whose back references could make them grow past 64 MB stay as they
    are: a hostile 200-byte name can stand for gigabytes.
    """
    if not name.startswith(("_Z", "__Z")) or len(name) > _LONGEST:
        return name
    rust = _RUST_LEGACY.fullmatch(name)
    if rust is not None:
        path = _rust_path(rust[1])
        if path is not None:
            return path
    if _growth(name) > _LARGEST_RESULT:
        return name
    text = _cxa_demangle(name.removeprefix("_") if name.startswith("__Z") else name)
    return name if text is None or len(text) > _LONGEST else text


def _growth(name: str) -> int:
    """No result is longer: a back reference repeats at most what came before it, `Dp` a pattern for each of a
    pack.
    """
    return len(name) ** (1 + name.count("Dp")) << len(_BACK_REFERENCE.findall(name))


def _rust_path(text: str) -> str | None:
    """Return `core::fmt::Write` for `4core3fmt5Write`; None if the lengths do not add up."""
    parts: list[str] = []
    while text:
        digits = re.match(r"[0-9]{1,5}", text)
        if digits is None or int(digits[0]) > len(text) - digits.end():
            return None
        end = digits.end() + int(digits[0])
        part = text[digits.end() : end]
        parts.append(_RUST_ESCAPE.sub(_rust_sign, part[1:] if part.startswith("_$") else part))
        text = text[end:]
    return "::".join(parts) if parts else None


def _rust_sign(match: re.Match[str]) -> str:
    code = match[1]
    if code is None:
        return "::"
    if code in _RUST_SIGNS:
        return _RUST_SIGNS[code]
    value = int(code[1:], 16)
    return chr(value) if 32 <= value < 0x110000 and not 0xD800 <= value < 0xE000 else match[0]


def _cxa_demangle(name: str) -> str | None:
    function = _runtime()
    if function is None or "\0" in name:
        return None
    try:
        return function(name.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return None


@lru_cache(maxsize=1)
def _runtime() -> Callable[[bytes], str | None] | None:
    """`__cxa_demangle` (Itanium C++ ABI, section 3.4) of the C++ runtime that the loader finds; None without
    one.

    Looking up the function leaves the library's thread-local storage alone, so that it can still be bound
    statically.
    """
    for library in _RUNTIMES:
        try:
            return _bind(ctypes.CDLL(library))
        except (OSError, AttributeError):
            continue
    return None


def _bind(library: ctypes.CDLL) -> Callable[[bytes], str | None]:
    convert = library.__cxa_demangle
    convert.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
    convert.restype = ctypes.c_void_p
    free = ctypes.CDLL(None).free
    free.argtypes = [ctypes.c_void_p]
    free.restype = None

    def call(name: bytes) -> str | None:
        status = ctypes.c_int(0)
        text = convert(name, None, None, ctypes.byref(status))
        if not text:
            return None
        try:
            return ctypes.string_at(text).decode("utf-8", "replace") if status.value == 0 else None
        finally:
            free(text)

    return call
