"""The graph of one object that was read row by row: its tables are made of the rows when something asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import Blocks, Edges, Graph, Ranges, Relocations, Symbols, first_wins
from uruk.graph.rows import EdgeRow, ObjectRows
from uruk.graph.types import AnyArray

if TYPE_CHECKING:
    from uruk.graph.arena import Arena
    from uruk.graph.kinds import KindTable


class RowGraph(Graph):
    """A graph whose tables are made of `rows`, until these are changed in place. A graph that passes make of it has
    tables only."""

    @classmethod
    def of(cls, kinds: KindTable, arena: Arena, file: str, rows: ObjectRows) -> RowGraph:
        """Return the graph of an object; its arena has one buffer."""
        graph = cls.__new__(cls)
        # Without the tables, which `__getattr__` makes.
        graph.__dict__.update(kinds=kinds, arena=arena, files=[file], linker_words={}, notes={}, rows=rows)
        return graph

    def forget_rows(self) -> None:
        """Make all tables, which are about to be changed in place."""
        rows = self.rows
        if rows is not None:
            self.__dict__.update({**_tables_of(rows), **self.__dict__}, rows=None)

    def forget_tables(self) -> None:
        """Make the tables anew when they are asked for again: the rows have been changed."""
        for name in _TABLES:
            self.__dict__.pop(name, None)

    def __getattr__(self, name: str) -> AnyArray:
        # Called for attributes that are not there: tables that nothing has asked for before.
        rows = self.rows
        if rows is None or name not in _TABLES:
            raise AttributeError(name)
        self.__dict__.update(_tables_of(rows))
        table: AnyArray = self.__dict__[name]
        return table


_TABLES = frozenset({"blocks", "symbols", "relocations", "groups", "ranges"})


def _tables_of(rows: ObjectRows) -> dict[str, object]:
    """Return the tables of a graph."""
    counts = [len(rows.blocks), len(rows.symbols), len(rows.tables), len(rows.groups)]
    starts = np.array([[0, count] for count in counts], np.int64)
    tables = {"blocks": _blocks_of(rows), "symbols": _symbols_of(rows), "relocations": _relocations_of(rows)}
    groups = first_wins(np.array(rows.groups, np.int32), np.zeros(len(rows.groups), np.int32))
    return {**tables, "groups": groups, "ranges": Ranges(*starts)}


def _blocks_of(rows: ObjectRows) -> Blocks:
    # One array of all rows, whose transpose has the columns: an array a column would cost six conversions. reshape
    # gives an empty list its six columns, too.
    table = np.array(rows.blocks, np.int64).reshape(-1, 6).T
    zeros = np.zeros(len(rows.blocks), np.int32)
    kinds, group = table[4:].astype(np.uint8), np.array(rows.block_groups, np.int32)
    return Blocks(zeros, table[0], table[1], table[2], table[3], kinds[0], kinds[1], group)


def _symbols_of(rows: ObjectRows) -> Symbols:
    # The rows of the transpose are the columns; those of bytes are converted together.
    table = np.array([row[:7] for row in rows.symbols], np.int64).reshape(-1, 7).T
    small = table[[2, 4, 5, 6]].astype(np.uint8)
    # Values are apart: from 2^63 on they do not fit the int64 of the others.
    value = np.array([row[7] for row in rows.symbols], np.uint64)
    name, block = np.array(rows.names, np.int32), table[3].astype(np.int32)
    return Symbols(name, table[0], block, value, table[1], small[0], small[1], small[2], small[3])


def _relocations_of(rows: ObjectRows) -> Relocations:
    table = np.array(rows.tables, np.int64).reshape(-1, 3).T
    return Relocations(table[0].astype(np.int32), table[1], table[2])


def edges_of(rows: list[EdgeRow]) -> Edges:
    """Return edges as columns."""
    table = np.array(rows, np.int64).reshape(-1, 5).T
    # Block and target, both row numbers.
    places = table[[0, 3]].astype(np.int32)
    return Edges(places[0], table[1], table[2].astype(np.uint8), places[1], table[4])
