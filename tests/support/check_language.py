"""Expectations beside assembly, as address arithmetic over linked memory: `# jitlink-check: *{4}site = target - site`.

The language is llvm-jitlink's, parsed as uruk-jitlink does it (`uruk.jitlink.expressions`), without what needs a
disassembler or a link of several files: numbers, names, parentheses, operators, slices, and loads of linked bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from uruk.jitlink.expressions import MASK, Place, RuleError, parse_expression, parse_rule


class CheckError(AssertionError):
    """An expectation that does not hold; the text has the values of both sides."""


class Evaluator:
    """Evaluates expressions over the values of `known` names; `load` gives the bytes at an address.

    It has the facts that expressions ask for (`uruk.jitlink.expressions.Facts`).
    """

    def __init__(self, known: Mapping[str, int], load: Callable[[int, int], bytes]) -> None:
        self._known = known
        self._load = load

    def check(self, rule: str) -> None:
        """Raise CheckError unless both sides of a rule, `EXPR = EXPR`, have one value."""
        parsed = parse_rule(rule)
        left, right = parsed.left(self), parsed.right(self)
        if left != right:
            raise CheckError(f"{rule}\n  {left:#x} is not {right:#x}")

    def value(self, text: str) -> int:
        """The value of an expression. Raises RuleError."""
        return parse_expression(text)(self)

    def symbol(self, name: str) -> int:
        """See `Facts.symbol`."""
        return self._known[name] & MASK

    def load(self, address: int, size: int) -> int:
        """See `Facts.load`."""
        return int.from_bytes(self._load(address, size), "little")

    def section(self, file: str, name: str) -> int:
        """See `Facts.section`."""
        raise RuleError(f"section_addr({file}, {name}): fixtures name places by symbols")

    def stub(self, file: str, name: str, kind: str) -> int:
        """See `Facts.stub`."""
        raise RuleError(f"stub_addr({file}, {name}{kind}): fixtures name places by symbols")

    def slot(self, file: str, name: str) -> int:
        """See `Facts.slot`."""
        raise RuleError(f"got_addr({file}, {name}): fixtures name places by symbols")

    def operand(self, place: Place, number: int) -> int:
        """See `Facts.operand`."""
        raise RuleError(f"decode_operand({place.symbol}, {number}): fixtures look at bytes")

    def length(self, place: Place) -> int:
        """See `Facts.length`."""
        raise RuleError(f"next_pc({place.symbol}): fixtures look at bytes")
