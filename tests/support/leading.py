"""A pass that leads all that means a function elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from uruk.passes import editing
from uruk.passes.state import State


def leads_to(wrapper: Path, function: str, to: str) -> Callable[[State], None]:
    """The pass: uses of a function lead to another one, but for those in the object that has the other one."""

    def lead(state: State) -> None:
        row = editing.symbol_row(state, function)
        if row is None:
            return
        for find in (editing.edges_into, editing.edges_to):
            edges = find(state, row)
            edges = edges[state.objects_of(edges) != editing.object_row(state, str(wrapper))]
            editing.redirect(state, edges, editing.add_reference(state, to))

    return lead
