"""Links for Windows at a fixed address, of which only the bytes are looked at."""

from __future__ import annotations

import uruk
from uruk.memory.fixed import FixedMemory
from uruk.target import Target

TARGET = Target("coff", "x86_64", "windows")
BASE = 0x140000000
"""The address where images lie if nothing else is asked for."""


def windows_session(target: Target = TARGET, *, phony: bool = False, prune: bool = False) -> uruk.LLJIT:
    """A session that links for Windows and runs nothing."""
    options = uruk.Options(execute=False, phony_externals=phony, prune=prune, architecture=target)
    return uruk.LLJIT(memory=FixedMemory(BASE, 1 << 20), options=options)


def word_at(jit: uruk.LLJIT, name: str, size: int = 8) -> int:
    """The number of so many bytes that is linked at a name."""
    memory = jit.executor.memory
    assert isinstance(memory, FixedMemory)
    return int.from_bytes(memory.read(jit.lookup(name).address, size), "little")
