"""Questions to the system of this machine; each system answers in a file of its own, and others say nothing."""

from __future__ import annotations

import sys


def cpu_facts() -> str:
    """Return what tells this machine's processor from others, for keys of code that was compiled for it."""
    if sys.platform != "linux":
        return ""
    from uruk.host.linux import cpu_facts

    return cpu_facts()


def holders_of_pipes(reads: int, writes: int) -> list[int]:
    """Return the processes that have the far ends of two pipes, whose near ends are read and written here.

    The pipes are given by their inodes. Processes that have a near end, too, by a fork of this one, are left out.
    """
    if sys.platform != "linux":
        return []
    from uruk.host.linux import holders_of_pipes

    return holders_of_pipes(reads, writes)


def path_of_open_file(file: int, turn: int) -> str:
    """Return a path by which other processes open what this one has open; each `turn` is another path.

    The file need have no name of its own. Empty where the system has no such paths.
    """
    if sys.platform != "linux":
        return ""
    from uruk.host.linux import path_of_open_file

    return path_of_open_file(file, turn)
