"""The part of LLJIT that calls linked code and looks at its memory: the same in this process and in others."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from uruk.errors import InvalidType, InvalidValue
from uruk.symbol import Symbol

if TYPE_CHECKING:
    from uruk.executor.callbacks import Callback
    from uruk.executor.data import Data
    from uruk.executor.interface import Executor
    from uruk.executor.remote import RemoteExecutor
    from uruk.graph.types import AnyArray
    from uruk.orc.session import Session
    from uruk.platforms.systems import SystemPlatform


class Calling:
    """Reads, writes and callbacks of a session's process. An address is an integer, a Symbol, or a callback."""

    executor: Executor
    session: Session
    platform: SystemPlatform
    _remote: RemoteExecutor | None

    def read(self, address: Any, size: int) -> bytes:
        """Return `size` bytes at an address. Raises InvalidAddress where they cannot be read."""
        return self._data().read(self._place(address), _size(size, "size"))

    def write(self, address: Any, data: Any) -> None:
        """Store bytes, or what any buffer has, at an address. Raises InvalidAddress where it cannot be written."""
        place = self._place(address)
        try:
            view = memoryview(data)
            content = view.cast("B") if view.c_contiguous else view.tobytes()
        except (TypeError, ValueError):
            raise InvalidType(f"{type(data).__name__} has no bytes to store: give bytes, or any buffer") from None
        self._data().write(place, content)

    def string(self, address: Any, encoding: str = "utf-8", errors: str = "strict", *, most: int = 1 << 24) -> str:
        """Return the text that begins at an address and ends before a NUL, after at most `most` bytes.

        Raises InvalidAddress, InvalidValue for one that does not end, UnicodeDecodeError as `errors` says.
        """
        for value in (encoding, errors):
            if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidType(f"{value!r} is no encoding, or way to treat errors, which are texts")
        return self._data().string(self._place(address), encoding, errors, _size(most, "most"))

    def array(self, address: Any, shape: int | tuple[int, ...], dtype: Any = "uint8") -> AnyArray:
        """Return the memory at an address as an array of numpy's.

        It is the memory itself in this process, and for linked code and data in one that shares memory with this one;
        elsewhere it is a copy that cannot be written (``array.flags.writeable`` is False): use `write`. The array must
        not be used after its memory is gone. Raises InvalidAddress.
        """
        return self._data().array(self._place(address), shape, dtype)

    def callback(self, prototype: str, function: Callable[..., Any]) -> Callback:
        """Return a Python function as one of a C type (``"int(int, double)"``), to be passed to linked code.

        It is kept until it is released, or the session closed. Pointers come as addresses, structures as
        `uruk.executor.layouts.Structure`. What it raises is raised by the call that led to it, when that returns.
        """
        self._runs()
        return self._callbacks.make(prototype, function)

    @property
    def _callbacks(self) -> Any:
        if self._remote is not None:
            return self._remote.callbacks
        from uruk.executor.callbacks_here import callbacks_of  # reads types by cffi, which most sessions do without

        return callbacks_of(self.session, self.platform.process.guard)

    def cdef(self, declarations: str | os.PathLike[str], *, flags: Sequence[str] = ()) -> None:
        """Declare types, enumerations and functions of C, from a text or a header file, for this session's prototypes.

        A function that is declared by its name needs no prototype: ``jit.lookup("g")(1)`` calls it. A text may have
        what cffi's `cdef` takes. A header is preprocessed first, by a compiler for the session's process, which gets
        the `flags` (``["-DWIDTH=8", "-Iinclude"]``); declarations of it that cannot be read are left out. Raises
        InvalidValue for a text that cannot be read, and nothing is declared then.
        """
        from uruk.typed_calls import declare  # reads types by cffi, which most sessions do without

        declare(self.session, declarations, flags)

    def _data(self) -> Data:
        self._runs()
        from uruk.executor.data import DataHere, DataThere  # most sessions look at no memory

        return DataHere() if self._remote is None else DataThere(self._remote)

    def _runs(self) -> None:
        self.session.check_open()
        if self.session.only_links:
            raise InvalidValue("this session only links: its code has addresses, and no process that has it in memory")

    def _place(self, address: Any) -> int:
        """Return an address as a number. Raises InvalidValue for a symbol of another process."""
        if isinstance(address, Symbol) and address.executor is not self._remote:
            raise InvalidValue(f"{address.name} is a symbol of another process than this session's")
        try:
            number = operator.index(address)
        except TypeError:
            from uruk.c_types.cffi_values import address_of  # of a function or pointer of ctypes or cffi

            number = address_of(address)
        if not 0 <= number < 1 << 64:
            raise InvalidValue(f"address {number:#x} is out of range (0 to 2**64-1)")
        return number


def _size(value: Any, what: str) -> int:
    """Return a number of bytes. Raises InvalidType, InvalidValue for what is none."""
    try:
        size = operator.index(value)
    except TypeError:
        raise InvalidType(f"{what} is a number of bytes, not {type(value).__name__}") from None
    if size < 0:
        raise InvalidValue(f"{what} is a number of bytes, and {size} is negative")
    return size
