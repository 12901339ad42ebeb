"""ELF as one of the formats that are linked; see `uruk.formats.mapped_format`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.formats.elf.head import target_of_head
from uruk.formats.mapped_format import MappedFormat

if TYPE_CHECKING:
    from uruk.formats.elf.reader import Pair  # it comes in with the first object

ELF: MappedFormat[Pair] = MappedFormat(
    "elf",
    "ELF",
    {"x86_64": "uruk.formats.elf.x86_64", "aarch64": "uruk.formats.elf.aarch64"},
    target_of_head,
    symbols_tell_needs=True,
    archives_import=False,
)
pair_of = ELF.pair_of
