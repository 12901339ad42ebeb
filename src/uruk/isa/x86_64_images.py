"""x86-64 for formats whose values may count from an image or a section: edge kinds beside `uruk.isa.x86_64`'s.

Formats that have no such values do without these rows: tables with them make every link look where images begin.
"""

from __future__ import annotations

from uruk.graph.kinds import Base, EdgeKind, JITLinkName, KindTable, Operand, kind
from uruk.isa import x86_64
from uruk.isa.x86_64 import JITLINK_TABLES as JITLINK_TABLES
from uruk.isa.x86_64 import STUB_SIZE as STUB_SIZE
from uruk.isa.x86_64 import UNWIND_REGISTERS as UNWIND_REGISTERS
from uruk.isa.x86_64 import relax_descriptors as relax_descriptors
from uruk.isa.x86_64 import relax_got_load as relax_got_load
from uruk.isa.x86_64 import relax_got_loads as relax_got_loads
from uruk.isa.x86_64 import write_stub as write_stub
from uruk.isa.x86_64 import write_stubs as write_stubs
from uruk.records import replace

_RELATIVE = JITLinkName("PCRel32", 4)
"""All REL32 relocations of COFF are of one kind in JITLink, which counts from the end of the field."""
KINDS = KindTable(
    (
        *(
            replace(row, jitlink=_RELATIVE) if row.name in ("Delta32", "BranchPCRel32") else row
            for row in x86_64.KINDS.kinds
        ),
        kind("ImageOffset32", Operand.SYMBOL, Base.IMAGE, 32, signed=False, jitlink="Pointer32"),
        kind("SectionOffset32", Operand.SYMBOL, Base.SECTION, 32, signed=False, jitlink="Pointer32"),
        EdgeKind("SectionOffset7", Operand.SYMBOL, Base.SECTION, 1, 0, 1 << 7, bits=7),
        kind("SectionNumber16", Operand.SECTION_INDEX, Base.ZERO, 16, signed=False, jitlink="Pointer16"),
    ),
    "refer to it through a pointer (dllimport or .refptr), or compile with -mcmodel=large",
)
