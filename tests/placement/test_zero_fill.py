"""Layout puts zero-fill behind what has content, and says where content ends."""

from __future__ import annotations

import numpy as np
import pytest

from uruk.memory.inprocess import InProcessMapper
from uruk.memory.manager import Reach, SlabManager
from uruk.passes.layout import Segment

from support.compiling import Compile
from support.linking import batch

pytestmark = pytest.mark.quick

TEXT = """
    __asm__(".bss\\n.balign {bss}\\n.zero {size}\\n.data\\n.balign {data}\\n.byte 5\\n"
            ".section .bss.more,\\"aw\\",@nobits\\n"
            ".balign 2\\n.zero 3\\n.section .data.more,\\"aw\\"\\n.balign 16\\n.quad 7\\n"
            ".section .tdata,\\"awT\\"\\n.balign 8\\n.long 9\\n"
            ".section .tbss,\\"awT\\",@nobits\\n.balign {bss}\\n.zero {size}\\n"
            ".comm com,{size},{bss}\\n.comm small,1,1\\n.text");
    const int table[5] = {{1}};
"""


@pytest.mark.parametrize(("bss", "data"), [(1, 1), (64, 4), (4096, 8), (8, 4096), (1, 32)])
@pytest.mark.parametrize("together", [True, False])
def test_content_comes_first(cc: Compile, bss: int, data: int, together: bool) -> None:
    size = 10_000
    objects = [
        cc(TEXT.format(bss=bss, data=data, size=size).replace("com,", f"{name},").replace("table", f"t{name}"))
        for name in ("one", "two")
    ]
    with batch(*objects, together=together) as one:
        linked = one.link()
        state, segments = linked.state, linked.layout.segments
        placed = np.flatnonzero((state.segment >= 0) & (state.blocks.size > 0))
        segment, end = state.segment[placed], state.offset[placed] + state.blocks.size[placed]
        assert not (state.address[placed] % state.blocks.align[placed]).any()
        full = state.blocks.content[placed] >= 0
        for index, of in enumerate(segments):
            mine = segment == index
            assert end[mine].max(initial=0) <= of.size
            assert end[mine & full].max(initial=0) <= of.stored <= of.size
            order = np.argsort(state.offset[placed][mine], kind="stable")
            assert (end[mine][order][:-1] <= state.offset[placed][mine][order][1:]).all(), "blocks overlap"
            assert of.zone == 0 or of.stored < 300 + 2 * max(data, 32) + 2 * bss * (of.zone == 1)


def test_code_reaches_both_ends_of_a_slab_full_of_data() -> None:
    """However the zones are divided: with more room than is asked for only where that leaves all within 2 GiB."""
    for wanted in (1 << 20, 500 << 20, 1400 << 20, 1900 << 20, 2040 << 20):
        manager = SlabManager(InProcessMapper())
        sizes = [(0, 4096), (1, 4096), (2, wanted)]
        allocation = manager.allocate([Segment(0, zone, size, 16, 0) for zone, size in sizes], Reach())
        (_, code, _), (_, constants, _), (_, data, _) = allocation.segments
        assert max(data + wanted, constants) - code < 1 << 31
        manager.close()
