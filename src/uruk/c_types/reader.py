"""cffi as a reader of C with bounds, and with the words of compilers for what ISO C spells without underscores.

cffi computes constants as Python's integers, which grow as long as there is memory, and libffi lists each item of an
array that is passed in a structure. Both go over blank lines and comments without an end again and again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, cast

import cffi
from cffi import FFIError, cparser

from uruk.c_types.constants import Scope, Unsigned, constant
from uruk.c_types.layouts import check_members, check_type
from uruk.c_types.sizes import POINTER, Sizes
from uruk.errors import InvalidValue

LARGEST_PASSED = 1 << 20
"""Bytes of the largest structure that is passed by value; a stack has some millions."""
_BLANK_LINES = 100
"""As many follow each other at most; cffi takes time that grows with the square."""
_NO_CODE = re.compile(r'//[^\n]*|/\*(?:.*?\*/|.*)|"(?:\\.|[^"\\\n])*"?', re.S)
_WORDS = re.compile(r"\b__(restrict|const|volatile|inline|signed|extension|alignof|builtin_offsetof)(?:__)?\b")
_ISO_WORDS = {"extension": "", "alignof": "_Alignof", "builtin_offsetof": "offsetof"}


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
    text = _WORDS.sub(lambda found: _ISO_WORDS.get(found[1], found[1]), without_comments(text))
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
    """cffi's parser, with C's constants, and with errors for what cffi would lay out as no compiler does."""

    checks_members: bool
    sizes: Sizes
    _int_constants: dict[str, int]
    _structnode2type: Any

    def _parse(self, csource: str) -> Any:
        parser: Any = super()
        return parser._parse(_as_iso_c(csource))

    def _parse_constant(self, exprnode: Any, partial_length_ok: bool = False) -> Any:
        if getattr(exprnode, "name", "") == "__dotdotdotarray__":
            parser: Any = super()
            return parser._parse_constant(exprnode, partial_length_ok)
        return constant(exprnode, Scope(self._int_constants, self._kind_of, self.sizes))

    def _kind_of(self, typenode: Any) -> Any:
        return self._get_type_and_quals(typenode)[0]

    def _add_integer_constant(self, name: str, int_str: str) -> None:
        parser: Any = super()
        parser._add_integer_constant(name, int_str)
        value: int = self._int_constants[name]
        if "u" in int_str.lower():
            value = self._int_constants[name] = Unsigned(value)
        if not -(1 << 63) <= value < 1 << 64 or (value < 0 and isinstance(value, Unsigned)):
            raise FFIError(f"`{name}' does not fit its type")

    def _get_type_and_quals(self, typenode: Any, *rest: Any, **options: Any) -> Any:
        parser: Any = super()
        found = parser._get_type_and_quals(typenode, *rest, **options)
        check_type(typenode, found[0])
        return found

    def _get_struct_union_enum_type(self, kind: str, type: Any, *rest: Any, **options: Any) -> Any:
        is_read = type in self._structnode2type
        parser: Any = super()
        found = parser._get_struct_union_enum_type(kind, type, *rest, **options)
        if self.checks_members and kind != "enum" and type.decls is not None and not is_read and not found.partial:
            check_members(type, found, kind)
        return found


def reader(*, checks_members: bool = True, long_size: int = POINTER) -> Any:
    """Return a new cffi.FFI that reads with these bounds, for code whose `long` has `long_size` bytes.

    `checks_members`: with errors for members that C does not have, or that compilers lay out differently. A text that
    was made from what a compiler laid out needs none, and may use what cffi adds to C.
    """
    ffi: Any = cffi.FFI(_backend())
    ffi._parser = _Parser()
    ffi._parser.checks_members = checks_members
    ffi._parser.sizes = Sizes(long_size)
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
