"""Constant expressions of C: computed in the types that C gives them, where unsigned numbers wrap around."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from cffi import FFIError

from uruk.c_types.sizes import Integer, Sizes
from uruk.named_tuples import NamedTuple

_BITS = 64
_LONGEST = 80
"""Digits of a number; no more are read."""
_INTEGER = re.compile(r"(?P<digits>0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)(?P<suffix>[uUlL]*)")
_SUFFIXES = frozenset(("", "u", "l", "ul", "lu", "ll", "ull", "llu"))
_CHARACTER = re.compile(r"'(?:(?P<plain>[\x20-\x7e])|\\(?P<escape>x[0-9a-fA-F]+|[0-7]{1,3}|.))'")
_ESCAPES = {
    "a": 7,
    "b": 8,
    "f": 12,
    "n": 10,
    "r": 13,
    "t": 9,
    "v": 11,
    "e": 27,
    **{each: ord(each) for each in "\\'\"?"},
}
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Unsigned(int):
    """A constant that was written with ``u``."""


class _Number(NamedTuple):
    """A number and its type: one of 32 or 64 bits."""

    value: int
    bits: int
    is_signed: bool


class Scope(NamedTuple):
    """The names that an expression may have: constants, and types, of which `kind_of` finds cffi's for a node."""

    names: Mapping[str, int]
    kind_of: Callable[[Any], Any]
    sizes: Sizes


def constant(expression: Any, scope: Scope) -> int:
    """Return the number that an expression of pycparser's tree has.

    Raises cffi.FFIError, which names the line, for what C leaves undefined and for what is not computed here.
    """
    return _computed(expression, scope).value


def fault_at(node: Any, reason: str) -> Exception:
    """Return cffi's error for a node of pycparser's tree, in the form in which cffi names lines."""
    return FFIError(f":{node.coord.line}: {reason}" if getattr(node, "coord", None) else reason)


def _computed(node: Any, scope: Scope) -> _Number:
    kind = type(node).__name__
    if kind == "Constant":
        return _literal(node, scope.sizes.long_size)
    if kind == "ID" and node.name in scope.names:
        return _of_size(scope.names[node.name])
    if kind == "UnaryOp" and node.op == "-" and getattr(node.expr, "value", "") == str(1 << (_BITS - 1)):
        return _Number(-(1 << (_BITS - 1)), _BITS, True)  # which compilers take for the lowest number
    if kind == "UnaryOp" and node.op in ("+", "-", "~", "!"):
        return _unary(node, _computed(node.expr, scope))
    if (
        kind == "Cast"
        or (kind, getattr(node, "op", "")) in (("UnaryOp", "sizeof"), ("UnaryOp", "_Alignof"))
        or _is_offset(node)
    ):
        return _by_types(node, scope)
    if kind == "BinaryOp" and node.op in ("&&", "||"):
        first = bool(_computed(node.left, scope).value)
        decided = first == (node.op == "||")
        return _Number(int(first if decided else bool(_computed(node.right, scope).value)), 32, True)
    if kind == "BinaryOp":
        return _binary(node, _computed(node.left, scope), _computed(node.right, scope))
    if kind == "TernaryOp":
        is_first = bool(_computed(node.cond, scope).value)
        chosen = _computed(node.iftrue if is_first else node.iffalse, scope)
        other = _computed(node.iffalse if is_first else node.iftrue, scope)
        return _as(chosen, *_common(chosen, other))
    shown = f"`{node.name}' is no constant that is known here: " if kind == "ID" else ""
    raise fault_at(node, f"{shown}a constant has to be of numbers and of constants of enumerations")


def _is_offset(node: Any) -> bool:
    return type(node).__name__ == "FuncCall" and getattr(node.name, "name", "") == "offsetof"


def _by_types(node: Any, scope: Scope) -> _Number:
    """Return the value of a cast, of `sizeof`, `_Alignof` or `offsetof`."""
    try:
        if type(node).__name__ == "Cast":
            number = _computed(node.expr, scope)
            return _cast(node, number.value, scope.sizes.integer(scope.kind_of(node.to_type.type)))
        if type(node).__name__ == "FuncCall":
            kind, designator = node.args.exprs
            return _Number(_offset(scope.kind_of(kind.type), designator, scope)[0], _BITS, False)
        if type(node.expr).__name__ == "ID" and node.expr.name not in scope.names:
            raise FFIError(f"`{node.expr.name}' is no type and no constant that is known here")
        kind = getattr(node.expr, "to_type", node.expr)  # a cast to a small type has its size, though it is used as int
        if type(kind).__name__ != "Typename":
            return _Number(_computed(node.expr, scope).bits // 8, _BITS, False)
        size = scope.sizes.of(scope.kind_of(kind.type))
        return _Number(size.size if node.op == "sizeof" else size.alignment, _BITS, False)
    except FFIError as error:
        raise error if str(error).startswith(":") else fault_at(node, str(error)) from None


def _offset(kind: Any, designator: Any, scope: Scope) -> tuple[int, Any]:
    """Return the offset and the type of a member, or of a member of one."""
    start = 0
    if type(designator).__name__ == "StructRef" and designator.type == ".":
        start, kind = _offset(kind, designator.name, scope)
        designator = designator.field
    if type(designator).__name__ != "ID":
        raise FFIError("`offsetof' takes a type, and a member or members with points between them")
    own, kind = scope.sizes.member(kind, designator.name)
    return start + own, kind


def _cast(node: Any, value: int, to: Integer) -> _Number:
    if to.name == "_Bool":
        return _Number(int(value != 0), 32, True)
    value &= (1 << to.bits) - 1
    if to.name == "char" and value >= 128:
        raise fault_at(node, "a cast to `char' has a sign on some systems: write signed char or unsigned char")
    if to.is_signed and value >> (to.bits - 1):
        value -= 1 << to.bits
    return _Number(value, max(to.bits, 32), to.is_signed or to.bits < 32)  # smaller ones are computed with as int


def _literal(node: Any, long_size: int) -> _Number:
    text = str(node.value)
    if found := _CHARACTER.fullmatch(text):
        return _Number(_character(node, found), 32, True)
    found = _INTEGER.fullmatch(text)
    suffix = found["suffix"].lower() if found is not None else "?"
    if found is None or suffix not in _SUFFIXES:
        raise fault_at(node, f"`{text}' is no whole number that C knows, and no character of ASCII")
    digits = found["digits"]
    is_decimal = digits[0] != "0"
    base = 10 if is_decimal else 0 if digits[1:2] in tuple("xXbB") else 8
    value = int(digits, base) if len(digits) < _LONGEST else 1 << _BITS
    for bits in (32, 64):
        if bits == 32 and ("ll" in suffix or ("l" in suffix and long_size == _BITS // 8)):
            continue
        if "u" not in suffix and value < 1 << (bits - 1):
            return _Number(value, bits, True)
        if ("u" in suffix or not is_decimal or bits == _BITS) and value < 1 << bits:
            return _Number(value, bits, False)
    raise fault_at(node, f"a constant has more than {_BITS} bits")


def _character(node: Any, found: re.Match[str]) -> int:
    if plain := found["plain"]:
        return ord(plain)
    escape = found["escape"]
    if escape in _ESCAPES:
        return _ESCAPES[escape]
    if escape[0] in "01234567" or len(escape) > 1:
        value = int(escape[1:], 16) if escape[0] == "x" else int(escape, 8)
        if value < 128:  # of the others, systems differ in the sign
            return value
    raise fault_at(node, f"`{found[0]}' is no character of ASCII: write its number")


def _of_size(value: int) -> _Number:
    """Return a number in the type of a constant of an enumeration."""
    if isinstance(value, Unsigned):
        return _Number(value, 32 if value < 1 << 32 else 64, False)
    if -(1 << 31) <= value < 1 << 31:
        return _Number(value, 32, True)
    return _Number(value, 64, value < 1 << 63) if value >= 1 << 32 or value < 0 else _Number(value, 32, False)


def _common(left: _Number, right: _Number) -> tuple[int, bool]:
    """Return bits and sign of the type in which C computes with both."""
    bits = max(left.bits, right.bits)
    return bits, all(each.is_signed for each in (left, right) if each.bits == bits)


def _as(number: _Number, bits: int, is_signed: bool) -> _Number:
    return _Number(number.value if is_signed else number.value & ((1 << bits) - 1), bits, is_signed)


def _unary(node: Any, operand: _Number) -> _Number:
    if node.op == "!":
        return _Number(int(not operand.value), 32, True)
    value = {"+": operator.pos, "-": operator.neg, "~": operator.invert}[node.op](operand.value)
    return _fitted(node, value, operand.bits, operand.is_signed)


def _fitted(node: Any, value: int, bits: int, is_signed: bool) -> _Number:
    """Return a result in its type. Raises cffi.FFIError for a signed one that does not fit."""
    if is_signed and not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        raise fault_at(node, f"the result of `{node.op}' does not fit a signed number of {bits} bits")
    return _as(_Number(value, bits, is_signed), bits, is_signed)


def _binary(node: Any, left: _Number, right: _Number) -> _Number:
    if node.op in ("<<", ">>"):
        return _shifted(node, left, right.value)
    bits, is_signed = _common(left, right)
    one, other = _as(left, bits, is_signed).value, _as(right, bits, is_signed).value
    if node.op in _COMPARISONS:
        return _Number(int(_COMPARISONS[node.op](one, other)), 32, True)
    if node.op in ("/", "%"):
        if not other:
            raise fault_at(node, f"`{node.op}' divides by zero")
        quotient = abs(one) // abs(other) * (-1 if (one < 0) != (other < 0) else 1)
        return _fitted(node, quotient if node.op == "/" else one - quotient * other, bits, is_signed)
    plain: dict[str, Callable[[int, int], int]] = {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "&": int.__and__,
        "|": int.__or__,
        "^": int.__xor__,
    }
    if node.op not in plain:
        raise fault_at(node, f"`{node.op}' is not computed in a constant here")
    return _fitted(node, plain[node.op](one, other), bits, is_signed)


def _shifted(node: Any, left: _Number, by: int) -> _Number:
    if not 0 <= by < left.bits:
        raise fault_at(node, f"`{node.op}' shifts by less than nothing, or by {left.bits} bits or more")
    if node.op == ">>":
        return left._replace(value=left.value >> by)
    value = (left.value << by) & ((1 << left.bits) - 1)
    if left.is_signed and value >> (left.bits - 1):  # as compilers do it: flags are written as 1 << 31
        value -= 1 << left.bits
    return left._replace(value=value)
