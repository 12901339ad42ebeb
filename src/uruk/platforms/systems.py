"""The systems that there are platforms for, where nothing of a process or a session says which one is meant."""

from __future__ import annotations

from collections.abc import Collection

from uruk.target import Target

_OF_FORMATS = {"elf": "linux"}
"""The system of objects that do not name one."""


def definers_of(names: Collection[bytes], thread_local: Collection[bytes], target: Target) -> dict[bytes, str]:
    """Return who defines each name that an object for `target` lacks; empty where nobody known does.

    `thread_local` are those of the names that are thread-locals.
    """
    system = target.system or _OF_FORMATS.get(target.format, "")
    if system != "linux":
        return dict.fromkeys(names, "")
    from uruk.platforms.linux.definers import definers

    return definers(names, thread_local, target)
