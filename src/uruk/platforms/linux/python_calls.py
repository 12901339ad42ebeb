"""Links the part of the runtime that makes typed calls for Python, and tells the rest of the runtime of it."""

from __future__ import annotations

import ctypes
import os
import sysconfig
from functools import lru_cache

from uruk.errors import UrukError
from uruk.executor import raised
from uruk.executor.native_calls import NativeCalls
from uruk.platforms.linux.runtime_here import SESSIONS, process_runtime

_NAMES = [b"uruk_py_new_function", b"uruk_py_raise_later", b"uruk_py_calls_in", b"uruk_py_forget_threads"]


@lru_cache(maxsize=1)
def native_calls() -> NativeCalls | None:
    """Return the maker of calls in C; None where this interpreter's C interface cannot be had.

    That is so where libpython was loaded for a plug-in alone, and for interpreters without the lock.
    """
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return None
    runtime = process_runtime()
    session = SESSIONS[0]
    try:
        answers = session.lookup(session.dylibs["runtime"], _NAMES, roots=False)
    except UrukError:  # a name of Python's is undefined
        return None
    new, raise_later, calls_in, forget_threads = (address for address, _ in answers)
    calls = NativeCalls(new, calls_in)
    raised.in_native_call = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.py_object)(raise_later)
    os.register_at_fork(after_in_child=ctypes.PYFUNCTYPE(None)(forget_threads))
    # It learns where they go on: see removed_calls.c.
    calls.call_everywhere(runtime.address[b"uruk_rt_note_return"])
    return calls
