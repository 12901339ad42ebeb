"""Where islands lie in code that is larger than its branches reach: small numbers in place of real sizes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from uruk.graph.graph import Blocks, Zone
from uruk.graph.types import AnyArray
from uruk.passes.faults import Faults, LinkFaults
from uruk.passes.islands import ROOM, Islands, leaves_reach, of_edges, plan
from uruk.passes.state import State

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

REACH = 1000
"""What branches reach without the part that is kept back."""
CODE, DATA = Zone.RX, Zone.RW


def state_of(
    sizes: list[int],
    *,
    aligns: list[int] | None = None,
    modules: list[int] | None = None,
    zones: list[int] | None = None,
    dead: tuple[int, ...] = (),
    reach: int = ROOM + REACH,
) -> State:
    """What islands need to know of a link: blocks, the modules that they are of, and the reach of branches."""
    count = len(sizes)
    live = np.ones(count, np.bool_)
    live[list(dead)] = False
    zero, none = np.zeros(count, np.int64), np.full(count, -1, np.int32)
    blocks = Blocks(
        zero.astype(np.int32), zero, zero, np.array(sizes, np.int64), np.array(aligns or [1] * count, np.int64),
        np.array(zones or [CODE] * count, np.uint8), zero.astype(np.uint8), none,
    )  # fmt: skip
    of_blocks = np.array(modules or [0] * count, np.int32)
    titles = ["m"] * (int(of_blocks.max(initial=0)) + 1)
    kinds = SimpleNamespace(branch_reach=reach)
    state = SimpleNamespace(
        modules=titles, graph=SimpleNamespace(kinds=kinds), live=live, blocks=blocks, block_module=of_blocks
    )
    return cast(State, state)


def lists(islands: Islands) -> dict[str, list[int] | None]:
    names = ("of_block", "module", "region", "of_island", "middle", "next_of_block", "start")
    return {name: None if (column := getattr(islands, name)) is None else column.tolist() for name in names}


@pytest.mark.parametrize(("last", "large"), [(500, False), (501, True)])
def test_code_that_branches_reach_has_no_islands(last: int, large: bool) -> None:
    """Data and dead code do not count, and each module does for itself."""
    state = state_of(
        [500, last, 900, 900, 900], modules=[0, 0, 0, 0, 1], zones=[CODE, CODE, DATA, CODE, CODE], dead=(3,)
    )
    islands = plan(state)
    assert (islands.region is not None) is large
    if not large:
        assert lists(islands)["of_block"] == [0, 0, 0, 0, 1]
        assert lists(islands)["module"] == [0, 1]
    without = state_of([500, last], reach=0)
    assert plan(without).region is None


def test_regions() -> None:
    """Half the reach is 500: blocks begin at 0, 400, 700, 800, 1500 and 1800, and the fourth is larger than that."""
    sizes = [400, 300, 100, 700, 300, 200, 50, 8]
    islands = plan(state_of(sizes, modules=[0, 0, 0, 0, 0, 0, 1, 0], zones=[CODE] * 7 + [DATA]))
    assert lists(islands) == {
        "of_block": [0, 0, 2, 3, 4, 4, 1, 0], "module": [0, 1, 0, 0, 0, 0], "region": [0, 0, 1, 2, 3, 3, 0, 0],
        "of_island": [0, 0, 1, 2, 3, 4], "middle": [400, 300, 100, 350, 300, 200, 50, 8],
        "next_of_block": [2, 2, 3, 4, 5, 5, 1, 0], "start": [0, 400, 700, 800, 1500, 1800, 0, 0],
    }  # fmt: skip


def test_two_large_modules() -> None:
    islands = plan(state_of([900, 300, 900, 300], modules=[0, 0, 1, 1]))
    assert lists(islands) == {
        "of_block": [0, 2, 1, 4], "module": [0, 1, 0, 0, 1, 1], "region": [0, 1, 0, 1],
        "of_island": [0, 0, 1, 2, 1, 2], "middle": [450, 300, 450, 300], "next_of_block": [2, 3, 4, 5],
        "start": [0, 900, 0, 900],
    }  # fmt: skip


@pytest.mark.parametrize(("size", "regions", "middle"), [(500, [0, 1, 2], 500), (501, [0, 1, 2], 250)])
def test_a_block_of_half_the_reach(size: int, regions: list[int], middle: int) -> None:
    islands = plan(state_of([size, 10, size]))
    assert lists(islands)["middle"] == [middle, 10, middle]
    first = plan(state_of([10, size, 10, 600]))
    assert lists(first)["region"] == ([0, 0, 1, 2] if size == 500 else [0, 1, 2, 3])


def test_the_widest_alignment_comes_first() -> None:
    """Sizes are rounded up to each block's own: 100 to 128, 10 to 12."""
    islands = plan(state_of([10, 100, 2000, 64], aligns=[4, 64, 4, 64]))
    assert lists(islands)["start"] == [192, 0, 204, 128]


@pytest.mark.parametrize("count", [199, 200])
def test_the_most_regions(count: int) -> None:
    islands = plan(state_of([600] * count))
    assert islands.region is not None
    assert islands.region[-3:].tolist() == [196, 197, 198] if count == 199 else [197, 198, 198]
    assert islands.module.size == 200


def with_edges(state: State, edges: list[tuple[int, int, int]], symbols: list[tuple[int, int]]) -> State:
    """Edges are (block, offset, symbol), symbols (block, value)."""
    columns = np.array(edges).T if edges else np.empty((3, 0), np.int64)
    state.edges = cast(object, SimpleNamespace(block=columns[0], offset=columns[1], target=columns[2]))  # pyright: ignore[reportAttributeAccessIssue]
    state.symbols = cast(  # pyright: ignore[reportAttributeAccessIssue]
        object,
        SimpleNamespace(
            block=np.array([block for block, _ in symbols]),
            value=np.array([at for _, at in symbols], np.int64).view(np.uint64),
        ),
    )
    state.canonical = np.arange(len(symbols), dtype=np.int32)
    return state


def test_islands_of_edges() -> None:
    """The second half of a large block uses the island behind it."""
    state = state_of([400, 700, 300])
    islands = plan(state)
    with_edges(state, [(0, 399, 0), (1, 349, 0), (1, 350, 0), (2, 0, 0), (2, 299, 0)], [(0, 0)])
    assert of_edges(state, islands, np.arange(5)).tolist() == [0, 1, 2, 2, 2]
    assert of_edges(state, islands, np.array([2, 1])).tolist() == [2, 1]
    small = state_of([400, 500], modules=[0, 1])
    with_edges(small, [(1, 499, 0), (0, 3, 0)], [(0, 0)])
    assert of_edges(small, plan(small), np.arange(2)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("value", "offset", "far"),
    [(1010, 10, False), (1011, 10, True), (10, 1010, False), (10, 1011, True), (7, 7, False)],
)
def test_branches_that_may_not_reach(value: int, offset: int, far: bool) -> None:
    """What is 1,000 bytes off is still reached, in either direction; a symbol of no block is others' to reach."""
    state = state_of([2000, 2000, 2000])
    islands = plan(state)
    with_edges(state, [(0, offset, 0), (1, offset, 1), (2, offset, 2)], [(0, value), (1, value), (-1, value)])
    assert leaves_reach(state, islands, np.arange(3)).tolist() == [far, far, False]


def test_branches_to_other_modules_and_blocks() -> None:
    state = state_of([600, 600, 100], modules=[0, 0, 1])
    islands = plan(state)
    with_edges(
        state,
        [(0, 599, 0), (1, 400, 1), (1, 401, 1), (2, 0, 0), (0, 0, 2), (0, 0, 3)],
        [(1, 599), (0, 0), (2, 0), (-1, 0)],
    )
    assert leaves_reach(state, islands, np.arange(6)).tolist() == [False, False, True, True, True, False]
    plain = Islands(islands.of_block, islands.module)
    assert leaves_reach(state, plain, np.arange(6)).tolist() == [False, False, False, True, True, False]


def test_faults_without_an_object() -> None:
    """Rows that a plug-in has added have none; an error is raised where there are no others."""
    faults = Faults()
    faults.add(np.array([], np.int64), np.array([], np.int64), lambda rows: AssertionError(rows))  # pyright: ignore[reportArgumentType]
    faults.raise_any()
    with pytest.raises(LookupError, match="5, 6"):
        faults.add(np.array([5, 6]), np.array([-1, -1]), lambda rows: LookupError(str(rows.tolist())))  # pyright: ignore[reportArgumentType]

    def error_of(rows: AnyArray) -> Exception:
        return LookupError(str(rows.tolist()))

    faults.add(np.array([5, 6, 7, 8]), np.array([-1, 0, 3, 0]), error_of)  # pyright: ignore[reportArgumentType]
    with pytest.raises(LinkFaults) as caught:
        faults.raise_any()
    (fault,) = caught.value.faults
    assert fault.objects.tolist() == caught.value.objects.tolist() == [0, 3]
    assert str(fault.error(np.array([True, False, False, False]))) == "[6, 8]"
    assert str(fault.error(np.array([False, False, False, True]))) == "[7]"
