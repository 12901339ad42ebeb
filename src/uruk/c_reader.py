"""cffi as a reader of C with bounds, and with the words of compilers for what ISO C spells without underscores.

cffi computes constants as Python's integers, which grow as long as there is memory; libffi lists each item of an array
that is passed in a structure; and both go over blank lines and comments without an end again and again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, cast

import cffi
from cffi import cparser

from uruk.errors import InvalidValue

LARGEST_PASSED = 1 << 20
"""Bytes of the largest structure that is passed by value; a stack has some millions."""
_BITS = 64
_BLANK_LINES = 100
"""As many follow each other at most; cffi takes time that grows with the square."""
_NO_CODE = re.compile(r'//[^\n]*|/\*(?:.*?\*/|.*)|"(?:\\.|[^"\\\n])*"?', re.S)
_WORDS = re.compile(r"\b__(restrict|const|volatile|inline|signed|extension)(?:__)?\b")


def without_comments(text: str) -> str:
    """Return a text with space in the place of comments, in as many lines.

    Raises InvalidValue for a comment without an end.
    """

    def space(found: re.Match[str]) -> str:
        comment = found[0]
        if comment[0] == '"':
            return comment
        if comment[1] == "*" and (len(comment) < 4 or not comment.endswith("*/")):
            raise InvalidValue(
                f"the comment that begins in line {text.count(chr(10), 0, found.start()) + 1} has no end"
            )
        return " " + "\n" * comment.count("\n")

    return _NO_CODE.sub(space, text)


def _as_iso_c(text: str) -> str:
    """Return a text with ISO C's words in the place of compilers' (``__restrict``), and few blank lines in a row."""
    text = _WORDS.sub(lambda found: "" if found[1] == "extension" else found[1], without_comments(text))
    if text.count("\n") <= _BLANK_LINES:
        return text
    lines: list[str] = []
    blank = 0
    for line in text.split("\n"):
        blank = 0 if line.strip() else blank + 1
        if blank <= _BLANK_LINES:
            lines.append(line)
    return "\n".join(lines)


class _Parser(cparser.Parser):  # pyright: ignore[reportUntypedBaseClass]
    """cffi's parser; its constants are those of 64 bits."""

    def _parse(self, csource: str) -> Any:
        parser: Any = super()
        return parser._parse(_as_iso_c(csource))

    def _parse_constant(self, exprnode: Any, partial_length_ok: bool = False) -> Any:
        if getattr(exprnode, "op", "") in ("<<", ">>") and not 0 <= self._parse_constant(exprnode.right) < _BITS:
            raise InvalidValue(f"`{exprnode.op}' shifts by less than nothing, or by {_BITS} bits or more")
        parser: Any = super()
        value: object = parser._parse_constant(exprnode, partial_length_ok)
        if isinstance(value, int) and not -(1 << (_BITS - 1)) <= value < 1 << _BITS:
            raise InvalidValue(f"a constant has more than {_BITS} bits")
        return value


def reader() -> Any:
    """Return a new cffi.FFI that reads with these bounds."""
    ffi: Any = cffi.FFI(_backend())
    ffi._parser = _Parser()
    return ffi


@lru_cache(maxsize=1)
def _backend() -> ModuleType:
    """Return the part of cffi that puts types together, which checks the sizes of what is passed by value."""
    plain = import_module("_cffi_backend")
    bounded = ModuleType(plain.__name__)
    bounded.__dict__.update(plain.__dict__)
    make: Any = cast(Any, plain).new_function_type
    sizeof: Callable[[Any], int] = cast(Any, plain).sizeof

    def new_function_type(arguments: tuple[Any, ...], result: Any, *rest: Any) -> Any:
        for kind in (*arguments, result):
            if kind.kind in ("struct", "union") and kind.fields is not None:
                # A sum of sizes may have passed the largest number, and begun anew.
                size = max(map(sizeof, (kind, *(each.type for _, each in kind.fields if _has_size(each.type)))))
                if size > LARGEST_PASSED:
                    raise InvalidValue(f"`{kind.cname}' has {size:,} bytes, too many to be passed: pass a pointer")
        return make(arguments, result, *rest)

    cast(Any, bounded).new_function_type = new_function_type
    return bounded


def _has_size(kind: Any) -> bool:
    return kind.kind != "array" or kind.length is not None
