"""Expectations as address arithmetic over memory of this process: `i32(site) == target - (site + 4)`.

Names are symbols, looked up in a session (or given). `u8 u16 u32 u64 i8 i16 i32 i64` read little-endian
integers from memory. Expressions are Python's, restricted to integers, comparisons, `and`, `or`, `not`.
"""

from __future__ import annotations

import ast
import ctypes
import operator
from collections.abc import Callable, Mapping

READERS = {f"{sign}{8 * size}": (size, sign == "i") for size in (1, 2, 4, 8) for sign in "ui"}
BINARY: dict[type, Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.BitAnd: int.__and__,
    ast.BitOr: int.__or__,
    ast.LShift: int.__lshift__,
    ast.RShift: int.__rshift__,
}
COMPARE: dict[type, Callable[[int, int], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class CheckError(AssertionError):
    """An expectation that does not hold; the text has the values of both sides."""


class Evaluator:
    """Evaluates expressions; `lookup` gives the address of a name that is not in `known`."""

    def __init__(self, lookup: Callable[[str], int], known: Mapping[str, int] | None = None) -> None:
        self._lookup = lookup
        self._known = dict(known or {})

    def value(self, text: str) -> int:
        """The value of an expression."""
        return self._value(ast.parse(text, mode="eval").body)

    def check(self, text: str) -> None:
        """Raise CheckError unless the expression is true."""
        node = ast.parse(text, mode="eval").body
        if not self._value(node):
            raise CheckError(f"{text}\n  " + "\n  ".join(self._explain(node)))

    def _value(self, node: ast.expr) -> int:
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name):
                return self._known[name] if name in self._known else self._lookup(name)
            case ast.Call(func=ast.Name(id=name), args=[argument]) if name in READERS:
                return read(self._value(argument), *READERS[name])
            case ast.BinOp(left=left, op=kind, right=right):
                return BINARY[type(kind)](self._value(left), self._value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._value(operand)
            case ast.BoolOp(op=ast.And(), values=values):
                return all(self._value(one) for one in values)
            case ast.BoolOp(op=ast.Or(), values=values):
                return any(self._value(one) for one in values)
            case ast.Compare(left=left, ops=kinds, comparators=others):
                sides = [self._value(one) for one in (left, *others)]
                pairs = zip(kinds, sides, sides[1:], strict=False)
                return all(COMPARE[type(kind)](one, other) for kind, one, other in pairs)
            case _:
                raise SyntaxError(f"not part of the check language: {ast.unparse(node)}")

    def _explain(self, node: ast.expr) -> list[str]:
        """The sides of every comparison in an expression, with their values."""
        lines: list[str] = []
        for part in ast.walk(node):
            if isinstance(part, ast.Compare):
                sides = (part.left, *part.comparators)
                lines.extend(f"{ast.unparse(side)} = {self._value(side):#x}" for side in sides)
        return lines


def read(address: int, size: int, signed: bool) -> int:
    """A little-endian integer in this process's memory."""
    return int.from_bytes(ctypes.string_at(address, size), "little", signed=signed)
