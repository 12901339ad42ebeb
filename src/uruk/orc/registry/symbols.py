"""A session's symbol table, as columns indexed by interned name; and what users say of a symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

import numpy as np

from uruk.errors import InvalidType, InvalidValue
from uruk.graph.types import I32, I64, NONE, U8, AnyArray, distinct, true_rows

NameLike = TypeVar("NameLike", str, bytes)
"""A symbol's name as text or as bytes; what is asked for by text is answered by text."""


def encode_name(name: str | bytes) -> bytes:
    """Return a symbol's name as objects have it; what is not UTF-8 comes as os.fsdecode gives it, or as bytes.

    Raises InvalidValue, and InvalidType for what is neither text nor bytes.
    """
    if isinstance(name, bytes):
        return name
    try:
        # os.fsdecode's way back: bytes that are no UTF-8 come as lone surrogates.
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InvalidValue(f"{name!r} is not a symbol's name: {error.reason}") from error
    except AttributeError:
        raise InvalidType(f"{name!r} is not a symbol's name: it is neither text nor bytes") from None


def decode_name(name: bytes) -> str:
    """Return a name as text for users' code; error texts decode with ``replace`` instead."""
    return name.decode("utf-8", "surrogateescape")


class Rank:
    """The strength of a definition; a higher rank takes the name from a lower one."""

    NONE: Final = 0
    WEAK: Final = 1
    COMMON: Final = 2
    STRONG: Final = 3


class Flag:
    """Facts about a definition, as bits."""

    FUNCTION: Final = 1
    HIDDEN: Final = 2
    TLS: Final = 4


GroupFacts: TypeAlias = "tuple[int, int, bytes | None]"
"""A kept group's object, the size of its leader in bytes, and a digest of the leader's content; None if unknown."""
UndoEntry: TypeAlias = "tuple[str, AnyArray | int, AnyArray | int]"
"""Column, rows (or one), and the values that were overwritten there."""


_FEW = 16
"""The number of names from which columns cost less than a loop."""


_ZEROS = ("rank", "ready", "flags", "address", "contested")
_FILLS = {"owner": NONE, "group": NONE, "imported": NONE, **dict.fromkeys(_ZEROS, 0)}
"""The columns of a symbol table, and what they have for a name without a definition."""


class Cells:
    """Views of columns of a table, by which a single row is read or written in a third of the time of an array."""

    __slots__ = ("address", "flags", "owner", "rank", "ready")

    def __init__(self, columns: Mapping[str, AnyArray]) -> None:
        self.owner = memoryview(columns["owner"])
        self.rank = memoryview(columns["rank"])
        self.ready = memoryview(columns["ready"])
        self.flags = memoryview(columns["flags"])
        self.address = memoryview(columns["address"])


class SymbolTable:
    """Columns with one row for each name of the session: its definition, its rank, and its address once linked."""

    def __init__(self) -> None:
        self.owner: I32 = np.empty(0, np.int32)
        """The number of the entry (object, unit, ...) that defines the name; NONE for an undefined name."""
        self.rank: U8 = np.empty(0, np.uint8)
        self.ready: U8 = np.empty(0, np.uint8)
        self.flags: U8 = np.empty(0, np.uint8)
        self.address: I64 = np.empty(0, np.int64)
        """Address; for a thread-local, its offset in the storage of its module."""
        self.group: I32 = np.empty(0, np.int32)
        """The object whose section group of that signature stays; NONE if there was none."""
        self.group_facts: dict[int, GroupFacts] = {}
        """Of groups whose selection compares, by signature."""
        self.contested: U8 = np.empty(0, np.uint8)
        """True if another entry defines the name too (or has a group of that signature), and may get it when it is
        free."""
        self.imported: I32 = np.empty(0, np.int32)
        """The name of another namespace (or of the same, behind an alias) that this one resolved to in the last search
        for it; NONE if it resolved to itself."""

        self.cells = Cells(vars(self))
        self.undo: list[UndoEntry] | None = None
        """The list in which definitions that are being recorded note what they overwrite; None where nothing is
        noted."""

    def note(self, rows: AnyArray, *columns: str) -> None:
        """Note rows that are about to be written over."""
        if self.undo is not None:
            for column in columns:
                # `take` copies, so that the values outlive what is written next.
                self.undo.append((column, rows, getattr(self, column).take(rows)))

    def note_group(self, row: int) -> None:
        """Note the row of one signature, which is about to get a group."""
        if self.undo is not None:
            self.undo.append(("group", row, self.group.item(row)))

    def restore(self, log: list[UndoEntry]) -> None:
        """Write back what was noted."""
        # Backwards: a row that was written twice gets its oldest value last.
        for column, rows, values in reversed(log):
            getattr(self, column)[rows] = values

    def grow(self, count: int) -> None:
        """Make room for `count` names."""
        if count <= self.owner.size:
            return
        # Doubling keeps the cost of growing constant for each name.
        size = max(count, 2 * self.owner.size, 256)
        more = size - self.owner.size
        grown: dict[str, AnyArray] = {}
        for column, fill in _FILLS.items():
            before: AnyArray = getattr(self, column)
            grown[column] = np.concatenate([before, np.full(more, fill, before.dtype)])
        # At once, as Ctrl-C may come between two statements: what is written by views of other arrays would be lost.
        vars(self).update(grown, cells=Cells(grown))

    def owned_by(self, number: int, names: Sequence[int]) -> list[int]:
        """Return those of some names that an entry defines, ascending, each once."""
        if len(names) < _FEW:
            owner = self.owner.item
            return sorted({name for name in names if owner(name) == number})
        rows = np.array(names, np.int64)
        return distinct(rows[self.owner.take(rows) == number])

    def forget_all(self, names: Sequence[int]) -> None:
        """Make names undefined; few of them without columns."""
        if len(names) >= _FEW:
            self.forget(np.array(names, np.int64))
            return
        for name in names:
            self.owner[name] = NONE
            self.rank[name] = self.ready[name] = self.flags[name] = self.address[name] = 0

    def forget(self, rows: I32 | I64) -> None:
        """Make names undefined."""
        # `group`, `contested` and `imported` stay: they tell of other entries than the one that goes.
        self.owner[rows] = NONE
        self.rank[rows] = 0
        self.ready[rows] = 0
        self.flags[rows] = 0
        self.address[rows] = 0


def final_names(table: SymbolTable, ids: I32) -> I32:
    """Return the definitions that names resolved to in the last search for them."""
    for _ in range(8):  # aliases of aliases that were found at different times; in most sessions once
        imported = table.imported[ids]
        rows = true_rows(imported >= 0)
        if rows.size == 0:
            break
        ids = ids.copy()
        ids[rows] = imported[rows]
    return ids
