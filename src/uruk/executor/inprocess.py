"""The executor that is this process: memory, thread-local storage, unwind registration, calls."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from uruk.errors import InternalError
from uruk.executor import process_symbols
from uruk.executor.inprocess_tls import CARRIERS
from uruk.executor.lazy_stubs import LazyFunctions, LazyStubs
from uruk.executor.process_tls import ProcessTLS
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.manager import DEFAULT_SLAB, SlabManager
from uruk.memory.mapper import Mapper, Range

UNWINDER = "libgcc_s.so.1"
CALL_ONCE = (b"_ZSt15__once_callable", b"_ZSt11__once_call")


@dataclass(eq=False, repr=False)
class _Unwinder:
    register: ctypes._NamedFuncPointer  # pyright: ignore[reportPrivateUsage]
    deregister: ctypes._NamedFuncPointer  # pyright: ignore[reportPrivateUsage]


class InProcessExecutor:
    """This process as the place where linked code runs.

    `slab_size` is the address space of one slab, in bytes; `mapper` one of this process's memory.
    """

    def __init__(self, slab_size: int = DEFAULT_SLAB, mapper: Mapper | None = None) -> None:
        self.memory = SlabManager(mapper or InProcessMapper(), slab_size)
        self.tls = ProcessTLS(CARRIERS)
        self._unwinder: _Unwinder | None = None
        self.lazy_functions: Callable[[], LazyFunctions] | None = None
        self._lazy: list[LazyStubs] = []

    def lazy_stubs(
        self,
        resolve: Callable[[int], int],
        on_error: Callable[[int, BaseException], object],
        lock: threading.RLock | None = None,
    ) -> LazyStubs:
        """Lazy stubs close to the slab; see `uruk.executor.lazy_stubs.LazyStubs`. Closed by `close` at the latest."""
        if self.lazy_functions is None:
            raise InternalError("lazy stubs are wanted, but no platform has given their functions")
        stubs = LazyStubs(self.lazy_functions(), resolve, on_error, lock=lock, near=self._first_slab)
        self._lazy.append(stubs)
        return stubs

    def _first_slab(self) -> Range | None:
        slabs = self.memory.slabs
        return (slabs[0].base, slabs[0].size) if slabs else None

    def read_object(self, address: int) -> bytes:
        """The content of a library's variable; empty if its size is not known."""
        return ctypes.string_at(address, process_symbols.describe(address).size)

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """Call functions without arguments that return an address (IFUNC resolvers), in order."""
        prototype = ctypes.CFUNCTYPE(ctypes.c_size_t)
        return [int(prototype(address)()) for address in addresses]

    def call(self, address: int, *arguments: int) -> int:
        """Call a function of 64-bit integer arguments that returns an int."""
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, *([ctypes.c_size_t] * len(arguments)))
        return int(prototype(address)(*arguments))

    def load_library(self, path: str, *, everywhere: bool = False) -> int:
        """Load a shared library, close to the slab where the kernel allows; returns its handle."""
        self.memory.open_window()
        try:
            return process_symbols.load_library(path, everywhere=everywhere)
        finally:
            self.memory.close_window()

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """Address of a symbol in a library (None: the process), 0 if it has none, and whether it is data."""
        address = process_symbols.find_symbol(handle, name)
        return (address, process_symbols.describe(address).is_data) if address else (0, False)

    def _libgcc(self) -> _Unwinder:
        """The unwinder that linked code throws through: libgcc_s.so.1, never an executable's own copy.

        `__register_frame` of libgcc takes a whole `.eh_frame` that ends in a terminator (libgcc, unwind-dw2-fde.c).
        """
        if self._unwinder is None:
            handle = self.load_library(UNWINDER)
            library = ctypes.CDLL(UNWINDER, handle=handle)
            register, deregister = library["__register_frame"], library["__deregister_frame"]
            register.argtypes = deregister.argtypes = [ctypes.c_void_p]
            register.restype = deregister.restype = None
            self._unwinder = _Unwinder(register, deregister)
        return self._unwinder

    def register_frames(self, address: int) -> None:
        """Register the `.eh_frame` at `address`, which ends in a terminator."""
        self._libgcc().register(address)

    def deregister_frames(self, address: int) -> None:
        """Take a registration out; once each, and before its memory goes (a second time aborts the process)."""
        self._libgcc().deregister(address)

    def close(self) -> None:
        """Release all memory. Nothing linked may run any more."""
        for stubs in self._lazy:
            stubs.close()
        self._lazy.clear()
        self.tls.close()
        self.memory.close()
