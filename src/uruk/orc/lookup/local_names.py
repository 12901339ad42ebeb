"""Static functions and variables by name: local symbols, which no table of a session has."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from uruk.graph.graph import Binding, Graph, SymbolKind, SymbolType
from uruk.graph.types import U8, U64, Bool, true_rows, windows


def local_spellings(name: bytes) -> list[bytes]:
    """Return the names that the symbol of a static function or variable may have: C's, and that of C++ (Itanium C++
    ABI, 5.1.2: L).
    """
    if name.startswith(b"_Z"):
        return [name, b"_ZL" + name[2:]] if name[2:3].isdigit() else [name]
    return [name, b"_ZL%d%s" % (len(name), name)]


def locals_among(graph: Graph, wanted: Collection[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield names of `wanted` that are local symbols of functions or data, each with its row.

    Their first eight bytes are compared as a column, and only what agrees is read.
    """
    symbols = graph.symbols
    local = (symbols.binding == Binding.LOCAL) & (symbols.kind == SymbolKind.DEFINED) & (symbols.text >= 0)
    rows = true_rows(local & ((symbols.type == SymbolType.FUNC) | (symbols.type == SymbolType.OBJECT)))
    begins: U64 = np.array([int.from_bytes((name + bytes(8))[:8], "little") for name in wanted], np.uint64)
    # `split` wants offsets that ascend, as each buffer of the arena has one range of them.
    rows = rows[symbols.text[rows].argsort(kind="stable")]
    for buffer, base, part in graph.arena.split(symbols.text[rows]):
        at = symbols.text[rows[part]] - base
        whole = at <= buffer.size - 8
        words = windows(buffer, "<u8")[at[whole]]
        # A name that ends within its eight bytes is followed by the next one: only what is before its NUL counts.
        for row in rows[part][whole][_begin_as(words, begins)].tolist():
            text = graph.arena.string_at(int(symbols.text[row]))
            if text in wanted:
                yield text, row


def statics_named(graph: Graph, name: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield symbols and rows of a graph's static functions and variables that a source calls `name`, in C, or in C++
    outside of namespaces, functions with any parameters.
    """
    symbols = graph.symbols
    local = (symbols.binding == Binding.LOCAL) & (symbols.kind == SymbolKind.DEFINED) & (symbols.text >= 0)
    start = b"_ZL%d%s" % (len(name), name)
    for row in true_rows(local & ((symbols.type == SymbolType.FUNC) | (symbols.type == SymbolType.OBJECT))).tolist():
        text = graph.arena.string_at(int(symbols.text[row]))
        if text == name or text.startswith(start):
            yield text, row


def _begin_as(words: U64, begins: U64) -> Bool:
    """Mark the words that are one of `begins`, where what follows a zero byte does not count."""
    octets: U8 = words.view(np.uint8).reshape(-1, 8).copy()
    octets[np.logical_or.accumulate(octets == 0, axis=1)] = 0
    return np.isin(octets.view(np.uint64).reshape(-1), begins)
