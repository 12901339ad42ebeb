"""The definers of names that an object of Linux lacks: this process, the runtime, known libraries."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

from uruk.errors import LibraryNotFound, ObjectFormatError, UrukError
from uruk.formats.elf.dynamic import read_shared_library
from uruk.libraries.search import LibrarySearch
from uruk.platforms.linux.compiler_builtins import compilers_builtins
from uruk.platforms.linux.platform import PRIVATE
from uruk.platforms.linux.process_symbols import find_symbol, loaded_libraries
from uruk.platforms.linux.runtime_archive import INTERPOSED, lacks_builtin, open_runtime
from uruk.target import HERE, Target

PROCESS = "in this process"
RUNTIME = "in uruk's runtime"
GCC = "in libgcc_s.so.1, which is always asked"
_NOBODY = ""
_FOREIGN = ("libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6")
"""Libraries that are looked into for objects of another architecture."""
_MOST_HINTS = 5000
"""Looking names up in some sixty libraries takes a tenth of a millisecond each."""


def definers(names: Collection[bytes], thread_local: Collection[bytes], target: Target) -> dict[bytes, str]:
    """Return the definer of each name that an object for `target` lacks; empty where none is known.

    Those that are `thread_local` are never asked of the process, as that would make a library's storage dynamic. Of
    another architecture this process has nothing; a cross compiler's libraries may be known.
    """
    is_local = target.architecture == HERE.architecture
    private, runtime = _runtime_names(target.architecture)
    providers = _libraries_of_thread_locals(thread_local) if is_local else {}
    for name in names:
        if name in thread_local:
            continue
        if is_local and name not in private and find_symbol(None, name):
            providers[name] = PROCESS
        elif name in runtime:
            providers[name] = RUNTIME
        elif runtime and lacks_builtin(open_runtime(target.architecture), name):
            builtins = compilers_builtins(name, target.architecture)
            providers[name] = f"in {os.path.basename(builtins.name)}" if builtins else ""
    # The files of libraries are looked into last, as each costs more than the questions above together.
    rest = [name for name in names if not providers.get(name)]
    if not is_local:
        return providers | _in_foreign_libraries(rest, LibrarySearch(target=target._replace(system="linux")))
    hints = LibrarySearch().hints_for(rest[:_MOST_HINTS]) if rest else {}
    for name in rest:
        hint = hints.get(name, _NOBODY)
        providers[name] = GCC if hint.endswith("add -l gcc_s") else hint
    return providers


def _in_foreign_libraries(names: Iterable[bytes], search: LibrarySearch) -> dict[bytes, str]:
    """Return what the libraries of a cross compiler define, if there is one."""
    providers = dict.fromkeys(names, _NOBODY)
    for soname in _FOREIGN:
        try:
            with read_shared_library(search.find(f":{soname}")[0].path) as library:
                for name in providers:
                    if not providers[name] and library.defines(name):
                        providers[name] = f"in {soname}"
        except (LibraryNotFound, ObjectFormatError, IndexError):
            continue
    return providers


def _runtime_names(architecture: str) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Return the names that the runtime defines for each module anew or in a library's place, and all of its names."""
    try:
        return PRIVATE | frozenset(INTERPOSED), frozenset(open_runtime(architecture).index())
    except UrukError:  # a source tree whose runtime is not built: looking at objects works without
        return frozenset(), frozenset()


def _libraries_of_thread_locals(names: Iterable[bytes]) -> dict[bytes, str]:
    """Return the library of each name that is a thread-local of a loaded one."""
    wanted = set(names)
    homes: dict[bytes, str] = {}
    for path in loaded_libraries() if wanted else ():
        try:
            with read_shared_library(path) as library:
                for name in wanted - homes.keys():
                    if library.is_thread_local(name):
                        homes[name] = f"in this process: {library.soname or path}"
        except ObjectFormatError:
            continue  # the loader has taken it, so that it says nothing about the object
    return homes
