"""Libraries that are loaded at once, by an object that needs all of them.

The loader opens what an object needs in breadth: first all that it names itself, then what those need. So a library
finds another that it needs by its soname where a program that needs both has named a file for it (ld.so(8)). A library
without a soname is known by the text by which it was needed: its file's name, where a linker found it by -l (GNU ld's
elf_add_dt_needed_tag), and others that need that name find it then.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from uruk.errors import ObjectFormatError
from uruk.executor.control import Runtime
from uruk.formats.elf.dynamic import read_shared_library
from uruk.formats.elf.exports import build_exports
from uruk.isa.interface import architecture_of

_TEXT = 4096


def plan_needs(paths: Sequence[str], by_name: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the names by which a program needs libraries, and the folders where the loader is to look for them.

    `by_name` are those that were found by their names. One library with a soname needs nothing of the kind. Two with an
    IFUNC of one name are loaded one by one: of those that it opens together, the loader relocates the last first, which
    gets the other's function, and would say "Relink" on standard error (glibc, sysdeps/x86_64/dl-machine.h).
    """
    needed: list[str] = []
    folders: list[str] = []
    resolvers: set[bytes] = set()
    once: dict[str, str] = {}
    for path in paths:
        once.setdefault(os.path.realpath(path), path)  # a line may name a library often (-lm ... -lm)
    several, apart = len(once) > 1, False
    for path in once.values():
        has_soname, own = _facts_of(path, several)
        apart |= not resolvers.isdisjoint(own)
        resolvers |= own
        folder, file = os.path.split(os.path.abspath(path))
        # The loader takes the first folder that has the file, which must be the right one.
        if path in by_name and not has_soname and not any(os.path.exists(f"{place}/{file}") for place in folders):
            folders.append(folder)
            needed.append(file)
        else:
            needed.append(path if "/" in path else f"./{path}")
    return (needed, folders) if folders or (several and not apart) else ([], [])


def load_together(runtime: Runtime, needed: Sequence[str], folders: Sequence[str]) -> str:
    """Load libraries for everybody, as `plan_needs` has them; the loader's text where it refuses, else empty."""
    names = [os.fsencode(name) for name in needed]
    search = os.fsencode(":".join(folders))
    data = build_exports({}, architecture_of(runtime.process.triple).name, needed=names, search=search)
    text = bytearray(_TEXT)
    if runtime.call(b"uruk_rt_open_together", data, len(data), text, len(text)):
        return ""
    return bytes(text).partition(b"\0")[0].decode("utf-8", "replace") or "there is no memory file"


def _facts_of(path: str, several: bool) -> tuple[bool, set[bytes]]:
    """Return whether a library has a soname, and the names of its IFUNCs where it is one of several."""
    try:
        with read_shared_library(path) as library:
            return library.soname is not None, library.indirect_functions() if several else set()
    except ObjectFormatError:
        return True, set()  # the loader says what is wrong with it
