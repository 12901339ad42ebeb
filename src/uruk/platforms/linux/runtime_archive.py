"""The runtime archive as a platform of Linux uses it, whichever process the runtime is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.platforms.current_runtime import open_current
from uruk.target import HERE

if TYPE_CHECKING:
    from uruk.formats.archive import Archive

INTERPOSED = (b"__cxa_thread_atexit", b"__cxa_thread_atexit_impl")
PREFIX = b"uruk_rt_"
"""The beginning of the names of the runtime's own functions."""
VERSION = b"uruk_version_"
UNWINDER = "libgcc_s.so.1"
ITERATE = b"dl_iterate_phdr"
ASKS = frozenset({b"_d_dso_registry"})
"""Functions of libraries that ask for the thread-locals of their caller: D's runtime keeps them as roots of its
collector (druntime, rt/sections_elf_shared.d)."""


def open_runtime(architecture: str = HERE.architecture) -> Archive:
    """The runtime archive of an architecture, by default this process's. Raises MissingRuntime, StaleRuntime."""
    return open_current(f"{architecture}-linux")


def lacks_builtin(archive: Archive, name: bytes) -> bool:
    """Return True for a compiler builtin that a runtime archive lacks, as one lacks all that zig has not built."""
    if not name.startswith(b"__") or b"__udivti3" in archive.index():
        return False
    from uruk.builtin_names import is_of_builtins  # archives that zig has built are the rule

    return is_of_builtins(name)


def version_of(archive: Archive) -> bytes:
    """Return the name by which a runtime archive says what it was made from; see `build_support/runtime.py`."""
    return next((name for name in archive.index() if name.startswith(VERSION)), b"")


def function_names(archive: Archive) -> list[bytes]:
    """Return the functions of the runtime that uruk calls, and those that stand for functions of libraries."""
    return [*sorted(name for name in archive.index() if name.startswith(PREFIX)), *INTERPOSED]
