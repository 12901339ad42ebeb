"""Lines of sources of what one link has placed, for profilers."""

from __future__ import annotations

from uruk.debug_info.lines import Line, can_read_lines, lines_of
from uruk.errors import UrukError
from uruk.formats.registry import debug_sections
from uruk.graph.graph import Zone
from uruk.graph.types import true_rows, unsigned
from uruk.passes.state import State


def lines_of_link(state: State) -> list[Line]:
    """Return the lines of a link's code by address; none without pyelftools.

    Objects whose debug information cannot be read have none: the program is sound all the same.
    """
    lines: list[Line] = []
    if not can_read_lines():
        return lines
    for index, file in enumerate(state.graph.files):
        places = _places(state, index)
        try:
            lines += lines_of(file, debug_sections(state.graph, index, places) if places else {})
        except UrukError:
            continue
    return sorted(lines)


def _places(state: State, index: int) -> dict[int, int]:
    """Return where code of an object lies, by the offset of its section's content in the file."""
    graph = state.graph
    if index >= len(graph.spans):
        return {}
    blocks, start = graph.blocks, graph.spans[index].start
    first, end = int(graph.ranges.blocks[index]), int(graph.ranges.blocks[index + 1])
    own = state.live[first:end] & (blocks.zone[first:end] == Zone.RX) & (blocks.content[first:end] >= 0)
    rows = (true_rows(own) + first).tolist()
    return {int(blocks.content[row]) - start: unsigned(int(state.address[row])) for row in rows}
