"""This process as a Linux process where linked code runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING

from uruk.executor.control import Runtime
from uruk.executor.inprocess import InProcessExecutor
from uruk.executor.stub_pool import POOL
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.manager import DEFAULT_SLAB, SlabManager
from uruk.memory.mapper import Mapper
from uruk.platforms.linux.libraries_here import FEW, MANY, LibrariesHere
from uruk.platforms.linux.loader_here import CARRIERS
from uruk.platforms.linux.process import LinuxProcess
from uruk.platforms.linux.runtime_here import process_runtime
from uruk.platforms.linux.slabs_here import InProcessSlabs

if TYPE_CHECKING:
    from uruk.executor.python_guards import PythonGuards
    from uruk.memory.interface import Memory


def executor_here(
    slab_size: int = DEFAULT_SLAB,
    mapper: Mapper | None = None,
    *,
    memory: Memory | None = None,
    executes: bool = True,
) -> InProcessExecutor:
    """An executor of this process.

    `slab_size` is the address space of one slab, in bytes; `mapper` one of this process's memory. `memory` is used
    in the place of slabs. Without `executes` nothing that is linked will run, and the runtime need not be linked for
    its sake.
    """
    memory = memory or SlabManager(mapper or InProcessMapper(InProcessSlabs()), slab_size)
    return InProcessExecutor(memory, LibrariesHere(memory, process_runtime, FEW if executes else MANY))


class LinuxHere(LinuxProcess):
    """See `LinuxProcess`. Its runtime, carriers and memory of stubs are one for all sessions."""

    def __init__(self, executor: InProcessExecutor) -> None:
        super().__init__(executor, CARRIERS, POOL)
        self._guards: PythonGuards | None = None

    @property
    def runtime(self) -> Runtime:
        """See `LinuxProcess.runtime`; linked on first use."""
        return process_runtime()

    def callback(self, text: str, function: Callable[..., int]) -> tuple[int, object]:
        """See `LinuxProcess.callback`; integers and pointers only, and an int result or one of a pointer's size."""
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

    def close(self) -> None:
        """See `LinuxProcess.close`."""
        if self._guards is not None:
            self._guards.close()
        super().close()
