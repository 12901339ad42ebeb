"""Who would define the names that an object lacks: the link, this process, the runtime, known libraries."""

from __future__ import annotations

from collections.abc import Iterable

from uruk.errors import LibraryNotFound, ObjectFormatError, UrukError
from uruk.formats.elf.dynamic import STT_TLS, read_shared_library
from uruk.libraries.search import LibrarySearch
from uruk.passes.elf.linker_symbols import PRIVATE, START, STOP
from uruk.platforms.linux.process_symbols import find_symbol, loaded_libraries
from uruk.target import HERE, Target

LINK = "made by the link"
PROCESS = "in this process"
RUNTIME = "in uruk's runtime"
GCC = "in libgcc_s.so.1, which is always asked"
NOBODY = ""
FOREIGN = ("libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6")
"""Libraries that are looked into for objects of another architecture."""
MOST_HINTS = 5000
"""Looking names up in some sixty libraries takes a tenth of a millisecond each."""


def providers(
    names: Iterable[bytes], thread_local: frozenset[bytes], sections: frozenset[bytes], architecture: str
) -> dict[bytes, str]:
    """For each undefined name, who has it (empty: nobody known).

    `thread_local` says which of them are so: the process is never asked for those, as that would make the
    library's storage dynamic. `sections` are the names of the object's own sections, for ``__start_X``. Of another
    architecture this process has nothing; libraries of its own may be known.
    """
    wanted = list(names)
    runtime = _runtime_names(architecture)
    here = architecture == HERE.architecture
    found = _libraries_of_thread_locals(thread_local) if here else {}
    for name in wanted:
        if name in PRIVATE or (name.startswith((START, STOP)) and name.split(b"_", 3)[3] in sections):
            found[name] = LINK
        elif name in thread_local:
            continue
        elif here and name not in runtime.private and find_symbol(None, name):
            found[name] = PROCESS
        elif name in runtime.all:
            found[name] = RUNTIME
    rest = [name for name in wanted if not found.get(name)]
    if not here:
        return found | _in_foreign_libraries(rest, LibrarySearch(target=Target("elf", architecture, "linux")))
    hints = LibrarySearch().hints_for(rest[:MOST_HINTS]) if rest else {}
    for name in rest:
        hint = hints.get(name, NOBODY)
        found[name] = GCC if hint.endswith("add -l gcc_s") else hint
    return found


def _in_foreign_libraries(names: Iterable[bytes], search: LibrarySearch) -> dict[bytes, str]:
    """What the libraries of a cross compiler define, if there is one."""
    found = dict.fromkeys(names, NOBODY)
    for soname in FOREIGN:
        try:
            with read_shared_library(search.find(f":{soname}")[0].path) as library:
                for name in found:
                    if not found[name] and library.find(name) is not None:
                        found[name] = f"in {soname}"
        except (LibraryNotFound, ObjectFormatError, IndexError):
            continue
    return found


class _Runtime:
    """Names that the runtime archive defines, and those that it defines for each module anew."""

    def __init__(self, names: frozenset[bytes], private: frozenset[bytes]) -> None:
        self.all = names
        self.private = private


def _runtime_names(architecture: str) -> _Runtime:
    from uruk.platforms.linux.platform import PRIVATE as OWN
    from uruk.platforms.linux.runtime_here import INTERPOSED, open_runtime

    try:
        return _Runtime(frozenset(open_runtime(architecture).index()), OWN | frozenset(INTERPOSED))
    except UrukError:  # a source tree whose runtime is not built: looking at objects works without
        return _Runtime(frozenset(), frozenset())


def _libraries_of_thread_locals(names: Iterable[bytes]) -> dict[bytes, str]:
    """For each name that is a thread-local of a loaded library, that library."""
    wanted = set(names)
    homes: dict[bytes, str] = {}
    for path in loaded_libraries() if wanted else ():
        try:
            with read_shared_library(path) as library:
                for name in wanted - homes.keys():
                    found = library.find(name)
                    if found is not None and found.type == STT_TLS:
                        homes[name] = f"in this process: {library.soname or path}"
        except ObjectFormatError:
            continue  # the loader has taken it, so it is no concern of who looks at an object
    return homes
