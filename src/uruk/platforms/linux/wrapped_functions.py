"""Libraries that have to be in a process before its other ones, as a sanitizer's runtime has come before all else.

The runtime defines a function `f` in front of a library's, exports it as ``__interceptor_f``, too, and looks for the
library's own once, as its process starts (compiler-rt, lib/interception: dlsym with RTLD_NEXT). What it does not find
then stays null: a C++ exception, or a call of crypt(), would end the program. The runtime may also need a C++ library
itself (clang's for threads needs libstdc++), which a program's own one, libc++, has to come before.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from uruk.errors import ObjectFormatError
from uruk.executor.interface import Executor
from uruk.formats.elf.dynamic import read_shared_library
from uruk.libraries.search import host_libraries
from uruk.platforms.linux.process_symbols import RTLD_LAZY, RTLD_NOLOAD
from uruk.target import HERE

_WRAPPER, _THROW = b"__interceptor_", b"__cxa_throw"


def late_library(executor: Executor, paths: Sequence[str]) -> tuple[str, str]:
    """Return the path of a library that comes late, and a function for which it does; both empty if there is none.

    `paths` are libraries that are about to be loaded; what they need counts as well, where the loader's cache knows it.
    """
    places = host_libraries(HERE)
    opens, _ = executor.libraries.find_symbol(None, b"dlopen")
    waiting = list(paths)
    for name in waiting:  # which grows
        if executor.process.call(opens, os.fsencode(name) + b"\0", RTLD_LAZY | RTLD_NOLOAD):
            continue
        path = name if "/" in name else places.loader_path(name)
        if not path:
            continue
        function, needed = _look_into(executor, path)
        if function:
            return path, function
        waiting += [soname for soname in needed if soname not in waiting]
    return "", ""


def _look_into(executor: Executor, path: str) -> tuple[str, Sequence[str]]:
    """Return a function for which a library comes late, or an empty text, and what the library needs.

    What is wrong with a file is for the loader to say.
    """
    try:
        with read_shared_library(path) as library:
            names, needed = [one.name for one in library.definitions()], library.needed
    except ObjectFormatError:
        return "", ()
    asked = [name if name == _THROW else _WRAPPER + name for name in names]
    found = executor.libraries.find_symbols([None], asked).found.tolist()
    late = (name for name, is_found in zip(names, found, strict=True) if is_found)
    return next(late, b"").decode("utf-8", "replace"), needed
