"""Calls into removed code that Python makes: they end with RemovedCode, and the process goes on.

The runtime (runtime/linux/removed_calls.c) unwinds such a call up to libffi, through which ctypes and cffi call linked
code. It knows libffi's one calling instruction by the address to which a function of its own returns.
"""

from __future__ import annotations

import ctypes
from typing import Any

import cffi

from uruk.errors import RemovedCode
from uruk.executor.control import Runtime

REMOVED_TEXT = 256
"""Bytes of a name in the runtime (runtime/linux/signals.h), its final zero among them."""

_kept: list[object] = []
"""The exception class that the runtime raises: it has no reference of its own."""


def raise_removed(runtime: Runtime) -> None:
    """Have calls of this process into removed code raise RemovedCode where Python made them, from the first time on."""
    if _kept:
        return
    exception = _raised_by(runtime)
    _kept.append(exception)
    python = ctypes.pythonapi
    used = (python.PyGILState_Ensure, python.PyGILState_Release, python.PyThreadState_SetAsyncExc)
    functions = [ctypes.cast(function, ctypes.c_void_p).value or 0 for function in used]
    runtime.call(b"uruk_rt_raise_removed", _words(_return_addresses(runtime)), _words(functions), id(exception))


def _return_addresses(runtime: Runtime) -> list[int]:
    """Return where the libffi of cffi, and that of ctypes, go on when a function returns."""
    address = runtime.address[b"uruk_rt_return_address"]
    ffi: Any = cffi.FFI()
    return [int(ffi.cast("uint64_t(*)(void)", address)()), int(ctypes.CFUNCTYPE(ctypes.c_uint64)(address)())]


def _words(values: list[int]) -> bytes:
    return b"".join(value.to_bytes(8, "little") for value in values)


def _raised_by(runtime: Runtime) -> type[RemovedCode]:
    """Return a class whose instance, which Python makes when it raises the class, says what the thread called."""

    class Raised(RemovedCode):
        def __init__(self) -> None:
            text = bytearray(REMOVED_TEXT)
            runtime.call(b"uruk_rt_take_removed", text)
            super().__init__(text.rstrip(b"\0").decode("utf-8", "replace"))

    # A traceback shows the class that users catch.
    Raised.__module__, Raised.__qualname__, Raised.__name__ = "uruk", "RemovedCode", "RemovedCode"
    return Raised
