"""The rules of a CIE for its FDEs, and a check that unwinders can read it: they end the process over what is unknown.

The layout is LSB's "Exception Frames", the instructions are DWARF 5's, section 6.4.2, with the extensions of compilers.
libgcc (unwind-dw2-fde.c, unwind-dw2.c) aborts over unknown encodings when anything first throws, and over a section
that it gave up on when that is taken out again. LLVM's libunwind takes versions 1 and 3 only.
"""

from __future__ import annotations

from functools import lru_cache

from uruk.named_tuples import NamedTuple

OMIT, PC_RELATIVE, INDIRECT = 0xFF, 0x10, 0x80
"""DW_EH_PE_omit, DW_EH_PE_pcrel, DW_EH_PE_indirect."""
POINTER = 8
EXTENDED = 0xFFFFFFF0
"""Lengths of records from here on are reserved, or announce a 64-bit one."""
_SIZES = {0x0: POINTER, 0x2: 2, 0x3: 4, 0x4: 8, 0xA: 2, 0xB: 4, 0xC: 8}
"""Bytes of a value by the low half of its encoding: absptr, udata2, 4, 8, sdata2, 4, 8."""
_LAST_LETTERS = "SBG"
"""Signal frame, AArch64's B key, AArch64's tagged stack: without data. Behind them libgcc looks for no encoding."""
_OPERANDS = {
    0x00: "", 0x02: "1", 0x03: "2", 0x04: "4", 0x05: "nn", 0x06: "n", 0x07: "n", 0x08: "n", 0x09: "nn", 0x0A: "<",
    0x0B: ">", 0x0C: "nn", 0x0D: "n", 0x0E: "n", 0x0F: "b", 0x10: "nb", 0x11: "nn", 0x12: "nn", 0x13: "n", 0x14: "nn",
    0x15: "nn", 0x16: "nb", 0x2C: "", 0x2D: "", 0x2E: "n", 0x2F: "nn",
}  # fmt: skip
"""Operands of the call frame instructions a CIE may have: bytes, numbers (n), blocks (b); < remembers a state, > takes
it back. DW_CFA_set_loc is none: a CIE has no place."""
_CACHED_SIZE = 256


class FrameError(Exception):
    """The problem of a record."""


class FrameRules(NamedTuple):
    """The layout of a CIE's FDEs."""

    pointer: int
    """Bytes of where the function begins, and of how long it is."""
    relative: bool
    """True if the beginning counts from the field itself."""
    augmented: bool
    """True if there is augmentation data, with its length before it."""
    lsda: int
    """Bytes of the pointer to language-specific data at the start of that; 0 without it."""
    personality: int
    """The offset in the CIE of the personality routine's pointer; 0 without it."""
    personality_size: int
    head: int
    """Bytes of an FDE up to its augmentation data's length."""


def rules_of(record: bytes, registers: int) -> FrameRules:
    """Read a CIE, from its length on; `registers`: how many unwinders know. Raises FrameError."""
    return known_rules(record, registers) if len(record) <= _CACHED_SIZE else _read(record, registers)


@lru_cache(maxsize=128)
def known_rules(record: bytes, registers: int) -> FrameRules:
    """Return the same for a record that is short enough to be kept."""
    return _read(record, registers)


def _read(record: bytes, registers: int) -> FrameRules:
    # Length and CIE id, 4 bytes each, version, and at least the zero that ends the augmentation.
    if len(record) < 10:
        raise FrameError(f"the CIE has {len(record)} bytes, too few for a version and an augmentation")
    version, end = record[8], record.find(0, 9)
    if version not in (1, 3, 4):
        raise FrameError(f"the CIE has version {version}; unwinders know 1, 3 and 4")
    if end < 0:
        raise FrameError("the CIE's augmentation string does not end")
    letters = record[9:end].decode("latin-1")
    cursor = _Cursor(record, end + 1)
    # Version 4 (DWARF 4, 6.4.1) adds the sizes of addresses and segment selectors.
    if version == 4 and (size := cursor.take(2)) != b"\x08\x00":
        raise FrameError(f"the CIE is for addresses of {size[0]} bytes and segments of {size[1]}; 8 and 0 are known")
    cursor.number()  # code alignment
    cursor.number()  # data alignment
    # The return address's register is one byte in version 1, and a ULEB128 number since.
    register = cursor.take(1)[0] if version == 1 else cursor.number()
    # libgcc indexes an array by it without a check.
    if register >= registers:
        raise FrameError(f"the CIE's return address is in register {register}, which does not exist")
    rules = _augmentation(cursor, letters)
    _check_instructions(cursor)
    return rules


class _Cursor:
    """Reads a record from a place on."""

    def __init__(self, record: bytes, at: int) -> None:
        self.record, self.at = record, at

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        begin, self.at = self.at, self.at + size
        if self.at > len(self.record):
            raise FrameError("the CIE ends too early")
        return self.record[begin : self.at]

    def number(self) -> int:
        """Return a LEB128 number, taken for an unsigned one."""
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise FrameError("the CIE has a number of more than 64 bits")

    @property
    def done(self) -> bool:
        """True if nothing is left."""
        return self.at >= len(self.record)


def _augmentation(cursor: _Cursor, letters: str) -> FrameRules:
    """Return the encodings that a CIE's augmentation gives."""
    if not letters:
        return FrameRules(POINTER, False, False, 0, 0, 0, 8 + 2 * POINTER)
    # Without `z` libgcc does not know where the instructions begin. ("eh" is gcc 2's form.)
    if letters[0] != "z" or len(set(letters)) != len(letters) or not set(letters) <= set("zRPL" + _LAST_LETTERS):
        raise FrameError(f"the CIE has the unknown augmentation {letters[:40]!r}")
    if any(letter in letters[: letters.find("R") + 1] for letter in _LAST_LETTERS):
        raise FrameError(f"the CIE's augmentation {letters!r} has R behind a letter that ends the search for it")
    size = cursor.number()
    begin, end = cursor.at, cursor.at + size
    cursor.take(size)
    # Bounded by its own length, so that letters do not read instructions as data.
    data = _Cursor(cursor.record[:end], begin)
    pointer, relative, lsda, personality, personality_size = POINTER, False, 0, 0, 0
    for letter in letters[1:]:
        if letter in _LAST_LETTERS:
            continue
        (encoding,) = data.take(1)
        if letter == "R":
            pointer, relative = _size(encoding, letter, indirect=False), bool(encoding & PC_RELATIVE)
        elif letter == "L":
            lsda = 0 if encoding == OMIT else _size(encoding, letter)
        else:
            personality, personality_size = data.at, _size(encoding, letter)
            data.take(personality_size)
    return FrameRules(pointer, relative, True, lsda, personality, personality_size, 8 + 2 * pointer)


def _size(encoding: int, letter: str, *, indirect: bool = True) -> int:
    """Return bytes of a pointer: one of fixed size, absolute or relative to its place."""
    size = _SIZES.get(encoding & 0x0F, 0)
    # 0x20 to 0x60 are text-, data- and function-relative and aligned pointers, for which unwinders want bases that
    # linked code does not have.
    if not size or encoding & 0x60 or (encoding & INDIRECT and not indirect):
        raise FrameError(f"the CIE's augmentation {letter} has the pointer encoding {encoding:#04x}")
    return size


def _check_instructions(cursor: _Cursor) -> None:
    """Raise FrameError where the rest is not a sequence of call frame instructions."""
    remembered = 0
    while not cursor.done:
        (operation,) = cursor.take(1)
        if operation >= 0x40:  # in the high two bits: advance, offset (with a number), restore
            # DW_CFA_offset (high bits 2) has one number; DW_CFA_advance_loc and DW_CFA_restore have all in their low 6
            # bits.
            operands = "n" if operation >> 6 == 2 else ""
        elif (operands := _OPERANDS.get(operation, "?")) == "?":
            raise FrameError(f"the CIE has the unknown call frame instruction {operation:#04x}")
        for operand in operands:
            if operand == "n":
                cursor.number()
            elif operand == "b":
                cursor.take(cursor.number())
            elif operand in "<>":
                remembered += 1 if operand == "<" else -1
            else:
                cursor.take(int(operand))
        # libgcc takes the next state from a list that is empty then.
        if remembered < 0:
            raise FrameError("the CIE takes back a state that it has not remembered")
