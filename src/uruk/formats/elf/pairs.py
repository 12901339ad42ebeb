"""The ELF targets that can be linked, by architecture. A pair is imported when it is asked for."""

from __future__ import annotations

from uruk.formats.elf.reader import Pair, machine_of
from uruk.isa.names import HERE_NAME, OF_ELF_MACHINE, name_of


def architecture_of_object(data: bytes | memoryview, file: str) -> str:
    """The architecture that an object is for; this process's, for one that uruk does not know.

    Raises ObjectFormatError for what is no object.
    """
    return OF_ELF_MACHINE.get(machine_of(data, file), HERE_NAME)


def pair_of(triple: str) -> Pair:
    """The pair of ELF and an architecture, which a triple or a target names. Raises ExecutorError for unknown ones."""
    if name_of(triple) == "aarch64":
        from uruk.formats.elf import aarch64

        return aarch64
    from uruk.formats.elf import x86_64

    return x86_64
