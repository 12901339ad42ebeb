"""A process of Windows as the platform and links use it: by calls of the runtime that its executor has."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from uruk.executor.control import Runtime
from uruk.executor.lazy_stubs import LazyStubs, answer
from uruk.executor.lazy_there import lazy_functions_there, start_lazy_functions
from uruk.executor.process_stubs import ProcessStubs
from uruk.executor.remote import RemoteExecutor
from uruk.executor.stub_pool import StubPool
from uruk.isa.interface import architecture_of
from uruk.platforms.bare import BareHost
from uruk.platforms.windows.carriers import Carriers
from uruk.target import Target

if TYPE_CHECKING:
    import threading


class WindowsProcess(BareHost):
    """The process of one session's executor; also the host of its links (`uruk.link.Host`).

    No variable of a DLL is copied, as code reaches it through slots (`__imp_X`, `.refptr.X`). There are no IFUNCs.
    """

    def __init__(self, executor: RemoteExecutor) -> None:
        super().__init__(executor.memory)
        self.executor = executor
        architecture = Target.of_triple(executor.process.triple).architecture
        self.tls = Carriers(architecture, executor.libraries, self._unload)
        pool = StubPool(executor.memory.mapper, architecture_of(executor.process.triple))
        executor.forget_by(pool.forget)
        self._stubs = ProcessStubs(executor, pool)
        # The executor's line keeps the handler, which must not keep the executor: it is closed when it has no user.
        executor.serve(executor.runtime.address[b"uruk_rt_lazy_tag"], lambda payload: answer(payload, pool))

    @cached_property
    def _free_library(self) -> int:
        """The address of the function that closes a module."""
        return self.executor.libraries.find_symbol(None, b"FreeLibrary")[0]

    def _unload(self, handle: int) -> None:
        # A process that is gone has given back its modules itself.
        if not self.executor.lost:
            self.executor.process.call(self._free_library, handle)

    @property
    def runtime(self) -> Runtime:
        """The uruk runtime in it."""
        return self.executor.runtime

    def callback(self, text: str, function: Callable[..., int]) -> tuple[int, object]:
        """Return the address of a function of C type `text` that calls a Python function, and what keeps it alive."""
        callback = self.executor.callback(text, function)
        return callback.address, callback

    def native_calls(self) -> None:
        """Return nothing: Python runs in another process."""

    def guard(self, address: int) -> int:
        """See `uruk.platforms.systems.SystemProcess.guard`: no address there is a Python function's of this process."""
        return address

    def lazy_stubs(
        self,
        resolve: Callable[[int], int],
        on_error: Callable[[int, BaseException], object],
        lock: threading.RLock | None = None,
    ) -> LazyStubs:
        """See `uruk.platforms.systems.SystemProcess.lazy_stubs`. `close` closes them."""
        start_lazy_functions(self.runtime)
        return self._stubs.make(lazy_functions_there(self.runtime), resolve, on_error, lock)

    def close(self) -> None:
        """Give back what lies outside the executor's memory: the session is closed, and the process goes on."""
        self._stubs.close()
