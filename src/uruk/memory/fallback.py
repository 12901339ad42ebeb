"""The mapper that shares memory if that is possible, and sends messages if it is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from uruk.errors import AllocationError
from uruk.memory.mapper import Expects
from uruk.memory.slab_object import OpensSlabs, SlabObject

if TYPE_CHECKING:
    from uruk.graph.types import U8
    from uruk.memory.mapper import Mapper, Protection, Range


class FallbackMapper:
    """Memory by `first`; by the mapper that `second` makes if the first reservation of `first` fails.

    Shared memory is a file: limits of files (RLIMIT_FSIZE, RLIMIT_NOFILE), a full or absent /dev/shm, and processes
    that do not see each other's files can forbid it. Messages need no file. See `uruk.memory.mapper.Mapper`.
    """

    def __init__(self, first: Mapper, second: Callable[[], Mapper]) -> None:
        self.mapper = first
        self.refused = ""
        """The reason for which `first` was given up; empty if it was not."""
        self._second: Callable[[], Mapper] | None = second

    @property
    def shares_memory(self) -> bool:
        """True if views are the memory itself."""
        return bool(getattr(self.mapper, "shares_memory", False))

    @property
    def page_size(self) -> int:
        """See `Mapper.page_size`."""
        return self.mapper.page_size

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """See `Mapper.reserve`."""
        try:
            address = self.mapper.reserve(size, low, high)
        except AllocationError as error:
            # Only the first reservation chooses: later ones must lie in memory of the same kind.
            if self._second is None:
                raise
            address = self._fall_back(self._second(), error, (size, low, high))
        self._second = None
        return address

    def _fall_back(self, mapper: Mapper, problem: AllocationError, wanted: tuple[int, int, int]) -> int:
        address = mapper.reserve(*wanted)
        self._use(mapper, problem)
        return address

    def _use(self, mapper: Mapper, problem: AllocationError) -> None:
        self.mapper = mapper
        self.refused = str(problem)
        from uruk.reporting import logger  # seldom needed

        logger().info("code and data go to the executor by messages: %s", problem)

    def open_slab(self, zones: Sequence[int], low: int = 0, high: int = 0) -> SlabObject:
        """See `OpensSlabs.open_slab`."""
        try:
            known = _open_slab(self.mapper, zones, low, high)
        except AllocationError as error:
            if self._second is None:
                raise
            # If this mapper succeeds, it was shared memory that failed, not the dynamic loader.
            mapper = self._second()
            known = _open_slab(mapper, zones, low, high)
            self._use(mapper, error)
        self._second = None
        return known

    def view(self, address: int, size: int) -> U8:
        """See `Mapper.view`."""
        return self.mapper.view(address, size)

    def prepare(self, ranges: Sequence[Range], content: Sequence[Range] | None = None) -> None:
        """See `Mapper.prepare`."""
        self.mapper.prepare(ranges, content)

    def expect(self, ranges: Sequence[Range]) -> None:
        """See `Expects.expect`."""
        if isinstance(self.mapper, Expects):
            self.mapper.expect(ranges)

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        """See `Mapper.initialize`."""
        self.mapper.initialize(ranges, protection, content)

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """See `Mapper.deinitialize`."""
        self.mapper.deinitialize(ranges)

    def release(self, address: int, size: int) -> None:
        """See `Mapper.release`."""
        self.mapper.release(address, size)


def _open_slab(mapper: Mapper, zones: Sequence[int], low: int, high: int) -> SlabObject:
    if not isinstance(mapper, OpensSlabs):
        raise AllocationError("this mapper has no dynamic loader that could know a slab")
    return mapper.open_slab(zones, low, high)
