"""DLLs of a process of Windows: loaded by LLVM's service, their names found by the runtime."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence

from uruk.errors import LibraryError
from uruk.executor.bootstrap import BootstrapLibraries
from uruk.executor.control import Runtime
from uruk.executor.library_symbols import FoundSymbols, find_symbols
from uruk.executor.llvm_services import Services
from uruk.libraries.search import host_libraries
from uruk.target import Target

_NOT_FOUND = "(Windows error 126)"
"""ERROR_MOD_NOT_FOUND: the DLL, or one that it needs, is in none of the loader's folders."""


class WindowsLibraries(BootstrapLibraries):
    """See `uruk.executor.interface.Libraries`; what is data is known.

    The process itself has what every one has: kernel32 and ntdll. The loader looks for a name without a folder in
    WINEPATH and PATH.
    """

    def __init__(self, services: Services, runtime: Runtime, architecture: str) -> None:
        """`architecture` is the first part of the process's triple."""
        super().__init__(services)
        self._architecture = architecture
        self._runtime = runtime

    def load(self, path: str, *, everywhere: bool = False) -> int:
        """See `Libraries.load`. Raises LibraryError, which says where DLLs of compilers are if the loader does not."""
        try:
            return super().load(path, everywhere=everywhere)
        except LibraryError as error:
            # Advice on folders would mislead for a DLL that is found and is damaged.
            if _NOT_FOUND not in error.problem:
                raise
            raise LibraryError(error.library, error.problem, _advice(self._architecture)) from error

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """See `Libraries.find_symbol`."""
        symbols = self.find_symbols([handle], [name])
        # numpy's column is signed.
        return int(symbols.address[0]) & (1 << 64) - 1, bool(symbols.is_data[0])

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        """See `Libraries.find_symbols`: one message for all. DLLs have no versions: in their names `@` is a letter."""
        return find_symbols(self._runtime, handles, names, versions=False)


def _advice(architecture: str) -> str:
    """Return what makes the loader find a DLL: the folders on this machine in which compilers keep theirs."""
    # Folders without DLLs hold import libraries only, which the loader cannot use.
    folders = [folder for folder in host_libraries(Target("coff", architecture, "windows")).directories()
               if glob.glob(os.path.join(glob.escape(folder), "*.dll"))]  # fmt: skip
    text = ";".join(f"Z:{folder}".replace("/", "\\") for folder in folders)
    return "the loader looks in the folders that WINEPATH names" + (f": WINEPATH='{text}'" if text else "")
