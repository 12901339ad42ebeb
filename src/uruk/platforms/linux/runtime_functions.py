"""Functions of the runtime that lazy stubs and descriptors of thread-locals use, ready for that."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from uruk.executor.control import Runtime
from uruk.graph.types import I64, U64
from uruk.platforms.linux.tls.descriptors import DescriptorFunctions

if TYPE_CHECKING:
    from uruk.executor.lazy_stubs import LazyFunctions


def descriptor_functions(runtime: Runtime) -> DescriptorFunctions:
    """Return the functions for TLS descriptors, ready for use."""
    runtime.call(b"uruk_rt_find_vector_size")  # they save vector registers, whose size only the processor tells
    names = (b"uruk_rt_tlsdesc_static", b"uruk_rt_tlsdesc_dynamic", b"uruk_rt_tlsdesc_undefined")
    return DescriptorFunctions(*(runtime.address[name] for name in names))


def lazy_functions(runtime: Runtime) -> LazyFunctions:
    """Return the functions for lazy stubs, ready for use. Raises AllocationError when glibc has no memory."""
    from uruk.executor.lazy_there import lazy_functions_there, start_lazy_functions  # most programs have none

    runtime.call(b"uruk_rt_find_vector_size")  # a first call keeps all registers of arguments
    start_lazy_functions(runtime)
    return _functions_here(runtime) if runtime.process.is_here else lazy_functions_there(runtime)


_LAZY = {"begin": 3, "open": 4, "write": 3, "set_handler": 2, "in_flight": 1, "close": 1, "stop": 0}
"""The runtime's functions for lazy stubs, and how many arguments each has."""


@lru_cache(maxsize=1)
def _functions_here(runtime: Runtime) -> LazyFunctions:
    """Return those of this process, called with the interpreter's lock held."""
    named: dict[str, Any] = {
        # PYFUNCTYPE keeps the interpreter's lock: these calls are too short to give it up.
        name: ctypes.PYFUNCTYPE(ctypes.c_size_t, *[ctypes.c_size_t] * count)(
            runtime.address[b"uruk_rt_lazy_" + name.encode()]
        )
        for name, count in _LAZY.items()
    }
    native = named.pop("write")

    def write(slots: I64, targets: U64 | None) -> int:
        return native(slots.ctypes.data, 0 if targets is None else targets.ctypes.data, slots.size)

    from uruk.executor.lazy_stubs import LazyFunctions

    return LazyFunctions(**named, write=write)
