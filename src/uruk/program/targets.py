"""The target of a program, from what the command line names; the files' first bytes tell."""

from __future__ import annotations

import os
from collections.abc import Iterable

from uruk.errors import ObjectFormatError
from uruk.formats.heads import HEAD, target_of_head
from uruk.machines import MACHINES, TARGETS
from uruk.program.link_plan import Input
from uruk.regular_files import open_regular
from uruk.target import Target

_ARCHIVE = b"!<arch>\n"
_ENTRY = 60
_MEMBERS = 8
SYSTEMS = tuple(dict.fromkeys(system for machine in MACHINES.values() for system in machine.systems))
"""The systems on which code is run, for files that do not name one."""


def target_of(inputs: Iterable[Input]) -> str:
    """The target of the first object among inputs, such as ``aarch64-linux``; empty if there is none.

    Where code for it is run nowhere, it is one for which code is linked.
    """
    for item in inputs:
        target = _target_of(item.value) if item.kind == "input" else None
        if name := runnable_name(target) or _linked_name(target):
            return name
    return ""


def _linked_name(target: Target | None) -> str:
    """The target of code whose file names its system; else empty."""
    return str(target) if target is not None and target.architecture and target.system else ""


def runnable_name(target: Target | None) -> str:
    """The target on which code for `target`, as its file has it, is run; empty for code that is run nowhere."""
    if target is None or not target.architecture:
        return ""
    names = [f"{target.architecture}-{system}" for system in ([target.system] if target.system else SYSTEMS)]
    return next((name for name in names if name in TARGETS and Target.of_triple(name).format == target.format), "")


def _target_of(path: str) -> Target | None:
    """The target of an object, a shared library, or an archive's first object; None where there is none to be read."""
    try:
        descriptor, _ = open_regular(path)
        with open(descriptor, "rb", buffering=0) as file:
            at, start = 0, file.read(len(_ARCHIVE))
            if start == _ARCHIVE:
                at = len(_ARCHIVE)
            for _ in range(_MEMBERS):
                head = os.pread(file.fileno(), _ENTRY + HEAD, at)
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
