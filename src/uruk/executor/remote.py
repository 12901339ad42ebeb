"""The executor that is another process: a child, or one that is reached over a socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.errors import ExecutorLost
from uruk.executor import sps
from uruk.executor.connection import Connection
from uruk.executor.control import Runtime
from uruk.executor.remote_process import RemoteProcess
from uruk.memory.manager import DEFAULT_SLAB, SlabManager
from uruk.memory.mapper import Mapper

if TYPE_CHECKING:
    from uruk.executor.launch import Child

RUN_PROGRAM = "uruk_executor_run_program"


class RemoteExecutor:
    """Another process as the place where linked code runs; see `uruk.spawn` and `uruk.connect`.

    `child` is the process, if this one has started it. One session uses it; that closes it.
    """

    def __init__(
        self,
        connection: Connection,
        runtime: Runtime,
        mapper: Mapper,
        child: Child | None = None,
        slab_size: int = DEFAULT_SLAB,
    ) -> None:
        self.connection = connection
        self.runtime = runtime
        assert isinstance(runtime.process, RemoteProcess)
        self.process: RemoteProcess = runtime.process
        self.child = child
        self.memory = SlabManager(mapper, slab_size)
        self.closed = False

    @property
    def lost(self) -> ExecutorLost | None:
        """Why it cannot be used any more; None while it can."""
        return self.connection.lost

    def read_object(self, address: int) -> bytes:
        """The content of a library's variable; empty if its size is not known."""
        raise NotImplementedError

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """Call functions without arguments that return an address (IFUNC resolvers), in order."""
        words = bytearray(sps.u64(*addresses))
        self.runtime.call(b"uruk_rt_call_resolvers", words, len(addresses))
        return [int.from_bytes(words[at : at + 8], "little") for at in range(0, len(words), 8)]

    def call(self, address: int, *arguments: int) -> int:
        """Call a function of 64-bit integer arguments that returns an int."""
        value = self.process.call(address, *arguments) & 0xFFFFFFFF
        return value - (1 << 32) if value >> 31 else value
