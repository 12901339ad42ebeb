"""Names that nobody defines: all of them at once, each with who needs it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from uruk.demangle import demangle
from uruk.errors import Undefined, UndefinedSymbols
from uruk.graph.types import I32, AnyArray, true_rows
from uruk.passes.faults import Faults
from uruk.passes.state import State

SHOWN_PLACES = 3
HINTS = 50
Hint = Callable[[bytes], str | None]


def refuse(state: State, rows: I32, hint: Hint | None) -> None:
    """Raise LinkFaults for the canonical rows `rows`, the fault of the objects that refer to them.

    What no edge refers to (unwind records of dead functions did, say) nobody has to define.
    """
    faults = Faults()
    edges = true_rows(np.isin(state.canonical[state.edges.target], rows) & (state.edges.kind != 0))
    faults.add(edges, state.objects_of(edges), lambda some: _error(state, some, hint))
    faults.raise_any()


def _error(state: State, edges: AnyArray, hint: Hint | None) -> UndefinedSymbols:
    """The error of some edges to undefined names."""
    target = state.canonical[state.edges.target[edges]]
    order = target.argsort(kind="stable")
    edges, target = edges[order], target[order]
    first = true_rows(np.append(True, target[1:] != target[:-1]))
    symbols: list[Undefined] = []
    for begin, end in zip(first.tolist(), [*first[1:].tolist(), target.size], strict=True):
        name = state.names.text(int(state.symbols.name[target[begin]]))
        text = name.decode("utf-8", "replace")
        places = [state.place_of(edge) for edge in edges[begin : min(end, begin + SHOWN_PLACES)].tolist()]
        advice = (hint(name) if hint is not None and len(symbols) < HINTS else None) or ""
        symbols.append(Undefined(text, demangle(text), tuple(places), end - begin, advice))
    return UndefinedSymbols(symbols)
