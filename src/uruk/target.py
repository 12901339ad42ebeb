"""The target of code: its object format, its architecture and its system, as one value.

Nothing here imports numpy: what runs before it is imported asks, too.
"""

from __future__ import annotations

import os

from uruk.errors import InvalidType, UnknownTarget
from uruk.machines import EXECUTOR_TARGETS, MACHINES, SPELLINGS, TARGETS
from uruk.named_tuples import NamedTuple

_SYSTEMS = {"linux": "linux", "windows": "windows", "mingw32": "windows", "darwin": "macos", "macos": "macos"}
"""The beginnings of the parts of a triple that name a system."""
_FORMATS = {"linux": "elf", "windows": "coff", "macos": "macho"}
"""The format of a system's own objects."""
_SYSTEM_OF = {format: system for system, format in _FORMATS.items()}


class Target(NamedTuple):
    """The machine and system that code is for. Targets are equal by their parts; ``str`` gives ``aarch64-linux``."""

    format: str
    """The name of the object format: ``elf``; see `uruk.formats.registry`."""
    architecture: str
    """The first part of a triple: ``x86_64``, ``aarch64``."""
    system: str
    """``linux``, ``windows`` or ``macos``; empty where an object does not say."""

    def __str__(self) -> str:
        return f"{self.architecture}-{self.system}"

    @property
    def title(self) -> str:
        """The architecture's name in texts for people: ``x86-64``."""
        machine = MACHINES.get(self.architecture)
        return machine.title if machine is not None else self.architecture

    @property
    def of_own_system(self) -> Target | None:
        """The target on whose system code of this format is at home, whatever `system` says.

        None for a format that is not one of uruk's own.
        """
        system = _SYSTEM_OF.get(self.format)
        return None if system is None else self._replace(system=system)

    @classmethod
    def of_triple(cls, text: str) -> Target:
        """Return the target of a triple (``aarch64-unknown-linux-gnu``), of a pair such as ``aarch64-linux``, or of an
        architecture alone, which is then Linux's.

        Raises UnknownTarget, a ValueError, for an architecture or a system that uruk does not know; InvalidType.
        """
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"{text!r} is not a target, which is a str such as 'x86_64-linux'")
        first, *rest = text.lower().split("-")
        architecture = SPELLINGS.get(first)
        systems = [system for part in rest for start, system in _SYSTEMS.items() if part.startswith(start)]
        if architecture is None or (rest and not systems):
            raise UnknownTarget(text, EXECUTOR_TARGETS)
        system = systems[0] if systems else "linux"
        return cls(_FORMATS[system], architecture, system)


def architecture_that_runs(triple: str) -> str:
    """Return the architecture of a triple. Raises UnknownTarget for one that uruk cannot run code for."""
    name = Target.of_triple(triple).architecture
    if not MACHINES[name].systems:  # files may be for this machine, but uruk runs none of them
        raise UnknownTarget(triple, TARGETS)
    return name


def executor_target(text: str) -> Target:
    """Return the target that a user names, if uruk has an executor for it.

    Raises UnknownTarget, a ValueError that lists those that there are.
    """
    target = Target.of_triple(text)
    if str(target) not in EXECUTOR_TARGETS:
        raise UnknownTarget(text, EXECUTOR_TARGETS)
    return target


HERE = Target.of_triple(f"{os.uname().machine}-linux")
"""That of this process."""
