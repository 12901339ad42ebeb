"""COFF files beyond what links need of them: tables of relocations, for people to look at."""

from __future__ import annotations

from collections.abc import Mapping

from uruk.formats.archive_index import Entries
from uruk.formats.byte_source import ByteSource
from uruk.formats.coff.constants import RELOCATION
from uruk.formats.coff.format import pair_of
from uruk.formats.coff.pair import Pair
from uruk.formats.interface import ImportLibrary, Members, RelocationRow, SharedLibrary
from uruk.formats.relocation_rows import relocation_rows
from uruk.graph.graph import Graph
from uruk.graph.types import NONE, U8
from uruk.target import Target


class COFFFiles:
    """See `uruk.formats.interface.FormatFiles`."""

    def open_library(self, source: ByteSource) -> SharedLibrary:
        """See `FormatFiles.open_library`."""
        from uruk.formats.coff.dll import DLL  # few links read DLLs

        return DLL(source)

    def index_names(self, entries: Entries) -> Entries:
        """See `FormatFiles.index_names`: imported variables are known by two names."""
        from uruk.formats.coff.import_library import index_with_imports  # archives of one kind only

        return index_with_imports(entries)

    def import_names(self, data: bytes, file: str, target: Target) -> list[bytes]:
        """See `FormatFiles.import_names`."""
        from uruk.formats.coff.import_library import names_of_member  # archives without an index are rare

        return names_of_member(data, file, pair_of(target.architecture))

    def import_library(self, archive: Members, target: Target) -> ImportLibrary:
        """See `FormatFiles.import_library`."""
        from uruk.formats.coff.import_library import ImportLibrary

        return ImportLibrary(archive, lambda: pair_of(target.architecture))

    def relocation_rows(self, graph: Graph) -> list[RelocationRow]:
        """See `FormatFiles.relocation_rows`."""
        assert graph.target is not None, "a graph of no target"
        pair = pair_of(graph.target.architecture)
        return relocation_rows(graph, RELOCATION, lambda block, entry: _row(graph, pair, block, *entry))

    def debug_sections(
        self, file: str, data: U8, target: Target, places: Mapping[int, int] | None = None
    ) -> dict[str, bytes]:
        """See `FormatFiles.debug_sections`; perf is Linux's."""
        if places is not None:
            return {}
        from uruk.formats.coff.debug_sections import debug_sections  # seldom needed

        return debug_sections(file, data, target.architecture)


FILES = COFFFiles()


def _row(graph: Graph, pair: Pair, block: int, offset: int, symbol: int, number: int) -> RelocationRow:
    name, kind_name, addend = pair.RELOCATIONS.get(number, (f"type {number}", "", 0))
    kind = pair.KINDS[pair.KINDS.number[kind_name]] if kind_name else None
    owner = int(graph.blocks.object[block])
    first, last = (int(row) for row in graph.ranges.symbols[owner : owner + 2])
    # A row without text is an auxiliary record's, which a relocation cannot name.
    exists = symbol < last - first and graph.symbols.text[first + symbol] >= 0
    problems: list[str] = []
    if kind is None:
        problems.append(f"is not one that {pair.NAME} objects have")
    elif offset + kind.width > int(graph.blocks.size[block]):
        problems.append("lies outside its section")
    elif kind.width:
        at = int(graph.blocks.content[block]) + offset
        # The table has no addends: the field holds it, to which the kind adds where it counts from.
        addend += int.from_bytes(graph.arena.bytes_at(at, kind.width), "little", signed=True)
    if not exists:
        problems.append(f"names symbol {symbol}, which is none of {last - first}")
    return RelocationRow(
        block, offset, name, kind, first + symbol if exists else NONE, exists, addend, "; ".join(problems)
    )
