"""One small object as rows of plain numbers, for work on which columns cost more than the rows do.

A column costs about a microsecond however short it is, and a row in plain Python a tenth of that. So an object of few
rows is read to lists. Its graph makes columns of them when something asks for these (`uruk.graph.row_graph`).
"""

from __future__ import annotations

from typing import TypeAlias

BlockRow: TypeAlias = tuple[int, int, int, int, int, int]
"""Name in the arena, content, size, alignment, zone, role."""
SymbolRow: TypeAlias = tuple[int, int, int, int, int, int, int, int]
"""Name in the arena, size, kind, block, binding, type, visibility, value."""
EdgeRow: TypeAlias = tuple[int, int, int, int, int]
"""Block, offset, kind, target, addend."""


class ObjectRows:
    """The rows of one object, each a tuple of what the columns of its table have.

    Only a format's `Rules.adapt` changes them.
    """

    __slots__ = ("are_left", "block_groups", "blocks", "edges", "groups", "names", "symbols", "tables")

    def __init__(
        self,
        blocks: list[BlockRow],
        symbols: list[SymbolRow],
        names: list[int],
        tables: list[tuple[int, int, int]],
        edges: list[EdgeRow] | None,
        groups: list[int],
        block_groups: list[int],
    ) -> None:
        self.blocks = blocks
        self.symbols = symbols
        self.names = names
        """The interned name of each symbol; -1 for locals."""
        self.tables = tables
        """Relocation tables: block, content, count."""
        self.edges = edges
        """Ordered by block; None if they are left to the columns."""
        self.groups = groups
        """The signature of each COMDAT group."""
        self.block_groups = block_groups
        """The group of each block, or -1."""
        self.are_left = False
        """True once a link of the rows has left the object to the columns."""
