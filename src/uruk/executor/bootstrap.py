"""An executor before the runtime is in it: just enough of a host to link the runtime, by LLVM's services alone.

The runtime comes in by messages, whatever memory linked objects will have: shared memory of LLVM's service would be a
file that the executor names, on a file system that may be full, absent, or mounted with noexec.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import InternalError
from uruk.executor.llvm_services import Part, Services
from uruk.graph.types import U8
from uruk.memory.mapper import Range, Reach
from uruk.memory.slab import PROTECTIONS

if TYPE_CHECKING:
    from uruk.memory.interface import SegmentLike

ROOM = 1 << 20
"""Bytes that the runtime is given: more than it takes, so that one reservation will do."""


@dataclass(eq=False, repr=False)
class _Block:
    """The one allocation, as the link sees it; see `uruk.memory.interface.Allocation`."""

    base: int
    image: U8
    segments: list[tuple[int, int, int]]
    parts: list[Part] = field(default_factory=list[Part])
    header: int | None = None

    def protect_code(self) -> None:
        """Nothing yet: everything is brought at once, by `BootstrapMemory.finish`."""

    def bring_data(self) -> None:
        """Nothing yet."""

    def bring_constants(self) -> None:
        """Nothing yet."""

    def seal(self, changed: Sequence[Range] = ()) -> None:
        """Nothing yet."""

    def free(self) -> int:
        """Nothing: the memory goes with the executor."""
        return 0


class BootstrapMemory:
    """One block of the executor's memory, filled here and brought there by `finish`."""

    fixed = False

    def __init__(self, services: Services) -> None:
        self.services = services
        self.block: _Block | None = None

    def allocate(self, segments: Sequence[SegmentLike], reach: Reach) -> _Block:
        """Place segments one after the other on pages, those of one protection together."""
        if self.block is not None:
            raise InternalError("the runtime is linked in one step")
        page = self.services.connection.setup.page_size
        base = self.services.reserve(ROOM)
        placed: dict[int, tuple[int, int, int]] = {}
        parts: list[Part] = []
        end = 0
        for zone, protection in enumerate(PROTECTIONS):
            begin = end
            for index, segment in enumerate(segments):
                if segment.zone == zone:
                    at = -(-end // max(segment.align, 1)) * max(segment.align, 1)
                    placed[index] = (zone, base + at, segment.size)
                    end = at + segment.size
            end = -(-end // page) * page
            if end > begin:
                parts.append(Part(begin, end - begin, protection))
        if end > ROOM:
            raise InternalError(f"the runtime takes {end} bytes")
        self.block = _Block(base, np.zeros(ROOM, np.uint8), [placed[index] for index in range(len(segments))], parts)
        return self.block

    def finish(self) -> None:
        """Bring what was linked to where it runs."""
        block = self.block
        if block is None:
            raise InternalError("nothing of the runtime was linked")
        self.services.finalize(block.base, block.image, block.parts)
