"""AArch64: edge kinds, stubs and relaxations.

Its peculiarities: an address is composed of a page (ADRP, 4 GiB) and the low 12 bits in another instruction, which are
not checked. Branches reach 128 MiB, other references from 32 KiB to 1 MiB, and wide moves take 16 bits each. Every
field is part of an instruction, which must be one that has the field.

Source: ELF for the Arm 64-bit Architecture (AAELF64), 5.7 "Relocation types"; Arm ARM, C6 (instruction words).
"""

from __future__ import annotations

import numpy as np

from uruk.graph.encodings import Encoding
from uruk.graph.graph import Zone
from uruk.graph.kinds import Base, EdgeKind, JITLinkName, KindTable, Operand, field, kind
from uruk.graph.types import I64, U8, Bool, some, windows
from uruk.isa.interface import GOTLoads, JITLinkTables, Relaxed

_MIB = 1 << 20

# Immediate fields, each with the instructions that have it: (first bit in the value, bits, first bit in the word), and
# (mask, pattern) of the words. A value that is scaled by the access size must be a multiple of it.
_ADR = Encoding(((0, 2, 29), (2, 19, 5)), ((0x9F000000, 0x10000000),))
_ADRP = Encoding(((12, 2, 29), (14, 19, 5)), ((0x9F000000, 0x90000000),))
ADD = Encoding(((0, 12, 10),), ((0x7FC00000, 0x11000000),))
ADD_HIGH = Encoding(((12, 12, 10),), ((0x7FC00000, 0x11400000),))  # add ..., lsl #12
LOADS = {
    8: Encoding(((0, 12, 10),), ((0xFF000000, 0x39000000), (0xFF800000, 0x3D000000))),
    16: Encoding(((1, 11, 10),), ((0xFB000000, 0x79000000),), 2),
    32: Encoding(((2, 10, 10),), ((0xFB000000, 0xB9000000),), 4),
    64: Encoding(((3, 9, 10),), ((0xFB000000, 0xF9000000),), 8),
    128: Encoding(((4, 8, 10),), ((0xFF800000, 0x3D800000),), 16),
}
"""Number of bits that are moved -> loads and stores with an unsigned offset."""
_LOAD_X = Encoding(((3, 9, 10),), ((0xFFC00000, 0xF9400000),), 8)  # ldr xT, [xN, #offset]
_LOAD_X_15 = Encoding(((3, 12, 10),), ((0xFFC00000, 0xF9400000),), 8)
_LITERAL = Encoding(((2, 19, 5),), ((0x3B000000, 0x18000000),), 4)  # ldr T, label
_BRANCH = Encoding(((2, 26, 0),), ((0x7C000000, 0x14000000),), 4)  # b, bl
_CONDITION = Encoding(((2, 19, 5),), ((0xFF000000, 0x54000000), (0x7E000000, 0x34000000)), 4)  # b.cond, cbz
_TEST = Encoding(((2, 14, 5),), ((0x7E000000, 0x36000000),), 4)  # tbz
_CALL_REGISTER = Encoding((), ((0xFFFFFC1F, 0xD63F0000),))  # blr


_MOVE = "MoveWide16"
"""All wide moves are of one kind in JITLink."""


def _move(group: int, *, signed: bool = False) -> Encoding:
    """Return the 16 bits of a wide move; a signed one chooses between MOVZ and MOVN."""
    fits = (0x3F800000, 0x12800000) if signed else (0x1F800000, 0x12800000)
    return Encoding(((16 * group, 16, 5),), (fits,), negates=signed)


def _within(bits: int) -> tuple[int, int]:
    return -(1 << bits), 1 << bits


def _moves(name: str, operand: int, base: int, groups: int, *, absolute: bool = False) -> list[EdgeKind]:
    """Return kinds of wide moves: checked ones, which are signed unless `absolute`, and unchecked ones, which cut off
    (NC)."""
    rows: list[EdgeKind] = []
    for group in range(groups):
        bits = 16 * (group + 1)
        # The uppermost group takes any value: a check could never fail, and AAELF64 has no NC form of it.
        if bits == 64:
            rows.append(field(f"{name}G{group}", operand, base, _move(group, signed=not absolute), jitlink=_MOVE))
            continue
        low, high = (0, 1 << bits) if absolute else _within(bits)
        rows.append(
            field(f"{name}G{group}", operand, base, _move(group, signed=not absolute), low, high, jitlink=_MOVE)
        )
        rows.append(field(f"{name}G{group}NoCheck", operand, base, _move(group), jitlink=_MOVE))
    return rows


def _offsets(name: str, operand: int, *, checked: bool, jitlink: str = "") -> list[EdgeKind]:
    """Return kinds of low 12 bits in loads and stores."""
    rows: list[EdgeKind] = []
    for bits, encoding in LOADS.items():
        if checked:
            rows.append(field(f"{name}Load{bits}Offset12", operand, Base.ZERO, encoding, 0, 1 << 12))
        unchecked = f"{name}Load{bits}Offset12" + "NoCheck" * checked
        rows.append(field(unchecked, operand, Base.ZERO, encoding, jitlink=jitlink))
    return rows


def _slot(name: str, operand: int) -> list[EdgeKind]:
    """Return kinds for the address of a slot: by page and offset, in one instruction, and by wide moves."""
    relaxable = operand == Operand.GOT
    loaded = JITLinkName("LDRLiteral19", direct="ADRLiteral21" if relaxable else "")
    return [
        field(f"{name}Page21", operand, Base.PAGE, _ADRP, *_within(32), relaxable=relaxable, jitlink="Page21"),
        field(f"{name}Offset12", operand, Base.ZERO, ADD, jitlink="PageOffset12"),
        field(f"{name}Load64Offset12", operand, Base.ZERO, _LOAD_X, relaxable=relaxable, jitlink="PageOffset12"),
        field(f"{name}Literal21", operand, Base.PLACE, _ADR, *_within(20), jitlink="ADRLiteral21"),
        field(f"{name}LoadLiteral19", operand, Base.PLACE, _LITERAL, *_within(20), relaxable=relaxable, jitlink=loaded),
        *_moves(f"{name}Move", operand, Base.PLACE, 2),
    ]


def _thread_offset(name: str, operand: int) -> list[EdgeKind]:
    """Return kinds for an offset in thread-local storage."""
    return [
        *_moves(f"{name}Move", operand, Base.ZERO, 3),
        field(f"{name}High12", operand, Base.ZERO, ADD_HIGH, 0, 1 << 24),
        field(f"{name}Low12", operand, Base.ZERO, ADD, 0, 1 << 12),
        field(f"{name}Low12NoCheck", operand, Base.ZERO, ADD),
        *_offsets(name, operand, checked=True),
    ]


KINDS = KindTable(
    (
        EdgeKind("None", Operand.NOTHING, Base.ZERO, 0, 0, 1),
        kind("Pointer64", Operand.SYMBOL, Base.ZERO, 64, signed=None),
        kind("Pointer32", Operand.SYMBOL, Base.ZERO, 32, signed=None),
        kind("Pointer16", Operand.SYMBOL, Base.ZERO, 16, signed=None),
        kind("Delta64", Operand.SYMBOL, Base.PLACE, 64, signed=None),
        kind("Delta32", Operand.SYMBOL, Base.PLACE, 32, signed=None),
        kind("Delta16", Operand.SYMBOL, Base.PLACE, 16, signed=None),
        kind("BranchDelta32", Operand.BRANCH, Base.PLACE, 32, jitlink="Delta32"),
        kind("GOTDelta32", Operand.GOT, Base.PLACE, 32, jitlink="Delta32"),
        kind("DeltaFromGOT64", Operand.SYMBOL, Base.GOT_BASE, 64, jitlink="Delta64FromGOT"),
        kind("DeltaFromGOT32", Operand.SYMBOL, Base.GOT_BASE, 32, jitlink="Delta32FromGOT"),
        field("Page21", Operand.SYMBOL, Base.PAGE, _ADRP, *_within(32)),
        field("Page21NoCheck", Operand.SYMBOL, Base.PAGE, _ADRP, jitlink="Page21"),
        field("PageOffset12", Operand.SYMBOL, Base.ZERO, ADD),
        *_offsets("Page", Operand.SYMBOL, checked=False, jitlink="PageOffset12"),
        field("Literal21", Operand.SYMBOL, Base.PLACE, _ADR, *_within(20), jitlink="ADRLiteral21"),
        field("LoadLiteral19", Operand.SYMBOL, Base.PLACE, _LITERAL, *_within(20), jitlink="LDRLiteral19"),
        field("Branch26", Operand.BRANCH, Base.PLACE, _BRANCH, *_within(27), jitlink="Branch26PCRel"),
        field("ConditionalBranch19", Operand.BRANCH, Base.PLACE, _CONDITION, *_within(20), jitlink="CondBranch19PCRel"),
        field("TestAndBranch14", Operand.BRANCH, Base.PLACE, _TEST, *_within(15), jitlink="TestAndBranch14PCRel"),
        *_moves("Move", Operand.SYMBOL, Base.ZERO, 4, absolute=True),
        *_moves("MoveSigned", Operand.SYMBOL, Base.ZERO, 3),
        *_moves("MoveDelta", Operand.SYMBOL, Base.PLACE, 4),
        *_moves("MoveFromGOT", Operand.SYMBOL, Base.GOT_BASE, 4),
        field("GOTLoad64Offset15", Operand.GOT, Base.GOT_BASE, _LOAD_X_15, 0, 1 << 15),
        field("GOTLoad64PageOffset15", Operand.GOT, Base.GOT_PAGE, _LOAD_X_15, 0, 1 << 15),
        *_slot("GOT", Operand.GOT),
        *_slot("TLSGD", Operand.TLS_GD),
        *_slot("TLSLD", Operand.TLS_LD),
        *_slot("TLSIE", Operand.TLS_IE),
        *_slot("TLSDesc", Operand.TLS_DESC),
        field("TLSDescCall", Operand.TLS_DESC, Base.ZERO, _CALL_REGISTER),
        *_thread_offset("DTPOffset", Operand.DTP_OFFSET),
        *_thread_offset("TPOffset", Operand.TP_OFFSET),
        kind("TPOffset64", Operand.TP_OFFSET, Base.ZERO, 64),
        kind("DTPOffset64", Operand.DTP_OFFSET, Base.ZERO, 64),
        kind("DTPModule64", Operand.DTP_MODULE, Base.ZERO, 64),
    ),
    "compile with -fPIC and -mcmodel=small, or with -fno-pie and -mcmodel=large",
)

STUB = np.array(
    [
        0xD503245F,  # bti c: where its address is taken for the function's, it is branched to indirectly
        0x90000010,  # adrp x16, slot
        0xF9400210,  # ldr x16, [x16, :lo12:slot]
        0xD61F0200,  # br x16
    ],
    "<u4",
)
STUB_SIZE = STUB.nbytes
JITLINK_TABLES = JITLinkTables(4, 12, 4, Zone.RX, ((0, "Page21"), (4, "PageOffset12")))
UNWIND_REGISTERS: int = 97
_NOP = 0xD503201F
_KEYS = 1 << 18
_NUMBER = KINDS.number
_BOTH = np.array([_NUMBER["Page21"], _NUMBER["PageLoad64Offset12"]], np.uint8)


def write_stubs(image: U8, position: I64, address: I64, slot: I64) -> None:
    """Write a stub at each `position` of `image`, which code sees at `address`: a jump through the slot at `slot`.

    The distance is one of pages, of either sign: a table may lie below or above its stubs.
    """
    # ADRP counts from the page of its own address, which is 4 behind the stub's first instruction.
    words = np.tile(STUB, (position.size, 1))
    pages = (slot & ~0xFFF) - ((address + 4) & ~0xFFF)
    words[:, 1:3] = KINDS.encodings.encode(
        np.tile(_BOTH, position.size), words[:, 1:3].ravel(), np.stack([pages, slot], 1).ravel()
    ).reshape(-1, 2)
    windows(image, np.dtype(f"V{STUB_SIZE}"))[position] = words.view(np.dtype(f"V{STUB_SIZE}")).ravel()


write_stub = None  # its columns fill the fields of instructions
relax_got_load = None  # a pair of instructions is relaxed together, if all pairs of the block are


def relax_got_loads(loads: GOTLoads) -> Relaxed:
    """Turn loads through the GOT into computing the address itself, where it is within reach, in place.

    ``adrp xN, :got:s; ldr xN, [xN, :got_lo12:s]`` becomes ``adrp xN, s; add xN, xN, :lo12:s``, if all such pairs of a
    block for this symbol stand together: a page that serves several loads must stay that of the GOT. ``ldr xN, :got:s``
    of the tiny model becomes ``adr xN, s``. AAELF64, 5.7.15 "Relocation optimization".
    """
    kind = loads.kind.copy()
    word = windows(loads.image, "<u4")[loads.position]
    near = loads.addend == 0
    literal = near & (kind == _NUMBER["GOTLoadLiteral19"]) & (word >> 24 == 0x58)
    literal &= _closer(loads.target - loads.place, _MIB - 4)
    page, load = kind == _NUMBER["GOTPage21"], kind == _NUMBER["GOTLoad64Offset12"]
    first = page & _within_pages(loads.target, loads.place) & near
    # The last row has no following one: `np.roll` would take the first. A slice, as there may be no row.
    first[-1:] = False
    following = np.roll(np.arange(kind.size), -1)
    register = word & 0x1F
    pair = first & load[following] & (loads.block == loads.block[following])
    pair &= (loads.symbol == loads.symbol[following]) & (loads.offset + 4 == loads.offset[following])
    pair &= (register == register[following]) & (register == word[following] >> 5 & 0x1F)
    pair &= near[following]
    together = pair | np.roll(pair, 1)
    # A hash of block and symbol: where two pairs share a key, at worst more loads stay as they are.
    apart = np.zeros(_KEYS, np.bool_)
    key = (loads.block.astype(np.int64) * 0x9E3779B1 ^ loads.symbol) & (_KEYS - 1)
    apart[key[(page | load) & ~together]] = True
    together &= ~apart[key]
    adds = together & load
    kind[together & page] = _NUMBER["Page21"]
    kind[adds] = _NUMBER["PageOffset12"]
    kind[literal] = _NUMBER["Literal21"]
    # add xN, xN, #0, with the registers of the load; adr xN, 0. The fixup fills the immediates in.
    words = windows(loads.image, "<u4")
    words[loads.position[adds]] = 0x91000000 | (word[adds] & 0x3FF)
    words[loads.position[literal]] = 0x10000000 | register[literal]
    return Relaxed(together | literal, np.zeros(kind.size, np.bool_), kind)


def _within_pages(target: I64, place: I64) -> Bool:
    return _closer((target & ~0xFFF) - (place & ~0xFFF), (1 << 32) - 0x1000)


def _closer(distance: I64, limit: int) -> Bool:
    """Return True for distances below a limit in either direction; -2**63 has no absolute value that np.abs could
    give."""
    return (distance > -limit) & (distance < limit)


_TO_PAGE, _TO_LOAD = (_NUMBER[name] for name in ("TLSDescPage21", "TLSDescLoad64Offset12"))
_TO_LITERAL, _TO_LOAD_LITERAL = (_NUMBER[name] for name in ("TLSDescLiteral21", "TLSDescLoadLiteral19"))
_TO_ADD, _TO_CALL = (_NUMBER[name] for name in ("TLSDescOffset12", "TLSDescCall"))
_DESCRIPTOR_KINDS = (_TO_PAGE, _TO_LOAD, _TO_LITERAL, _TO_LOAD_LITERAL, _TO_ADD, _TO_CALL)


def relax_descriptors(image: U8, kind: U8, position: I64, offset: I64) -> Bool:
    """Replace accesses by TLS descriptors by local-exec ones, in place; return a mask of the changed rows.

    Each row is an edge to a descriptor whose symbol lies at `offset` from the thread pointer. The sequence is fixed,
    and leaves the offset in x0: ``adrp x0; ldr x1, [x0]; add x0, x0; blr x1`` (tiny: ``ldr x1; adr x0; blr x1``). It
    becomes ``movz x0, #high, lsl 16; movk x0, #low; nop; nop``.
    """
    fits = np.isin(kind, np.array(_DESCRIPTOR_KINDS, np.uint8)) & (offset >= 0) & (offset < 1 << 32)
    high, low = (offset >> 16 & 0xFFFF).astype(np.uint32), (offset & 0xFFFF).astype(np.uint32)
    word = np.full(kind.size, _NOP, np.uint32)
    for number, pattern, half in (
        (_TO_PAGE, 0xD2A00000, high), (_TO_LOAD, 0xF2800000, low),
        (_TO_LOAD_LITERAL, 0xD2A00000, high), (_TO_LITERAL, 0xF2800000, low),
    ):  # fmt: skip
        rows = kind == number
        if some(rows):
            word[rows] = np.uint32(pattern) | half[rows] << np.uint32(5)
    windows(image, "<u4")[position[fits]] = word[fits]
    return fits
