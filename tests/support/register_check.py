"""Assembly that fills all registers, makes a call, and writes them all down again."""

from __future__ import annotations

from collections.abc import Sequence

# Layout of an area: general registers, two x87 registers at 112, 8 mask registers at 128, vectors of 32 or 64 bytes
# from 256 on.
GENERAL = "rcx rdx rsi rdi r8 r9 r10 r11 rbx r12 r13 r14 r15".split()


def has_wide_vectors() -> bool:
    """Whether this processor has 32 vectors of 64 bytes, and mask registers; else they are 16 of 32."""
    with open("/proc/cpuinfo") as info:
        flags = set(next(line for line in info if line.startswith("flags")).split())
    return {"avx512f", "avx512bw"} <= flags


def check_source(wide: bool, call: Sequence[str], at_return: Sequence[str] = ()) -> str:
    """check(first, before, after, misalign): all registers from `before`, the call, all into `after`; returns %rax.

    `call` are instructions, which find `first` at -8(%rbp) and the stack moved down by `misalign`; `at_return` may
    change %rax.
    """
    vectors, width, register = (32, 64, "zmm") if wide else (16, 32, "ymm")
    load = [f"vmovups {256 + width * n}(%rax), %{register}{n}" for n in range(vectors)]
    store = [f"vmovups %{register}{n}, {256 + width * n}(%rax)" for n in range(vectors)]
    if wide:
        load += [f"kmovq {128 + 8 * n}(%rax), %k{n}" for n in range(8)]
        store += [f"kmovq %k{n}, {128 + 8 * n}(%rax)" for n in range(8)]
    load += [f"movq {8 * n}(%rax), %{name}" for n, name in enumerate(GENERAL)]
    store = [f"movq %{name}, {8 * n}(%rax)" for n, name in enumerate(GENERAL)] + store
    lines = [
        ".text", ".globl check", ".type check, @function", "check:",
        *(f"pushq %{name}" for name in ("rbx", "rbp", "r12", "r13", "r14", "r15")),
        "movq %rsp, %rbp", "pushq %rdi", "pushq %rsi", "pushq %rdx", "subq %rcx, %rsp",
        "fninit", "fldpi", "fld1",
        "movq -16(%rbp), %rax", *load, *call,
        "pushq %rax", "movq -24(%rbp), %rax", *store,
        "fstpl 112(%rax)", "fstpl 120(%rax)", "popq %rax",
        "movq %rbp, %rsp",
        *(f"popq %{name}" for name in ("r15", "r14", "r13", "r12", "rbp", "rbx")),
        "vzeroupper", *at_return, "ret",
        ".size check, .-check", '.section .note.GNU-stack,"",@progbits',
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
