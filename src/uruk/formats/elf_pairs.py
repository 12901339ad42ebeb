"""The ELF targets that can be linked, by architecture."""

from __future__ import annotations

from uruk.formats import elf_aarch64, elf_x86_64
from uruk.formats.elf import Pair

PAIRS: dict[str, Pair] = {"x86_64": elf_x86_64, "aarch64": elf_aarch64}
ARCHITECTURE_OF_MACHINE = {pair.MACHINE: name for name, pair in PAIRS.items()}
"""ELF machine number -> architecture."""
