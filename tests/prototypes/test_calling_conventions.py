"""Calling conventions: the rules' own examples, and what compilers do, seen by a function that stores its arguments."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

import uruk
from uruk.errors import UnknownTarget
from uruk.executor.prototypes import Prototype
from uruk.isa.abi import AAPCS64, SYSTEM_V, WIN64, CallingConvention, Place, Where, convention_of

from support.compiling import Compile
from support.requirements import require_tool

INTEGERS, VECTORS, STACK = 8, 8, 24
"""Words of the record: what `capture` stores."""
KINDS = ("signed char", "short", "int", "long long", "char *", "float", "double")
"""Types of arguments."""


class Nowhere:
    """A place of calls that nobody makes."""

    executor = object()

    def callback(self, function: object, value: object) -> int:
        raise AssertionError((function, value))


NOWHERE = Nowhere()


def places_of(prototype: Prototype, convention: CallingConvention) -> list[Place]:
    """The places of all words of the arguments."""
    return [unit.place for passed in prototype.signature(convention).passed for unit in passed.units]


def texts(convention: CallingConvention, prototype: str) -> list[str]:
    """Where the arguments of a C prototype are: the register's name, or how far above the return address."""
    row = {Where.INTEGER: convention.integer_registers, Where.VECTOR: convention.vector_registers}
    return [
        row[where][number] if where != Where.STACK else f"+{convention.shadow_space + 8 * number}"
        for where, number in places_of(Prototype(prototype), convention)
    ]


@pytest.mark.parametrize(
    ("convention", "prototype", "places"),
    [
        # the first three: Microsoft's examples 1 to 3 of "Parameter passing"
        (WIN64, "void(int, int, int, int, int, int)", "rcx rdx r8 r9 +32 +40"),
        (WIN64, "void(float, double, float, double, float, float)", "xmm0 xmm1 xmm2 xmm3 +32 +40"),
        (WIN64, "void(int, double, int, float, int, float)", "rcx xmm1 r8 xmm3 +32 +40"),
        (WIN64, "void(void)", ""),
        (SYSTEM_V, "void(int, double, int, float, int, float)", "rdi xmm0 rsi xmm1 rdx xmm2"),
        (SYSTEM_V, "void(long, long, long, long, long, long, long, double, long)", "rdi rsi rdx rcx r8 r9 +0 xmm0 +8"),
        (
            SYSTEM_V,
            "void(" + "double, " * 9 + "char *, float)",
            "xmm0 xmm1 xmm2 xmm3 xmm4 xmm5 xmm6 xmm7 +0 rdi +8",
        ),
        (SYSTEM_V, "union u { long a[2]; long double b; }; void(int, union u, long)", "rdi rsi rdx rcx"),
        (SYSTEM_V, "union u { long a; long double b; }; void(int, union u, long)", "rdi +0 +8 rsi"),
        (SYSTEM_V, "union u { double a[2]; long double b; }; void(int, union u, long)", "rdi +0 +8 rsi"),
        (
            AAPCS64,
            "void(float, long, long, long, long, long, long, long, long, short, double)",
            "v0 x0 x1 x2 x3 x4 x5 x6 x7 +0 v1",
        ),
    ],
)
def test_places(convention: CallingConvention, prototype: str, places: str) -> None:
    assert texts(convention, prototype) == places.split()


def test_arguments_go_to_their_places() -> None:
    """Win64 has numbers in both kinds of registers, for variable arguments, System V fills each row of registers."""
    prototype = Prototype("int(int, double, const char *, float, short, double)")
    values = (-1, 1.5, b"text", 2.5, 7, 0.5)
    double, single = 0x3FF8000000000000, 0x40200000
    assert prototype.encode(values, WIN64, NOWHERE)[:3] == (
        [(1 << 64) - 1, double, b"text\0", single],
        [0, double, 0, single],
        [7, 0x3FE0000000000000],
    )
    assert prototype.encode(values, SYSTEM_V, NOWHERE)[:3] == (
        [(1 << 64) - 1, b"text\0", 7],
        [double, single, 0x3FE0000000000000],
        [],
    )
    assert Prototype("int(int, int, int, int, const char *)").encode((1, 2, 3, 4, b"x"), WIN64, NOWHERE).stack == [
        b"x\0"
    ]


def nothing(address: int, size: int) -> bytes:
    """What reads memory of a process that is not there."""
    raise AssertionError((address, size))


@pytest.mark.parametrize("convention", [SYSTEM_V, WIN64, AAPCS64], ids=lambda one: one.name)
def test_a_callback_reads_what_a_call_wrote(convention: CallingConvention) -> None:
    rng = random.Random(5)
    for _ in range(200):
        kinds = [rng.choice(["int", "double", "float", "short"]) for _ in range(rng.randrange(14))]
        prototype = Prototype(f"void({', '.join(kinds) or 'void'})")
        values = [rng.randrange(-100, 100) for _ in kinds]
        words = prototype.encode(values, convention, NOWHERE)
        assert len(words.stack) == prototype.signature(convention).stack_words
        integers, stack = ([word for word in row if isinstance(word, int)] for row in (words.integers, words.stack))
        assert prototype.decode(convention, (integers, words.vectors, stack), nothing) == values


def test_a_convention_is_that_of_a_target() -> None:
    assert convention_of("x86_64-unknown-linux-gnu") is SYSTEM_V
    assert convention_of("x86_64-w64-mingw32") is WIN64
    assert convention_of("aarch64-unknown-linux-gnu") is AAPCS64
    assert convention_of("aarch64-pc-windows-msvc") is AAPCS64
    for triple in ("riscv64-linux", "riscv64-windows"):
        with pytest.raises(UnknownTarget, match=f"`{triple}'; there are x86_64-linux, aarch64-linux, x86_64-windows"):
            convention_of(triple)


# -- what compilers do


def capture_x86_64(convention: CallingConvention) -> str:
    """A function that stores the registers that the convention names, then the words behind its shadow space."""
    stores = [f"mov %{name}, {8 * row}(%r11)" for row, name in enumerate(convention.integer_registers)]
    stores += [f"movq %{name}, {8 * (INTEGERS + row)}(%r11)" for row, name in enumerate(convention.vector_registers)]
    for row in range(STACK):
        stores.append(f"mov {8 + convention.shadow_space + 8 * row}(%rsp), %rax")  # behind the return address
        stores.append(f"mov %rax, {8 * (INTEGERS + VECTORS + row)}(%r11)")
    return _function(["lea record(%rip), %r11", *stores, "ret"])


def capture_aarch64(convention: CallingConvention) -> str:
    """See above; the return address is in a register, so the words begin at the stack pointer."""
    stores = [f"str {name}, [x9, #{8 * row}]" for row, name in enumerate(convention.integer_registers)]
    stores += [f"str d{name[1:]}, [x9, #{8 * (INTEGERS + at)}]" for at, name in enumerate(convention.vector_registers)]
    for row in range(STACK):
        stores += [f"ldr x10, [sp, #{8 * row}]", f"str x10, [x9, #{8 * (INTEGERS + VECTORS + row)}]"]
    return _function(["adrp x9, record", "add x9, x9, :lo12:record", *stores, "ret"])


def _function(instructions: list[str]) -> str:
    size = 8 * (INTEGERS + VECTORS + STACK)
    body = "\n".join(instructions)
    return f".globl capture\ncapture:\n{body}\n.bss\n.globl record\n.balign 16\nrecord: .skip {size}\n"


class Calls:
    """Calls of `capture` with made-up types, compiled; each argument has a value of its own."""

    def __init__(self, attribute: str, seed: int) -> None:
        rng = random.Random(seed)
        self.types = [[rng.choice(KINDS) for _ in range(rng.randrange(1, STACK))] for _ in range(60)]
        # gcc takes no notice of the attribute of a cast where it sees which function is called
        self.source = "void capture(void);\nstatic void (*volatile target)(void) = capture;\n"
        for row, kinds in enumerate(self.types):
            values = ", ".join(f"({kind}){at + 17}" for at, kind in enumerate(kinds))
            self.source += f"typedef void {attribute} type_{row}({', '.join(kinds)});\n"
            self.source += f"void call_{row}(void) {{ ((type_{row} *)target)({values}); }}\n"

    def check(self, jit: uruk.LLJIT, convention: CallingConvention) -> None:
        """Every argument is where the convention says."""
        record = jit.lookup("record").address
        seen: set[tuple[Where, int]] = set()
        for row, kinds in enumerate(self.types):
            prototype = Prototype(f"void({', '.join(kinds)})")
            jit.lookup(f"call_{row}").function("void(void)")()
            data = jit.session.executor.process.read(record, 8 * (INTEGERS + VECTORS + STACK))
            first = {Where.INTEGER: 0, Where.VECTOR: INTEGERS, Where.STACK: INTEGERS + VECTORS}
            arguments = prototype.signature(convention).arguments
            for at, (where, number) in enumerate(places_of(prototype, convention)):
                value = arguments[at].from_bytes(data, 8 * (first[where] + number))
                assert value == at + 17, f"argument {at} of {kinds}"
                seen.add((where, number))
        registers = [*enumerate(convention.integer_registers), *enumerate(convention.vector_registers)]
        assert len([place for place in seen if place[0] != Where.STACK]) == len(registers)
        assert len(seen) > len(registers)


@pytest.mark.parametrize("family", ["gcc", "clang"])
@pytest.mark.parametrize(
    ("convention", "attribute"),
    [(SYSTEM_V, ""), (WIN64, "__attribute__((ms_abi))")],
    ids=["System V", "Win64"],
)
def test_compilers_agree(
    cc: Compile, jit: uruk.LLJIT, convention: CallingConvention, attribute: str, family: str
) -> None:
    calls = Calls(attribute, 7)
    jit.add_object(cc(capture_x86_64(convention), language="s"))
    jit.add_object(cc(calls.source, "-O1", family=family))
    calls.check(jit, convention)


@pytest.fixture
def remote() -> Iterator[uruk.LLJIT]:
    require_tool("qemu-aarch64")
    with uruk.LLJIT(executor=uruk.spawn(target="aarch64-linux")) as one:
        yield one


def test_a_compiler_for_aarch64_agrees(cc: Compile, remote: uruk.LLJIT) -> None:
    calls = Calls("", 11)
    remote.add_object(cc(capture_aarch64(AAPCS64), family="aarch64-gcc", language="s"))
    remote.add_object(cc(calls.source, "-O1", family="aarch64-gcc"))
    calls.check(remote, AAPCS64)
