"""ELF's files beyond what links need: shared libraries, names in archives, tables of relocations."""

from __future__ import annotations

from collections.abc import Mapping

from uruk.formats.archive_index import Entries
from uruk.formats.byte_source import ByteSource
from uruk.formats.elf.constants import RELA
from uruk.formats.elf.dynamic import SharedLibrary
from uruk.formats.elf.format import pair_of
from uruk.formats.elf.reader import Pair
from uruk.formats.elf.versions import index_with_versions
from uruk.formats.interface import Members, RelocationRow
from uruk.formats.relocation_rows import relocation_rows
from uruk.graph.graph import Graph
from uruk.graph.types import NONE, U8
from uruk.target import Target


class ELFFiles:
    """See `uruk.formats.interface.FormatFiles`."""

    def open_library(self, source: ByteSource) -> SharedLibrary:
        """See `FormatFiles.open_library`."""
        return SharedLibrary(source)

    def index_names(self, entries: Entries) -> Entries:
        """See `FormatFiles.index_names`: a default version ``f@@V`` is known by three names."""
        return index_with_versions(entries)

    def import_names(self, data: bytes, file: str, target: Target) -> list[bytes]:
        """See `FormatFiles.import_names`: ELF has no imports in archives."""
        return []

    def import_library(self, archive: Members, target: Target) -> None:
        """See `FormatFiles.import_library`: shared libraries are linked with themselves."""

    def relocation_rows(self, graph: Graph) -> list[RelocationRow]:
        """See `FormatFiles.relocation_rows`."""
        assert graph.target is not None, "a graph of no target"
        pair = pair_of(graph.target.architecture)
        return relocation_rows(graph, RELA, lambda block, entry: _row(graph, pair, block, *entry))

    def debug_sections(
        self, file: str, data: U8, target: Target, places: Mapping[int, int] | None = None
    ) -> dict[str, bytes]:
        """See `FormatFiles.debug_sections`."""
        from uruk.formats.elf.debug_sections import debug_sections  # seldom needed

        return debug_sections(file, data, target.architecture, places)


FILES = ELFFiles()


def _row(graph: Graph, pair: Pair, block: int, offset: int, info: int, addend: int) -> RelocationRow:
    number, symbol = info & 0xFFFFFFFF, info >> 32  # gABI, "Relocation": ELF64_R_TYPE and ELF64_R_SYM
    name, kind_name = pair.RELOCATIONS.get(number, (f"type {number}", ""))
    kind = pair.KINDS[pair.KINDS.number[kind_name]] if kind_name else None
    owner = int(graph.blocks.object[block])
    first, last = (int(row) for row in graph.ranges.symbols[owner : owner + 2])
    # Symbol 0 means none.
    target = first + symbol if 0 < symbol < last - first else NONE
    problems: list[str] = []
    if kind is None:
        problems.append(f"is not one that {pair.NAME} objects have")
    if offset + (kind.width if kind else 0) > int(graph.blocks.size[block]):
        problems.append("lies outside its section")
    # With symbol 0 the value is the addend alone (gABI, "Symbol Table").
    if symbol >= last - first:
        problems.append(f"names symbol {symbol} of {last - first}")
    return RelocationRow(block, offset, name, kind, target, symbol < last - first, addend, "; ".join(problems))
