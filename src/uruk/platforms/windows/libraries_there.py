"""DLLs of a process of Windows: loaded by LLVM's service, their names found by the runtime."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.executor.bootstrap import BootstrapLibraries
from uruk.executor.control import Runtime
from uruk.executor.library_symbols import FoundSymbols, find_symbols
from uruk.executor.llvm_services import Services


class WindowsLibraries(BootstrapLibraries):
    """See `uruk.executor.interface.Libraries`; what is data is known.

    The process itself has what every one has: kernel32 and ntdll. The loader looks for a name without a folder in
    WINEPATH and PATH.
    """

    def __init__(self, services: Services, runtime: Runtime) -> None:
        super().__init__(services)
        self._runtime = runtime

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """See `Libraries.find_symbol`."""
        found = find_symbols(self._runtime, [handle], [name])
        return int(found.address[0]) & (1 << 64) - 1, bool(found.is_data[0])

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        """See `Libraries.find_symbols`: one message for all."""
        return find_symbols(self._runtime, handles, names)
