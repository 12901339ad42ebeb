"""AArch64 for formats whose values may count from an image or a section: edge kinds beside `uruk.isa.aarch64`'s.

Formats that have no such values do without these rows: tables with them make every link look where images begin.
"""

from __future__ import annotations

from uruk.graph.kinds import Base, KindTable, Operand, field, kind
from uruk.isa import aarch64
from uruk.isa.aarch64 import JITLINK_TABLES as JITLINK_TABLES
from uruk.isa.aarch64 import STUB_SIZE as STUB_SIZE
from uruk.isa.aarch64 import UNWIND_REGISTERS as UNWIND_REGISTERS
from uruk.isa.aarch64 import relax_descriptors as relax_descriptors
from uruk.isa.aarch64 import relax_got_load as relax_got_load
from uruk.isa.aarch64 import relax_got_loads as relax_got_loads
from uruk.isa.aarch64 import write_stub as write_stub
from uruk.isa.aarch64 import write_stubs as write_stubs

LOADS = aarch64.LOADS

KINDS = KindTable(
    (
        *aarch64.KINDS.kinds,
        kind("ImageOffset32", Operand.SYMBOL, Base.IMAGE, 32, signed=False, jitlink="Pointer32"),
        kind("SectionOffset32", Operand.SYMBOL, Base.SECTION, 32, signed=False, jitlink="Pointer32"),
        kind("SectionNumber16", Operand.SECTION_INDEX, Base.ZERO, 16, signed=False, jitlink="Pointer16"),
        field("SectionOffsetLow12", Operand.SYMBOL, Base.SECTION, aarch64.ADD),
        field("SectionOffsetHigh12", Operand.SYMBOL, Base.SECTION, aarch64.ADD_HIGH, 0, 1 << 24),
        *(
            field(f"SectionOffsetLoad{bits}Low12", Operand.SYMBOL, Base.SECTION, encoding)
            for bits, encoding in aarch64.LOADS.items()
        ),
    ),
    "refer to it through a pointer (dllimport or .refptr), or compile with -mcmodel=large",
)
