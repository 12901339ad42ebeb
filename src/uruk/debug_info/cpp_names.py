"""Names of C++ as programmers write them: the paths of mangled names, and the symbols of a path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from uruk.demangle import demangle

if TYPE_CHECKING:
    from uruk.orc.dylib import JITDylib

_TAG = re.compile(r"\[abi:\w+\]")
"""A mark of GCC's in a name whose type has changed between versions of its library."""


def path_of(name: str) -> str:
    """Return a symbol's name without its parameters and result: ``geo::area`` for ``_ZN3geo4areaEd``."""
    text = _TAG.sub("", demangle(name))
    return text if text == name else _path(text)


def _path(text: str) -> str:
    """Return the part of a demangled name between its result, if it has one, and its parameters."""
    depth, start = 0, 0
    for at, letter in enumerate(text):
        begins = letter == "(" and not depth and not text.startswith("(anonymous namespace)", at)
        if begins and not text[start:at].endswith("operator"):
            return text[start:at]
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(letter, 0)
        if letter == " " and not depth and "operator" not in text[start:at]:
            start = at + 1
    return text[start:]


def symbols_of(dylib: JITDylib, text: str) -> list[str]:
    """Return the symbols of a dylib that a name of C++ means: a path, or a path with parameters."""
    last = text.partition("(")[0].rpartition("::")[2].partition("<")[0].strip()
    part = f"{len(last)}{last}".encode("utf-8", "surrogateescape")
    found: list[str] = []
    with dylib.session.lock:
        owner = dylib.session.table.owner
        rows = [(name, row) for name, row in dylib.names.items() if name[:2] == b"_Z" and part in name]
        names = [name for name, row in rows if row < owner.size and owner[row] >= 0]
    for name in sorted(names):
        symbol = name.decode("utf-8", "surrogateescape")
        whole = _TAG.sub("", demangle(symbol))
        if text in (whole, _path(whole)) or text.replace(" ", "") == whole.replace(" ", ""):
            found.append(symbol)
    return found
