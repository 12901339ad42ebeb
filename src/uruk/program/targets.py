"""The target of a program, from what the command line names; the files' first bytes tell."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

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
    """Return the target of the first object among inputs, such as ``aarch64-linux``; empty if there is none.

    Where code for it is run nowhere, it is one for which code is linked.
    """
    for item in inputs:
        target = _target_of(item.value) if item.kind == "input" else None
        if name := _name_of(target):
            return name
    return ""


def _name_of(target: Target | None) -> str:
    """Return the target on which code is run, or, where its file names a system, for which it is linked; else empty."""
    linked = str(target) if target is not None and target.architecture and target.system else ""
    return runnable_name(target) or linked


def runnable_name(target: Target | None) -> str:
    """Return the target on which code for `target`, as its file has it, is run; empty for code that is run nowhere."""
    if target is None or not target.architecture:
        return ""
    names = [f"{target.architecture}-{system}" for system in ([target.system] if target.system else SYSTEMS)]
    return next((name for name in names if name in TARGETS and Target.of_triple(name).format == target.format), "")


def target_of_content(content: bytes) -> str:
    """Return the target of an object or of an archive's first object, as `target_of` has it."""
    return _name_of(_target_in(lambda size, at: content[at : at + size]))


def _target_of(path: str) -> Target | None:
    """Return the target of an object, a shared library, or an archive's first object.

    Returns None where there is none to be read.
    """
    try:
        descriptor, _ = open_regular(path)
        with open(descriptor, "rb", buffering=0) as file:
            return _target_in(lambda size, at: os.pread(file.fileno(), size, at))
    except (OSError, ObjectFormatError):
        return None  # reading it says what is wrong


def _target_in(read: Callable[[int, int], bytes]) -> Target | None:
    """Return the target in a file that is read by sizes and offsets."""
    is_archive = read(len(_ARCHIVE), 0) == _ARCHIVE
    at = len(_ARCHIVE) if is_archive else 0
    for _ in range(_MEMBERS if is_archive else 1):
        head = read(_ENTRY + HEAD, at)
        if is_archive:  # an entry's header has the size in bytes 48 to 57; entries begin at even offsets
            size, head = head[48:58].strip(), head[_ENTRY:]
            at += _ENTRY + (int(size) + 1 & -2 if size.isdigit() else 0)
        target = target_of_head(head)
        if target is not None and target.architecture:
            return target
    return None
