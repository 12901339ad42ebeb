"""Python functions by name in linked code: behind stubs, which return 0 once the interpreter has ended.

Static destructors of linked code run in the C library's exit. A ctypes or cffi callback that they call then would
enter an interpreter that is gone, by a trampoline that is freed.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable

from uruk.errors import AllocationError, InternalError
from uruk.executor.control import Runtime
from uruk.executor.lazy_stubs import LazyStubs

_owners = itertools.count(1)
_watched: list[bool] = []
"""True if the runtime hears of the interpreter's end, once that is known."""


class PythonGuards:
    """The guarded functions of one session in this process."""

    def __init__(self, runtime: Runtime, make_stubs: Callable[[Callable[[int], int]], LazyStubs]) -> None:
        self._runtime = runtime
        # Stubs are bound as soon as they are taken, so that a first call never asks.
        self._stubs = make_stubs(_never)
        self._owner = next(_owners)

    def guard(self, address: int) -> int:
        """Return the address of a stub that leads to a function at an address, or that one. Raises AllocationError."""
        if not _watched:
            _watched.append(_watch(self._runtime))
        # A signal's handler or a destructor may come while this thread takes stubs: what it makes goes unguarded.
        if not _watched[0] or self._stubs.is_taking:
            return address
        stub = self._stubs.take(1)
        number = self._stubs.numbers(stub)
        self._stubs.bind(number, [address])
        if self._runtime.call(b"uruk_rt_guard", self._stubs.slot(int(number[0])), self._owner):
            raise AllocationError("no memory for the guard of a Python function")
        return int(stub[0])

    def close(self) -> None:
        """Release the stubs of a closed session: they may be used again."""
        self._runtime.call(b"uruk_rt_unguard", self._owner)


def _watch(runtime: Runtime) -> bool:
    """Have Python notify the runtime of the interpreter's end, after all else; False where there is no place left."""
    # Py_AtExit runs after the interpreter's modules are gone, later than anything of `atexit`; it has 32 places.
    add = ctypes.pythonapi.Py_AtExit
    add.argtypes, add.restype = [ctypes.c_void_p], ctypes.c_int
    return add(runtime.address[b"uruk_rt_python_ended"]) == 0


def _never(stub: int) -> int:
    raise InternalError(f"the stub {stub} of a Python function has no target")
