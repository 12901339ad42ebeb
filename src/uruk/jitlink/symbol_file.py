"""``-write-symtab``: a text file with the addresses of all named symbols of linked files.

Each file's name stands between quotes on a line of its own; behind it are its symbols in the order of their addresses,
a line each: the address, a blank, the name. LLVM 22's ``-symbolicate-with`` and `uruk.jitlink.symbolication` read it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.graph.graph import SymbolType
from uruk.graph.types import true_rows, unsigned
from uruk.jitlink.failures import unreadable
from uruk.passes.state import State


def write_symbols(states: Sequence[State], path: str) -> None:
    """Write the file. Raises ToolError where it cannot be written."""
    text = "".join(_text(state) for state in states)
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    except OSError as error:
        raise unreadable(path, error) from error


def _text(state: State) -> str:
    graph, symbols = state.graph, state.symbols
    placed = symbols.block >= 0
    # The mask is its own index: only rows that have a block look up whether that block is live.
    placed[placed] = state.live[symbols.block[placed]]
    # Of equal names one counts; local symbols have none that others know, section symbols none at all.
    own = (symbols.name < 0) | (state.canonical == np.arange(len(symbols)))
    rows = true_rows(placed & own & (symbols.text >= 0) & (symbols.type != SymbolType.SECTION))
    lines: dict[int, list[tuple[int, str]]] = {}
    for row, file in zip(rows.tolist(), state.symbol_objects(rows).tolist(), strict=True):
        name = graph.symbol_name(row)
        if file >= 0 and name:
            lines.setdefault(file, []).append((unsigned(int(state.symbol_address[row])), name))
    return "".join(
        f'"{graph.files[file]}"\n' + "".join(f"{address:#x} {name}\n" for address, name in sorted(found))
        for file, found in sorted(lines.items())
    )
