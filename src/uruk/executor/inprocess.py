"""The executor that is this process: memory, thread-local storage, unwind registration, calls."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from uruk.errors import InternalError, TLSError
from uruk.executor import process_symbols, tls_refusal
from uruk.executor.inprocess_tls import LoadedCarrier, load_carrier
from uruk.executor.lazy_stubs import LazyFunctions, LazyStubs
from uruk.executor.tls_descriptors import Descriptors
from uruk.formats.elf_carrier import ImportModel, TLSImport
from uruk.graph.kinds import Operand
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.manager import DEFAULT_SLAB, SlabManager
from uruk.memory.mapper import Mapper, Range
from uruk.passes.tls_storage import Storage

UNWINDER = "libgcc_s.so.1"
CALL_ONCE = (b"_ZSt15__once_callable", b"_ZSt11__once_call")
_MODELS = {
    Operand.TLS_IE: ImportModel.INITIAL_EXEC,
    Operand.TLS_GD: ImportModel.DYNAMIC,
    Operand.TLS_DESC: ImportModel.DESCRIPTOR,
}


class InProcessTLS:
    """Thread-local storage in this process; see `uruk.passes.tls_storage.TLSLoader`."""

    def __init__(self) -> None:
        self.descriptors = Descriptors()
        self._bound: dict[tuple[bytes, str, int], LoadedCarrier] = {}

    def load(
        self, image: bytes, size: int, align: int, static: bool | None, descriptors: bool, what: str
    ) -> LoadedCarrier:
        """See `TLSLoader.load`."""
        size, align = max(size, 1), max(align, 1)
        if static is None:
            try:
                return load_carrier(image, size, align, static=True, what=what)
            except TLSError:
                static = False
        probes = (0,) if descriptors and not static else ()
        return load_carrier(image, size, align, static=static, descriptors=probes, what=what)

    def descriptor(self, storage: Storage | None, offset: int) -> tuple[int, int]:
        """See `TLSLoader.descriptor`."""
        assert storage is None or isinstance(storage, LoadedCarrier)
        return self.descriptors.make(storage, offset)

    def bind(self, name: bytes, library: str, operand: int) -> tuple[int, ...]:
        """See `TLSLoader.bind`; the carrier stays loaded until `close`."""
        key = (name, library, operand)
        if key not in self._bound:
            wanted = TLSImport(name.decode("utf-8", "surrogateescape"), _MODELS[operand])
            self._bound[key] = load_carrier(b"", 0, 1, static=False, imports=(wanted,), needed=(library,), what=library)
        words = tuple(self._bound[key].imports[0])
        return self.descriptors.of_library(*words) if operand == Operand.TLS_DESC else words

    def is_static(self, name: bytes, library: str) -> bool:
        """Whether initial-exec code can be bound to a library's thread-local; False once a thread made it dynamic."""
        try:
            self.bind(name, library, Operand.TLS_IE)
        except TLSError as error:
            if error.problem == tls_refusal.ALREADY_DYNAMIC:
                return False
            raise
        return True

    def close(self) -> None:
        """Unload the carriers that bind to libraries."""
        for carrier in self._bound.values():
            carrier.close()
        self._bound.clear()


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
        self.tls = InProcessTLS()
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
