"""The two hash tables over dynamic symbols: DT_HASH (gABI, "Hash Table") and DT_GNU_HASH.

DT_GNU_HASH consists of little-endian words. First come the bucket count, the first hashed row, the size of the Bloom
filter in 64-bit words, and its shift; then the filter, and the buckets (the lowest row with that hash, 0 for none).
From the first hashed row on, each has its hash, the lowest bit of which is replaced: it is set for the last row of a
bucket. Rows of one bucket are adjacent. Source: GNU ld (bfd/elflink.c) and glibc (elf/dl-lookup.c), which nothing else
describes.
"""

from __future__ import annotations

import numpy as np

from uruk.formats.byte_source import ByteSource
from uruk.graph.types import AnyArray

_STEP = 16  # chain words read at once: most chains are shorter
_FIRST_STEP = 256  # the same where the end of the last chain is looked for; it grows


def gnu_hash(name: bytes) -> int:
    """Return the hash of DT_GNU_HASH: h * 33 + byte from 5381, 32 bits."""
    value = 5381
    for byte in name:
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def sysv_hash(name: bytes) -> int:
    """Return the hash of DT_HASH (gABI, figure "Hashing Function")."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        # The upper four bits go back to bits 4 to 7, and are cleared: the hash has 28 bits.
        value = (value ^ (value & 0xF0000000) >> 24) & 0x0FFFFFFF
    return value


def sysv_hashes(names: list[bytes]) -> AnyArray:
    """Return the `sysv_hash` of many names at once, as uint32."""
    size = np.array([len(name) for name in names], np.int64)
    text = np.frombuffer(b"".join(names), np.uint8)
    start = size.cumsum() - size
    # Longest names first: those that still have a character at `at` are the first rows of `order`.
    order = np.argsort(-size, kind="stable")
    value = np.zeros(len(names), np.uint32)
    left = size[order]
    for at in range(int(size.max(initial=0))):
        # How many names are longer than `at`: sizes descend, so that their negatives are searched.
        rows = order[: int(np.searchsorted(-left, -at, "left"))]
        # The sum may carry into a 33rd bit: uint32 drops it here, the mask of 28 bits does in the scalar function.
        step = (value[rows] << np.uint32(4)) + text[start[rows] + at]
        high = step & np.uint32(0xF0000000)
        value[rows] = (step ^ high >> np.uint32(24)) & ~high
    return value


def gnu_candidates(source: ByteSource, offset: int, name: bytes) -> list[int]:
    """Return rows whose hash is that of `name`. Raises ObjectFormatError where the table leaves the file."""
    buckets, first, words, shift = _gnu_header(source, offset)
    if buckets == 0 or words == 0:
        return []
    value = gnu_hash(name)
    # The Bloom filter: two bits of one 64-bit word, from the hash and from the hash shifted. Nearly all libraries that
    # do not define a name are done here, with one read.
    word = int.from_bytes(source.read(offset + 16 + value // 64 % words * 8, 8, "Bloom filter"), "little")
    if not word >> value % 64 & word >> (value >> shift) % 64 & 1:
        return []
    buckets_at = offset + 16 + words * 8
    row = int.from_bytes(source.read(buckets_at + value % buckets * 4, 4, "hash bucket"), "little")
    # 0 is an empty bucket; rows before `first` are not hashed.
    if row < first or row == 0:
        return []
    rows: list[int] = []
    # Chain words begin at row `first`: the address is that of a row 0 which is not stored.
    chain = buckets_at + buckets * 4 - first * 4
    while True:
        at = chain + row * 4
        # Not past the end of the file, and one word at least: a chain that leaves the file raises there, and a hostile
        # one cannot go on for ever.
        count = max(1, min(_STEP, (source.size - at) // 4))
        for entry in np.frombuffer(source.read(at, count * 4, "hash chain"), "<u4").tolist():
            # All bits but the lowest, which marks the end of the chain.
            if (entry ^ value) >> 1 == 0:
                rows.append(row)
            if entry & 1:
                return rows
            row += 1


def gnu_symbol_count(source: ByteSource, offset: int) -> int:
    """Return the number of rows of the symbol table: one past the end of the last chain."""
    buckets, first, words, _ = _gnu_header(source, offset)
    buckets_at = offset + 16 + words * 8
    table = np.frombuffer(source.read(buckets_at, buckets * 4, "hash buckets"), "<u4")
    # The chain of the bucket that begins furthest behind is the last one.
    row = int(table.max()) if table.size else 0
    if row < first or row == 0:
        return first
    chain = buckets_at + buckets * 4 - first * 4
    step = _FIRST_STEP
    while True:
        at = chain + row * 4
        count = max(1, min(step, (source.size - at) // 4))
        last = np.flatnonzero(np.frombuffer(source.read(at, count * 4, "hash chain"), "<u4") & 1)
        if last.size:
            return row + int(last[0]) + 1
        row += count
        step *= 4


def sysv_candidates(source: ByteSource, offset: int, name: bytes) -> list[int]:
    """Return rows in the bucket of `name`. Raises ObjectFormatError for a chain that leaves the table or has no end."""
    header = source.read(offset, 8, "hash table")
    buckets, chains = np.frombuffer(header, "<u4").tolist()
    if buckets == 0:
        return []
    row = int.from_bytes(source.read(offset + 8 + sysv_hash(name) % buckets * 4, 4, "hash bucket"), "little")
    rows: list[int] = []
    seen: set[int] = set()
    while row != 0:
        # A chain that comes back to one of its rows would never end.
        if row >= chains or row in seen:
            raise source.error("hash table", f"malformed chain at row {row}", offset)
        seen.add(row)
        rows.append(row)
        row = int.from_bytes(source.read(offset + 8 + (buckets + row) * 4, 4, "hash chain"), "little")
    return rows


def _gnu_header(source: ByteSource, offset: int) -> tuple[int, int, int, int]:
    header = source.read(offset, 16, "GNU hash table")
    buckets, first, words, shift = np.frombuffer(header, "<u4").tolist()
    return buckets, first, words, shift
