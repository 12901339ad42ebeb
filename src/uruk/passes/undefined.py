"""Names that nothing defines: all of them at once, each with the places that need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import Undefined, UndefinedSymbols
from uruk.graph.types import I32, AnyArray, true_rows

if TYPE_CHECKING:
    from uruk.passes.state import State

SHOWN_PLACES = 3
MOST_HINTS = 1000
"""Names that hints are looked for, and whose places are shown."""
Hints = Callable[[Mapping[bytes, str]], Mapping[bytes, str]]
"""The texts for names that nothing defines, from the first place that needs each."""


def refuse(state: State, rows: I32, hints: Hints | None) -> None:
    """Raise LinkFaults for the canonical rows `rows`, the fault of the objects that refer to them.

    What no edge refers to any more (only unwind records of dead functions did, say) may be undefined.
    """
    from uruk.passes.faults import Faults  # a lookup imports this module for its limits

    faults = Faults()
    # Edges of kind 0 write nothing: what only they refer to is not needed.
    edges = true_rows(np.isin(state.canonical[state.edges.target], rows) & (state.edges.kind != 0))
    faults.add(edges, state.objects_of(edges), lambda rows: _error(state, rows, hints))
    faults.raise_any()


def _error(state: State, edges: AnyArray, hints: Hints | None) -> UndefinedSymbols:
    """Return the error of some edges to undefined names."""
    target = state.canonical[state.edges.target[edges]]
    # Stable: the places of each name stay in the order of the edges.
    order = target.argsort(kind="stable")
    edges, target = edges[order], target[order]
    first = true_rows(np.append(True, target[1:] != target[:-1]))
    needs: dict[bytes, tuple[tuple[str, ...], int]] = {}
    for begin, end in zip(first.tolist(), [*first[1:].tolist(), target.size], strict=True):
        name = state.names.text(int(state.symbols.name[target[begin]]))
        # Places cost a search each. Nobody reads them for more than a thousand names.
        shown = min(end - begin, SHOWN_PLACES) if len(needs) < MOST_HINTS else 0
        shown_edges: list[int] = edges[begin : begin + shown].tolist()
        needs[name] = tuple(state.place_of(edge) for edge in shown_edges), end - begin
    # Names beyond the thousand have no places, and are not looked for.
    known: Mapping[bytes, str] = {}
    if hints is not None:
        known = hints({name: places[0] for name, (places, _) in needs.items() if places})
    return UndefinedSymbols([_undefined(name, *need, known.get(name, "")) for name, need in needs.items()])


def _undefined(name: bytes, places: tuple[str, ...], count: int, hint: str) -> Undefined:
    text = name.decode("utf-8", "replace")
    from uruk.demangle import demangle  # for errors: not at start-up

    return Undefined(text, demangle(text) if places else text, places, count, hint)
