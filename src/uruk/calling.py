"""The part of LLJIT about running code: its memory, callbacks, and calls that cannot be answered."""

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
    """Reads, writes, callbacks and failed calls in a session's process, this one or another.

    An address is an integer, a Symbol, or a callback.
    """

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

    def on_lazy_failure(self, value: Any) -> None:
        """Set where control goes when a lazy function cannot be made, or linked code calls it after `close()`.

        A function of the ABI of those that may fail: it gets their arguments, and its result is theirs. An address, a
        symbol, or a ctypes or cffi callback (kept alive by the caller), which is given up when the interpreter ends; so
        is a function of this session when it closes. By default the error is printed and the process aborts.
        """
        address, callback = address_of(value)
        self.session.lazy.set_handler(address, native=not callback)

    @property
    def lazy_errors(self) -> list[tuple[str, BaseException]]:
        """Return what lazy functions failed with when they were called, oldest first, each with its name."""
        return list(self.session.lazy.errors)

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
        return address_of(address)[0]


def address_of(value: Any) -> tuple[int, bool]:
    """Return the address that a number, a symbol, or a function or pointer of ctypes or cffi has.

    And whether it is of the latter two. Raises InvalidType for other values, InvalidValue for other numbers.
    """
    try:
        number, is_foreign = operator.index(value), False
    except TypeError:
        from uruk.c_types import cffi_values  # most sessions do without

        number, is_foreign = cffi_values.address_of(value), True
    if not 0 <= number < 1 << 64:
        raise InvalidValue(f"address {number:#x} is out of range (0 to 2**64-1)")
    return number, is_foreign


def _size(value: Any, what: str) -> int:
    """Return a number of bytes. Raises InvalidType, InvalidValue for what is none."""
    try:
        size = operator.index(value)
    except TypeError:
        raise InvalidType(f"{what} is a number of bytes, not {type(value).__name__}") from None
    if size < 0:
        raise InvalidValue(f"{what} is a number of bytes, and {size} is negative")
    return size
