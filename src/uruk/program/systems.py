"""The systems that programs run on; each answers in a room of its own.

Nothing here imports numpy: a command line is read before it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.errors import UnknownTarget
from uruk.machines import TARGETS
from uruk.target import HERE, Target

if TYPE_CHECKING:
    from uruk.program.interface import ProgramSystem


def system_of(target: str = "") -> ProgramSystem:
    """Return the system of a target such as ``aarch64-linux``; by default this process's.

    Raises UnknownTarget where uruk runs no programs.
    """
    system = (Target.of_triple(target) if target else HERE).system
    if system == "linux":
        from uruk.program.linux.system import LinuxPrograms

        return LinuxPrograms()
    if system == "windows":
        from uruk.program.windows.system import WindowsPrograms

        return WindowsPrograms()
    raise UnknownTarget(target, TARGETS)


def facts_of_this_system() -> list[tuple[str, str, str]]:
    """Return what only this machine's system knows about its processes: a title, a text and a remedy for each fact."""
    if HERE.system == "linux":
        from uruk.program.linux.machine_facts import machine_facts

        return machine_facts()
    return []
