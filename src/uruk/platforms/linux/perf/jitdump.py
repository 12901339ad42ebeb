"""The jitdump file of a process: its header, and the records of functions and their unwind data.

Source: Linux, tools/perf/Documentation/jitdump-specification.txt. All numbers are in the byte order of the machine,
and times are those of CLOCK_MONOTONIC in nanoseconds, as `perf record -k mono` has them.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence

_MAGIC, _VERSION = 0x4A695444, 1
_HEADER = struct.Struct("<IIIIIIQQ")
_PREFIX = struct.Struct("<IIQ")
_LOAD = struct.Struct("<IIQQQQ")
_UNWINDING = struct.Struct("<QQQ")
_LINES, _LINE = struct.Struct("<QQ"), struct.Struct("<QII")
_CODE_LOAD, _DEBUG_INFO, _UNWINDING_INFO = 0, 2, 4
"""Kinds of records; 1 is for code that moves, 3 for the end."""
Line = tuple[int, int, int, bytes]
"""A line of a source: an address, the number, its discriminator and the source's path."""


def header(machine: int, process: int) -> bytes:
    """Return the header of the file of a process; `machine` is ELF's number of its architecture."""
    return _HEADER.pack(_MAGIC, _VERSION, _HEADER.size, machine, 0, process, _now(), 0)


def code_load(process: int, index: int, name: bytes, address: int, code: bytes) -> bytes:
    """Return the record of a function; `index` is its number in the file, by which perf calls its object."""
    body = _LOAD.pack(process, process, address, address, len(code), index)
    return _record(_CODE_LOAD, body + name.replace(b"\0", b"") + b"\0" + code)


def debug_info(address: int, lines: Sequence[Line]) -> bytes:
    """Return the record of the lines of the function at `address`, which follows it."""
    entries = [_LINE.pack(at, number, part) + path + b"\0" for at, number, part, path in lines]
    return _record(_DEBUG_INFO, _LINES.pack(address, len(entries)) + b"".join(entries))


def unwinding_info(data: bytes, table_size: int, *, mapped: bool = False) -> bytes:
    """Return the record of the unwind data of the function that follows it.

    The last `table_size` bytes of `data` are its table for searching. `mapped`: all of it lies behind the code.
    """
    padding = bytes(-len(data) % 8)
    return _record(_UNWINDING_INFO, _UNWINDING.pack(len(data), table_size, len(data) if mapped else 0) + data + padding)


def _record(kind: int, body: bytes) -> bytes:
    return _PREFIX.pack(kind, _PREFIX.size + len(body), _now()) + body


def _now() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
