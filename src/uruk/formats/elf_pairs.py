"""The ELF targets that can be linked, by architecture. A pair is imported when it is asked for."""

from __future__ import annotations

from uruk.formats.elf import Pair
from uruk.isa.names import name_of


def pair_of(triple: str) -> Pair:
    """The pair of ELF and an architecture, which a triple or a target names. Raises ExecutorError for unknown ones."""
    if name_of(triple) == "aarch64":
        from uruk.formats import elf_aarch64

        return elf_aarch64
    from uruk.formats import elf_x86_64

    return elf_x86_64
