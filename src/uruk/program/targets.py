"""The target of a program, from what the command line names; the files' first bytes tell."""

from __future__ import annotations

import os
from collections.abc import Iterable

from uruk.errors import ObjectFormatError
from uruk.formats.elf.head import target_of_head
from uruk.machines import TARGETS
from uruk.program.link_plan import Input
from uruk.regular_files import open_regular
from uruk.target import Target

_ARCHIVE = b"!<arch>\n"
_HEADER, _ENTRY = 20, 60
_MEMBERS = 8


def target_of(inputs: Iterable[Input]) -> str:
    """The target of the first object among inputs, such as ``aarch64-linux``; empty if there is none."""
    for one in inputs:
        target = _target_of(one.value) if one.kind == "input" else None
        if target is not None and f"{target.architecture}-linux" in TARGETS:
            return f"{target.architecture}-linux"
    return ""


def _target_of(path: str) -> Target | None:
    """The target of an object, a shared library, or an archive's first object; None where there is none to be read."""
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
                target = target_of_head(head)
                if target is not None and target.architecture:
                    return target
                if start != _ARCHIVE:
                    break
    except (OSError, ObjectFormatError):
        pass  # who reads it says so
    return None
