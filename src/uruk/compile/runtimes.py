"""The libraries that a compiler driver adds when it links, and that `uruk` must add for the sources it compiled."""

from __future__ import annotations

from collections.abc import Iterable

from uruk.compile.process import Processes
from uruk.compile.source import Compiled
from uruk.compile.zig import zig_runtimes


def runtime_libraries(compiled: Iterable[Compiled], processes: Processes | None = None) -> list[tuple[str, str]]:
    """(kind, value) pairs, each once: ``library`` is a name as for -l, ``input`` a path.

    `processes.stop()` ends it from another thread. Raises CompileError when the C++ library of zig cannot be had.
    """
    found: dict[tuple[str, str], None] = {}
    for one in compiled:
        words, flags = one.compiler.words, (*one.compiler.words, *one.flags)
        if one.compiler.kind == "zig":
            if one.language != "c++" and b"__ubsan_" not in one.object:
                continue  # zig checks for undefined behaviour unless it optimises
            found.update(dict.fromkeys(("input", path) for path in zig_runtimes(words, one.flags, processes)))
        elif one.language == "c++":
            found["library", "c++" if "-stdlib=libc++" in flags else "stdc++"] = None
    return list(found)
