"""Compressed debug sections, for all formats: what a stream has, within bounds that a hostile file cannot move.

GNU's form, which has no flag but the name of the section (``.zdebug_*``): ``ZLIB``, the size with its highest byte
first, and the stream.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from uruk.records import record

_DEBUG, _GNU_DEBUG = ".debug_", ".zdebug_"
"""The beginnings of the names of debug sections; the second of those that are compressed in GNU's form."""
_GNU_MAGIC = b"ZLIB"
_GNU_HEADER = 12
"""Bytes in front of the stream of a ``.zdebug_*`` section."""
_ALWAYS, _FOR_EACH_BYTE = 1 << 26, 32
"""Bytes that the sections of a file may have together when they are decompressed: so many, and more for each byte of
the file. Compilers' have some six times as many as when they are compressed."""


@record
class Way:
    """A way to compress."""

    most_growth: int
    """For each byte of a stream, no more than so many bytes come out."""
    decompress: Callable[[bytes, int], bytes]
    """Returns what a stream has, at most one byte more than a size; raises ValueError or ImportError."""


def _zlib(stream: bytes, size: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream, size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error


ZLIB = Way(1040, _zlib)
"""No stream of zlib's has more than about 1,032 bytes for one of its own."""


def most_of(size: int) -> int:
    """Return how many bytes the debug sections of a file of `size` bytes may have, decompressed."""
    return _ALWAYS + _FOR_EACH_BYTE * size


def is_debug(name: str) -> bool:
    """Return whether a section is one of debug information, compressed or not."""
    return name.startswith((_DEBUG, _GNU_DEBUG))


def is_gnu(name: str, raw: bytes) -> bool:
    """Return whether a section is compressed in GNU's form."""
    return name.startswith(_GNU_DEBUG) and raw[: len(_GNU_MAGIC)] == _GNU_MAGIC


def plain_name(name: str) -> str:
    """Return the name that a debug section has when it is not compressed."""
    return name.replace(_GNU_DEBUG, _DEBUG)


def inflated_gnu(raw: bytes, most: int) -> bytearray:
    """Return the content of a section of GNU's form, of `most` bytes at most. Raises ValueError, with the problem."""
    return inflated(raw[_GNU_HEADER:], int.from_bytes(raw[len(_GNU_MAGIC) : _GNU_HEADER], "big"), most, ZLIB)


def inflated(stream: bytes, size: int, most: int, way: Way) -> bytearray:
    """Return the `size` bytes that a stream has, if they are no more than `most`.

    Raises ValueError, with the problem, for other streams; ImportError where a package is missing.
    """
    if size > way.most_growth * max(len(stream), 1):
        raise ValueError(f"{len(stream)} compressed bytes cannot have {size} in them")
    if size > most:
        problem = f"has {size} bytes when it is decompressed, where {most} are left for the file's debug information"
        raise ValueError(f"{problem}: compile with -gz=none if that is right")
    try:
        content = way.decompress(stream, size)
    except ValueError as error:
        raise ValueError(f"cannot be decompressed: {error}") from error
    if len(content) != size:
        raise ValueError(f"has not {size} bytes when it is decompressed, as its header says")
    return bytearray(content)
