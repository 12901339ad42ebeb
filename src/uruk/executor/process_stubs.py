"""The lazy stubs of one process, whatever system it has: made beside its linked code, and closed together."""

from __future__ import annotations

import threading
from collections.abc import Callable

from uruk.executor.interface import Executor
from uruk.executor.lazy_stubs import LazyFunctions, LazyStubs
from uruk.executor.stub_pool import StubPool


class ProcessStubs:
    """Makes lazy stubs in an executor's process, in memory of `pool`, and knows those that are to be closed."""

    def __init__(self, executor: Executor, pool: StubPool) -> None:
        self._executor = executor
        self._pool = pool
        self._stubs: list[LazyStubs] = []

    def make(
        self,
        functions: LazyFunctions,
        resolve: Callable[[int], int],
        on_error: Callable[[int, BaseException], object],
        lock: threading.RLock | None,
    ) -> LazyStubs:
        """Return lazy stubs close to linked code; `functions` are those of the process's runtime. Raises UrukError."""
        executor = self._executor
        stubs = LazyStubs(
            functions,
            resolve,
            on_error,
            lock=lock,
            # Asked when stubs are made: before there is any code, no place is near.
            near=lambda: executor.memory.near,
            pool=self._pool,
            read=lambda address: int.from_bytes(executor.process.read(address, 8), "little"),
        )
        self._stubs.append(stubs)
        return stubs

    def close(self) -> None:
        """Close all of them: no thread comes in by a lazy function any more."""
        for stubs in self._stubs:
            stubs.close()
        self._stubs.clear()
