"""The particulars of zig: it keeps what it makes in a cache, and its language runtimes are made on request."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from uruk.compile.compilers import find_compiler, zig_mode
from uruk.compile.process import Processes, private_folder
from uruk.errors import CompileError

# What the objects need beyond libc. Not libunwind: exceptions must pass frames that are registered with libgcc_s.
_RUNTIMES = ("libubsan_rt.a", "libc++abi.a", "libc++.a")
_MINIMAL = "int main() { return 0; }\n"


@contextmanager
def zig_environment(words: Sequence[str], folder: str | None = None) -> Generator[dict[str, str] | None, None, None]:
    """The environment for a command, None for the process's own: zig with no cache that it can write waits for ever.

    `folder` takes the cache then; without one, a temporary one is made.
    """
    if not zig_mode(words) or _has_cache():
        yield None
    elif folder is not None:
        yield {**os.environ, "ZIG_GLOBAL_CACHE_DIR": os.path.join(folder, "zig")}
    else:
        with private_folder() as made:
            yield {**os.environ, "ZIG_GLOBAL_CACHE_DIR": made}


def zig_runtimes(words: Sequence[str], flags: Sequence[str], processes: Processes | None = None) -> list[str]:
    """Return archives that objects of ``zig cc`` or ``zig c++`` (`words` says which) need, in the order of a link.

    zig makes them when it links its first program (libc++: more than a minute), and keeps them. Raises CompileError.
    """
    shown = shlex.join(words)
    if not _has_cache():
        problem = "zig keeps its libraries in a cache folder, which cannot be written"
        raise CompileError("zig", shown, f"{problem}: set ZIG_GLOBAL_CACHE_DIR, or name another compiler")
    with private_folder() as folder:
        source = os.path.join(folder, "main.cpp" if "c++" in words else "main.c")
        with open(source, "w", encoding="ascii") as file:
            file.write(_MINIMAL)
        environment = {**os.environ, "ZIG_VERBOSE_LINK": "1", "TMPDIR": folder}
        kept = [flag for flag in flags if flag.startswith(("-O", "-m", "-fsanitize", "-fno-sanitize", "--target="))]
        command = [*words, *kept, source, "-o", os.path.join(folder, "main")]
        ended = (processes or Processes()).run(command, "zig's runtime", shown, environment=environment)
    archives = {os.path.basename(path): path for path in re.findall(r"\S+\.a\b", ended.err)}
    if ended.status or ("c++" in words and "libc++.a" not in archives):
        problem = "its C++ library cannot be had: name another compiler (--compiler g++)"
        raise CompileError("zig", shown, problem, ended.status, ended.err)
    return [archives[name] for name in _RUNTIMES if name in archives]


def zig_windows_libraries(*, cxx: bool = False) -> list[str]:
    """Return the libraries that ``zig cc`` links programs of Windows with, in its order, without start files.

    `cxx`: those of ``zig c++``, which has libc++, libc++abi and libunwind beside them. zig builds them when it first
    links one (a minute or more), and keeps them. Raises CompilerNotFound, CompileError.
    """
    words = find_compiler("c++" if cxx else "c", "zig c++" if cxx else "zig cc")
    shown = shlex.join(words)
    if not _has_cache():
        raise CompileError("zig", shown, "zig keeps its libraries in a cache folder, which cannot be written")
    with private_folder() as folder:
        source = os.path.join(folder, "main.cpp" if cxx else "main.c")
        with open(source, "w", encoding="ascii") as file:
            file.write(_MINIMAL)
        environment = {**os.environ, "ZIG_VERBOSE_LINK": "1", "TMPDIR": folder}
        command = [*words, "-target", "x86_64-windows-gnu", source, "-o", os.path.join(folder, "main.exe")]
        ended = Processes().run(command, "zig's libraries for Windows", shown, environment=environment)
    if ended.status:
        raise CompileError("zig", shown, "its libraries for Windows cannot be had", ended.status, ended.err)
    return [os.path.abspath(path) for path in re.findall(r"(?<=\s)(?!-)\S+\.lib\b", ended.err)]


def _has_cache() -> bool:
    """Return True if zig has a cache folder that it can write (std.zig: ZIG_GLOBAL_CACHE_DIR, XDG_CACHE_HOME, HOME)."""
    named = os.environ.get("ZIG_GLOBAL_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME") or os.devnull, ".cache")
    path = named or os.path.join(base, "zig")
    try:
        os.makedirs(path, exist_ok=True)
    except OSError:
        return False
    return os.access(path, os.W_OK | os.X_OK)
