"""The executor that is this process."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from uruk.executor.this_process import THIS_PROCESS
from uruk.records import Unique

if TYPE_CHECKING:
    from uruk.executor.interface import Libraries
    from uruk.memory.interface import Memory


class InProcessExecutor(Unique):
    """This process as the place where linked code runs; `memory` is closed with it."""

    process = THIS_PROCESS
    lost = None

    def __init__(self, memory: Memory, libraries: Libraries) -> None:
        self.memory = memory
        self.libraries = libraries

    def call(self, address: int, *arguments: int) -> int:
        """Call a function of 64-bit integer arguments that returns an int, as `RemoteExecutor.call` does."""
        # The upper half of the register is undefined for an int (psABI, "Parameter Passing").
        return ctypes.c_int(self.process.call(address, *arguments)).value

    def __repr__(self) -> str:
        return f"<InProcessExecutor: this process, {self.process.triple}>"

    def check_calls(self) -> None:
        """See `Executor.check_calls`: calls in this process may be made at any time."""

    def end_within(self, seconds: float) -> None:
        """See `Executor.end_within`: this process stays."""

    def close(self) -> None:
        """Release all memory. Nothing linked may run any more."""
        self.memory.close()
