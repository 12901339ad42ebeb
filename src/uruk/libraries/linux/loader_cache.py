"""Reads the dynamic loader's cache of shared libraries (/etc/ld.so.cache): soname -> path.

glibc has two layouts (elf/cache.c), which stand alone, or the second behind the first (aligned to 8):
- `ld.so-1.7.0`, pad to 12, count (u32); entries of 12 bytes: flags, soname offset, path offset; the strings,
  which the offsets count from;
- `glibc-ld.so.cache1.1`, count, string bytes, flags, extensions, pad to 48; entries of 24 bytes: flags,
  soname offset, path offset, OS version, u64 hardware capabilities; offsets count from the first byte of this
  header.
"""

from __future__ import annotations

import os
from functools import lru_cache

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.byte_source import ByteSource
from uruk.machines import MACHINES
from uruk.regular_files import check_size

CACHE_PATH = "/etc/ld.so.cache"

_OLD_MAGIC = b"ld.so-1.7.0"
_NEW_MAGIC = b"glibc-ld.so.cache1.1"
_NEW_HEADER = 48
_OLD_ENTRY = np.dtype([("flags", "<i4"), ("soname", "<u4"), ("path", "<u4")])
_NEW_ENTRY = np.dtype(
    [("flags", "<i4"), ("soname", "<u4"), ("path", "<u4"), ("version", "<u4"), ("capabilities", "<u8")]
)
_LONGEST = 4096
_LARGEST = 64 << 20


def parse_loader_cache(data: bytes, architecture: str, name: str = CACHE_PATH) -> dict[str, str]:
    """Return soname -> path of the libraries for an architecture that run on every CPU of it.

    The first entry for a soname wins, as it does for the loader. Raises ObjectFormatError.
    """
    start, base, count, entry = _layout(data, name)
    if start + count * entry.itemsize > len(data):
        raise ObjectFormatError(name, "loader cache", f"{count} entries do not fit in {len(data)} bytes", start)
    table = np.frombuffer(data, entry, count, start)
    wanted = table["flags"] == MACHINES[architecture].loader_flags
    if entry is _NEW_ENTRY:
        wanted &= table["capabilities"] == 0  # others are builds for newer CPUs, which the loader chooses itself
    paths: dict[str, str] = {}
    for soname, path in table[wanted][["soname", "path"]].tolist():
        paths.setdefault(_string(name, data, base + soname), _string(name, data, base + path))
    return paths


def _layout(data: bytes, name: str) -> tuple[int, int, int, np.dtype[np.void]]:
    """Return the offset of the entries, the offset from which strings count, the number of entries, and their
    layout."""
    header = 0
    if data.startswith(_OLD_MAGIC):
        count = int.from_bytes(data[12:16], "little")
        end = 16 + count * _OLD_ENTRY.itemsize
        # Rounded up to a multiple of 8: the second layout has 64-bit numbers. Strings of the first one count from its
        # end.
        header = (end + 7) & ~7
        if not data.startswith(_NEW_MAGIC, header):
            return 16, end, count, _OLD_ENTRY
    if not data.startswith(_NEW_MAGIC, header):
        raise ObjectFormatError(name, "loader cache", "neither of the known layouts", 0)
    count = int.from_bytes(data[header + 20 : header + 24], "little")
    return header + _NEW_HEADER, header, count, _NEW_ENTRY


def loader_cache(architecture: str, path: str = CACHE_PATH) -> dict[str, str]:
    """Return this machine's cache, as `parse_loader_cache` returns it; empty if there is none, or it is not
    readable."""
    try:
        status = os.stat(path)
        # ldconfig replaces the file: time and size are part of the cache's key, so that a new file is read anew.
        return _read(path, architecture, (status.st_mtime_ns, status.st_size))
    except (OSError, ObjectFormatError):
        return {}


@lru_cache(maxsize=4)
def _read(path: str, architecture: str, stamp: tuple[int, int]) -> dict[str, str]:
    with ByteSource(path) as source:
        check_size(source.size, path, _LARGEST)
        return parse_loader_cache(source.read(0, source.size, "loader cache"), architecture, path)


def _string(name: str, data: bytes, offset: int) -> str:
    text, nul, _ = data[offset : offset + _LONGEST].partition(b"\0")
    if not nul:
        raise ObjectFormatError(name, "loader cache", "a string that does not end", offset)
    return os.fsdecode(text)
