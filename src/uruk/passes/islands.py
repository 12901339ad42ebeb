"""The places of stubs: one place a module, or, where code is larger than its branches reach, islands in between.

Large code is divided into regions, in the order in which layout will have it; each begins with an island, and one more
island follows the last. Blocks that begin within half a branch's reach are one region. A block that is larger than that
has an island in front and one behind, and each of its branches uses the nearer one, so that code of twice the reach can
stand in one section.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Zone
from uruk.graph.types import I32, I64, U8, Bool, ranks, true_rows
from uruk.passes.state import State
from uruk.records import record

ROOM = 20 << 20
"""The part of a branch's reach that is kept back, in bytes: for the stubs themselves, and what alignment takes."""
ISLAND_ALIGN = 1 << 16
"""More than functions are aligned to: layout puts the widest first, so that a region begins with its island."""
MOST_REGIONS = 200


@record
class Islands:
    """Numbers of islands; the first of each module has the module's own number."""

    of_block: I32
    """The island that a block's code uses."""
    module: I32
    """The module of each island."""
    region: U8 | None = None
    """By block; None where no module is so large."""
    of_island: U8 | None = None
    """The region of each island."""
    middle: I64 | None = None
    """By block: from this offset on its code uses the next island."""
    next_of_block: I32 | None = None
    start: I64 | None = None
    """By block: about where it will lie in its module's code."""


def plan(state: State) -> Islands:
    """Return the islands of a batch; see the top of this file."""
    modules = len(state.modules)
    own = np.arange(modules, dtype=np.int32)
    none = Islands(state.block_module, own)
    # Instruction sets whose branches reach all of a slab need no islands.
    if not state.graph.kinds.branch_reach:
        return none
    reach = state.graph.kinds.branch_reach - ROOM
    code = true_rows(state.live & (state.blocks.zone == Zone.RX))
    # Sizes as weights: the bytes of code of each module (exact, as float64 counts whole numbers up to 2^53).
    total = np.bincount(state.block_module[code], state.blocks.size[code], modules)
    large = true_rows(total > reach)
    if large.size == 0:
        return none
    return _with_regions(state, none, code, large, reach)


def _with_regions(state: State, none: Islands, code: I64, large: I64, reach: int) -> Islands:
    blocks = state.blocks
    count = len(blocks)
    of_block, region = none.of_block.copy(), np.zeros(count, np.uint8)
    following, start = none.of_block.copy(), np.zeros(count, np.int64)
    module, of_island = none.module.tolist(), [0] * none.module.size
    for owner in large.tolist():
        rows = code[state.block_module[code] == owner]
        rows = rows[np.argsort(-blocks.align[rows], kind="stable")]  # as layout orders them
        # Rounded up to each block's own alignment, as layout does; `x & -a` clears the bits below a power of two.
        size = (blocks.size[rows] + blocks.align[rows] - 1) & -blocks.align[rows]
        start[rows] = size.cumsum() - size
        alone = (size > reach // 2).cumsum()  # such a block has a region of its own
        # A block of more than half the reach adds 1 to its own number and 2 to all that follow: nothing shares its
        # region.
        number = start[rows] // (reach // 2) + alone + np.append(0, alone[:-1])
        # Regions without a block are left out, so that numbers are dense.
        number = ranks(number, int(number[-1]) + 1)[1]
        if number[-1] + 2 > MOST_REGIONS:
            # Regions are numbered in 8 bits. Code so large is left to the range checks.
            number = np.minimum(number, MOST_REGIONS - 2)
        # The module's own island comes first, then one new island in front of each further region, and one at the end.
        islands = [owner, *range(len(module), len(module) + int(number[-1]) + 1)]
        module += [owner] * (len(islands) - 1)
        of_island += range(1, len(islands))
        region[rows] = number
        of_block[rows] = np.array(islands, np.int32)[number]
        following[rows] = np.array(islands, np.int32)[number + 1]
    # In a block with a region of its own, the first half uses the island in front and the second half the one behind.
    middle = np.where(blocks.size > reach // 2, blocks.size // 2, blocks.size)
    numbers = np.array(module, np.int32), np.array(of_island, np.uint8)
    return Islands(of_block, numbers[0], region, numbers[1], middle, following, start)


def of_edges(state: State, islands: Islands, rows: I64) -> I32:
    """Return the island that each edge uses."""
    block = state.edges.block[rows]
    island = islands.of_block[block]
    if islands.middle is not None and islands.next_of_block is not None:
        behind = state.edges.offset[rows] >= islands.middle[block]
        island = np.where(behind, islands.next_of_block[block], island)
    return island


def leaves_reach(state: State, islands: Islands, rows: I64) -> Bool:
    """Return which of these branches, where they go to symbols of the batch, may turn out not to reach them."""
    symbols, edges = state.symbols, state.edges
    block = edges.block[rows]
    target = state.canonical[edges.target[rows]]
    home = symbols.block[target]
    # Index -1 looks at the last block; the second condition takes symbols without a block out.
    far = (state.block_module[home] != state.block_module[block]) & (home >= 0)
    if islands.start is not None:
        distance = islands.start[home] + symbols.value[target].view(np.int64)
        # About where things will lie: ROOM covers what alignment and stubs add.
        distance -= islands.start[block] + edges.offset[rows]
        far |= (np.abs(distance) > state.graph.kinds.branch_reach - ROOM) & (home >= 0)
    return far
