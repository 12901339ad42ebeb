"""ELF on x86-64: the edge kind of each relocation number.

Source: System V ABI, AMD64 supplement, table 4.9. RELA only; the addend is always in the table.
"""

from __future__ import annotations

from uruk.isa import x86_64
from uruk.isa.interface import InstructionSet
from uruk.machines import MACHINES

MACHINE: int = MACHINES["x86_64"].elf
NAME: str = MACHINES["x86_64"].title
ISA: InstructionSet = x86_64
KINDS = x86_64.KINDS

RELOCATIONS = {
    0: ("NONE", "None"),
    1: ("64", "Pointer64"),
    2: ("PC32", "Delta32"),
    # The slot's offset from the GOT's base (G + A); 30 is the same for a GOT slot of the PLT.
    3: ("GOT32", "GOTOffset32"),
    # L + A - P. Nothing is bound lazily here: the branch goes straight to its target where that is in reach.
    4: ("PLT32", "BranchPCRel32"),
    9: ("GOTPCREL", "GOTDelta32"),
    10: ("32", "Pointer32"),
    11: ("32S", "Pointer32Signed"),
    12: ("16", "Pointer16"),
    13: ("PC16", "Delta16"),
    14: ("8", "Pointer8"),
    15: ("PC8", "Delta8"),
    16: ("DTPMOD64", "DTPModule64"),
    17: ("DTPOFF64", "DTPOffset64"),
    18: ("TPOFF64", "TPOffset64"),
    19: ("TLSGD", "TLSGDDelta32"),
    20: ("TLSLD", "TLSLDDelta32"),
    21: ("DTPOFF32", "DTPOffset32"),
    22: ("GOTTPOFF", "TLSIEDelta32"),
    23: ("TPOFF32", "TPOffset32"),
    24: ("PC64", "Delta64"),
    25: ("GOTOFF64", "DeltaFromGOT64"),
    26: ("GOTPC32", "GOTBaseDelta32"),
    27: ("GOT64", "GOTOffset64"),
    28: ("GOTPCREL64", "GOTDelta64"),
    29: ("GOTPC64", "GOTBaseDelta64"),
    30: ("GOTPLT64", "GOTOffset64"),
    31: ("PLTOFF64", "StubDeltaFromGOT64"),
    32: ("SIZE32", "Size32"),
    33: ("SIZE64", "Size64"),
    34: ("GOTPC32_TLSDESC", "TLSDescDelta32"),
    # It marks the call that a linker may relax, and has no field.
    35: ("TLSDESC_CALL", "None"),
    # The load may be rewritten where the target is in reach (psABI, "Optimize GOTPCRELX Relocations").
    41: ("GOTPCRELX", "GOTDelta32Relaxable"),
    42: ("REX_GOTPCRELX", "GOTDelta32RelaxableREX"),
    # Of instructions with the prefixes of APX (REX2, EVEX; N: they begin N bytes before the field), which the
    # relaxations do not know: the slot is always made.
    43: ("CODE_4_GOTPCRELX", "GOTDelta32"),
    44: ("CODE_4_GOTTPOFF", "TLSIEDelta32"),
    45: ("CODE_4_GOTPC32_TLSDESC", "TLSDescDelta32"),
    46: ("CODE_5_GOTPCRELX", "GOTDelta32"),
    47: ("CODE_5_GOTTPOFF", "TLSIEDelta32"),
    48: ("CODE_5_GOTPC32_TLSDESC", "TLSDescDelta32"),
    49: ("CODE_6_GOTPCRELX", "GOTDelta32"),
    50: ("CODE_6_GOTTPOFF", "TLSIEDelta32"),
    51: ("CODE_6_GOTPC32_TLSDESC", "TLSDescDelta32"),
}
"""Relocation number -> (name without ``R_X86_64_``, edge kind)."""
