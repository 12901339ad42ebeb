"""This process as a Linux process where linked code runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from uruk.errors import UrukError
from uruk.executor.inprocess import InProcessExecutor
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.linux.local import within_limits
from uruk.memory.manager import DEFAULT_SLAB, LIBRARY_WINDOW, SlabManager
from uruk.platforms.linux import process_symbols
from uruk.platforms.linux.libraries_here import FEW, MANY, LibrariesHere
from uruk.platforms.linux.process import LinuxProcess
from uruk.platforms.linux.runtime_here import is_linked, process_runtime
from uruk.platforms.linux.slabs_here import InProcessSlabs
from uruk.target import HERE, Target

if TYPE_CHECKING:
    from uruk.executor.control import Runtime
    from uruk.executor.link_only import UnrunTLS
    from uruk.executor.native_calls import NativeCalls
    from uruk.executor.python_guards import PythonGuards
    from uruk.executor.stub_pool import StubPool
    from uruk.memory.interface import Memory
    from uruk.memory.mapper import Mapper
    from uruk.platforms.linux.seen_symbols import Seen
    from uruk.platforms.linux.tls.carriers import Carriers
    from uruk.platforms.linux.tls.loader import ProcessTLS


def executor_here(
    slab_size: int = DEFAULT_SLAB,
    mapper: Mapper | None = None,
    *,
    memory: Memory | None = None,
    executes: bool = True,
    linked_only_for: str | Target = "",
) -> InProcessExecutor:
    """Return an executor of this process.

    `slab_size` is the address space of one slab, in bytes; `mapper` one of this process's memory. `memory` is used
    in the place of slabs. Without `executes` nothing that is linked will run: the dynamic loader need not know slabs,
    and the runtime need not be linked for the code's sake. Libraries of code that is `linked_only_for` another target
    at fixed addresses are read, and not loaded.
    """
    if memory is None:
        mapper = mapper or InProcessMapper(InProcessSlabs() if executes else None)
        memory = SlabManager(mapper, within_limits(slab_size), window_size=within_limits(LIBRARY_WINDOW))
    if memory.fixed and linked_only_for:
        target = linked_only_for if isinstance(linked_only_for, Target) else Target.of_triple(linked_only_for)
        if target != HERE:
            from uruk.executor.libraries_in_files import LibrariesInFiles  # code for elsewhere is rare

            return InProcessExecutor(memory, LibrariesInFiles(target))
    return InProcessExecutor(memory, LibrariesHere(memory, process_runtime, FEW if executes else MANY, is_linked))


def _pool() -> StubPool:
    from uruk.executor.stub_pool import POOL  # a session without lazy functions starts without it

    return POOL


class LinuxHere(LinuxProcess):
    """See `LinuxProcess`. Its runtime, carriers and memory of stubs are one for all sessions."""

    def __init__(self, executor: InProcessExecutor, *, executes: bool = True) -> None:
        """Without `executes` nothing that is linked will run, so that no thread is given storage for it."""
        super().__init__(executor, _pool)
        self._executes = executes
        self._guards: PythonGuards | None = None

    @property
    def tls(self) -> ProcessTLS | UnrunTLS:
        """See `LinuxProcess.tls`."""
        if self._executes:
            return super().tls
        from uruk.executor.link_only import UnrunTLS

        return UnrunTLS()

    @property
    def runtime(self) -> Runtime:
        """See `LinuxProcess.runtime`; linked on first use."""
        return process_runtime()

    def carriers(self) -> Carriers:
        """See `LinuxProcess.carriers`."""
        from uruk.platforms.linux.loader_here import CARRIERS

        return CARRIERS

    def seen_symbols(self) -> Seen | None:
        """See `LinuxProcess.seen_symbols`."""
        libraries = self.executor.libraries
        return libraries.seen() if isinstance(libraries, LibrariesHere) else None

    def find_tls(self, name: bytes, handles: Sequence[int]) -> str:
        """See `LinuxProcess.find_tls`; as long as nothing has needed the runtime, the libraries' files are read."""
        if is_linked():
            return super().find_tls(name, handles)
        added = [process_symbols.path_of(handle) for handle in handles]
        for path in dict.fromkeys([*added, *process_symbols.loaded_libraries()]):
            soname = _defines_tls(path, name)
            if soname is not None:  # a carrier names what it needs: an added library by its path, others as loaded
                return path if path in added else soname or path
        return ""

    def callback(self, text: str, function: Callable[..., int]) -> tuple[int, object]:
        """See `LinuxProcess.callback`; integers and pointers only, and an int result or one of a pointer's size."""
        # The texts are uruk's own, of a few plain forms: parsing C would cost importing cffi.
        result = ctypes.c_int if text.startswith("int") else ctypes.c_size_t
        count = 0 if "void)" in text else text.count(",") + 1
        native = ctypes.CFUNCTYPE(result, *[ctypes.c_size_t] * count)(function)
        return self.guard(ctypes.cast(native, ctypes.c_void_p).value or 0), native

    def guard(self, address: int) -> int:
        """See `LinuxProcess.guard`."""
        if self._guards is None:
            from uruk.executor.python_guards import PythonGuards

            self._guards = PythonGuards(
                self.runtime, lambda resolve: self.lazy_stubs(resolve, lambda stub, error: None)
            )
        return self._guards.guard(address)

    def native_calls(self) -> NativeCalls | None:
        """See `LinuxProcess.native_calls`; linked on first use."""
        from uruk.platforms.linux.python_calls import native_calls  # most sessions make no typed calls

        return native_calls()

    def close(self) -> None:
        """See `LinuxProcess.close`."""
        if self._guards is not None:
            self._guards.close()
        super().close()


def _defines_tls(path: str, name: bytes) -> str | None:
    """Return the soname of a library that defines a thread-local; None if it does not, or cannot be read any more."""
    from uruk.formats.elf.dynamic import read_shared_library  # seldom needed

    try:
        with read_shared_library(path) as library:
            return (library.soname or "") if library.is_thread_local(name) else None
    except UrukError:
        return None
