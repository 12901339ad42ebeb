"""Libraries that are loaded at once, by an object that needs all of them.

The loader opens what an object needs in breadth: first all that it names itself, then what those need. So a library
finds another that it needs by its soname where a program that needs both has named a file for it (ld.so(8)).
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from uruk.executor.control import Runtime
from uruk.formats.elf.exports import build_exports
from uruk.isa.interface import architecture_of

_TEXT = 4096


def load_together(runtime: Runtime, paths: Sequence[str]) -> str:
    """Load libraries for everybody, in order; the loader's text where it refuses, else the empty string."""
    needed = [os.fsencode(path if "/" in path else f"./{path}") for path in paths]
    data = build_exports({}, architecture_of(runtime.process.triple).name, needed=needed)
    text = bytearray(_TEXT)
    if runtime.call(b"uruk_rt_open_together", data, len(data), text, len(text)):
        return ""
    return bytes(text).partition(b"\0")[0].decode("utf-8", "replace") or "there is no memory file"
