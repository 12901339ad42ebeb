"""Numbers and record layouts of ELF64 (gABI chapters 4 and 5; GNU and x86-64 additions where marked)."""

from __future__ import annotations

import numpy as np

ET_REL = 1
EHDR_SIZE = 64

SHT_PROGBITS = 1
SHT_SYMTAB = 2
SHT_STRTAB = 3
SHT_RELA = 4
SHT_NOBITS = 8
SHT_REL = 9
SHT_DYNSYM = 11
SHT_INIT_ARRAY = 14
SHT_FINI_ARRAY = 15
SHT_PREINIT_ARRAY = 16
SHT_GROUP = 17
SHT_SYMTAB_SHNDX = 18  # section indexes of symbols that have SHN_XINDEX
SHT_RELR = 19  # relative relocations of a linked file, packed
SHT_CREL = 0x40000014  # the generic ABI's proposal of 2024
SHT_ANDROID_REL = 0x60000001  # bionic's packed relocations
SHT_ANDROID_RELA = 0x60000002
SHT_ANDROID_RELR = 0x6FFFFF00

SHF_WRITE = 0x1
SHF_ALLOC = 0x2
SHF_EXECINSTR = 0x4
SHF_TLS = 0x400
SHF_COMPRESSED = 0x800
SHF_GNU_RETAIN = 0x200000  # GNU: kept by section garbage collection
SHF_EXCLUDE = 0x80000000  # GNU: read by linkers, and in no output

GRP_COMDAT = 1  # in the first word of an SHT_GROUP section

SHN_UNDEF = 0
SHN_LORESERVE = 0xFF00  # indexes from here on are reserved, and are not sections
SHN_X86_64_LCOMMON = 0xFF02  # psABI x86-64: common, in the large model
SHN_ABS = 0xFFF1
SHN_COMMON = 0xFFF2
SHN_XINDEX = 0xFFFF  # the index does not fit, and stands elsewhere (SHT_SYMTAB_SHNDX, sh_link)

SECTION_HEADER = np.dtype(
    [
        ("name", "<u4"),
        ("type", "<u4"),
        ("flags", "<u8"),
        ("addr", "<u8"),
        ("offset", "<u8"),
        ("size", "<u8"),
        ("link", "<u4"),
        ("info", "<u4"),
        ("align", "<u8"),
        ("entsize", "<u8"),
    ]
)
SYMBOL = np.dtype(
    [("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")]
)
RELA = np.dtype([("offset", "<u8"), ("info", "<u8"), ("addend", "<i8")])
