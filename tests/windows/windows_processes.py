"""What the tests of Windows's executor share: machine code that is put there, and functions of its libraries."""

from __future__ import annotations

import os
from typing import Any

from uruk.executor.remote import RemoteExecutor
from uruk.memory.mapper import Protection

PAGE = 4096


def function(executor: RemoteExecutor, text: str, name: str, library: str = "kernel32.dll") -> Any:
    """A function of a library there, of this C type."""
    return executor.function(text, address_of(executor, name, library))


def address_of(executor: RemoteExecutor, name: str, library: str = "kernel32.dll") -> int:
    """Where a function of a library is."""
    address, _ = executor.libraries.find_symbol(executor.libraries.load(library), name.encode())
    assert address, name
    return address


def put_code(executor: RemoteExecutor, code: bytes) -> int:
    """The address of these instructions in executable memory there."""
    mapper = executor.memory.mapper
    address = mapper.reserve(1 << 20)
    mapper.prepare([(address, PAGE)])
    mapper.view(address, PAGE)[: len(code)] = list(code)
    mapper.initialize([(address, PAGE)], Protection.R | Protection.X)
    return address


def has_ended(pid: int) -> bool:
    """True once a process is gone, or is waited for only."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def descriptors() -> list[str]:
    """This process's open descriptors."""
    return sorted(os.listdir("/proc/self/fd"))
