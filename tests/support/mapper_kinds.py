"""The three mappers, all for memory of this process: that of the other two is mapped twice, here and "there"."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence

from uruk.errors import AllocationError
from uruk.executor.this_process import THIS_PROCESS, ThisProcess
from uruk.memory.epc import EPCMapper
from uruk.memory.fallback import FallbackMapper
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.linux.shared_object import SharedObject
from uruk.memory.mapper import Mapper
from uruk.memory.shared import SharedMapper
from uruk.platforms.linux.runtime_here import process_runtime
from uruk.platforms.linux.slabs_here import InProcessSlabs
from uruk.platforms.linux.slabs_there import RemoteSlabs


def no_memory(size: int) -> SharedObject:
    """A kind of shared memory that is never to be had."""
    raise AllocationError(f"there are no {size} bytes")


MAPPERS: dict[str, Callable[[], Mapper]] = {
    "in process": InProcessMapper,
    "epc": lambda: EPCMapper(THIS_PROCESS, process_runtime()),
    "shared, memfd": lambda: SharedMapper(THIS_PROCESS, process_runtime(), "memfd"),
    "shared, shm": lambda: SharedMapper(THIS_PROCESS, process_runtime(), "shm"),
    "shared or by messages": lambda: FallbackMapper(
        SharedMapper(THIS_PROCESS, process_runtime()), lambda: EPCMapper(THIS_PROCESS, process_runtime())
    ),
    "by messages after all": lambda: FallbackMapper(
        SharedMapper(THIS_PROCESS, process_runtime(), no_memory), lambda: EPCMapper(THIS_PROCESS, process_runtime())
    ),
}


def _remote() -> RemoteSlabs:
    return RemoteSlabs(process_runtime())


KNOWING_MAPPERS: dict[str, Callable[[], Mapper]] = {
    "in process": lambda: InProcessMapper(InProcessSlabs()),
    "epc": lambda: EPCMapper(THIS_PROCESS, process_runtime(), _remote()),
    "shared, memfd": lambda: SharedMapper(THIS_PROCESS, process_runtime(), "memfd", _remote()),
    "shared, shm": lambda: SharedMapper(THIS_PROCESS, process_runtime(), "shm", _remote()),
}
"""Those whose slabs the dynamic loader knows."""


class RecordingProcess(ThisProcess):
    """Notes what is sent: a list of (address, size) for every message."""

    def __init__(self) -> None:
        self.messages: list[list[tuple[int, int]]] = []

    def write_many(self, writes: Sequence[tuple[int, bytes | bytearray | memoryview]]) -> None:
        """See `ProcessControl.write_many`."""
        self.messages.append([(address, len(data)) for address, data in writes])
        super().write_many(writes)

    def sent(self) -> list[tuple[int, int]]:
        """All ranges that were sent, in order of address; no two overlap unless bytes were sent twice."""
        return sorted(one for message in self.messages for one in message)


def shared_mappings() -> int:
    """How many mappings of this process are of memory that uruk shares; a mapping lasts as long as its views."""
    gc.collect()
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        return sum("memfd:uruk" in line or "/dev/shm/uruk-" in line for line in maps)
