"""The one unwinder of a program of Windows, and the one keeper of its thread-locals of gcc's kind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uruk.lljit import LLJIT

_CXX = ("libstdc++.dll.a", "libstdc++-6.dll")
"""The C++ library that is a DLL: its import library, and itself."""


def shared_gcc(jit: LLJIT) -> tuple[str, ...]:
    """Return the library, for -l, that comes before the static libgcc where the C++ library is a DLL; else nothing.

    That DLL has its exceptions and thread-locals (`__emutls_get_address`) from libgcc_s, and shares them with the
    program: ``std::call_once`` of a program with another keeper calls the null pointer that it finds in its own copy.
    """
    search = jit.main.search
    files = [*(entry.archive.name for entry in search.archives), *(entry.path for entry in search.libraries)]
    # Names are compared without case, as Windows's file systems do.
    return ("gcc_s",) if any(os.path.basename(file).lower() in _CXX for file in files) else ()
