"""Which well-known library defines a name that nothing else does: the hint in the error for undefined
symbols.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from uruk.errors import LibraryNotFound, ObjectFormatError
from uruk.formats.archive import Archive
from uruk.formats.elf_dynamic import read_shared_library
from uruk.orc.library_search import LibrarySearch

_LIKELIER_FIRST = (
    "m stdc++ gcc_s pthread dl rt z gomp gfortran quadmath atomic tinfo ncurses ncursesw readline sqlite3 "
    "crypt crypto ssl bz2 lzma zstd lz4 xml2 curl ffi uuid expat png16 jpeg gmp mpfr blas lapack openblas "
    "fftw3 lua5.4 c++ c++abi unwind omp objc tbb X11 GL pcre2-8 bsd numa edit mvec resolv util"
)
KNOWN = tuple(_LIKELIER_FIRST.split())
"""Names for -l of the libraries that are looked into."""


def hints_for(names: Iterable[bytes], search: LibrarySearch | None = None) -> dict[bytes, str]:
    """For each name that a well-known library defines, a text such as ``defined in libm.so.6: add -l m``.

    Looks only at sonames in the loader's cache; opens each library once. Costs milliseconds: for error texts
    only.
    """
    search = search or LibrarySearch()
    wanted = set(names)
    found: dict[bytes, str] = {}
    for library in KNOWN:
        if not wanted:
            break
        path = search.soname_path(library)
        if path is None:
            continue
        try:
            with read_shared_library(path) as opened:
                here = [name for name in wanted if opened.find(name) is not None]
        except ObjectFormatError:
            continue  # a broken library has no hint to give
        for name in here:
            found[name] = f"defined in {os.path.basename(path)}: add -l {library}"
        wanted.difference_update(here)
    for name in wanted & _in_libgcc(search):
        found[name] = "defined in libgcc.a: add -l gcc"
    return found


def _in_libgcc(search: LibrarySearch) -> set[bytes]:
    """What gcc's own library defines, which gcc links with everything: decimal numbers, split stacks and the like."""
    try:
        with Archive.open(search.find("gcc")[0].path) as archive:
            return set(archive.index())
    except (LibraryNotFound, ObjectFormatError, IndexError):
        return set()


def hint_for(name: bytes) -> str | None:
    """The hint for one name, None if no well-known library defines it."""
    return hints_for([name]).get(name)
