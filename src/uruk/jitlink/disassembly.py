"""Operands and lengths of instructions, as LLVM numbers them: `llvm-mc` is asked about all instructions at once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence

from uruk.jitlink.expressions import RuleError
from uruk.named_tuples import NamedTuple

LONGEST = 16
"""Bytes of an instruction, at most."""
DEADLINE = 60.0
"""Seconds that llvm-mc may take."""
# llvm-mc decodes only the base instruction set of AArch64 unless it is told otherwise.
_FEATURES = {"aarch64": ("-mattr=+all",)}
_END = {
    "x86_64": bytes.fromhex("49bfefbeaddea55aa55a"),  # movabsq $0x5aa55aa5deadbeef, %r15
    "aarch64": (0xD4400000 | 0x5AA5 << 5).to_bytes(4, "little"),  # hlt #0x5aa5
}
"""Architecture -> an instruction that no program has: one stands behind each that is asked about."""
_ENCODING = re.compile(r"(?:#|//|@|;) encoding: \[([^\]]*)\]")
_OPERAND = re.compile(r"<MCOperand (\w+):([^>]*)>")
_LOOKED_FOR = ("llvm-mc", *(f"llvm-mc-{version}" for version in range(30, 13, -1)))


class Instruction(NamedTuple):
    """A disassembled instruction; an operand is None where it is neither a register nor a number."""

    length: int
    operands: tuple[int | None, ...]


def disassemble(architecture: str, codes: Sequence[bytes]) -> list[Instruction | None]:
    """Return the instruction at the beginning of each code, None where there is none.

    Raises RuleError where LLVM's `llvm-mc` is missing, or fails.
    """
    if not codes:
        return []
    end = _END.get(architecture)
    if end is None:
        raise RuleError(f"instructions of {architecture} cannot be decoded")
    # llvm-mc decodes each bracketed group by itself, so that bytes that are no instruction cannot swallow the end mark.
    lines = [_group(code[:LONGEST]) + _group(end) for code in codes]
    output = _run(_program(), architecture, "".join(lines))
    groups = _groups(output, end)
    if len(groups) != len(codes):
        raise RuleError(f"llvm-mc answered for {len(groups)} of {len(codes)} instructions")
    return groups


def _group(code: bytes) -> str:
    return "[" + " ".join(f"{byte:#04x}" for byte in code) + "]\n"


def _program() -> str:
    """Return the program: that of the variable LLVM_MC, else the newest one."""
    if path := os.environ.get("LLVM_MC"):
        return path
    path = next(filter(None, map(shutil.which, _LOOKED_FOR)), None)
    if path is None:
        raise RuleError("decode_operand and next_pc need LLVM's llvm-mc: install llvm, or set LLVM_MC to its path")
    return path


def _run(program: str, architecture: str, text: str) -> str:
    command = [program, "--disassemble", "--show-inst", "--show-encoding", f"-triple={architecture}"]
    try:
        done = subprocess.run(
            [*command, *_FEATURES.get(architecture, ())], input=text, capture_output=True, text=True, timeout=DEADLINE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuleError(f"{program} cannot be run: {error}") from error
    if done.returncode and not done.stdout:  # it ends with 1 where some bytes are no instruction
        raise RuleError(f"{program} failed: {done.stderr.strip()[:200]}")
    return done.stdout


def _groups(output: str, end: bytes) -> list[Instruction | None]:
    """Return the first instruction of each group; groups end at the instruction `end`."""
    mark = ",".join(f"{byte:#04x}" for byte in end)
    groups: list[Instruction | None] = []
    first: Instruction | None = None
    length, operands = 0, list[int | None]()
    is_new = False

    # Only the first instruction of a group was asked about; the bytes behind it are there because x86's lengths vary.
    def finish() -> None:
        nonlocal first, is_new
        if is_new and first is None:
            first = Instruction(length, tuple(operands))
        is_new = False

    for line in output.splitlines():
        if match := _ENCODING.search(line):
            finish()
            if match.group(1) == mark:
                groups.append(first)
                first, operands = None, []
                continue
            length, operands, is_new = match.group(1).count(",") + 1, [], True
        elif is_new:
            # llvm-mc prints the operands on the lines that follow the encoding.
            operands += [_value(*pair) for pair in _OPERAND.findall(line)]
    return groups


def _value(kind: str, text: str) -> int | None:
    """Return the value of an operand as llvm-mc prints it."""
    if kind not in ("Imm", "Reg"):
        return None
    try:
        return int(text, 0)
    except ValueError:
        return None
