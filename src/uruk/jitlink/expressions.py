"""The language of rules: numbers, symbols, loads, slices, and what is known of sections, slots, stubs and instructions.

Arithmetic is that of unsigned 64-bit numbers. Binary operators have one precedence and bind from left to right; a load
takes the rest of its expression as the address, so that ``*{4}a+4`` reads at ``a+4``. A rule is parsed whole before it
is evaluated, so that all instructions of a run can be disassembled at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Protocol

from uruk.named_tuples import NamedTuple

MASK = (1 << 64) - 1
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
_NAME = re.compile(r"[A-Za-z_.$][\w.$:]*", re.ASCII)
_OPERATORS: dict[str, Callable[[int, int], int]] = {
    # Python would compute a shift by 2**63 in full, which needs memory without bound.
    "<<": lambda left, right: left << right if right < 64 else 0,
    ">>": lambda left, right: left >> right if right < 64 else 0,
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "&": lambda left, right: left & right,
    "|": lambda left, right: left | right,
}
DEEPEST = 200
"""Expressions inside each other, at most."""


class RuleError(Exception):
    """A rule that cannot be parsed, or asks for something that there is not."""


class Facts(Protocol):
    """The facts of a link that expressions ask for; every method raises RuleError for what it does not know."""

    def symbol(self, name: str) -> int:
        """Return a symbol's address."""
        ...

    def load(self, address: int, size: int) -> int:
        """Return the number of `size` bytes at an address of linked code or data."""
        ...

    def section(self, file: str, name: str) -> int:
        """Return the address of a section of a file: that of its first symbol."""
        ...

    def stub(self, file: str, name: str, kind: str) -> int:
        """Return the address of a file's stub for a symbol."""
        ...

    def slot(self, file: str, name: str) -> int:
        """Return the address of a file's GOT slot for a symbol."""
        ...

    def operand(self, place: Place, number: int) -> int:
        """Return an operand of an instruction, sign-extended, as LLVM's MCInst numbers them."""
        ...

    def length(self, place: Place) -> int:
        """Return the size of an instruction in bytes."""
        ...


class Place(NamedTuple):
    """An instruction: bytes behind a symbol."""

    symbol: str
    offset: int


Node = Callable[[Facts], int]


class Rule(NamedTuple):
    """A parsed rule: both sides, and the instructions that it asks about."""

    left: Node
    right: Node
    places: tuple[Place, ...]


def parse_rule(text: str) -> Rule:
    """Parse ``EXPRESSION = EXPRESSION``. Raises RuleError."""
    parser = _Parser(text)
    left = parser.expression()
    parser.expect("=")
    right = parser.expression()
    parser.end()
    return Rule(left, right, tuple(parser.places))


def parse_expression(text: str) -> Node:
    """Parse one side of a rule. Raises RuleError."""
    parser = _Parser(text)
    value = parser.expression()
    parser.end()
    return value


class _Parser:
    def __init__(self, text: str) -> None:
        self.places: list[Place] = []
        self._text = text
        self._at = 0
        self._depth = 0

    def expression(self) -> Node:
        """Parse operands with operators between them."""
        self._depth += 1
        # A rule is input: Python's own limit of recursion would end the tool with a traceback.
        if self._depth > DEEPEST:
            raise RuleError(f"the expression is nested more than {DEEPEST} deep")
        value = self._operand()
        while operator := self._operator():
            value = _binary(_OPERATORS[operator], value, self._operand())
        self._depth -= 1
        return value

    def expect(self, text: str) -> None:
        """Pass over a text that must come next."""
        if not self._skip(text):
            raise RuleError(f"expected `{text}' at `{self._rest()}'")

    def end(self) -> None:
        """Refuse anything that is left."""
        self._blanks()
        if self._at < len(self._text):
            raise RuleError(f"unexpected `{self._rest()}'")

    def _operand(self) -> Node:
        self._blanks()
        if self._skip("("):
            value = self.expression()
            self.expect(")")
        elif self._skip("*"):
            # A load is not sliced: it has taken the rest, and a slice behind it belongs to the address.
            return self._load()
        elif match := _NUMBER.match(self._text, self._at):
            self._at = match.end()
            # `int(text, 0)` refuses leading zeros of decimal numbers, which the language allows.
            value = _constant(int(match.group(), 0) if match.group()[:2].lower() == "0x" else int(match.group()))
        elif match := _NAME.match(self._text, self._at):
            self._at = match.end()
            value = self._named(match.group())
        else:
            raise RuleError(f"expected an expression at `{self._rest()}'")
        return self._sliced(value)

    def _load(self) -> Node:
        self.expect("{")
        size = self._number()
        self.expect("}")
        if size not in (1, 2, 4, 8):
            raise RuleError(f"a load has 1, 2, 4 or 8 bytes, got {size}")
        address = self.expression()
        return lambda facts: facts.load(address(facts), size)

    def _sliced(self, value: Node) -> Node:
        if not self._skip("["):
            return value
        high = self._number()
        self.expect(":")
        low = self._number()
        self.expect("]")
        if not low <= high < 64:
            raise RuleError(f"[{high}:{low}] is no slice of 64 bits")
        # Both bounds are bits of the slice: [31:0] has 32.
        mask = (1 << (high - low + 1)) - 1
        return lambda facts: value(facts) >> low & mask

    def _named(self, name: str) -> Node:
        # A symbol may be named as a function of the language is: only the parenthesis tells them apart.
        call = _CALLS.get(name)
        if call is None or not self._skip("("):
            return lambda facts: facts.symbol(name)
        value = call(self)
        self.expect(")")
        return value

    def decoded(self) -> Node:
        """Parse the arguments of ``decode_operand``."""
        place = self._place()
        self.expect(",")
        number = self._number()
        return lambda facts: facts.operand(place, number) & MASK

    def next_pc(self) -> Node:
        """Parse the arguments of ``next_pc``."""
        place = self._place()
        return lambda facts: (facts.symbol(place.symbol) + place.offset + facts.length(place)) & MASK

    def section(self) -> Node:
        """Parse the arguments of ``section_addr``: the section's name ends at the parenthesis, and may have commas."""
        file, name = self._until(","), self._until(")", passes=False)
        return lambda facts: facts.section(file, name)

    def slot(self) -> Node:
        """Parse the arguments of ``got_addr``."""
        file, name = self._until(","), self._until(")", passes=False)
        return lambda facts: facts.slot(file, name)

    def stub(self) -> Node:
        """Parse the arguments of ``stub_addr``, of which the third is optional."""
        file = self._until(",")
        name, _, kind = self._until(")", passes=False).partition(",")
        return lambda facts: facts.stub(file, name.strip(), kind.strip())

    def _place(self) -> Place:
        self._blanks()
        match = _NAME.match(self._text, self._at)
        if match is None:
            raise RuleError(f"expected a symbol at `{self._rest()}'")
        self._at = match.end()
        offset = self._number() if self._skip("+") else 0
        place = Place(match.group(), offset)
        # Places are gathered while the rule is parsed, and decoded together before it is evaluated.
        self.places.append(place)
        return place

    def _number(self) -> int:
        self._blanks()
        match = _NUMBER.match(self._text, self._at)
        if match is None:
            raise RuleError(f"expected a number at `{self._rest()}'")
        self._at = match.end()
        value = int(match.group(), 16 if match.group()[:2].lower() == "0x" else 10)
        if value > MASK:
            raise RuleError(f"{match.group()} has more than 64 bits")
        return value

    def _until(self, end: str, *, passes: bool = True) -> str:
        """Return the text up to a character, without blanks around it."""
        at = self._text.find(end, self._at)
        if at < 0:
            raise RuleError(f"expected `{end}' behind `{self._rest()}'")
        text, self._at = self._text[self._at : at].strip(), at + len(end) * passes
        return text

    def _operator(self) -> str:
        self._blanks()
        for operator in _OPERATORS:
            if self._text.startswith(operator, self._at):
                self._at += len(operator)
                return operator
        return ""

    def _skip(self, text: str) -> bool:
        self._blanks()
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _rest(self) -> str:
        return self._text[self._at : self._at + 40] or "the end of the rule"


_CALLS: dict[str, Callable[[_Parser], Node]] = {
    "decode_operand": _Parser.decoded,
    "next_pc": _Parser.next_pc,
    "section_addr": _Parser.section,
    "got_addr": _Parser.slot,
    "stub_addr": _Parser.stub,
}


def _constant(value: int) -> Node:
    if value > MASK:
        raise RuleError(f"{value:#x} has more than 64 bits")
    return lambda _: value


def _binary(operator: Callable[[int, int], int], left: Node, right: Node) -> Node:
    return lambda facts: operator(left(facts), right(facts)) & MASK


def places_of(rules: Iterator[Rule]) -> list[Place]:
    """Return the instructions that rules ask about, each once."""
    return list(dict.fromkeys(place for rule in rules for place in rule.places))
