"""COFF on x86-64: which edge kind each relocation number means.

Source: the PE/COFF specification, "x64 Processors". Addends are in the fields; those of REL32_N count from N bytes
behind the field's end.
"""

from __future__ import annotations

from uruk.formats.coff.pair import Form
from uruk.isa import x86_64_images
from uruk.isa.interface import InstructionSet
from uruk.machines import MACHINES

MACHINE: int = MACHINES["x86_64"].coff
NAME: str = MACHINES["x86_64"].title
ISA: InstructionSet = x86_64_images
KINDS = x86_64_images.KINDS

RELOCATIONS = {
    0: ("ABSOLUTE", "None", 0),
    1: ("ADDR64", "Pointer64", 0),
    2: ("ADDR32", "Pointer32", 0),
    3: ("ADDR32NB", "ImageOffset32", 0),
    # A displacement counts from the instruction's end: 4 bytes behind the field's begin, and more where an immediate
    # follows.
    4: ("REL32", "Delta32", -4),
    5: ("REL32_1", "Delta32", -5),
    6: ("REL32_2", "Delta32", -6),
    7: ("REL32_3", "Delta32", -7),
    8: ("REL32_4", "Delta32", -8),
    9: ("REL32_5", "Delta32", -9),
    10: ("SECTION", "SectionNumber16", 0),
    11: ("SECREL", "SectionOffset32", 0),
    12: ("SECREL7", "SectionOffset7", 0),
    # The specification gives 14 to SREL32, which no compiler writes. GNU's assembler means a distance of 64 bits that
    # counts from the field's end: jump tables of gcc -mcmodel=large (binutils, R_AMD64_PCRQUAD). 13, 15 and 16
    # (TOKEN, PAIR, SSPAN32) are not in the map, and are refused.
    14: ("PCRQUAD", "Delta64", -8),
}
"""Relocation number -> (name without ``IMAGE_REL_AMD64_``, edge kind, what is added to the addend)."""
FORMS = (
    Form("Delta32", "BranchPCRel32", 1, 0xFE, 0xE8),  # call and jmp: E8, E9
    Form("Delta32", "BranchPCRel32", 2, 0xF0FF, 0x800F),  # conditional jumps: 0F, 80 to 8F
)
"""No other instruction has such a byte in front of a displacement that counts from its end (Intel SDM, volume 2)."""
SCALED: dict[str, int] = {}
