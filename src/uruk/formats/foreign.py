"""Names for files that cannot be linked here, by their first bytes, for the texts of errors.

Sources of the numbers: gABI chapter 4 (ELF types), Apple's <mach-o/loader.h> and <mach-o/fat.h>, the PE/COFF
specification, the WebAssembly tool conventions ("Linking"), LLVM's BitCodeFormat. Machines are in `uruk.machines`.
"""

from __future__ import annotations

import codecs
import os
import re
import struct

from uruk.machines import COFF_TITLES, ELF_TITLES, MACHO_TITLES

ELF_TYPES = {1: "object", 2: "executable", 3: "shared library", 4: "core file"}
_MACHO_TYPES = {1: "object", 2: "executable", 6: "dynamic library", 8: "bundle"}
_MACHO_MAGIC = {b"\xce\xfa\xed\xfe": "<", b"\xcf\xfa\xed\xfe": "<", b"\xfe\xed\xfa\xce": ">", b"\xfe\xed\xfa\xcf": ">"}
"""MH_MAGIC and MH_MAGIC_64 as they lie in a file, and the byte order that each stands for."""
_BITCODE = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")  # without a wrapper, and in one (0x0B17C0DE)
_RESOURCES = b"\0\0\0\0 \0\0\0\xff\xff\0\0\xff\xff\0\0"
"""The empty resource that such a file begins with: no content, 32 bytes of header, type 0 and name 0 as numbers."""
_BY_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\0asm", "a WebAssembly object"),
    *((magic, "LLVM bitcode: compile without -flto, or with -ffat-lto-objects; or use add_ir") for magic in _BITCODE),
    (b"!<arch>\n", "an archive: use add_archive"),
    (b"!<thin>\n", "a thin archive: use add_archive"),
    (b"\x1f\x8b", "a file compressed by gzip: decompress it first"),
    (b"BZh", "a file compressed by bzip2: decompress it first"),
    (b"\xfd7zXZ\0", "a file compressed by xz: decompress it first"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd: decompress it first"),
    (b"PK\3\4", "a ZIP file"),
    (_RESOURCES, "a file of resources: make an object of it first (windres -O coff, or llvm-cvtres)"),
    (b"MZ", "a Windows program or DLL"),
    (b"\x03\x02\x23\x07", "a SPIR-V module"),
    (b"\x50\xed\x55\xba", "a CUDA fat binary"),
    (b"gpch", "a precompiled header"),
    (b"CPCH", "a precompiled header"),
    (b"rust\0\0\0", "Rust metadata"),
)
_SOURCES = {
    **dict.fromkeys((".c", ".i"), "a C source file: use add_source"),
    **dict.fromkeys((".cc", ".cp", ".cpp", ".cxx", ".c++", ".CPP", ".C", ".ii"), "a C++ source file: use add_source"),
    **dict.fromkeys((".s", ".S", ".asm"), "assembly, a source file: use add_source"),
    **dict.fromkeys((".h", ".hh", ".hpp", ".hxx"), "a header, not a source file"),
    **dict.fromkeys((".f", ".f90", ".F90", ".for"), "a Fortran source file: compile it with gfortran -c"),
    ".rs": "a Rust source file: compile it with rustc --emit=obj",
    ".py": "a Python file",
    ".ll": "LLVM IR text: use add_ir, or compile it with clang -c",
}
_TEXTS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), text)
    for pattern, text in (
        (rb"\A#!.*python", "a Python file"),
        (rb"\A#!", "a script"),
        (rb'^(; ModuleID =|source_filename = "|target (triple|datalayout) = "|define [^\n]*[@%"])', _SOURCES[".ll"]),
        (rb"^\s*(GROUP|INPUT|OUTPUT_FORMAT|SEARCH_DIR|EXTERN)\s*\(", "a linker script: use add_library"),
        (rb"^\s*\.(text|globl|global|section|file)\b", _SOURCES[".s"]),
        (rb"^\s*#\s*(include|define|if|pragma)|^\s*(extern|static|int|void|struct|typedef|namespace|template)\s",
         "a C or C++ source file: use add_source"),
        (rb"^\s*(import \w|from \w[\w.]* import |def \w+\()", "a Python file"),
    )
)  # fmt: skip
_PT_DYNAMIC, _DT_FLAGS_1, _DF_1_PIE = 2, 0x6FFFFFFB, 0x08000000
_LOOKED_AT = 4096
"""The number of bytes of a file that are looked at."""


def machine_name(machine: int) -> str:
    """Return what people call an ELF machine number (e_machine)."""
    return ELF_TITLES.get(machine, f"machine {machine}")


def kind_of(data: bytes | memoryview, file: str = "") -> str:
    """Name the kind of a file, with what to do with it: ``a Mach-O object for arm64``; empty if it is not known.

    `data` is the whole file, or at least its first 4 KiB. Texts are known by the suffix of `file`, then by their words.
    """
    start = bytes(data[:_LOOKED_AT])
    if not start:
        return "an empty file"
    if start[:4] == b"\x7fELF":
        return _elf(start)
    for magic, text in _BY_MAGIC:
        if start.startswith(magic):
            return text
    # COFF and texts have no magic: whatever has one is named before.
    return _macho(start) or _coff(start, len(data)) or _text(start, file)


def _elf(start: bytes) -> str:
    """Name an ELF file of any machine, type, word size and byte order."""
    # e_machine ends at 20. These fields lie at the same place in both word sizes (gABI, "ELF Header").
    if len(start) < 20:
        return "an ELF file cut short"
    # EI_DATA: 2 is ELFDATA2MSB.
    order = "big" if start[5] == 2 else "little"
    kind = ELF_TYPES.get(int.from_bytes(start[16:18], order), "file")
    machine = machine_name(int.from_bytes(start[18:20], order))
    return f"{'a 32-bit' if start[4] == 1 else 'an'} ELF {kind} for {'big-endian ' if order == 'big' else ''}{machine}"


def linked_kind(data: bytes | memoryview) -> str:
    """Return what people call an ELF64 file that is not a relocatable object, with what to do with it."""
    kind = struct.unpack_from("<H", data, 16)[0]
    # A position-independent program is of type ET_DYN, as libraries are.
    if kind == 2 or (kind == 3 and _is_program(data)):
        return "an executable, a program that is linked already: give the objects that it is made of"
    return {3: "a shared object (use add_library)", 4: "a core file"}.get(kind, f"type {kind}")


def _is_program(data: bytes | memoryview) -> bool:
    """Return True if an ELF64 file of type ET_DYN is a program: its dynamic section has DF_1_PIE (GNU, <elf.h>)."""
    try:
        # e_phoff and e_phnum; a program header has 56 bytes: p_type, p_offset and p_filesz are read.
        table, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
        for at in range(table, table + 56 * count, 56):
            kind, offset, size = struct.unpack_from("<I4xQ16xQ", data, at)
            if kind == _PT_DYNAMIC:
                # An entry has 16 bytes: the last one may be cut off. d_tag is signed (gABI, "Dynamic Section").
                entries = struct.iter_unpack("<qQ", bytes(data[offset : offset + size])[: size // 16 * 16])
                return any(tag == _DT_FLAGS_1 and value & _DF_1_PIE for tag, value in entries)
    except (struct.error, OverflowError):  # cut short, or at no offset that a file can have: no system runs it
        pass
    return False


def _macho(start: bytes) -> str:
    # cputype and filetype stand at 4 and 12 in both word sizes, behind the magic and before ncmds.
    order = _MACHO_MAGIC.get(start[:4])
    if order is not None and len(start) >= 16:
        cpu, kind = struct.unpack_from(f"{order}4xI4xI", start)
        return f"a Mach-O {_MACHO_TYPES.get(kind, 'file')} for {MACHO_TITLES.get(cpu, f'processor {cpu:#x}')}"
    if start[:4] in (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf") and len(start) >= 8:
        count = int.from_bytes(start[4:8], "big")
        # A Java class has the same magic, and its version where the number of parts is: 45 is that of JDK 1.1.
        if count >= 30:
            return "a Java class"
        entry = 20 if start[3] == 0xBE else 32  # struct fat_arch, fat_arch_64
        # cputype is the first member of each entry. The file may be cut short: of no bytes, `from_bytes` makes 0.
        cpus = [int.from_bytes(start[at : at + 4], "big") for at in range(8, 8 + entry * count, entry)]
        names = ", ".join(MACHO_TITLES.get(cpu, f"processor {cpu:#x}") for cpu in cpus)
        return f"a universal Mach-O file for {names}: take one part of it with lipo -thin"
    return ""


def _coff(start: bytes, size: int) -> str:
    """Name a COFF file; empty if it is none.

    COFF has no magic: it is known by a machine's number, no optional header, and section headers that fit the file.
    """
    if len(start) < 20:
        return ""
    # Machine 0 and 0xffff in place of the number of sections: an anonymous object, whose version follows. Version 0 is
    # a short import (PE/COFF, "Import Header"), others are large objects (/bigobj).
    if start[:4] == b"\0\0\xff\xff":
        machine = COFF_TITLES.get(int.from_bytes(start[6:8], "little"), "")
        kind = "import" if start[4:6] == b"\0\0" else "object"
    else:
        machine = COFF_TITLES.get(int.from_bytes(start[:2], "little"), "")
        sections = int.from_bytes(start[2:4], "little")
        kind = "object"
        # SizeOfOptionalHeader, which objects have not; the file header has 20 bytes, a section header 40.
        if start[16:18] != b"\0\0" or 20 + 40 * sections > size:
            return ""
    return f"a COFF {kind} for {machine}" if machine else ""


def _text(start: bytes, file: str) -> str:
    if start.count(0) == len(start):
        return "a file of zeros"
    # Control characters that no text has: neither white space (tab to carriage return) nor escape.
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", start):
        return ""
    description = _SOURCES.get(os.path.splitext(file)[1])
    description = description or next((text for pattern, text in _TEXTS if pattern.search(start)), "")
    return description or ("a text file" if _is_utf8(start) else "")


def _is_utf8(start: bytes) -> bool:
    try:
        codecs.utf_8_decode(start, "strict", False)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True
