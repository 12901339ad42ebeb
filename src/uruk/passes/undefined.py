"""The error for names that nobody defines: all of them at once, each with who needs it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from uruk.demangle import demangle
from uruk.errors import Undefined, UndefinedSymbols
from uruk.graph.names import Names
from uruk.graph.types import I32, true_rows
from uruk.passes.state import State

SHOWN_PLACES = 3
HINTS = 50


def error(state: State, rows: I32, names: Names, hint: Callable[[bytes], str | None] | None) -> UndefinedSymbols:
    """UndefinedSymbols for the canonical rows `rows`."""
    target = state.canonical[state.edges.target]
    edges = true_rows(np.isin(target, rows) & (state.edges.kind != 0))
    edges = edges[target[edges].argsort(kind="stable")]
    begin = target[edges].searchsorted(rows)
    end = target[edges].searchsorted(rows, "right")
    symbols: list[Undefined] = []
    for row, first, last in zip(rows.tolist(), begin.tolist(), end.tolist(), strict=True):
        name = names.text(int(state.symbols.name[row]))
        text = name.decode("utf-8", "replace")
        places = [state.place_of(edge) for edge in edges[first : min(last, first + SHOWN_PLACES)].tolist()]
        advice = (hint(name) if hint is not None and len(symbols) < HINTS else None) or ""
        symbols.append(Undefined(text, demangle(text), tuple(places), last - first, advice))
    return UndefinedSymbols(symbols)
