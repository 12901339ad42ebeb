"""Another process as a Linux process where linked code runs: a child, or one that is reached over a socket."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from uruk.executor.control import Runtime
from uruk.executor.remote import RemoteExecutor
from uruk.executor.stub_pool import StubPool
from uruk.isa.interface import architecture_of
from uruk.platforms.linux.loader_there import RemoteLoader
from uruk.platforms.linux.process import LinuxProcess

if TYPE_CHECKING:
    from uruk.platforms.linux.tls.carriers import Carriers


def _answer(payload: bytes, pool: StubPool) -> bytes:
    from uruk.executor.lazy_stubs import answer  # most programs have no lazy functions

    return answer(payload, pool)


class LinuxThere(LinuxProcess):
    """See `LinuxProcess`."""

    def __init__(self, executor: RemoteExecutor) -> None:
        architecture = architecture_of(executor.process.triple)
        pool = StubPool(executor.memory.mapper, architecture)
        super().__init__(executor, lambda: pool)
        self._there = executor
        executor.forget_by(pool.forget)
        # The executor's line keeps the handler, which must not keep the executor: it is closed when it has no user.
        executor.serve(executor.runtime.address[b"uruk_rt_lazy_tag"], lambda payload: _answer(payload, pool))

    @property
    def runtime(self) -> Runtime:
        """See `LinuxProcess.runtime`."""
        return self._there.runtime

    def carriers(self) -> Carriers:
        """See `LinuxProcess.carriers`."""
        return self._carriers

    @cached_property
    def _carriers(self) -> Carriers:
        from uruk.formats.elf.loadable import MACHINES
        from uruk.platforms.linux.tls.carriers import Carriers  # most sessions have no thread-locals

        there = self._there
        loader = RemoteLoader(there.runtime, there.child.tls_pool if there.child else 0)
        return Carriers(loader, MACHINES[architecture_of(there.process.triple).name])

    def callback(self, text: str, function: Callable[..., int]) -> tuple[int, object]:
        """See `LinuxProcess.callback`."""
        callback = self._there.callback(text, function)
        return callback.address, callback

    def guard(self, address: int) -> int:
        """See `LinuxProcess.guard`: no address there is a Python function's of this process."""
        return address
