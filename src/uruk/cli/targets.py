"""The target of a program, from what the command line names; the files' first bytes tell."""

from __future__ import annotations

import os
from collections.abc import Iterable

from uruk.cli.link_plan import Input
from uruk.errors import ObjectFormatError
from uruk.isa.names import OF_ELF_MACHINE
from uruk.regular_files import open_regular

_ARCHIVE = b"!<arch>\n"
_HEADER, _ENTRY = 20, 60
_MEMBERS = 8


def target_of(inputs: Iterable[Input]) -> str:
    """The target of the first object among inputs, such as ``aarch64-linux``; empty if there is none."""
    for one in inputs:
        machine = _machine_of(one.value) if one.kind == "input" else 0
        if machine in OF_ELF_MACHINE:
            return f"{OF_ELF_MACHINE[machine]}-linux"
    return ""


def _machine_of(path: str) -> int:
    """The machine of an object, a shared library, or an archive's first object; 0 where there is none to be read."""
    try:
        descriptor, _ = open_regular(path)
        with open(descriptor, "rb", buffering=0) as file:
            at, start = 0, file.read(len(_ARCHIVE))
            if start == _ARCHIVE:
                at = len(_ARCHIVE)
            for _ in range(_MEMBERS):
                head = os.pread(file.fileno(), _ENTRY + _HEADER, at)
                if start == _ARCHIVE:
                    size, head = head[48:58].strip(), head[_ENTRY:]
                    at += _ENTRY + (int(size) + 1 & -2 if size.isdigit() else 0)
                if head[:6] == b"\x7fELF\2\1":
                    return int.from_bytes(head[18:20], "little")
                if start != _ARCHIVE:
                    break
    except (OSError, ObjectFormatError):
        pass  # who reads it says so
    return 0
