"""Slab objects: ELF64 shared objects without content whose segments are the zones of a slab.

    build_slab(zones, "x86_64", page=4096) -> SlabFile

The dynamic loader knows linked code by such an object: `dl_iterate_phdr`, `dladdr` and `dlsym(RTLD_NEXT)` look for the
object in whose address range an address lies. The file has two pages. The zones, and the tables for unwinders and for
`dladdr`, are segments of no file size: the loader maps them as anonymous memory, and the slab's own memory is mapped
over them afterwards. The program headers lie in the first segment, where glibc reads them for as long as the object is
loaded (elf/dl-load.c, `l_phdr`), so that the size of the data segment can grow in place.
Sources: gABI, chapters 4 and 5; LSB, "Exception Frame Header".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from uruk.errors import AllocationError
from uruk.formats.elf import loadable as elf
from uruk.formats.elf.loadable import MACHINES, STACK_SEGMENT, file_header
from uruk.memory.frame_table import ENTRY
from uruk.memory.slab_object import SlabFile

# A CIE with the augmentation "zR", and an FDE with 4-byte offsets; both are padded with DW_CFA_nop, which is 0.
_CIE = struct.Struct("<IIB3sBBBBB3x")
_FDE = struct.Struct("<IIiiB3x")
_RECORDS = _CIE.size + 2 * _FDE.size + 8  # two words of 0 are the end
_FIRST_ENTRY = 12
"""Offset of the first entry of an `.eh_frame_hdr`. Its entries have 8 bytes, and are aligned: each is one store."""
_P_FLAGS, _P_MEMSZ = 4, 40  # offsets in a program header
_HEADERS_AT = elf.EHDR.size
_DATA_HEADER = 5  # row of the data zone among the program headers
_BYTES_OF_CODE = 64
"""The table has room for one function for this many bytes of code."""
ROOM_FOR_NAMES = 1 << 15
"""Bytes that the names of other objects may take."""
MOST_SYMBOLS = 1 << 23
"""Bytes that symbols for `dladdr` take at most, some 350,000 of them; a small slab has room for less. Only pages that
are used take memory."""
_CODE_PER_SYMBOLS = 4
"""There is room for one byte of symbols, and two of their names, for this many bytes of code."""
SONAME = b"uruk-slab"
READ_WRITE = elf.PF_R | elf.PF_W


def build_slab(
    zones: Sequence[int], architecture: str, *, page: int, address: int = 0, needed: Sequence[bytes] = ()
) -> SlabFile:
    """Return a slab object with zones for code, constants and data, whose sizes in bytes are whole pages.

    `address` is the address for which it asks, which glibc takes as a hint; `needed` are names of loaded objects, in
    which `dlsym(RTLD_NEXT)` of code in the slab looks. Raises AllocationError if the names take too much room.
    """
    names = b"\0" + SONAME + b"\0" + b"".join(name + b"\0" for name in needed)
    if len(names) > ROOM_FOR_NAMES:
        raise AllocationError(f"{len(needed)} loaded objects have names of {len(names)} bytes in all")
    # The second page and more: dynamic section (eight entries, one a needed name), DT_HASH (16 bytes), names,
    # `.eh_frame` records aligned to 8, and at its end the head of the table for unwinders.
    dynamic_size = (len(needed) + 8) * elf.DYN.size
    hash_at = page + dynamic_size
    names_at = hash_at + 16
    records_at = -(-(names_at + len(names)) // 8) * 8
    # Whole pages. The table begins so late in the last one that its second entry is the first byte of the next segment:
    # entries for code lie in memory of their own, which grows by need.
    front = -(-(records_at + _RECORDS + _FIRST_ENTRY + ENTRY) // page) * page
    table = front - _FIRST_ENTRY - ENTRY
    frames = -(-max(zones[0] // _BYTES_OF_CODE * ENTRY, 1) // page) * page
    # Symbols, and twice as many bytes of names behind them: three shares in all.
    symbols_at = front + frames
    symbols = min(-(-max(zones[0] // _CODE_PER_SYMBOLS, 1) // page) * page, MOST_SYMBOLS)
    room = frames + 3 * symbols
    # The size of the string table is what it will be, as the loader reads no name before there is one.
    dynamic = _dynamic(needed, address + hash_at, address + names_at, address + symbols_at, front + room - names_at)
    headers, size = _headers((room, *zones), page, front, dynamic_size, address, table)
    parts = [
        file_header(MACHINES[architecture], len(headers)),
        *headers,
        bytes(page - _HEADERS_AT - len(headers) * elf.PHDR.size),
        dynamic,
        struct.pack("<4I", 1, 1, 0, 0),  # DT_HASH: one bucket, which is empty, and the null symbol
        names,
        bytes(records_at - names_at - len(names)),
        _records(records_at),
        bytes(table - records_at - _RECORDS),
        _table_header(table, records_at),
    ]
    data = _HEADERS_AT + _DATA_HEADER * elf.PHDR.size
    nothing = records_at + _CIE.size
    return SlabFile(
        b"".join(parts), size, front, front + room, page, address, data + _P_FLAGS, data + _P_MEMSZ,
        table, 1 + frames // ENTRY, nothing, nothing + _FDE.size, symbols_at, symbols // elf.SYM.size,
        hash_at + 4, names_at, symbols_at + symbols, 2 * symbols,
    )  # fmt: skip


def _records(at: int) -> bytes:
    """Return an `.eh_frame` at an offset: a CIE, an FDE without a function, one for the object's first bytes, and the
    end."""
    pcrel_4 = 0x1B  # DW_EH_PE_pcrel | DW_EH_PE_sdata4
    # Version 1, code alignment 1, data alignment -8 (0x78 in SLEB128), return address in column 16; one byte of
    # augmentation data, the encoding of the FDEs' addresses. A length does not count its own 4 bytes.
    cie = _CIE.pack(_CIE.size - 4, 0, 1, b"zR", 1, 0x78, 16, 1, pcrel_4)
    # The CIE pointer counts back from its own field; the function's address counts from the field behind it.
    nothing, first = at + _CIE.size, at + _CIE.size + _FDE.size
    fdes = [(nothing, 0, 0), (first, -(first + 8), _HEADERS_AT)]
    return cie + b"".join(_FDE.pack(_FDE.size - 4, place + 4 - at, to, size, 0) for place, to, size in fdes) + bytes(8)


def _table_header(at: int, records: int) -> bytes:
    """Return an `.eh_frame_hdr` with one entry, of the object's first bytes, which lie before all code."""
    # Encodings of the pointer to `.eh_frame`, of the count, and of the table, whose words count from the header.
    pcrel_4, absolute_4, datarel_4 = 0x1B, 0x03, 0x3B
    # Unwinders that find nothing in the table look through the records from this pointer on: it is their end.
    end = records + _RECORDS - 4
    first = records + _CIE.size + _FDE.size
    return struct.pack("<4BiIii", 1, pcrel_4, absolute_4, datarel_4, end - (at + 4), 1, -at, first - at)


def _dynamic(needed: Sequence[bytes], hashes: int, names: int, symbols: int, size: int) -> bytes:
    entries: list[tuple[int, int]] = []
    # Behind the empty string, and the soname with its NUL.
    name_at = len(SONAME) + 2
    for name in needed:
        entries.append((elf.DT_NEEDED, name_at))
        name_at += len(name) + 1
    entries += [(elf.DT_SONAME, 1), (elf.DT_HASH, hashes), (elf.DT_STRTAB, names), (elf.DT_SYMTAB, symbols)]
    # With DT_SYMBOLIC the scope of code in the slab begins with the slab's own names (glibc, elf/dl-load.c).
    entries += [(elf.DT_STRSZ, size), (elf.DT_SYMENT, elf.SYM.size), (elf.DT_SYMBOLIC, 0), (elf.DT_NULL, 0)]
    return b"".join(elf.DYN.pack(*entry) for entry in entries)


def _headers(
    zones: Sequence[int], page: int, front: int, dynamic: int, address: int, table: int
) -> tuple[list[bytes], int]:
    """Return the program headers, and the end of the last segment. The first `front` bytes are the file's."""

    def segment(kind: int, flags: int, at: int, stored: int, size: int, align: int = page) -> bytes:
        return elf.PHDR.pack(kind, flags, at, address + at, address + at, stored, size, align)

    # The loader maps the whole range with the first segment's protection, which therefore cannot be written.
    headers = [segment(elf.PT_LOAD, elf.PF_R, 0, page, page)]
    headers.append(segment(elf.PT_LOAD, READ_WRITE, page, front - page, front - page))
    at = front
    for flags, size in zip((elf.PF_R, elf.PF_R | elf.PF_X, elf.PF_R, elf.PF_R), zones, strict=True):
        headers.append(segment(elf.PT_LOAD, flags, at, 0, size))
        at += size
    headers.append(segment(elf.PT_DYNAMIC, READ_WRITE, page, dynamic, dynamic, 8))
    size = front + zones[0] - table
    headers.append(segment(elf.PT_GNU_EH_FRAME, elf.PF_R, table, size, size, 4))
    headers.append(STACK_SEGMENT)
    return headers, at
