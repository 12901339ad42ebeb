"""x86-64: edge kinds, stubs and relaxations.

Its peculiarities: displacements count from the end of the instruction, so that addends contain -4. Code reaches data by
32-bit displacements, so that all targets of a graph must lie within 2 GiB of it. A GOT load or a call through the GOT
can be replaced by a direct one in place once the distance is known. Fields may lie at any alignment.

Source: System V ABI, AMD64 supplement, 4.4 "Relocation" and B.2 "Optimize GOTPCRELX Relocations".
"""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Zone
from uruk.graph.kinds import Base, EdgeKind, JITLinkName, KindTable, Operand, kind
from uruk.graph.types import I64, U8, windows
from uruk.isa.interface import GOTLoads, JITLinkTables, Relaxed

_CALL = JITLinkName("BranchPCRel32", 4, stub="BranchPCRel32ToPtrJumpStubBypassable")
_LOAD, _REX_LOAD = (JITLinkName(f"PCRel32GOTLoad{rex}Relaxable", 4, direct="Delta32") for rex in ("", "REX"))
KINDS = KindTable(
    (
        EdgeKind("None", Operand.NOTHING, Base.ZERO, 0, 0, 1),
        kind("Pointer64", Operand.SYMBOL, Base.ZERO, 64, signed=None),
        kind("Pointer32", Operand.SYMBOL, Base.ZERO, 32, signed=False),
        kind("Pointer32Signed", Operand.SYMBOL, Base.ZERO, 32),
        kind("Pointer16", Operand.SYMBOL, Base.ZERO, 16, signed=None),
        kind("Pointer8", Operand.SYMBOL, Base.ZERO, 8, signed=None),
        kind("Delta64", Operand.SYMBOL, Base.PLACE, 64, signed=None),
        kind("Delta32", Operand.SYMBOL, Base.PLACE, 32),
        kind("Delta16", Operand.SYMBOL, Base.PLACE, 16),
        kind("Delta8", Operand.SYMBOL, Base.PLACE, 8),
        kind("BranchPCRel32", Operand.BRANCH, Base.PLACE, 32, jitlink=_CALL),
        kind("GOTDelta32", Operand.GOT, Base.PLACE, 32, jitlink="Delta32"),
        kind("GOTDelta32Relaxable", Operand.GOT, Base.PLACE, 32, relaxable=True, jitlink=_LOAD),
        kind("GOTDelta32RelaxableREX", Operand.GOT, Base.PLACE, 32, relaxable=True, jitlink=_REX_LOAD),
        kind("GOTDelta64", Operand.GOT, Base.PLACE, 64, jitlink="Delta64"),
        kind("GOTOffset32", Operand.GOT, Base.GOT_BASE, 32, jitlink="Delta32FromGOT"),
        kind("GOTOffset64", Operand.GOT, Base.GOT_BASE, 64, jitlink="Delta64FromGOT"),
        kind("DeltaFromGOT64", Operand.SYMBOL, Base.GOT_BASE, 64, jitlink="Delta64FromGOT"),
        kind("StubDeltaFromGOT64", Operand.STUB, Base.GOT_BASE, 64, jitlink="Delta64FromGOT"),
        kind("GOTBaseDelta32", Operand.GOT_BASE, Base.PLACE, 32, jitlink="Delta32"),
        kind("GOTBaseDelta64", Operand.GOT_BASE, Base.PLACE, 64, jitlink="Delta64"),
        kind("Size32", Operand.SIZE, Base.ZERO, 32, signed=False),
        kind("Size64", Operand.SIZE, Base.ZERO, 64, signed=None),
        kind("TLSGDDelta32", Operand.TLS_GD, Base.PLACE, 32, jitlink="Delta32"),
        kind("TLSLDDelta32", Operand.TLS_LD, Base.PLACE, 32, jitlink="Delta32"),
        kind("TLSDescDelta32", Operand.TLS_DESC, Base.PLACE, 32, jitlink="Delta32"),
        kind("TLSIEDelta32", Operand.TLS_IE, Base.PLACE, 32, jitlink="Delta32"),
        kind("TPOffset32", Operand.TP_OFFSET, Base.ZERO, 32),
        kind("TPOffset64", Operand.TP_OFFSET, Base.ZERO, 64),
        kind("DTPOffset32", Operand.DTP_OFFSET, Base.ZERO, 32),
        kind("DTPOffset64", Operand.DTP_OFFSET, Base.ZERO, 64),
        kind("DTPModule64", Operand.DTP_MODULE, Base.ZERO, 64),
    ),
    "compile with -fPIC, or with -mcmodel=large",
)

STUB = bytes(
    [
        *(0xFF, 0x25, 0x00, 0x00, 0x00, 0x00),  # jmp *slot(%rip)
        *(0x66, 0x90),  # xchg %ax,%ax: pads to 8 bytes
    ]
)
STUB_SIZE = len(STUB)
JITLINK_TABLES = JITLinkTables(0, 6, 1, Zone.R, ((2, "BranchPCRel32"),))
UNWIND_REGISTERS: int = 17  # 16 general ones and the return address (psABI, "DWARF Register Number Mapping")
STUB_FIELD = 2
"""Offset in a stub of the displacement to its GOT slot, which counts from the end of these 4 bytes."""
relax_descriptors = None  # a descriptor of static storage costs a call of two instructions only


def write_stubs(image: U8, position: I64, address: I64, slot: I64) -> None:
    """Write a stub at each `position` of `image`, which code sees at `address`: a jump through the slot at `slot`."""
    # A stub is one item of 8 bytes: all are written by one scatter.
    code = np.frombuffer(STUB, np.dtype(f"V{STUB_SIZE}"))
    windows(image, code.dtype)[position] = code.repeat(position.size)
    distance = slot - (address + STUB_FIELD) - 4
    windows(image, "<i4")[position + STUB_FIELD] = distance.astype("<i4")


def relax_got_loads(loads: GOTLoads) -> Relaxed:
    """Turn loads and calls through the GOT into direct ones where the target is within reach, in place.

    The caller then writes S + A - P instead of G + A - P into the changed rows (with
    P - 1 where the field moved back). Only the forms whose displacement is the last thing in the instruction (A = -4)
    are touched. AMD64 psABI, B.2.

    A call behind REX.W stays: that is the ``data16 rex.W call`` of a thread-local access without PLT. In front of
    ``addr32 call`` the REX prefix would count no more, and AMD processors obey a bare data16: they cut %rip to 16 bits.
    """
    image, position, offset = loads.image, loads.position, loads.offset
    distance = loads.target - loads.place - 4
    # One less above: a jump's field moves back by one byte, so that its distance grows by 1.
    near = (distance >= -(1 << 31)) & (distance < (1 << 31) - 1)
    near &= (loads.addend == -4) & (offset >= 2)
    # The opcode and the ModRM byte lie before the field, whatever its alignment; `offset` says that they exist.
    pair = windows(image, np.uint16)
    code = np.zeros(position.size, np.uint16)
    code[near] = pair[position[near] - 2]
    opcode, modrm = code & 0xFF, code >> 8
    load = near & (opcode == 0x8B) & ((modrm & 0xC7) == 0x05)  # mov slot(%rip),%reg
    call = near & (code == 0x15FF)  # call *slot(%rip)
    # A block has no byte before its first two: then there is no prefix.
    call[call] = (image[position[call] - 3] != 0x48) | (offset[call] < 3)
    jump = near & (code == 0x25FF)  # jmp *slot(%rip)
    image[position[load] - 2] = 0x8D  # lea target(%rip),%reg
    pair[position[call] - 2] = 0xE867  # addr32 call target
    image[position[jump] - 2] = 0xE9  # jmp target, whose field begins one byte earlier
    image[position[jump] + 3] = 0x90  # nop
    return Relaxed(load | call | jump, jump)


def write_stub(image: memoryview, position: int, address: int, slot: int) -> None:
    """Do for one stub what `write_stubs` does for many."""
    image[position : position + STUB_SIZE] = STUB
    place = position + STUB_FIELD
    image[place : place + 4] = (slot - (address + STUB_FIELD) - 4 & 0xFFFFFFFF).to_bytes(4, "little")


def relax_got_load(image: memoryview, position: int, before: bytes, distance: int) -> tuple[bool, bool]:
    """Do for one load, whose addend is -4, what `relax_got_loads` does for many."""
    # One less above: a jump's field moves back by one byte, so that its distance grows by 1.
    if len(before) < 2 or not -(1 << 31) <= distance < (1 << 31) - 1:
        return False, False
    opcode, modrm = before[-2], before[-1]
    if opcode == 0x8B and modrm & 0xC7 == 0x05:  # mov slot(%rip),%reg
        image[position - 2] = 0x8D  # lea target(%rip),%reg
        return True, False
    if opcode == 0xFF and modrm == 0x15 and before[:-2] != b"\x48":  # call *slot(%rip)
        image[position - 2], image[position - 1] = 0x67, 0xE8  # addr32 call target
        return True, False
    if opcode == 0xFF and modrm == 0x25:  # jmp *slot(%rip)
        image[position - 2], image[position + 3] = 0xE9, 0x90  # jmp target, one byte earlier, and a nop
        return True, True
    return False, False
