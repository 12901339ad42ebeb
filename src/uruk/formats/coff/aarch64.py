"""COFF on AArch64: which edge kind each relocation number means.

Source: the PE/COFF specification, "ARM64 Processors"; lld's COFF/Chunks.cpp where that is silent. Addends are in the
fields. That of a page (PAGEBASE_REL21) counts bytes, though the instruction counts pages; REL32 counts from the field's
end.
"""

from __future__ import annotations

from uruk.formats.coff.pair import Form
from uruk.isa import aarch64_images
from uruk.isa.interface import InstructionSet
from uruk.machines import MACHINES

MACHINE: int = MACHINES["aarch64"].coff
NAME: str = MACHINES["aarch64"].title
ISA: InstructionSet = aarch64_images
KINDS = aarch64_images.KINDS

RELOCATIONS = {
    0: ("ABSOLUTE", "None", 0),
    1: ("ADDR32", "Pointer32", 0),
    2: ("ADDR32NB", "ImageOffset32", 0),
    3: ("BRANCH26", "Branch26", 0),
    4: ("PAGEBASE_REL21", "Page21", 0),
    5: ("REL21", "Literal21", 0),
    6: ("PAGEOFFSET_12A", "PageOffset12", 0),
    # One number serves loads of every size: a load of 8 bytes is assumed until the instruction has been looked at
    # (FORMS).
    7: ("PAGEOFFSET_12L", "PageLoad64Offset12", 0),
    8: ("SECREL", "SectionOffset32", 0),
    9: ("SECREL_LOW12A", "SectionOffsetLow12", 0),
    10: ("SECREL_HIGH12A", "SectionOffsetHigh12", 0),
    11: ("SECREL_LOW12L", "SectionOffsetLoad64Low12", 0),
    # 12 is TOKEN, which only managed code has.
    13: ("SECTION", "SectionNumber16", 0),
    14: ("ADDR64", "Pointer64", 0),
    15: ("BRANCH19", "ConditionalBranch19", 0),
    16: ("BRANCH14", "TestAndBranch14", 0),
    # The value counts from the end of the field, 4 bytes behind its place.
    17: ("REL32", "Delta32", -4),
}
"""Relocation number -> (name without ``IMAGE_REL_ARM64_``, edge kind, what is added to the addend)."""


def _loads(start: str, end: str) -> list[Form]:
    """Loads and stores, whose field counts in units of what they move."""
    return [
        Form(f"{start}64{end}", f"{start}{bits}{end}", 0, mask, pattern)
        for bits, encoding in aarch64_images.LOADS.items()
        for mask, pattern in encoding.fits
        # A load of 8 bytes has the map's kind already.
        if bits != 64
    ]


FORMS = (*_loads("PageLoad", "Offset12"), *_loads("SectionOffsetLoad", "Low12"))
SCALED = {"Page21": 12}
