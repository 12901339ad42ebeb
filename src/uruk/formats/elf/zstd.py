"""Sections that are compressed by zstd: Python 3.14 decompresses them itself, earlier ones by the package zstandard."""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Any

_PIECE = 1 << 20
MOST_GROWTH = 1 << 15
"""No block of zstd's has more than 128 KiB for 4 bytes of its own (RFC 8878, section 3.1.1.2)."""


def decompressed(stream: bytes, size: int) -> bytes:
    """Return what a stream has, at most one byte more than `size`, in memory that grows with what is there.

    Raises ImportError without a library, ValueError for a stream that is none of zstd's.
    """
    module: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "zstandard")
    content = bytearray()
    try:
        if sys.version_info >= (3, 14):
            reader = module.ZstdFile(io.BytesIO(stream))
        else:
            reader = module.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
        while len(content) <= size and (piece := reader.read(min(_PIECE, size + 1 - len(content)))):
            content += piece
    except (module.ZstdError, EOFError) as error:
        raise ValueError(str(error)) from error
    return bytes(content)
