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
    """`f` and `f@V` for ``f@@V``; the text itself and nothing for any other name."""
    base, mark, version = text.partition(_DEFAULT)
    version = version.removeprefix(b"@")
    return (base, base + b"@" + version) if mark and base and version and b"@" not in base else (text, b"")


def with_versions(symbols: Symbols, start: I64, outer: I64, texts: list[bytes], names: Names) -> tuple[Symbols, I64]:
    """Symbols whose default versions have the names that others know them by; and where each object's begin then.

    `texts` are the names of the rows `outer`. A definition of ``f@@V`` is `f`, and a further row of its object, behind
    those of the symbol table, is `f@V`. Where the object defines `f` there as well, it is `f@V` only.
    """
    name = symbols.name.copy()
    owner_of = start.searchsorted(outer, "right") - 1
    split = [(at, *split_default(text)) for at, text in enumerate(texts) if _DEFAULT in text]
    bases = {names[base] for _, base, versioned in split if versioned}
    known = _places(symbols, outer, owner_of, bases)
    rows: list[int] = []
    further: list[bytes] = []
    for at, base, versioned in split:
        if not versioned:
            continue
        row = int(outer[at])
        here = (int(owner_of[at]), names[base], *_place(symbols, row))
        if symbols.kind[row] == SymbolKind.UNDEFINED or here in known:
            name[row] = names[versioned]
            continue
        name[row] = names[base]
        rows.append(row)
        further.append(versioned)
    if not rows:
        return symbols.replaced(name=name), start
    owner = start.searchsorted(rows, "right") - 1
    source = np.insert(np.arange(len(symbols)), start[owner + 1], rows)
    more = np.concatenate([[0], np.bincount(owner, minlength=start.size - 1).cumsum()])
    found = symbols.replaced(name=name).rows(source)
    place = start[owner + 1] + np.arange(len(rows))  # each insertion moves those behind it by one
    found.name[place] = names.intern(further)
    return found, start + more


def _place(symbols: Symbols, row: int) -> tuple[int, int, int]:
    """Kind, block and value of a symbol."""
    return int(symbols.kind[row]), int(symbols.block[row]), int(symbols.value[row])


def _places(symbols: Symbols, outer: I64, owner: I64, wanted: set[int]) -> set[tuple[int, int, int, int, int]]:
    """Object, name and `_place` of all symbols with a wanted name."""
    rows = true_rows(np.isin(symbols.name[outer], list(wanted)))
    return {(int(owner[at]), int(symbols.name[outer[at]]), *_place(symbols, int(outer[at]))) for at in rows.tolist()}


def index_with_versions(entries: Entries) -> Entries:
    """An archive's index in which default versions also have the names that others know them by, in the same order."""
    names: list[bytes] = []
    rows: list[int] = []
    for row, text in enumerate(entries[0]):
        base, versioned = split_default(text)
        names += [text, base, versioned] if versioned else [text]
        rows += [row] * (3 if versioned else 1)
    return names, entries[1][rows]
