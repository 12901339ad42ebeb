"""COFF as one of the formats that are linked; see `uruk.formats.mapped_format`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.formats.coff.head import target_of_head
from uruk.formats.mapped_format import MappedFormat

if TYPE_CHECKING:
    from uruk.formats.coff.pair import Pair

# Names, not modules: a map is imported with the first object of its architecture.
_MAPS = {"x86_64": "uruk.formats.coff.x86_64", "aarch64": "uruk.formats.coff.aarch64"}
COFF: MappedFormat[Pair] = MappedFormat("coff", "COFF", _MAPS, target_of_head)
pair_of = COFF.pair_of
