"""The check language: which lines are rules, and what expressions mean."""

from __future__ import annotations

from typing import ClassVar

import pytest

from uruk.jitlink.check_files import Rule, rules_in
from uruk.jitlink.expressions import DEEPEST, MASK, Place, RuleError, parse_rule

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]


class Table:
    """The facts of a made-up link: every byte of its memory is the low byte of its address."""

    symbols: ClassVar = {"a": 0x1000, "b.c": 0x20, "_$x:y": 7, "decode_operand": 1}

    def symbol(self, name: str) -> int:
        if name not in self.symbols:
            raise RuleError(f"symbol {name} not found")
        return self.symbols[name]

    def load(self, address: int, size: int) -> int:
        return int.from_bytes(bytes((address + i) & 0xFF for i in range(size)), "little")

    def section(self, file: str, name: str) -> int:
        return {("f.o", ".text"): 0x100, ("f.o", "__DATA,__x"): 0x200}[file, name]

    def stub(self, file: str, name: str, kind: str) -> int:
        return {("f.o", "s", ""): 0x300, ("f.o", "s", "k"): 0x301}[file, name, kind]

    def slot(self, file: str, name: str) -> int:
        return {("f.o", "s"): 0x400}[file, name]

    def operand(self, place: Place, number: int) -> int:
        return {(Place("a", 0), 1): -4, (Place("a", 8), 0): 5}[place, number]

    def length(self, place: Place) -> int:
        return 6


def value(text: str) -> int:
    """The value of an expression."""
    rule = parse_rule(f"{text} = 0")
    return rule.left(Table())


@pytest.mark.parametrize(("text", "expected"), [
    ("1", 1), ("0x10", 16), ("1 + 2", 3), ("1+2", 3), ("10 - 3 - 2", 5), ("1 - 2", MASK), ("2 + 3 << 1", 10),
    ("1 << 2 + 1", 5), ("0xf0 & 0x3c | 1", 0x31), ("1 | 2 & 2", 2), ("(1 << (2 + 1))", 8),
    ("1 << 64", 0), ("8 >> 70", 0),
    ("a", 0x1000), ("a + b.c", 0x1020), ("_$x:y", 7), ("decode_operand", 1),
    ("a[15:12]", 1), ("0xabcd[11:4]", 0xBC), ("(a + 1)[0:0]", 1), ("1 + 0xff[3:0]", 0x10),
    ("0xffffffffffffffff[63:0]", MASK),
    ("*{1}a", 0), ("*{2}(a + 1)", 0x0201), ("*{4}a+4", 0x07060504), ("*{4}(a)+4", 0x07060504),
    ("(*{4}a)+4", 0x03020104),
    ("*{8}0", 0x0706050403020100), ("*{1}(5)", 5), ("*{1}5[1:0]", 1),
    ("section_addr(f.o, .text)", 0x100), ("section_addr( f.o ,__DATA,__x ) + 4", 0x204), ("stub_addr(f.o, s)", 0x300),
    ("stub_addr(f.o, s, k)", 0x301), ("got_addr(f.o, s)", 0x400), ("*{1}(got_addr(f.o, s) + 2)", 2),
    ("decode_operand(a, 1)", MASK - 3), ("decode_operand(a + 8, 0)", 5), ("decode_operand(a, 1)[31:0]", 0xFFFFFFFC),
    ("next_pc(a)", 0x1006), ("next_pc(a + 8)", 0x100E), ("a - next_pc(a)", MASK - 5),
])  # fmt: skip
def test_values(text: str, expected: int) -> None:
    assert value(text) == expected


@pytest.mark.parametrize("text", [
    "1", "1 =", "= 1", "1 = 2 = 3", "1 + = 2", "(1 = 1", "1) = 1", "a[1] = 0", "a[1:2] = 0", "a[64:0] = 0", "*{3}a = 0",
    "*a = 0", "*{4} = 0", "-1 = 0", "0x = 0", "decode_operand(a) = 0", "decode_operand(1, 0) = 0", "next_pc() = 0",
    "section_addr(f.o) = 0", "got_addr(f.o, s = 0", "18446744073709551616 = 0", "1 ? 2 = 0", "a b = 0", "~1 = 0",
    "(" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1) + " = 1",
])  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(RuleError):
        parse_rule(text)


def test_places() -> None:
    """All instructions that a rule asks about, on both sides, and in loads."""
    rule = parse_rule("*{1}(next_pc(a) + decode_operand(a + 8, 0)) = next_pc(b)")
    assert rule.places == (Place("a", 0), Place("a", 8), Place("b", 0))


def test_lines() -> None:
    """Rules begin behind blanks; a backslash joins the next rule line, whose leading blanks go."""
    lines = [
        "# jitlink-check: a = b",
        "code # jitlink-check: no = rule",
        "\t # jitlink-check: one \\",
        "between",
        "#  jitlink-check: no = rule",
        "# jitlink-check:    two = \\",
        "# jitlink-check: three",
        "# other: x = y",
        "# jitlink-check: end \\",
    ]
    assert rules_in(lines, "jitlink-check") == [Rule(1, "a = b"), Rule(3, "one two = three"), Rule(9, "end ")]
    assert rules_in(lines, "other") == [Rule(8, "x = y")]
