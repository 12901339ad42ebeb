"""Every call frame instruction of a CIE: its operands are read, or it is refused."""

from __future__ import annotations

import pytest

from uruk.passes.elf.frame_rules import FrameError, FrameRules, rules_of

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

REGISTERS = 17
OPERANDS = {
    0x00: "", 0x02: "1", 0x03: "2", 0x04: "4", 0x05: "nn", 0x06: "n", 0x07: "n", 0x08: "n", 0x09: "nn", 0x0A: "",
    0x0C: "nn", 0x0D: "n", 0x0E: "n", 0x0F: "b", 0x10: "nb", 0x11: "nn", 0x12: "nn", 0x13: "n", 0x14: "nn", 0x15: "nn",
    0x16: "nb", 0x2C: "", 0x2D: "", 0x2E: "n", 0x2F: "nn",
}  # fmt: skip
"""DWARF 5, table 7.29, and GNU's and AArch64's extensions: numbers (n), blocks (b), bytes."""
CODED = {"n": b"\x85\x01", "b": b"\x03abc", "1": b"\x01", "2": b"\x01\x02", "4": b"\x01\x02\x03\x04", "": b""}


def rules(instructions: bytes, *, version: int = 1, letters: bytes = b"", data: bytes = b"") -> FrameRules:
    """The rules of a CIE with these instructions."""
    head = b"\1\x78\x10"  # code alignment 1, data alignment -8, register 16
    body = bytes(4) + bytes([version]) + letters + b"\0" + head + data + instructions
    return rules_of(len(body).to_bytes(4, "little") + body, REGISTERS)


def known(operation: int) -> bytes | None:
    """An instruction with its operands; None for one that no CIE may have."""
    if operation >= 0x40:
        return bytes([operation]) + (CODED["n"] if operation >> 6 == 2 else b"")
    if operation not in OPERANDS:
        return None
    return bytes([operation]) + b"".join(CODED[kind] for kind in OPERANDS[operation])


def test_each_instruction() -> None:
    """A block takes as many bytes as it says, a number ends with a byte below 0x80."""
    for operation in (*range(0x0B), *range(0x0C, 256)):
        instruction = known(operation)
        if instruction is None:
            with pytest.raises(FrameError, match=f"unknown call frame instruction {operation:#04x}"):
                rules(bytes([operation]) + bytes(20))
            continue
        # An unknown instruction behind it is reached: nothing of it was taken for an operand, and nothing left.
        rules(instruction)
        rules(instruction + b"\0")
        with pytest.raises(FrameError, match="unknown call frame instruction 0x3f"):
            rules(instruction + b"\x3f")
        if len(instruction) > 1:
            with pytest.raises(FrameError, match="ends too early"):
                rules(instruction[:-1])


def test_remembered_states() -> None:
    rules(b"\x0a\x0b\x0a\x0a\x0b\x0b")
    for instructions in (b"\x0b", b"\x0a\x0b\x0b", b"\x0b\x0a"):
        with pytest.raises(FrameError, match="has not remembered"):
            rules(instructions)


@pytest.mark.parametrize(("register", "fits"), [(0, True), (16, True), (17, False), (255, False)])
def test_registers(register: int, fits: bool) -> None:
    """Version 1 has a byte, version 3 a number."""
    for version, coded in ((1, bytes([register])), (3, bytes([register & 0x7F | 0x80, register >> 7]))):
        body = bytes(4) + bytes([version]) + b"\0\1\x78" + coded
        record = len(body).to_bytes(4, "little") + body
        if fits:
            assert rules_of(record, REGISTERS).head == 24
        else:
            with pytest.raises(FrameError, match=f"register {register}, which does not exist"):
                rules_of(record, REGISTERS)


@pytest.mark.parametrize(
    ("letters", "data", "expected"),
    [
        (b"", b"", (8, False, False, 0, 0)),
        (b"z", b"\0", (8, False, True, 0, 0)),
        (b"zR", b"\1\x1b", (4, True, True, 0, 0)),
        (b"zR", b"\1\x03", (4, False, True, 0, 0)),
        (b"zR", b"\1\x0a", (2, False, True, 0, 0)),
        (b"zLR", b"\2\x1b\x1c", (8, True, True, 4, 0)),
        (b"zLR", b"\2\xff\x1c", (8, True, True, 0, 0)),
        (b"zPLR", b"\7\x9b\0\0\0\0\x0c\x1b", (4, True, True, 8, 19)),
        (b"zRS", b"\1\x1b", (4, True, True, 0, 0)),
    ],
)
def test_augmentations(letters: bytes, data: bytes, expected: tuple[int, bool, bool, int, int]) -> None:
    found = rules(b"", letters=letters, data=data)
    assert (found.pointer, found.relative, found.augmented, found.lsda, found.personality) == expected
    assert found.head == 8 + 2 * expected[0]
    if expected[4]:
        assert found.personality_size == 4


def test_numbers_of_several_bytes() -> None:
    """The alignment of code: of ten bytes at most, and the next number begins behind it."""
    for coded in (b"\x80\x01", b"\xff\x80\x00", b"\x80" * 9 + b"\x01"):
        body = bytes(4) + b"\1\0" + coded + b"\x78\x10"
        assert rules_of(len(body).to_bytes(4, "little") + body, REGISTERS).pointer == 8
    body = bytes(4) + b"\1\0" + b"\x80" * 10 + b"\x01\x78\x10"
    with pytest.raises(FrameError, match="more than 64 bits"):
        rules_of(len(body).to_bytes(4, "little") + body, REGISTERS)
    for size, problem in ((9, "has 9 bytes, too few"), (10, "ends too early")):
        with pytest.raises(FrameError, match=problem):
            rules_of((size - 4).to_bytes(4, "little") + bytes(4) + b"\1\0"[: size - 8], REGISTERS)
