"""Section groups: of groups with one signature the first stays, the members of all others go."""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Graph
from uruk.graph.types import Bool, filled


def live_blocks(graph: Graph, dropped_groups: Bool) -> Bool:
    """Which blocks stay, given which groups lost to another one of the same signature."""
    group = graph.blocks.group
    live: Bool = filled(group.size, True, np.bool_)
    if dropped_groups.size:
        member = group >= 0
        live[member] = ~dropped_groups[group[member]]
    return live
