"""The parts of a session's front and of its symbols that typed names are made from; LLJIT and Symbol have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from uruk.executor.interface import Executor
    from uruk.executor.remote import RemoteExecutor
    from uruk.graph.types import AnyArray
    from uruk.orc.dylib import JITDylib
    from uruk.orc.session import Session


class Linked(Protocol):
    """A linked symbol; `uruk.Symbol` is one."""

    name: str
    address: int
    executor: RemoteExecutor | None

    def __call__(self, *arguments: Any) -> Any:
        """Call the function."""
        ...


class Front(Protocol):
    """A session with its lookups and its memory; `uruk.LLJIT` is one."""

    session: Session
    main: JITDylib
    executor: Executor

    def lookup(self, name: str | bytes, dylib: JITDylib | None = None) -> Linked:
        """Return the symbol of a name. Raises UndefinedSymbols and what linking raises."""
        ...

    def read(self, address: Any, size: int) -> bytes:
        """Return bytes at an address."""
        ...

    def write(self, address: Any, data: Any) -> None:
        """Store bytes at an address."""
        ...

    def array(self, address: Any, shape: int | tuple[int, ...], dtype: Any = "uint8") -> AnyArray:
        """Return the memory at an address as an array."""
        ...
