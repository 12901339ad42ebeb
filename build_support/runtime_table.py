"""Write the table of the runtime's functions for an executor that has them in it."""

from __future__ import annotations

import struct

from .runtime import VERSION

PREFIX = "uruk_rt_"
"""The beginning of the names of functions that a controller calls."""
INTERPOSED = ("__cxa_thread_atexit", "__cxa_thread_atexit_impl")
"""The functions of libraries in whose place linked code has the runtime's."""
_MAGIC = b"!<arch>\n"
_HEADER = 60
_SIZE = slice(48, 58)


def table_of(archive: bytes) -> str:
    """Return the C source of `runtime_symbols`, the functions that are called in an archive that zig has written.

    All are hidden: what the program exported would stand before the libraries' own functions of that name.
    """
    names = sorted(name for name in _names_in(archive) if name.startswith((PREFIX, VERSION)) or name in INTERPOSED)
    declared = "".join(f'extern const char {name}[] __attribute__((visibility("hidden")));\n' for name in names)
    rows = "".join(f'    {{"{name}", {name}}},\n' for name in names)
    return (
        f'#include "executor.h"\n\n{declared}\nconst struct symbol runtime_symbols[] = {{\n{rows}    {{0, 0}},\n}};\n'
    )


def _names_in(archive: bytes) -> list[str]:
    """Return the names in the index of an archive, its first member: a count, offsets, texts (GNU's format)."""
    begin = len(_MAGIC) + _HEADER
    header = archive[len(_MAGIC) : begin]
    if not archive.startswith(_MAGIC) or not header.startswith(b"/ "):
        raise ValueError("not an archive with an index of GNU's kind")
    index = archive[begin : begin + int(header[_SIZE])]
    (count,) = struct.unpack_from(">I", index)
    return [name.decode() for name in index[4 + 4 * count :].split(b"\0")[:count]]
