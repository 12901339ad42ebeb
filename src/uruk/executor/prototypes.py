"""C prototypes as calls: their plans, and, for another process, the places of the words in registers and on the stack.

Where an argument is passed says the calling convention of the other process (`uruk.isa.abi`). Variable arguments,
and vectors are not passed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from uruk.c_types.declarations import Function, prototype
from uruk.errors import InvalidValue
from uruk.executor.arguments import Place, convert_all, memory, with_functions
from uruk.executor.control import Answer, Memory
from uruk.executor.layouts import Layout, layout_of
from uruk.executor.plan import Kind, Plan, Step, plan_of
from uruk.isa.abi import POINTER, WORD, CallingConvention, LongDouble, Passed, Unit, Where
from uruk.named_tuples import NamedTuple
from uruk.records import record

_WORD = (1 << 64) - 1
_RESULT_ROWS = {Where.INTEGER: 0, Where.VECTOR: 2, Where.WIDE: 6}
"""The number of the first word of each kind among those of a callback's result."""
_Rows = Sequence[Sequence[int]]
"""Integer registers, vector registers, stack words and upper words of vector registers, as Where counts them."""


class Words(NamedTuple):
    """The registers and stack words of a call, and the memory that is lent for its result."""

    integers: list[Memory]
    vectors: list[int]
    stack: list[Memory]
    wide: list[int]
    """The upper words of vector registers; empty where no argument has any."""
    result_place: bytearray | None = None
    """Memory whose address is in the register that the convention has for the place of a large result."""
    memory: bytearray | None = None
    """The memory that the result is in after the call; None where it is in registers."""


@record
class Signature:
    """A prototype in one calling convention: each argument's layout, and where it is; the same of the result."""

    arguments: tuple[Layout, ...]
    passed: tuple[Passed, ...]
    result: Layout
    result_units: tuple[Unit, ...]
    hidden: Passed | None
    """The place of the address of memory for the result, if that is passed as an argument in front of the others."""
    has_result_place: bool
    """True if that address is in a register of its own."""
    stack_words: int
    is_in_x87: bool
    """True if the result is in the x87 register st0."""


class Prototype:
    """A function type, as text or read. Raises UrukError for a type that cannot be passed."""

    def __init__(self, function: str | Function) -> None:
        self.function = prototype(function) if isinstance(function, str) else function
        self.text = self.function.text
        if self.function.is_variadic:
            raise InvalidValue(f"`{self.text}' says no types of variable arguments: {self.function.fixed_for(())}")
        self._kind = self.function.kind
        self._signatures: dict[CallingConvention, Signature] = {}
        self._plans: dict[CallingConvention, Plan] = {}
        self.native: Any = None
        """cffi's type of such calls in this process, once there was one."""

    def plan(self, convention: CallingConvention) -> Plan:
        """Return the steps of a call. Raises UrukError for a type that cannot be passed."""
        plan = self._plans.get(convention)
        if plan is None:
            plan = self._plans[convention] = plan_of(self.function, convention)
        return plan

    def signature(self, convention: CallingConvention) -> Signature:
        """Return where arguments and result are passed. Raises UrukError for a type that cannot be."""
        signature = self._signatures.get(convention)
        if signature is None:
            signature = self._signatures[convention] = self._placed(convention)
        return signature

    def _placed(self, convention: CallingConvention) -> Signature:
        try:
            *arguments, result = (layout_of(each, convention) for each in (*self._kind.args, self._kind.result))
        except InvalidValue as error:
            raise InvalidValue(f"`{self.text}': {error}") from None
        units: tuple[Unit, ...] | None = ()
        if result.kind.kind != "void":
            units = convention.result(result.shape())
        in_memory = units is None
        shapes = [each.shape() for each in arguments]
        hidden = in_memory and convention.result_place_is_argument
        passed = convention.passed([POINTER] * hidden + shapes)
        on_stack = sum(unit.place.where == Where.STACK for each in passed for unit in each.units)
        first = passed[0] if hidden else None
        is_wide = any(unit.place.where == Where.WIDE for unit in units or ())
        in_x87 = is_wide and convention.long_double == LongDouble.X87
        return Signature(
            tuple(arguments), passed[hidden:], result, units or (), first, in_memory and not hidden, on_stack, in_x87
        )

    def encode(self, values: Sequence[Any], convention: CallingConvention, place: Place) -> Words:
        """Return the registers and stack words of a call, and what is lent to it.

        Raises InvalidType, InvalidValue, OverflowError for values that the types cannot have.
        """
        plan = self.plan(convention)
        converted = convert_all(plan, values, place, _converted)
        signature = self.signature(convention)
        rows: tuple[list[Any], ...] = [], [], [], []  # as Where counts them
        result = None
        if signature.hidden or signature.has_result_place:
            result = bytearray(signature.result.size)
        if signature.hidden:
            _put(rows, signature.hidden.units[0], result)
        for step, value, passed in zip(plan.arguments, converted, signature.passed, strict=True):
            units = passed.units
            if step.kind in (Kind.COMPOSITE, Kind.FLOAT) and not passed.by_reference:
                for unit in units:
                    word = int.from_bytes(value[unit.offset : unit.offset + unit.size], "little")
                    _put(rows, unit, word)
                    if convention.positional and unit.place.where == Where.VECTOR:
                        # Functions with variable arguments take them out of integer registers.
                        _put(rows, Unit(unit.place._replace(where=Where.INTEGER), unit.offset, unit.size), word)
            else:
                _put(rows, units[0], value)
        integers, vectors, stack, wide = rows
        return Words(integers, vectors, stack, wide, result if signature.has_result_place else None, result)

    def result_of(self, answer: Answer, words: Words, convention: CallingConvention) -> Any:
        """Return the Python value of the result of a call that was made with `words`."""
        signature = self.signature(convention)
        if words.memory is not None:
            return signature.result.from_bytes(bytes(words.memory))
        if not signature.result_units:
            return None
        return signature.result.from_bytes(_gathered(signature.result, signature.result_units, answer))

    def decode(self, convention: CallingConvention, rows: _Rows, read: Callable[[int, int], bytes]) -> list[Any]:
        """Return the Python values of a callback's arguments.

        `rows` are integer registers, vector registers, the stack, and upper words of vector registers;
        `read(address, size)` returns bytes of the process, for what is passed by reference.
        """
        signature = self.signature(convention)
        values: list[Any] = []
        for layout, passed in zip(signature.arguments, signature.passed, strict=True):
            if passed.by_reference:
                where, number = passed.units[0].place
                data = read(rows[where][number], layout.size)
            else:
                data = _gathered(layout, passed.units, rows)
            values.append(layout.from_bytes(data))
        return values

    def result_bytes(self, value: Any, convention: CallingConvention) -> bytes:
        """Return the bytes of a callback's result."""
        layout = self.signature(convention).result
        return bytes(layout.size) if layout.kind.kind == "void" else layout.to_bytes(value)

    def result_place(self, convention: CallingConvention, rows: _Rows, own_register: int) -> int | None:
        """Return the address of memory for a callback's result; None if that is in registers."""
        signature = self.signature(convention)
        if signature.hidden:
            where, number = signature.hidden.units[0].place
            return rows[where][number]
        return own_register if signature.has_result_place else None

    def result_words(self, data: bytes, convention: CallingConvention) -> list[int]:
        """Return two integer and four vector registers with the bytes of a result.

        Where it needs them, the upper words of the latter follow, or those of x87's st0 and a 1.
        """
        signature = self.signature(convention)
        fill = b"\xff" if signature.result.is_signed and data[-1] >> 7 else b"\0"
        words = [0] * 10
        is_wide = False
        for (where, number), offset, size in signature.result_units:
            word = int.from_bytes(data[offset : offset + size].ljust(WORD, fill), "little")
            words[_RESULT_ROWS[where] + number] = word
            is_wide |= where == Where.WIDE
        return [*words, signature.is_in_x87] if is_wide else words[:6]


def _converted(step: Step, value: Any, place: Place) -> Memory:
    """Return the bytes of a structure or a floating-point number, memory that is lent, or a word."""
    if step.kind in (Kind.POINTER, Kind.FUNCTION):
        given = memory(step, value, place)
        # C reads strings up to a NUL, which bytes of Python's have behind them in this process only.
        return given + b"\0" if isinstance(given, bytes) else given
    if step.kind == Kind.COMPOSITE:
        value = with_functions(step.layout, value, place)
    return step.layout.to_bytes(value) if step.kind in (Kind.COMPOSITE, Kind.FLOAT) else step.layout.to_word(value)


def _put(rows: tuple[list[Any], ...], unit: Unit, word: Any) -> None:
    """Put a word into its place; slots that no argument is in, as in a positional convention, are 0."""
    where, number = unit.place
    row = rows[where]
    row.extend([0] * (number + 1 - len(row)))
    row[number] = word


def _gathered(layout: Layout, units: tuple[Unit, ...], words: Sequence[Any]) -> bytes:
    """Return the bytes of a value in registers and stack words; `words` are these in rows, as Where counts them."""
    data = bytearray(layout.size)
    for (where, number), offset, size in units:
        # The bits of a register above a narrow type are undefined (psABI, "Parameter Passing").
        data[offset : offset + size] = (words[where][number] & _WORD).to_bytes(WORD, "little")[:size]
    return bytes(data)
