"""Objects as a session reads them: for its target, with the names of a dylib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.formats.interface import Span
from uruk.formats.registry import read_objects, read_relocations
from uruk.graph.arena import Arena

if TYPE_CHECKING:
    from uruk.graph.graph import Graph
    from uruk.graph.names import Names
    from uruk.orc.registry.inputs import Source
    from uruk.target import Target


def in_arena(sources: Sequence[tuple[str, Source]]) -> tuple[Arena, list[Span]]:
    """Return objects, (name, bytes) each, as parts of one arena; the bytes are copied."""
    if len(sources) == 1:
        name, data = sources[0]
        return Arena.of_one(data), [Span(name, 0, len(data))]
    arena, starts = Arena.join([data for _, data in sources])
    return arena, [Span(name, at, len(data)) for (name, data), at in zip(sources, starts, strict=True)]


def parse(
    arena: Arena, spans: Sequence[Span], target: Target, names: Names, *, runs: bool, check_relocations: bool
) -> Graph:
    """Read objects into one graph. `runs`: their code is to run in the session's process, so that its conventions
    have to be that one's. Without `check_relocations` these are read when they are linked."""
    graph = read_objects(arena, spans, target, names)
    if graph.target is not target and runs:
        from uruk.orc.registry.conventions import check_convention  # most objects are of the executor's system

        check_convention(graph, target)
    if check_relocations and (graph.rows is None or graph.rows.edges is None):
        graph.edges = read_relocations(graph)
    return graph
