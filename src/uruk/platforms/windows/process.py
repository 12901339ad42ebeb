"""A process of Windows as the platform and links use it: by calls of the runtime that its executor has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from uruk.errors import UrukError
from uruk.executor.control import Runtime
from uruk.executor.remote import RemoteExecutor
from uruk.platforms.bare import BareHost

if TYPE_CHECKING:
    import threading

    from uruk.executor.lazy_stubs import LazyStubs


class WindowsProcess(BareHost):
    """The process of one session's executor; also the host of its links (`uruk.link.Host`).

    No variable of a DLL is copied, as code reaches it through slots (`__imp_X`, `.refptr.X`). There are no
    thread-locals of linked code yet, and no IFUNCs.
    """

    def __init__(self, executor: RemoteExecutor) -> None:
        super().__init__(executor.memory)
        self.executor = executor

    @property
    def runtime(self) -> Runtime:
        """The uruk runtime in it."""
        return self.executor.runtime

    def callback(self, text: str, function: Callable[..., int]) -> tuple[int, object]:
        """The address of a function of C type `text` that calls a Python function, and what keeps it alive."""
        callback = self.executor.callback(text, function)
        return callback.address, callback

    def guard(self, address: int) -> int:
        """See `uruk.platforms.systems.SystemProcess.guard`: no address there is a Python function's of this process."""
        return address

    def lazy_stubs(
        self,
        resolve: Callable[[int], int],
        on_error: Callable[[int, BaseException], object],
        lock: threading.RLock | None = None,
    ) -> LazyStubs:
        """See `uruk.platforms.systems.SystemProcess.lazy_stubs`. Raises UrukError: nothing notices a first call yet."""
        raise UrukError("lazy functions are made when they are called, which uruk does not notice on Windows yet")
