"""The dynamic loader's part of ELF64: its numbers and records, and the headers of shared objects that are made for it.

Carriers, exports and slab objects are such objects: they have program headers and no sections. No numpy is imported.
Sources: gABI chapters 4 and 5; GNU and psABI additions where marked.
"""

from __future__ import annotations

import struct

from uruk import machines
from uruk.records import record

ET_DYN = 3

PT_LOAD = 1
PT_DYNAMIC = 2
PT_TLS = 7
PT_GNU_EH_FRAME = 0x6474E550  # GNU: the table of an unwinder
PT_GNU_STACK = 0x6474E551  # GNU: what stacks of threads may be

PF_X = 1
PF_W = 2
PF_R = 4

DT_NULL = 0
DT_NEEDED = 1
DT_HASH = 4
DT_STRTAB = 5
DT_SYMTAB = 6
DT_RELA = 7
DT_RELASZ = 8
DT_RELAENT = 9
DT_STRSZ = 10
DT_SYMENT = 11
DT_SONAME = 14
DT_SYMBOLIC = 16
DT_RUNPATH = 29
DT_FLAGS = 30
DT_GNU_HASH = 0x6FFFFEF5  # GNU, as those of versions
DT_VERSYM = 0x6FFFFFF0
DT_VERDEF = 0x6FFFFFFC
DT_VERDEFNUM = 0x6FFFFFFD

DF_BIND_NOW = 8
DF_STATIC_TLS = 16

# Elf64_Ehdr, Elf64_Phdr, Elf64_Sym, Elf64_Dyn, and Elf64_Rela with its r_info as type and symbol.
EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")
SYM = struct.Struct("<IBBHQQ")
RELA = struct.Struct("<QIIq")
DYN = struct.Struct("<QQ")
_SECTION_HEADER = 64  # e_shentsize, also where there are no sections


@record
class LoaderMachine:
    """The facts of an architecture that such objects need: the ELF machine, and numbers of dynamic relocations.

    `grows_up` is true where static storage lies above the thread pointer (variant I of ELF-TLS), each block behind the
    last one at its own alignment; elsewhere it lies below (variant II).
    """

    number: int
    dtpmod: int
    dtpoff: int
    tpoff: int
    tlsdesc: int
    grows_up: bool


MACHINES = {
    "x86_64": LoaderMachine(machines.MACHINES["x86_64"].elf, 16, 17, 18, 36, False),
    "aarch64": LoaderMachine(machines.MACHINES["aarch64"].elf, 1028, 1029, 1030, 1031, True),
}
"""Architecture -> facts for its objects."""

STACK_SEGMENT = PHDR.pack(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16)
"""The program header without which the loader would make every thread's stack executable."""


def file_header(machine: LoaderMachine, segments: int) -> bytes:
    """Return the ELF header of a shared object without sections; its program headers, `segments` of them, follow it."""
    ident = b"\x7fELF\2\1\1"  # ELFCLASS64, ELFDATA2LSB, EV_CURRENT, and zeros
    if not segments:
        return EHDR.pack(ident, ET_DYN, machine.number, 1, 0, 0, 0, 0, EHDR.size, 0, 0, 0, 0, 0)
    sizes = EHDR.size, PHDR.size, segments, _SECTION_HEADER
    return EHDR.pack(ident, ET_DYN, machine.number, 1, 0, EHDR.size, 0, 0, *sizes, 0, 0)


def empty_object(machine: LoaderMachine) -> bytes:
    """Return a shared object of a header alone, in which nothing can be looked for."""
    return file_header(machine, 0)
