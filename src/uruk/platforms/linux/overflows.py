"""Stack overflows of linked code in this process: before it ends by SIGSEGV, they are called so, by a function's name.

The runtime (runtime/linux/overflows.c) takes the signal on an alternate stack. Threads have one from when they first
ask for a callable; calls cost nothing.
"""

from __future__ import annotations

import atexit
import ctypes
from collections.abc import Callable

from uruk.executor import sps
from uruk.executor.control import Runtime
from uruk.platforms.linux.runtime_here import process_runtime

_Describe = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64)
_kept: list[object] = []
"""The function that the runtime calls: it has no reference of its own."""


def watch(describe: Callable[[int], str]) -> None:
    """Have stack overflows of the calling thread reported, and `describe` say what lies at an address of linked code.

    It is called in a thread of its own, while the others may hold any lock. Once a thread is enough, until something
    resets its alternate stack or the actions of signals.
    """
    runtime = process_runtime()
    if not _kept:
        _name_overflows(runtime, describe)
    runtime.call(b"uruk_rt_run_trampolines")
    runtime.call(b"uruk_rt_use_alternate_stack")


def _name_overflows(runtime: Runtime, describe: Callable[[int], str]) -> None:
    @_Describe
    def write(address: int, text: int, size: int) -> None:
        # The runtime's buffer has room for `size` bytes, the NUL included.
        name = describe(address).encode("utf-8", "surrogateescape")[: size - 1] + b"\0"
        ctypes.memmove(text, name, len(name))

    _kept.append(write)
    python = ctypes.pythonapi
    used = (python.PyGILState_Check, python.PyEval_SaveThread, python.PyEval_RestoreThread)
    words = sps.u64(*(ctypes.cast(function, ctypes.c_void_p).value or 0 for function in used))
    runtime.call(b"uruk_rt_name_overflows", ctypes.cast(write, ctypes.c_void_p).value or 0, words)
    # After this no name is asked for: an interpreter that ends cannot answer.
    atexit.register(runtime.call, b"uruk_rt_name_overflows", 0, 0)
