"""What session and platform need of an executor: the place where linked code runs, whatever process that is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from uruk.errors import ExecutorLost
from uruk.executor.control import ProcessControl, Runtime
from uruk.executor.lazy_stubs import LazyFunctions, LazyStubs
from uruk.executor.library_symbols import FoundSymbols
from uruk.executor.process_tls import ProcessTLS

if TYPE_CHECKING:
    from uruk.memory.interface import Memory


class Executor(Protocol):
    """This process (`InProcessExecutor`) or another one (`RemoteExecutor`)."""

    lazy_functions: Callable[[], LazyFunctions] | None
    """Where the runtime's functions for lazy stubs come from; set by the platform."""

    @property
    def memory(self) -> Memory:
        """Where linked code is put."""
        ...

    @property
    def tls(self) -> ProcessTLS:
        """Who gives thread-local storage."""
        ...

    @property
    def process(self) -> ProcessControl:
        """The process: its memory, and calls of its functions."""
        ...

    @property
    def runtime(self) -> Runtime:
        """The uruk runtime in it."""
        ...

    @property
    def is_remote(self) -> bool:
        """Whether it is another process, which each question costs a message."""
        ...

    @property
    def lost(self) -> ExecutorLost | None:
        """Why it cannot be used any more; None while it can."""
        ...

    def read_object(self, address: int) -> bytes:
        """The content of a library's variable; empty if its size is not known."""
        ...

    def is_constant(self, address: int, size: int) -> bool:
        """Whether nobody may write to a library's variable."""
        ...

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """Call functions without arguments that return an address (IFUNC resolvers), in order."""
        ...

    def call(self, address: int, *arguments: int) -> int:
        """Call a function of 64-bit integer arguments that returns an int."""
        ...

    def load_library(self, path: str, *, everywhere: bool = False) -> int:
        """Load a shared library; returns its handle. Raises LibraryError, TLSError."""
        ...

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """Address of a symbol in a library (None: the process), 0 if it has none, and whether it is data."""
        ...

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        """What the first of the libraries that has it (None: the process) has by each name; asked for at once."""
        ...

    def find_tls(self, name: bytes, handles: Sequence[int]) -> str:
        """The loaded library that defines a thread-local, those with these handles first, or the empty string."""
        ...

    def register_frames(self, address: int) -> None:
        """Register the `.eh_frame` at `address`, which ends in a terminator."""
        ...

    def deregister_frames(self, address: int) -> None:
        """Take a registration out; once each, and before its memory goes."""
        ...

    def lazy_stubs(
        self,
        resolve: Callable[[int], int],
        on_error: Callable[[int, BaseException], object],
        lock: threading.RLock | None = None,
    ) -> LazyStubs:
        """Lazy stubs close to the slab; see `uruk.executor.lazy_stubs.LazyStubs`. Closed by `close` at the latest."""
        ...

    def end_within(self, seconds: float) -> None:
        """Let another process end within so many seconds, by force in the end: calls that wait then raise ExecutorLost.

        It is never prolonged; nothing is done where the process is this one.
        """
        ...

    def close(self) -> None:
        """Release all memory. Nothing linked may run any more."""
        ...
