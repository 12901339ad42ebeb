"""The needs of session and platform of an executor: the place where linked code runs, whatever process that is.

An executor is a process, memory, libraries and a lifetime. What else code wants (unwinding, thread-local storage,
resolvers, lazy stubs) is the platform's, by calls of functions in the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from uruk.errors import ExecutorLost
    from uruk.executor.control import ProcessControl
    from uruk.executor.library_symbols import FoundSymbols
    from uruk.memory.interface import Memory


class Libraries(Protocol):
    """Shared libraries of a process, by handles, and the names that they and the process itself have."""

    def load(self, path: str, *, everywhere: bool = False) -> int:
        """Load a shared library; returns its handle. Raises LibraryError, TLSError.

        `everywhere` makes its symbols visible to libraries that are loaded later.
        """
        ...

    # An executor of Windows takes ``#7`` for the export number 7 of a library.

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """Return the address of a symbol in a library (None: the process), 0 if it has none, and whether it is data."""
        ...

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        """Return what libraries (None: the process) have by each name; asked for at once.

        The first library that defines a name itself answers, then the first that needs one which does.
        """
        ...


class Executor(Protocol):
    """A process where linked code runs: this one (`InProcessExecutor`), or another one (`RemoteExecutor`)."""

    @property
    def process(self) -> ProcessControl:
        """The process: its target and page size, calls of its functions, reads and writes of its memory."""
        ...

    @property
    def memory(self) -> Memory:
        """Return where linked code is put."""
        ...

    @property
    def libraries(self) -> Libraries:
        """Its shared libraries."""
        ...

    @property
    def lost(self) -> ExecutorLost | None:
        """Why it cannot be used any more; None while it can."""
        ...

    def check_calls(self) -> None:
        """Raise ExecutorError where this thread cannot make a call there now: it is in the middle of one.

        That is so in a signal's handler or a destructor; work of several calls asks before it begins.
        """
        ...

    def end_within(self, seconds: float) -> None:
        """Let another process end within so many seconds, by force in the end: calls that wait then raise ExecutorLost.

        It is never prolonged; nothing is done where the process is this one.
        """
        ...

    def close(self) -> None:
        """Release all memory. Nothing linked may run any more."""
        ...
