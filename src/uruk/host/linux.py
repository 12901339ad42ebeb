"""The answers of Linux's /proc about this machine and of its processes (proc(5))."""

from __future__ import annotations

import contextlib
import os

_CPU_FACTS = ("vendor_id", "cpu family", "model", "stepping", "flags", "cache size")


def cpu_facts() -> str:
    """See `uruk.host.cpu_facts`; empty where /proc does not say."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            first = file.read(8192).split("\n\n")[0]
    except OSError:
        return ""
    lines = [line.partition(":") for line in first.splitlines()]
    facts = {name.strip(): value.strip() for name, _, value in lines}
    return repr([facts.get(name) for name in _CPU_FACTS])


def holders_of_pipes(reads: int, writes: int) -> list[int]:
    """See `uruk.host.holders_of_pipes`."""
    holders: list[int] = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):  # it is gone, or another user's
                near = far = False
                for file in os.scandir(f"{entry.path}/fd"):
                    inode, mode = file.stat().st_ino, os.lstat(file.path).st_mode  # how it is open
                    near |= (inode == reads and bool(mode & 0o400)) or (inode == writes and bool(mode & 0o200))
                    far |= (inode == reads and bool(mode & 0o200)) or (inode == writes and bool(mode & 0o400))
                if far and not near:
                    holders.append(int(entry.name))
    return holders


def path_of_open_file(file: int, turn: int) -> str:
    """See `uruk.host.path_of_open_file`: a turn goes through the link to the root directory once more."""
    process = ("proc", str(os.getpid()))
    return "/" + "/".join([*(*process, "root") * turn, *process, "fd", str(file)])
