"""Versions in the names of an object's symbols, as `.symver` of the assemblers writes them.

    f@@V, defined      the default version: it defines `f`, and what refers to `f@V`
    f@V, defined       another version: it defines `f@V` and nothing else
    f@V, undefined     that version, of an object or of a shared library

Source: GNU as, ".symver"; GNU ld, "VERSION Command".
"""

from __future__ import annotations

import numpy as np

from uruk.formats.archive_index import Entries
from uruk.graph.graph import SymbolKind, Symbols
from uruk.graph.names import Names
from uruk.graph.types import I64, true_rows

_DEFAULT = b"@@"


def split_default(text: bytes) -> tuple[bytes, bytes]:
    """Return `f` and `f@V` for ``f@@V``; the text itself and nothing for any other name."""
    base, mark, version = text.partition(_DEFAULT)
    version = version.removeprefix(b"@")
    return (base, base + b"@" + version) if mark and base and version and b"@" not in base else (text, b"")


def with_versions(symbols: Symbols, start: I64, external: I64, texts: list[bytes], names: Names) -> tuple[Symbols, I64]:
    """Give default versions the names by which others refer to them; also the first row of each object then.

    `texts` are the names of the rows `external`. A definition of ``f@@V`` becomes `f`, and a further row of its object,
    behind those of the symbol table, is `f@V`. Where the object defines `f` at that place as well, it is `f@V` only.
    """
    name = symbols.name.copy()
    # The object of each row: side "right", as a row at which an object begins is of that object, and objects without
    # symbols begin there, too.
    owner_of = start.searchsorted(external, "right") - 1
    split = [(at, *split_default(text)) for at, text in enumerate(texts) if _DEFAULT in text]
    bases = {names[base] for _, base, versioned in split if versioned}
    # Both names may be in the table: gas writes `f` as well where the source does not say `.symver f, f@@V, remove`.
    known = _places(symbols, external, owner_of, bases)
    rows: list[int] = []
    further: list[bytes] = []
    for at, base, versioned in split:
        if not versioned:
            continue
        row = int(external[at])
        definition = (int(owner_of[at]), names[base], *_place(symbols, row))
        if symbols.kind[row] == SymbolKind.UNDEFINED or definition in known:
            name[row] = names[versioned]
            continue
        name[row] = names[base]
        rows.append(row)
        further.append(versioned)
    if not rows:
        return symbols.replaced(name=name), start
    owner = start.searchsorted(rows, "right") - 1
    # np.insert takes places in the old column; of those at one place it keeps the order. Rows are copied, then renamed.
    source = np.insert(np.arange(len(symbols)), start[owner + 1], rows)
    # How many rows were inserted before each object's first one.
    more = np.concatenate([[0], np.bincount(owner, minlength=start.size - 1).cumsum()])
    renamed = symbols.replaced(name=name).rows(source)
    place = start[owner + 1] + np.arange(len(rows))  # each insertion moves the rows behind it by one
    renamed.name[place] = names.intern(further)
    return renamed, start + more


def _place(symbols: Symbols, row: int) -> tuple[int, int, int]:
    """Return the kind, block and value of a symbol."""
    return int(symbols.kind[row]), int(symbols.block[row]), int(symbols.value[row])


def _places(symbols: Symbols, external: I64, owner: I64, wanted: set[int]) -> set[tuple[int, int, int, int, int]]:
    """Return object, name and `_place` of all symbols with a wanted name."""
    rows = true_rows(np.isin(symbols.name[external], list(wanted)))
    return {
        (int(owner[at]), int(symbols.name[external[at]]), *_place(symbols, int(external[at]))) for at in rows.tolist()
    }


def index_with_versions(entries: Entries) -> Entries:
    """Return an archive's index with two further names for each default version, behind its own: ``f`` and ``f@V``."""
    names: list[bytes] = []
    rows: list[int] = []
    for row, text in enumerate(entries[0]):
        base, versioned = split_default(text)
        names += [text, base, versioned] if versioned else [text]
        # The rows stay ascending, so that earlier members still come first.
        rows += [row] * (3 if versioned else 1)
    return names, entries[1][rows]
