"""The runtime of this process: the C functions that linked code and the platform rely on.

They are linked once a process by uruk itself, from the runtime archive, and never released: glibc may call into them
until the process has ended.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from uruk.errors import AllocationError
from uruk.executor.control import Runtime
from uruk.executor.inprocess import InProcessExecutor
from uruk.executor.lazy_stubs import LazyFunctions
from uruk.executor.process_symbols import find_symbol
from uruk.executor.this_process import THIS_PROCESS
from uruk.executor.tls_descriptors import DescriptorFunctions
from uruk.formats.archive import Archive
from uruk.graph.types import I64, U64, Bool, signed
from uruk.link import Linked
from uruk.orc.platform import FunctionArray
from uruk.orc.search import ArchiveEntry
from uruk.orc.session import Session
from uruk.orc.tracker import ResourceTracker
from uruk.platforms.linux.frames import announce
from uruk.runtime_files import runtime_archive
from uruk.target import HERE

SLAB = 16 << 20
INTERPOSED = (b"__cxa_thread_atexit", b"__cxa_thread_atexit_impl")
PREFIX = b"uruk_rt_"
"""What the names of the runtime's own functions begin with."""


@lru_cache(maxsize=4)
def open_runtime(architecture: str = HERE.architecture) -> Archive:
    """The runtime archive of an architecture, by default this process's."""
    return Archive.open(runtime_archive(f"{architecture}-linux"))


def function_names(archive: Archive) -> list[bytes]:
    """The functions of the runtime that uruk itself calls, and those that stand for functions of libraries."""
    return [*sorted(name for name in archive.index() if name.startswith(PREFIX)), *INTERPOSED]


def columns(addresses: Iterable[int]) -> tuple[I64, Bool]:
    """Addresses of functions as `Platform.find` returns them."""
    found = np.array([signed(address) for address in addresses], np.int64)
    return found, np.zeros(found.size, np.bool_)


class RuntimePlatform:
    """The smallest platform: names of a process, nothing run. The runtime itself is linked with one.

    Its unwind data is registered: linked code is below a first call of a lazy function, for debuggers and profilers.
    """

    runtime = None
    private_names: frozenset[bytes] = frozenset()
    over_libraries: frozenset[bytes] = frozenset()

    interposed_names: frozenset[bytes] = frozenset()

    def interposed(self, name: bytes) -> int:
        """See `uruk.orc.platform.Platform.interposed`."""
        return 0

    def wants_builtin(self, name: bytes) -> bool:
        """See `uruk.orc.platform.Platform.wants_builtin`."""
        return True

    def find_tls(self, name: bytes, libraries: Sequence[int]) -> str:
        """See `uruk.orc.platform.Platform.find_tls`."""
        return ""

    def arrays(self, linked: Linked, trackers: Sequence[ResourceTracker], order: Sequence[int]) -> list[FunctionArray]:
        """See `uruk.orc.platform.Platform.arrays`."""
        return []


class _ThisProcess(RuntimePlatform):
    def __init__(self, executor: InProcessExecutor) -> None:
        self.executor = executor

    def find(self, names: Sequence[bytes]) -> tuple[I64, Bool]:
        return columns(find_symbol(None, name) for name in names)

    def loaded(self, linked: Linked, trackers: Sequence[ResourceTracker]) -> None:
        announce(linked, self.executor.register_frames)


def descriptor_functions(runtime: Runtime) -> DescriptorFunctions:
    """The functions for TLS descriptors, ready for use."""
    runtime.call(b"uruk_rt_find_vector_size")
    names = (b"uruk_rt_tlsdesc_static", b"uruk_rt_tlsdesc_dynamic", b"uruk_rt_tlsdesc_undefined")
    return DescriptorFunctions(*(runtime.address[name] for name in names))


def lazy_functions(runtime: Runtime) -> LazyFunctions:
    """The functions for lazy stubs, ready for use. Raises AllocationError when glibc has no memory."""
    runtime.call(b"uruk_rt_find_vector_size")
    if runtime.call(b"uruk_rt_lazy_start"):
        raise AllocationError("uruk_rt_lazy_start has no memory")
    if runtime.process.is_here:
        return _functions_here(runtime)
    named = {name: partial(runtime.call, b"uruk_rt_lazy_" + name.encode()) for name in _LAZY if name != "write"}

    def write(slots: I64, targets: U64 | None) -> int:
        values = 0 if targets is None else targets.tobytes()
        return runtime.call(b"uruk_rt_lazy_write", slots.tobytes(), values, slots.size)

    return LazyFunctions(**named, write=write, ask=runtime.address[b"uruk_rt_lazy_ask"])


_LAZY = {"begin": 3, "open": 4, "write": 3, "set_handler": 2, "close": 1, "stop": 0}
"""The runtime's functions for lazy stubs, and how many arguments each has."""


@lru_cache(maxsize=1)
def _functions_here(runtime: Runtime) -> LazyFunctions:
    """Those of this process, called with the interpreter's lock held."""
    named: dict[str, Any] = {
        name: ctypes.PYFUNCTYPE(ctypes.c_size_t, *[ctypes.c_size_t] * count)(
            runtime.address[b"uruk_rt_lazy_" + name.encode()]
        )
        for name, count in _LAZY.items()
    }
    native = named.pop("write")

    def write(slots: I64, targets: U64 | None) -> int:
        return native(slots.ctypes.data, 0 if targets is None else targets.ctypes.data, slots.size)

    return LazyFunctions(**named, write=write)


_lock = threading.Lock()
_runtime: list[Runtime] = []
SESSIONS: list[Session] = []
"""The session that the runtime of this process was linked by, once it is."""


def process_runtime() -> Runtime:
    """The runtime of this process, linked on first use."""
    with _lock:
        if not _runtime:
            _runtime.append(_link())
        return _runtime[0]


def _link() -> Runtime:
    executor = InProcessExecutor(SLAB)
    session = Session(executor, _ThisProcess(executor))  # pyright: ignore[reportArgumentType]
    dylib = session.create_dylib("runtime")
    tracker = dylib.create_tracker("uruk runtime")
    dylib.search.builtins = ArchiveEntry(open_runtime(), tracker, 0, set())
    names = function_names(open_runtime())
    found = session.lookup(dylib, names, roots=False)
    SESSIONS.append(session)
    return Runtime(THIS_PROCESS, {name: address for name, (address, _) in zip(names, found, strict=True)})
