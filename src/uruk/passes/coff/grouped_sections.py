"""Sections by their names: what is before a `$` says which belong together, and what follows it in which order.

Source: the PE/COFF specification, "Grouped Sections (Object Only)".
"""

from __future__ import annotations

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.gather import CROWDED, gather_at, strings_at
from uruk.graph.graph import Zone
from uruk.graph.types import I64, NO_ROWS, NONE, U64, Bool, filled, true_rows
from uruk.passes.state import State

_FREE = (b".text", b".rdata", b".data", b".bss", b".xdata", b".pdata")
"""Names whose suffixes are functions' and variables': their sections are too many to be put in order, and need none."""
TLS = b".tls"
"""The name of sections that count from their common start even where none has a suffix."""
_UNWIND_TABLES, _UNWIND_INFORMATION = b".pdata", b".xdata"


def name_words(state: State, rows: I64) -> U64:
    """Return the first 8 bytes of the names of blocks that objects have, as words, for `begin`."""
    return gather_at(state.graph.arena, state.blocks.text[rows], np.dtype("<u8"))


def section_names(state: State, rows: I64) -> list[bytes]:
    """Return the whole names of the sections of blocks. Raises ObjectFormatError for names that overlap without end."""
    graph, blocks = state.graph, state.blocks

    def crowded(row: int) -> ObjectFormatError:
        block = int(rows[row])
        structure = f"section `{graph.section_name(block)}'"
        file = graph.files[int(blocks.object[block])]
        return ObjectFormatError(file, structure, CROWDED)

    return strings_at(graph.arena, blocks.text[rows].tolist(), crowded)


def begin(words: U64, text: bytes) -> Bool:
    """Return which names begin with a text of up to 8 bytes."""
    # A word is little-endian, so that the first bytes of a name are its low ones.
    mask = np.uint64(int.from_bytes(b"\xff" * len(text), "little"))
    return words & mask == np.uint64(int.from_bytes(text, "little"))


def sections_together(state: State) -> list[tuple[int, str, I64]]:
    """(module, name, block rows) of live blocks whose names have a part behind `$` that counts, in its order.

    Code is apart from data. Among data the widest protection counts: `.CRT$XCA` may be written to where `.CRT$XCU` is
    constant, and both are one array.
    """
    blocks = state.blocks
    # Blocks behind the graph's are those that passes have made, which belong to no section.
    rows = true_rows(state.live[: len(state.graph.blocks)] & (state.graph.blocks.text >= 0))
    words = name_words(state, rows)
    free = np.zeros(rows.size, np.bool_)
    for name in _FREE:
        # Nearly all sections are of these: the loop below looks at the few others.
        free |= begin(words, name + b"$") | begin(words, name + b"\0")
    members: dict[tuple[int, bytes, bool], list[tuple[bytes, int]]] = {}
    ordered: set[tuple[int, bytes, bool]] = set()
    rows = rows[~free]
    for row, text in zip(rows.tolist(), section_names(state, rows), strict=True):
        name, mark, suffix = text.partition(b"$")
        key = int(state.block_module[row]), name, bool(blocks.zone[row] == Zone.RX)
        # Sorted by suffix, then by row: of equal suffixes, input order counts.
        members.setdefault(key, []).append((suffix, row))
        if mark or name == TLS:
            ordered.add(key)
    return [
        (
            module,
            f"{name.decode('utf-8', 'replace')}{' of code' * is_code}",
            # Suffixes are compared byte by byte: the specification asks for lexical order.
            np.array([row for _, row in sorted(keyed)]),
        )
        for (module, name, is_code), keyed in members.items()
        if (module, name, is_code) in ordered
    ]


def unwind_tables(state: State) -> I64:
    """Live blocks of unwind data, each an array of RUNTIME_FUNCTIONs (`.pdata`, `.pdata$F`, `.pdata.startup`)."""
    rows = _named_data(state)
    return rows[begin(name_words(state, rows), _UNWIND_TABLES)]


def unwind_sections(state: State) -> Bool:
    """Return which blocks are live unwind data, tables and what these refer to (`.xdata`)."""
    rows = _named_data(state)
    words, found = name_words(state, rows), np.zeros(len(state.blocks), np.bool_)
    found[rows] = begin(words, _UNWIND_TABLES) | begin(words, _UNWIND_INFORMATION)
    return found


def _named_data(state: State) -> I64:
    return true_rows(state.live & (state.blocks.text >= 0) & (state.blocks.zone != Zone.RX))


def unwind_blocks(state: State) -> tuple[I64, I64]:
    """Pairs of blocks: code, and a table of unwind data that has an entry for it."""
    is_table = np.zeros(len(state.blocks), np.bool_)
    is_table[unwind_tables(state)] = True
    edges = true_rows(is_table[state.edges.block])
    if not edges.size:
        return NO_ROWS, NO_ROWS
    # Symbols without a block have -1, whose zone is that of the last block: the first condition takes them out.
    target = state.symbols.block[state.canonical[state.edges.target[edges]]].astype(np.int64)
    is_code = (target >= 0) & (state.blocks.zone[target] == Zone.RX)
    # An entry of a table refers to a function's begin and end, and to its unwind information: only code makes a pair.
    return target[is_code], state.edges.block[edges[is_code]].astype(np.int64)


def associated_blocks(state: State) -> tuple[I64, I64]:
    """Pairs of blocks: the leader of a COMDAT, which defines its name, and each other section of the group."""
    symbols, group = state.symbols, state.blocks.group
    rows = true_rows((symbols.block >= 0) & (symbols.name >= 0))
    of_symbol = group[symbols.block[rows]]
    leads = (
        # Without groups there is no column to index: every block has -1 then, and the other condition is false.
        (of_symbol >= 0) & (state.groups.name[of_symbol] == symbols.name[rows]) if len(state.groups) else of_symbol < -1
    )
    leader = filled(len(state.groups), NONE, np.int64)
    leader[of_symbol[leads]] = symbols.block[rows[leads]]
    members = true_rows(group >= 0)
    # -1 for a group that no symbol leads, as its section is chosen by its own name.
    first = leader[group[members]]
    apart = (first >= 0) & (first != members)
    return first[apart], members[apart]
