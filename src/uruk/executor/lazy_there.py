"""The runtime's functions for lazy stubs of another process."""

from __future__ import annotations

from functools import partial

from uruk.errors import AllocationError
from uruk.executor.control import Runtime
from uruk.executor.lazy_stubs import LazyFunctions
from uruk.graph.types import I64, U64

_NAMES = ("begin", "open", "set_handler", "in_flight", "close", "stop")


def start_lazy_functions(runtime: Runtime) -> None:
    """Have the runtime prepare for lazy stubs. Raises AllocationError."""
    if runtime.call(b"uruk_rt_lazy_start"):
        raise AllocationError("uruk_rt_lazy_start has no memory")


def lazy_functions_there(runtime: Runtime) -> LazyFunctions:
    """Return the functions for lazy stubs of a process whose runtime is ready for them."""
    named = {name: partial(runtime.call, b"uruk_rt_lazy_" + name.encode()) for name in _NAMES}

    def write(slots: I64, targets: U64 | None) -> int:
        values = 0 if targets is None else targets.tobytes()
        return runtime.call(b"uruk_rt_lazy_write", slots.tobytes(), values, slots.size)

    return LazyFunctions(**named, write=write, ask=runtime.address[b"uruk_rt_lazy_ask"])
