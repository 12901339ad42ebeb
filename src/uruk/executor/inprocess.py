"""The executor that is this process: memory, thread-local storage, unwind registration, calls."""

from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uruk.errors import InternalError, UrukError
from uruk.executor import process_symbols
from uruk.executor.control import Runtime
from uruk.executor.inprocess_slab import UNWINDER as UNWINDER
from uruk.executor.inprocess_slab import InProcessSlabs
from uruk.executor.inprocess_tls import CARRIERS
from uruk.executor.lazy_stubs import LazyFunctions, LazyStubs
from uruk.executor.library_symbols import FoundSymbols, find_symbols
from uruk.executor.process_tls import ProcessTLS
from uruk.executor.this_process import THIS_PROCESS
from uruk.graph.types import signed
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.manager import DEFAULT_SLAB, SlabManager
from uruk.memory.mapper import Mapper

if TYPE_CHECKING:
    from uruk.executor.python_guards import PythonGuards
    from uruk.memory.interface import Memory

FEW = 24
"""Names at most that are looked up one by one where the runtime will be linked anyway."""
MANY = 4096
"""Names at most that are looked up one by one where nothing will run: it takes as long as linking the runtime."""
DESCRIBED = 16
"""One in so many names may be found and described where names are looked up one by one; `FEW` are few anyway."""
CALL_ONCE = (b"_ZSt15__once_callable", b"_ZSt11__once_call")


@dataclass(eq=False, repr=False)
class _Unwinder:
    register: ctypes._NamedFuncPointer  # pyright: ignore[reportPrivateUsage]
    deregister: ctypes._NamedFuncPointer  # pyright: ignore[reportPrivateUsage]


class InProcessExecutor:
    """This process as the place where linked code runs.

    `slab_size` is the address space of one slab, in bytes; `mapper` one of this process's memory. `memory` is used
    in the place of slabs. Without `executes` nothing that is linked will run, and the runtime need not be linked for
    its sake.
    """

    def __init__(
        self,
        slab_size: int = DEFAULT_SLAB,
        mapper: Mapper | None = None,
        *,
        memory: Memory | None = None,
        executes: bool = True,
    ) -> None:
        self.executes = executes
        self.memory: Memory = memory or SlabManager(mapper or InProcessMapper(InProcessSlabs()), slab_size)
        self.tls = ProcessTLS(CARRIERS)
        self._unwinder: _Unwinder | None = None
        self.lazy_functions: Callable[[], LazyFunctions] | None = None
        self.find_runtime: Callable[[], Runtime] | None = None
        """Where the runtime of this process comes from; set by the platform."""
        self._tls_homes: dict[tuple[bytes | str, ...], str] = {}
        self._lazy: list[LazyStubs] = []
        self._guards: PythonGuards | None = None

    process = THIS_PROCESS
    lost = None
    is_remote = False

    @property
    def runtime(self) -> Runtime:
        """See `Executor.runtime`; linked on first use."""
        if self.find_runtime is None:
            raise InternalError("the runtime is wanted, but no platform has given it")
        return self.find_runtime()

    def lazy_stubs(
        self,
        resolve: Callable[[int], int],
        on_error: Callable[[int, BaseException], object],
        lock: threading.RLock | None = None,
    ) -> LazyStubs:
        """Lazy stubs close to the slab; see `uruk.executor.lazy_stubs.LazyStubs`. Closed by `close` at the latest."""
        if self.lazy_functions is None:
            raise InternalError("lazy stubs are wanted, but no platform has given their functions")
        stubs = LazyStubs(self.lazy_functions(), resolve, on_error, lock=lock, near=lambda: self.memory.near)
        self._lazy.append(stubs)
        return stubs

    def guard(self, address: int) -> int:
        """An address for linked code that stands for a Python function's, until the interpreter has ended."""
        if self._guards is None:
            from uruk.executor.python_guards import PythonGuards

            self._guards = PythonGuards(
                self.runtime, lambda resolve: self.lazy_stubs(resolve, lambda stub, error: None)
            )
        return self._guards.guard(address)

    def read_object(self, address: int) -> bytes:
        """The content of a library's variable; empty if its size is not known."""
        return ctypes.string_at(address, process_symbols.describe(address).size)

    def is_constant(self, address: int, size: int) -> bool:
        """See `Executor.is_constant`."""
        return bool(self.runtime.call(b"uruk_rt_is_constant", address, size))

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """Call IFUNC resolvers, in order; the runtime knows what arguments they get here."""
        words = bytearray(struct.pack(f"<{len(addresses)}Q", *addresses))
        self.runtime.call(b"uruk_rt_call_resolvers", words, len(addresses))
        return list(struct.unpack(f"<{len(addresses)}Q", words))

    def call(self, address: int, *arguments: int) -> int:
        """Call a function of 64-bit integer arguments that returns an int."""
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, *([ctypes.c_size_t] * len(arguments)))
        return int(prototype(address)(*arguments))

    def load_library(self, path: str, *, everywhere: bool = False) -> int:
        """Load a shared library, close to the slab where the kernel allows; returns its handle."""
        with self.memory.library_window():
            return process_symbols.load_library(path, everywhere=everywhere)

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """Address of a symbol in a library (None: the process), 0 if it has none, and whether it is data."""
        address = process_symbols.find_symbol(handle, name)
        return (address, process_symbols.describe(address).is_data) if address else (0, False)

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        """See `Executor.find_symbols`; a few names are no reason to link the runtime."""
        few = FEW if self.executes else MANY
        if len(names) <= few or self.find_runtime is None:
            find = process_symbols.find_symbol
            addresses = [next(filter(None, (find(handle, name) for handle in handles)), 0) for name in names]
            # To describe an address, the loader looks through all symbols of its library.
            if self.find_runtime is None or len(addresses) - addresses.count(0) <= max(FEW, few // DESCRIBED):
                return _described(addresses)
        return find_symbols(self.runtime, handles, names)

    def find_tls(self, name: bytes, handles: Sequence[int]) -> str:
        """See `Executor.find_tls`."""
        added = [process_symbols.path_of(handle) for handle in handles]
        key = (name, *added)
        if key not in self._tls_homes:
            for path in dict.fromkeys([*added, *process_symbols.loaded_libraries()]):
                soname = _defines_tls(path, name)
                if soname is not None:
                    self._tls_homes[key] = path if path in added else soname or path
                    break
        return self._tls_homes.get(key, "")  # a library that comes later may have it

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

    def end_within(self, seconds: float) -> None:
        """See `Executor.end_within`: this process stays."""

    def close(self) -> None:
        """Release all memory. Nothing linked may run any more."""
        if self._guards is not None:
            self._guards.close()
        for stubs in self._lazy:
            stubs.close()
        self._lazy.clear()
        self.tls.close()
        self.memory.close()


def _defines_tls(path: str, name: bytes) -> str | None:
    """The soname of a library that defines a thread-local; None if it does not, or cannot be read any more."""
    from uruk.formats.elf.dynamic import STT_TLS, read_shared_library

    try:
        with read_shared_library(path) as library:
            found = library.find(name)
            return (library.soname or "") if found is not None and found.type == STT_TLS else None
    except UrukError:
        return None


def _described(addresses: list[int]) -> FoundSymbols:
    """What is known of symbols at addresses; 0 stands for none."""
    found = FoundSymbols.nothing(len(addresses))
    for row, address in enumerate(addresses):
        if address:
            symbol = process_symbols.describe(address)
            found.address[row] = signed(address)
            found.is_data[row], found.in_library[row] = symbol.is_data, bool(symbol.library)
    return found
