"""Exceptions of Microsoft's C++ that left a function, as runtime/windows/thrown_description.c describes them."""

from __future__ import annotations

import re
from collections.abc import Callable

DESCRIBED = b"\0TFSMKR\0"
"""The class of an exception that is such a description."""
_TYPE, _TEXT = 16, 16 + 4096
"""Offsets of its two texts."""
_CLASS = re.compile(r"\.\?A(?:[UVT]|W4)((?:[A-Za-z_]\w*@)+)@")
_NUMBERS = {
    ".C": "signed char",
    ".D": "char",
    ".E": "unsigned char",
    ".F": "short",
    ".G": "unsigned short",
    ".H": "int",
    ".I": "unsigned int",
    ".J": "long",
    ".K": "unsigned long",
    ".M": "float",
    ".N": "double",
    "._J": "long long",
    "._K": "unsigned long long",
    "._N": "bool",
    "._W": "wchar_t",
    ".PEAD": "char *",
    ".PEBD": "char const *",
}
_UNKNOWN = "a C++ exception of an unknown type"


def described_there(text: Callable[[int], bytes], address: int) -> tuple[str, str]:
    """Return type and text of a description; `text` reads a string at an address."""
    name, what = (text(address + offset).decode("utf-8", "replace") for offset in (_TYPE, _TEXT))
    return type_of(name) if name else _UNKNOWN, what


def type_of(name: str) -> str:
    """Return the type that a type descriptor's name means: ``.?AVexception@std@@``; what is not plain stays so."""
    named = _CLASS.fullmatch(name)
    if named:
        return "::".join(reversed(named[1].split("@")[:-1]))
    return _NUMBERS.get(name, name)
