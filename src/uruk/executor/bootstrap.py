"""An executor before the runtime is in it: enough to link the runtime, by LLVM's services alone.

The runtime comes in by messages, whatever memory linked objects will have: shared memory of LLVM's service would be a
file that the executor names, on a file system that may be full, absent, or mounted with noexec.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import ExecutorError, ExecutorLost, InternalError, LibraryError
from uruk.executor.control import Argument
from uruk.executor.library_symbols import FoundSymbols
from uruk.executor.llvm_services import Part, Services
from uruk.graph.types import U8, signed, true_rows
from uruk.memory.mapper import Range, Reach
from uruk.memory.zones import PROTECTIONS
from uruk.records import field, record

if TYPE_CHECKING:
    from uruk.memory.interface import SegmentLike

ROOM = 1 << 20
"""Bytes that the runtime is given: more than it takes, so that one reservation will do."""


@record
class _Block:
    """The one allocation, as the link sees it; see `uruk.memory.interface.Allocation`."""

    base: int
    image: U8
    segments: list[tuple[int, int, int]]
    parts: list[Part] = field(default_factory=list[Part])
    header = None
    frames = None
    names = None

    @property
    def image_base(self) -> int:
        """See `uruk.memory.interface.Allocation.image_base`."""
        return self.base

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

    def free_segments(self, which: Sequence[int]) -> int:
        """See `free`."""
        return 0

    def withhold(self, which: Sequence[int]) -> int:
        """See `free`."""
        return 0

    def give_withheld(self, which: Sequence[int]) -> None:
        """See `free`."""


class BootstrapMemory:
    """One block of the executor's memory, filled here and brought there by `finish`; see `Memory`."""

    fixed = False
    near = None

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
        # Zones are numbers in the order of PROTECTIONS, so that equal protections come together.
        for zone, protection in enumerate(PROTECTIONS):
            begin = end
            for index, segment in enumerate(segments):
                if segment.zone == zone:
                    # Floor division of the negated number rounds up.
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

    def expect(self, sizes: Sequence[int]) -> None:
        """See `Memory.expect`: the runtime is small."""

    def holds(self, address: int) -> bool:
        """See `Memory.holds`."""
        return self.block is not None and self.block.base <= address < self.block.base + ROOM

    def library_window(self) -> AbstractContextManager[None]:
        """See `Memory.library_window`: no library is loaded yet."""
        return nullcontext()

    def close(self) -> None:
        """See `Memory.close`: the memory goes with the executor."""

    def finish(self) -> None:
        """Bring what was linked to where it runs."""
        block = self.block
        if block is None:
            raise InternalError("nothing of the runtime was linked")
        self.services.finalize(block.base, block.image, block.parts)


class BootstrapProcess:
    """See `uruk.executor.control.ProcessControl`: what is known of a process whose functions cannot be called yet."""

    is_here = False

    def __init__(self, services: Services) -> None:
        self.triple = services.connection.setup.triple
        self.page_size = services.connection.setup.page_size

    def call(self, address: int, *arguments: Argument) -> int:
        """See `ProcessControl.call`."""
        raise InternalError(f"the function at {address:#x} is to be called before the executor has its runtime")

    def read(self, address: int, size: int) -> bytes:
        """See `ProcessControl.read`."""
        raise InternalError(f"{size} bytes at {address:#x} are to be read before the executor has its runtime")

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """See `ProcessControl.write`."""
        self.write_many([(address, data)])

    def write_many(self, writes: Sequence[tuple[int, bytes | bytearray | memoryview]]) -> None:
        """See `ProcessControl.write_many`."""
        raise InternalError(f"{len(writes)} places are to be written before the executor has its runtime")


class BootstrapLibraries:
    """See `uruk.executor.interface.Libraries`: the names of the process, as LLVM's services find them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._everything = services.open_library("")

    def load(self, path: str, *, everywhere: bool = False) -> int:
        """See `Libraries.load`."""
        try:
            return self._services.open_library(path)
        except ExecutorLost:
            raise
        except ExecutorError as error:
            # The text begins with the name of the service, which says nothing to users.
            raise LibraryError(path, str(error).partition(": ")[2] or str(error)) from error

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """See `Libraries.find_symbol`; what is data is not known."""
        return self._services.find_symbols(self._everything if handle is None else handle, [name])[0], False

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        """See `Libraries.find_symbols`; what is data is not known."""
        symbols = FoundSymbols.nothing(len(names))
        for handle in handles:
            # Each library is asked only for what those before it lack: the first that has a name answers.
            rows: list[int] = true_rows(symbols.address == 0).tolist()
            wanted = [names[row] for row in rows]
            addresses = self._services.find_symbols(self._everything if handle is None else handle, wanted)
            symbols.address[rows] = [signed(address) for address in addresses]
        return symbols


class BootstrapExecutor:
    """An executor before its runtime is in it; see `uruk.executor.interface.Executor`."""

    def __init__(self, services: Services) -> None:
        self.process = BootstrapProcess(services)
        self.memory = BootstrapMemory(services)
        self.libraries = BootstrapLibraries(services)
        self._connection = services.connection

    @property
    def lost(self) -> ExecutorLost | None:
        """See `Executor.lost`."""
        return self._connection.lost

    def check_calls(self) -> None:
        """See `Executor.check_calls`."""
        self._connection.check_calls()

    def end_within(self, seconds: float) -> None:
        """See `Executor.end_within`."""
        self._connection.end_within(seconds)

    def close(self) -> None:
        """See `Executor.close`: the connection is its owner's."""
