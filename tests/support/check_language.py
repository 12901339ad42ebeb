"""Expectations beside assembly, as address arithmetic over linked memory: `# jitlink-check: *{4}site = target - site`.

The language is that of llvm-jitlink, without what needs a disassembler: numbers (decimal or `0x`), names, parentheses,
`+ - & | << >>` from left to right without precedence, bit slices, `value[31:0]`, and `*{4}address`, a load of so many
bytes, which takes all that follows for the address. Numbers have 64 bits, without a sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_TOKEN = re.compile(r"\s*(0x[0-9a-fA-F]+|\d+|[A-Za-z_.$][\w:.$]*|<<|>>|\*\{[1248]\}|[-+&|()\[\]:])")
_MASK = (1 << 64) - 1
_COMPUTE: dict[str, Callable[[int, int], int]] = {
    "+": int.__add__,
    "-": int.__sub__,
    "&": int.__and__,
    "|": int.__or__,
    "<<": int.__lshift__,
    ">>": int.__rshift__,
}


class CheckError(AssertionError):
    """An expectation that does not hold; the text has the values of both sides."""


class Evaluator:
    """Evaluates expressions over the values of `known` names; `load` gives the bytes at an address."""

    def __init__(self, known: Mapping[str, int], load: Callable[[int, int], bytes]) -> None:
        self._known = known
        self._load = load
        self._tokens: list[str] = []

    def check(self, rule: str) -> None:
        """Raise CheckError unless both sides of a rule, `EXPR = EXPR`, have one value."""
        left, right = (self.value(side) for side in rule.split("="))
        if left != right:
            raise CheckError(f"{rule}\n  {left:#x} is not {right:#x}")

    def value(self, text: str) -> int:
        """The value of an expression. Raises SyntaxError."""
        self._tokens = list(reversed(_tokens(text)))
        value = self._expression()
        if self._tokens:
            raise SyntaxError(f"{self._tokens[-1]} is not expected in: {text}")
        return value

    def _take(self, expected: str = "") -> str:
        token = self._tokens.pop() if self._tokens else "the end"
        if expected and token != expected:
            raise SyntaxError(f"{token} instead of {expected}")
        return token

    def _next(self) -> str:
        return self._tokens[-1] if self._tokens else ""

    def _expression(self) -> int:
        value = self._simple()
        while self._next() in _COMPUTE:
            compute = _COMPUTE[self._take()]
            value = compute(value, self._simple()) & _MASK
        return value

    def _simple(self) -> int:
        token = self._take()
        if token == "(":
            value = self._expression()
            self._take(")")
        elif token.startswith("*"):
            size = int(token[2])
            value = int.from_bytes(self._load(self._expression(), size), "little")
        elif token[0].isdigit():
            value = int(token, 0)
        else:
            value = self._known[token] & _MASK
        if self._next() != "[":
            return value
        self._take("[")
        high = int(self._take(), 0)
        self._take(":")
        low = int(self._take(), 0)
        self._take("]")
        return value >> low & (1 << high - low + 1) - 1


def _tokens(text: str) -> list[str]:
    """The words of an expression. Raises SyntaxError for what is none."""
    found: list[str] = []
    at, text = 0, text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise SyntaxError(f"no expression: {text[at:]}")
        found.append(match[1])
        at = match.end()
    return found
