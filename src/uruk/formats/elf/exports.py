"""Exports: ELF64 shared objects without code or data that give names to addresses, for the dynamic loader.

    build_exports(symbols, "x86_64", thread_locals) -> bytes

A library that the loader opens after one of these can refer to what is not a library's: functions and variables of a
program. Symbols are absolute (SHN_ABS), which glibc takes as they are since 2.28; thread-locals lie in storage of the
object's own (PT_TLS). Facts: gABI chapters 4 and 5 (headers, dynamic section, "Hash Table"), ELF-TLS by Drepper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from uruk.formats.elf import loadable as elf
from uruk.formats.elf.constants import SHN_ABS, SYMBOL
from uruk.formats.elf.dynamic_hash import sysv_hashes
from uruk.formats.elf.loadable import MACHINES, STACK_SEGMENT, file_header
from uruk.graph.types import AnyArray

_PAGE = 4096
_READ_WRITE = elf.PF_R | elf.PF_W  # the loader relocates the dynamic section where it is
_GLOBAL = 1 << 4
_TLS = 6
_ANY_SECTION = 1  # there are no sections; any number but 0 says that the symbol is defined
_TLS_ALIGNMENT = 16
_SONAME = b"uruk-program"


def build_exports(
    symbols: Mapping[bytes, int],
    architecture: str,
    thread_locals: Mapping[bytes, int] | None = None,
    *,
    needed: Sequence[bytes] = (),
    search: bytes = b"",
) -> bytes:
    """Return a shared object that defines `symbols` (name -> address) for the dynamic loader of a process.

    `thread_locals` (name -> size in bytes) begin as zeros; `needed` are the libraries that it needs, which
    the loader looks for in the directories of `search` (DT_RUNPATH), where they have no path.
    """
    local = thread_locals or {}
    # A string table cannot hold a name with a NUL: nothing can ask for it.
    names = [name for name in (*symbols, *local) if b"\0" not in name]
    table, strings, storage = _tables(names, symbols, local)
    strings, dynamic = _with_needs(strings, needed, search)
    hashes = _hash_table(names)
    headers = 4 if local else 3
    # Headers, dynamic entries (seven, needs, and where to look for them), symbols, hash table, strings, which come
    # last as they have any size.
    dynamic_at = elf.EHDR.size + headers * elf.PHDR.size
    size = (7 + len(dynamic)) * elf.DYN.size
    symbols_at = dynamic_at + size
    hash_at = symbols_at + table.nbytes
    strings_at = hash_at + len(hashes)
    # The soname is the first string, behind the empty one at 0.
    dynamic += [(elf.DT_SONAME, 1), (elf.DT_HASH, hash_at), (elf.DT_STRTAB, strings_at), (elf.DT_SYMTAB, symbols_at)]
    dynamic += [(elf.DT_STRSZ, len(strings)), (elf.DT_SYMENT, SYMBOL.itemsize), (elf.DT_NULL, 0)]
    end = strings_at + len(strings)
    parts = [
        file_header(MACHINES[architecture], headers),
        # Offsets are addresses: the one segment begins with the file.
        elf.PHDR.pack(elf.PT_LOAD, _READ_WRITE, 0, 0, 0, end, end, _PAGE),
        elf.PHDR.pack(elf.PT_DYNAMIC, _READ_WRITE, dynamic_at, dynamic_at, dynamic_at, size, size, 8),
        STACK_SEGMENT,
        elf.PHDR.pack(elf.PT_TLS, elf.PF_R, 0, 0, 0, 0, storage, _TLS_ALIGNMENT) if local else b"",
        *(elf.DYN.pack(*entry) for entry in dynamic),
    ]
    return b"".join([*parts, table.tobytes(), hashes, strings])


def _with_needs(strings: bytes, needed: Sequence[bytes], search: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """Return the strings with those of needs behind them, and the dynamic entries that refer to these."""
    table, entries = bytearray(strings), list[tuple[int, int]]()
    for name in needed:
        entries.append((elf.DT_NEEDED, len(table)))
        table += name + b"\0"
    if search:
        entries.append((elf.DT_RUNPATH, len(table)))
        table += search + b"\0"
    return bytes(table), entries


def _tables(
    names: list[bytes], symbols: Mapping[bytes, int], local: Mapping[bytes, int]
) -> tuple[AnyArray, bytes, int]:
    """Return the symbol table and its strings, in the order of `names`, and the size of the thread-local storage in
    bytes."""
    size = np.array([len(name) + 1 for name in names], np.int64)
    table = np.zeros(len(names) + 1, SYMBOL)
    # Behind the empty string, the soname and its NUL; the difference is the sum of the sizes before each name.
    table["name"][1:] = len(_SONAME) + 2 + size.cumsum() - size
    table["info"][1:] = _GLOBAL
    table["section"][1:] = SHN_ABS
    storage = 0
    for row, name in enumerate(names, 1):
        if name not in local:
            # Addresses may be negative numbers where columns of int64 have them.
            table["value"][row] = symbols[name] & (1 << 64) - 1
            continue
        table["info"][row], table["section"][row] = _GLOBAL | _TLS, _ANY_SECTION
        table["value"][row] = storage
        # Rounded up; a variable of no bytes gets some, so that its address is its own.
        storage += -(-max(local[name], 1) // _TLS_ALIGNMENT) * _TLS_ALIGNMENT
    strings = b"\0" + _SONAME + b"\0" + b"".join(name + b"\0" for name in names)
    return table, strings, storage


def _hash_table(names: list[bytes]) -> bytes:
    """Return the DT_HASH section: bucket count, chain count, buckets, chains (gABI, "Hash Table")."""
    count = len(names)
    # As many buckets as names: chains are about one symbol long. The loader divides by the count, which must not be 0.
    buckets = max(1, count)
    bucket = (sysv_hashes(names) % np.uint32(buckets)).astype(np.int64)
    first = np.zeros(buckets, np.uint32)
    chain = np.zeros(count + 1, np.uint32)
    # Names in the order of their buckets: each is the next one in its neighbour's chain if both are of one bucket.
    # Symbol rows are one more than those of names, as row 0 is the null symbol; 0 ends a chain.
    order = np.argsort(bucket, kind="stable")
    same = bucket[order[1:]] == bucket[order[:-1]]
    chain[order[:-1][same] + 1] = order[1:][same] + 1
    # The first row of each run of equal buckets.
    starts = order[np.concatenate([np.ones(min(count, 1), np.bool_), ~same])] if count else order
    first[bucket[starts]] = starts + 1
    return np.concatenate([np.array([buckets, count + 1], np.uint32), first, chain]).tobytes()
