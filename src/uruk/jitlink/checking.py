"""Evaluates the rules of ``-check`` against what was linked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from uruk.errors import AllocationError
from uruk.jitlink.check_files import rules_of
from uruk.jitlink.disassembly import LONGEST, Instruction, disassemble
from uruk.jitlink.expressions import MASK, Place, Rule, RuleError, parse_rule
from uruk.jitlink.failures import ToolError
from uruk.jitlink.linked_files import LinkedFile, LinkedFiles, Symbol

Read = Callable[[int, int], bytes]
"""Reads linked bytes: address and size."""


class LinkFacts:
    """See `uruk.jitlink.expressions.Facts`."""

    def __init__(
        self, linked: LinkedFiles, absolute: Mapping[str, int], read: Read, architecture: str, order: str
    ) -> None:
        self._linked = linked
        self._absolute = absolute
        self._read = read
        self._architecture = architecture
        self._order = "little" if order == "<" else "big"
        self._instructions: dict[Place, Instruction | None] = {}

    def decode(self, places: Sequence[Place]) -> None:
        """Disassemble all instructions that will be asked about."""
        # A place without bytes stays out here, and its rule fails with a message of its own when it is evaluated.
        known = [place for place in dict.fromkeys(places) if self._code(place)]
        codes = [self._code(place) for place in known]
        self._instructions = dict(zip(known, disassemble(self._architecture, codes), strict=True))

    def _code(self, place: Place) -> bytes:
        """Return the bytes from a place on, as far as the symbol's section goes; none where there is no such place."""
        symbol = self._linked.symbols.get(place.symbol)
        if symbol is None or symbol.room < place.offset:
            return b""
        try:
            return self._read(symbol.address + place.offset, min(LONGEST, symbol.room - place.offset))
        except AllocationError:
            return b""

    def symbol(self, name: str) -> int:
        """See `Facts.symbol`; those of ``-abs`` are known wherever they are used."""
        symbol = self._linked.symbols.get(name)
        if symbol is None and name in self._absolute:
            return self._absolute[name]
        return self._found(symbol, f"symbol {name} not found").address

    def load(self, address: int, size: int) -> int:
        """See `Facts.load`."""
        try:
            return int.from_bytes(self._read(address, size), self._order)  # pyright: ignore[reportArgumentType]
        except AllocationError as error:
            raise RuleError(f"{size} bytes at {address:#x} are not linked code or data") from error

    def _file(self, name: str) -> LinkedFile:
        file = self._linked.files.get(name)
        if file is None:
            raise RuleError(f'file "{name}" not recognized')
        return file

    def section(self, file: str, name: str) -> int:
        """See `Facts.section`."""
        address = self._file(file).sections.get(name)
        return self._address(address, f'no section "{name}" registered for file "{file}"')

    def slot(self, file: str, name: str) -> int:
        """See `Facts.slot`."""
        address = self._file(file).slots.get(name)
        return self._address(address, f'no GOT entry for "{name}" registered for file "{file}"')

    def stub(self, file: str, name: str, kind: str) -> int:
        """See `Facts.stub`; there is one kind of stub for each target."""
        address = self._file(file).stubs.get(name)
        return self._address(address, f'no stub for "{name}" registered for file "{file}"')

    def _address(self, address: int | None, problem: str) -> int:
        if address is None:
            raise RuleError(problem)
        return address

    def _found(self, symbol: Symbol | None, problem: str) -> Symbol:
        if symbol is None:
            raise RuleError(problem)
        return symbol

    def _instruction(self, place: Place) -> Instruction:
        # An unknown symbol is reported as such, and not as a place without an instruction.
        self.symbol(place.symbol)
        instruction = self._instructions.get(place)
        if instruction is None:
            raise RuleError(f"there is no instruction at {place.symbol} + {place.offset:#x}")
        return instruction

    def operand(self, place: Place, number: int) -> int:
        """See `Facts.operand`."""
        operands = self._instruction(place).operands
        value = operands[number] if number < len(operands) else None
        if value is None:
            what = "no number" if number < len(operands) else f"not one of its {len(operands)} operands"
            raise RuleError(f"operand {number} of the instruction at {place.symbol} + {place.offset:#x} is {what}")
        # Operands are signed in LLVM's MCInst, and the arithmetic of rules is unsigned.
        return value & MASK

    def length(self, place: Place) -> int:
        """See `Facts.length`."""
        return self._instruction(place).length


def check_files(paths: Sequence[str], name: str, facts: LinkFacts) -> None:
    """Evaluate the rules of files, and say on standard error which are false. Raises ToolError if some are."""
    # All files are parsed before any rule is evaluated: llvm-mc then runs once, and not once a rule.
    parsed = [(path, [(rule.text, _parsed(rule.text)) for rule in rules_of(path, name)]) for path in paths]
    places = [place for _, rules in parsed for _, rule in rules if isinstance(rule, Rule) for place in rule.places]
    try:
        facts.decode(places)
    except RuleError as error:
        raise ToolError(str(error)) from error
    for path, rules in parsed:
        answers = [_holds(text, rule, facts) for text, rule in rules]  # every false rule is reported
        if not all(answers):
            raise ToolError(f"Some checks in {path} failed")


def _parsed(text: str) -> Rule | RuleError:
    try:
        return parse_rule(text)
    except RuleError as error:
        return error


def _holds(text: str, rule: Rule | RuleError, facts: LinkFacts) -> bool:
    """Return True for a rule that is true; say what is wrong with any other one."""
    try:
        if isinstance(rule, RuleError):
            raise rule
        left, right = rule.left(facts), rule.right(facts)
    except RuleError as error:
        print(f"Error evaluating expression '{text}': {error}", file=sys.stderr)
        return False
    if left != right:
        print(f"Expression '{text}' is false: {left:#x} != {right:#x}", file=sys.stderr)
    return left == right
