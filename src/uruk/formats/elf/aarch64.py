"""ELF on AArch64: the edge kind of each relocation number.

Source: ELF for the Arm 64-bit Architecture (AAELF64), 5.7 "Relocation types". RELA only; the addend is always in the
table. Objects of the ILP32 ABI are 32-bit ones, and their relocations have other numbers.
"""

from __future__ import annotations

from uruk.isa import aarch64
from uruk.isa.interface import InstructionSet
from uruk.machines import MACHINES

MACHINE: int = MACHINES["aarch64"].elf
NAME: str = MACHINES["aarch64"].title
ISA: InstructionSet = aarch64
KINDS = aarch64.KINDS


def _moves(first: int, name: str, kind: str, groups: int, *, unchecked: bool = True) -> dict[int, tuple[str, str]]:
    """Return kinds of wide moves from group G0 on; for each group a checked number and an unchecked one."""
    rows: dict[int, tuple[str, str]] = {}
    for group in range(groups):
        rows[first + len(rows)] = (f"{name}_G{group}", f"{kind}G{group}")
        # G3 has the uppermost 16 bits, which every address fits: it has no number of its own without a check.
        if unchecked and group < 3:
            rows[first + len(rows)] = (f"{name}_G{group}_NC", f"{kind}G{group}NoCheck")
    return rows


def _slot_moves(first: int, name: str, kind: str, end: str = "") -> dict[int, tuple[str, str]]:
    return {first: (f"{name}_G1", f"{kind}MoveG1{end}"), first + 1: (f"{name}_G0_NC", f"{kind}MoveG0NoCheck")}


def _thread_offsets(first: int, name: str, offset: str, kind: str, wide: int) -> dict[int, tuple[str, str]]:
    """Return offsets in thread-local storage, which two models number in the same order.

    `wide` is the number of LDST128.
    """
    texts = [
        (f"{name}_MOVW_{offset}_G2", "MoveG2"), (f"{name}_MOVW_{offset}_G1", "MoveG1"),
        (f"{name}_MOVW_{offset}_G1_NC", "MoveG1NoCheck"), (f"{name}_MOVW_{offset}_G0", "MoveG0"),
        (f"{name}_MOVW_{offset}_G0_NC", "MoveG0NoCheck"), (f"{name}_ADD_{offset}_HI12", "High12"),
        (f"{name}_ADD_{offset}_LO12", "Low12"), (f"{name}_ADD_{offset}_LO12_NC", "Low12NoCheck"),
    ]  # fmt: skip
    # LDST128 was added to AAELF64 when the numbers behind the others were taken.
    numbers = [*range(first, first + 16), wide, wide + 1]
    for bits in (8, 16, 32, 64, 128):
        texts.append((f"{name}_LDST{bits}_{offset}_LO12", f"Load{bits}Offset12"))
        texts.append((f"{name}_LDST{bits}_{offset}_LO12_NC", f"Load{bits}Offset12NoCheck"))
    return {number: (text, kind + end) for number, (text, end) in zip(numbers, texts, strict=True)}


RELOCATIONS: dict[int, tuple[str, str]] = {
    # AAELF64 has both: 256 was the first one, and old objects still have it.
    0: ("NONE", "None"),
    256: ("NONE", "None"),
    257: ("ABS64", "Pointer64"),
    258: ("ABS32", "Pointer32"),
    259: ("ABS16", "Pointer16"),
    260: ("PREL64", "Delta64"),
    261: ("PREL32", "Delta32"),
    262: ("PREL16", "Delta16"),
    **_moves(263, "MOVW_UABS", "Move", 4),
    **_moves(270, "MOVW_SABS", "MoveSigned", 3, unchecked=False),
    273: ("LD_PREL_LO19", "LoadLiteral19"),
    274: ("ADR_PREL_LO21", "Literal21"),
    275: ("ADR_PREL_PG_HI21", "Page21"),
    276: ("ADR_PREL_PG_HI21_NC", "Page21NoCheck"),
    277: ("ADD_ABS_LO12_NC", "PageOffset12"),
    278: ("LDST8_ABS_LO12_NC", "PageLoad8Offset12"),
    279: ("TSTBR14", "TestAndBranch14"),
    280: ("CONDBR19", "ConditionalBranch19"),
    282: ("JUMP26", "Branch26"),
    283: ("CALL26", "Branch26"),
    284: ("LDST16_ABS_LO12_NC", "PageLoad16Offset12"),
    285: ("LDST32_ABS_LO12_NC", "PageLoad32Offset12"),
    286: ("LDST64_ABS_LO12_NC", "PageLoad64Offset12"),
    **_moves(287, "MOVW_PREL", "MoveDelta", 4),
    299: ("LDST128_ABS_LO12_NC", "PageLoad128Offset12"),
    **_moves(300, "MOVW_GOTOFF", "MoveFromGOT", 4),
    307: ("GOTREL64", "DeltaFromGOT64"),
    308: ("GOTREL32", "DeltaFromGOT32"),
    309: ("GOT_LD_PREL19", "GOTLoadLiteral19"),
    310: ("LD64_GOTOFF_LO15", "GOTLoad64Offset15"),
    311: ("ADR_GOT_PAGE", "GOTPage21"),
    312: ("LD64_GOT_LO12_NC", "GOTLoad64Offset12"),
    313: ("LD64_GOTPAGE_LO15", "GOTLoad64PageOffset15"),
    314: ("PLT32", "BranchDelta32"),
    315: ("GOTPCREL32", "GOTDelta32"),
    512: ("TLSGD_ADR_PREL21", "TLSGDLiteral21"),
    513: ("TLSGD_ADR_PAGE21", "TLSGDPage21"),
    514: ("TLSGD_ADD_LO12_NC", "TLSGDOffset12"),
    **_slot_moves(515, "TLSGD_MOVW", "TLSGD"),
    517: ("TLSLD_ADR_PREL21", "TLSLDLiteral21"),
    518: ("TLSLD_ADR_PAGE21", "TLSLDPage21"),
    519: ("TLSLD_ADD_LO12_NC", "TLSLDOffset12"),
    **_slot_moves(520, "TLSLD_MOVW", "TLSLD"),
    522: ("TLSLD_LD_PREL19", "TLSLDLoadLiteral19"),
    **_thread_offsets(523, "TLSLD", "DTPREL", "DTPOffset", 572),
    **_slot_moves(539, "TLSIE_MOVW_GOTTPREL", "TLSIE"),
    541: ("TLSIE_ADR_GOTTPREL_PAGE21", "TLSIEPage21"),
    542: ("TLSIE_LD64_GOTTPREL_LO12_NC", "TLSIELoad64Offset12"),
    543: ("TLSIE_LD_GOTTPREL_PREL19", "TLSIELoadLiteral19"),
    **_thread_offsets(544, "TLSLE", "TPREL", "TPOffset", 570),
    560: ("TLSDESC_LD_PREL19", "TLSDescLoadLiteral19"),
    561: ("TLSDESC_ADR_PREL21", "TLSDescLiteral21"),
    562: ("TLSDESC_ADR_PAGE21", "TLSDescPage21"),
    563: ("TLSDESC_LD64_LO12", "TLSDescLoad64Offset12"),
    564: ("TLSDESC_ADD_LO12", "TLSDescOffset12"),
    # They mark instructions for linkers that rewrite the sequence, and have no field.
    567: ("TLSDESC_LDR", "None"),
    568: ("TLSDESC_ADD", "None"),
    569: ("TLSDESC_CALL", "TLSDescCall"),
    1028: ("TLS_DTPMOD", "DTPModule64"),
    1029: ("TLS_DTPREL", "DTPOffset64"),
    1030: ("TLS_TPREL", "TPOffset64"),
}
"""Relocation number -> (name without ``R_AARCH64_``, edge kind). TLSDESC_OFF_G1 and G0_NC are left out: they need the
GOT's address in a register, which no compiler keeps there."""
