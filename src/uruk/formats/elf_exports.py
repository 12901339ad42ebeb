"""Exports: ELF64 shared objects without code or data that give names to addresses, for the dynamic loader.

    build_exports(symbols, "x86_64") -> bytes

A library that the loader opens after one of these can refer to what is no library's: functions and variables of a
program. Symbols are absolute (SHN_ABS), which glibc takes as they are since 2.28. Facts: gABI chapters 4 and 5
(headers, dynamic section, "Hash Table").
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np

from uruk.formats.elf_carrier import MACHINES
from uruk.formats.elf_constants import SYMBOL
from uruk.formats.elf_dynamic_hash import sysv_hashes

_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR = struct.Struct("<IIQQQQQQ")
_DYN = struct.Struct("<QQ")
_PAGE = 4096
_PT_LOAD, _PT_DYNAMIC, _PT_GNU_STACK = 1, 2, 0x6474E551
_DT_NULL, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT, _DT_SONAME = 0, 4, 5, 6, 10, 11, 14
_READ_WRITE = 6  # the loader relocates the dynamic section where it is
_GLOBAL = 1 << 4
_SHN_ABS = 0xFFF1
_SONAME = b"uruk-program"


def build_exports(symbols: Mapping[bytes, int], architecture: str) -> bytes:
    """A shared object that defines `symbols` (name -> address) for the loader of an architecture's process."""
    names = [name for name in symbols if b"\0" not in name]
    strings = b"\0" + _SONAME + b"\0" + b"".join(name + b"\0" for name in names)
    size = np.array([len(name) + 1 for name in names], np.int64)
    table = np.zeros(len(names) + 1, SYMBOL)
    table["name"][1:] = len(_SONAME) + 2 + size.cumsum() - size
    table["info"][1:] = _GLOBAL
    table["section"][1:] = _SHN_ABS
    table["value"][1:] = np.array([symbols[name] & (1 << 64) - 1 for name in names], np.uint64)
    hashes = _hash_table(names)
    headers = 3
    dynamic_at = _EHDR.size + headers * _PHDR.size
    symbols_at = dynamic_at + 7 * _DYN.size
    hash_at = symbols_at + table.nbytes
    strings_at = hash_at + len(hashes)
    dynamic = [(_DT_SONAME, 1), (_DT_HASH, hash_at), (_DT_STRTAB, strings_at), (_DT_SYMTAB, symbols_at)]
    dynamic += [(_DT_STRSZ, len(strings)), (_DT_SYMENT, SYMBOL.itemsize), (_DT_NULL, 0)]
    end = strings_at + len(strings)
    machine = MACHINES[architecture].number
    parts = [
        _EHDR.pack(b"\x7fELF\2\1\1" + bytes(9), 3, machine, 1, 0, _EHDR.size, 0, 0, 64, 56, headers, 64, 0, 0),
        _PHDR.pack(_PT_LOAD, _READ_WRITE, 0, 0, 0, end, end, _PAGE),
        _PHDR.pack(_PT_DYNAMIC, _READ_WRITE, dynamic_at, dynamic_at, dynamic_at, 7 * 16, 7 * 16, 8),
        _PHDR.pack(_PT_GNU_STACK, _READ_WRITE, 0, 0, 0, 0, 0, 16),  # without it, stacks become executable
        *(_DYN.pack(*entry) for entry in dynamic),
    ]
    return b"".join([*parts, table.tobytes(), hashes, strings])


def _hash_table(names: list[bytes]) -> bytes:
    """The DT_HASH section: bucket count, chain count, buckets, chains."""
    count = len(names)
    buckets = max(1, count)
    bucket = (sysv_hashes(names) % np.uint32(buckets)).astype(np.int64)
    first = np.zeros(buckets, np.uint32)
    chain = np.zeros(count + 1, np.uint32)
    order = np.argsort(bucket, kind="stable")
    same = bucket[order[1:]] == bucket[order[:-1]]
    chain[order[:-1][same] + 1] = order[1:][same] + 1
    starts = order[np.concatenate([np.ones(min(count, 1), np.bool_), ~same])] if count else order
    first[bucket[starts]] = starts + 1
    return np.concatenate([np.array([buckets, count + 1], np.uint32), first, chain]).tobytes()
