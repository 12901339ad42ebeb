"""Exports: ELF64 shared objects without code or data that give names to addresses, for the dynamic loader.

    build_exports(symbols, "x86_64", thread_locals) -> bytes

A library that the loader opens after one of these can refer to what is not a library's: functions and variables of a
program. Symbols are absolute (SHN_ABS), which glibc takes as they are since 2.28; thread-locals lie in storage of the
object's own (PT_TLS). Facts: gABI chapters 4 and 5 (headers, dynamic section, "Hash Table"), ELF-TLS by Drepper.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from uruk.formats.elf.carrier import MACHINES
from uruk.formats.elf.constants import SYMBOL
from uruk.formats.elf.dynamic_hash import sysv_hashes
from uruk.graph.types import AnyArray

_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR = struct.Struct("<IIQQQQQQ")
_DYN = struct.Struct("<QQ")
_PAGE = 4096
_PT_LOAD, _PT_DYNAMIC, _PT_TLS, _PT_GNU_STACK = 1, 2, 7, 0x6474E551
_DT_NULL, _DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT, _DT_SONAME = 0, 1, 4, 5, 6, 10, 11, 14
_DT_RUNPATH = 29
_READ, _READ_WRITE = 4, 6  # the loader relocates the dynamic section where it is
_GLOBAL = 1 << 4
_TLS = 6
_SHN_ABS = 0xFFF1
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
    dynamic = [(_DT_NEEDED, len(strings) + at) for at in accumulate((len(name) + 1 for name in needed[:-1]), initial=0)]
    dynamic = dynamic if needed else []
    strings += b"".join(name + b"\0" for name in needed)
    if search:
        dynamic.append((_DT_RUNPATH, len(strings)))
        strings += search + b"\0"
    hashes = _hash_table(names)
    headers = 4 if local else 3
    # Headers, dynamic entries (seven, needs, and where to look for them), symbols, hash table, strings, which come
    # last as they have any size.
    dynamic_at = _EHDR.size + headers * _PHDR.size
    size = (7 + len(dynamic)) * _DYN.size
    symbols_at = dynamic_at + size
    hash_at = symbols_at + table.nbytes
    strings_at = hash_at + len(hashes)
    # The soname is the first string, behind the empty one at 0.
    dynamic += [(_DT_SONAME, 1), (_DT_HASH, hash_at), (_DT_STRTAB, strings_at), (_DT_SYMTAB, symbols_at)]
    dynamic += [(_DT_STRSZ, len(strings)), (_DT_SYMENT, SYMBOL.itemsize), (_DT_NULL, 0)]
    end = strings_at + len(strings)
    machine = MACHINES[architecture].number
    parts = [
        _EHDR.pack(b"\x7fELF\2\1\1" + bytes(9), 3, machine, 1, 0, _EHDR.size, 0, 0, 64, 56, headers, 64, 0, 0),
        # Offsets are addresses: the one segment begins with the file.
        _PHDR.pack(_PT_LOAD, _READ_WRITE, 0, 0, 0, end, end, _PAGE),
        _PHDR.pack(_PT_DYNAMIC, _READ_WRITE, dynamic_at, dynamic_at, dynamic_at, size, size, 8),
        _PHDR.pack(_PT_GNU_STACK, _READ_WRITE, 0, 0, 0, 0, 0, 16),  # without it, stacks become executable
        _PHDR.pack(_PT_TLS, _READ, 0, 0, 0, 0, storage, _TLS_ALIGNMENT) if local else b"",
        *(_DYN.pack(*entry) for entry in dynamic),
    ]
    return b"".join([*parts, table.tobytes(), hashes, strings])


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
    table["section"][1:] = _SHN_ABS
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
