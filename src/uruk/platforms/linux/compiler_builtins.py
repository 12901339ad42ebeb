"""Compiler builtins that the runtime archive lacks, in the libraries of this machine's compilers.

A runtime that zig has built has them. One that was built by a compiler of this machine has not: its library of builtins
is read here, when code first needs one that no shared library has.
"""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache

from uruk.compile.compilers import find_compiler
from uruk.compile.identity import identify
from uruk.errors import LibraryNotFound, UrukError
from uruk.formats.archive import Archive
from uruk.libraries.search import LibrarySearch
from uruk.target import HERE, Target

_TIMEOUT = 20


def compilers_builtins(name: bytes, architecture: str) -> Archive | None:
    """Return the archive of a compiler that defines a builtin which the runtime lacks, or None; see `lacks_builtin`.

    Raises ObjectFormatError for an archive that is damaged.
    """
    return next((archive for archive in _archives(architecture) if name in archive.index()), None)


@lru_cache(maxsize=4)
def _archives(architecture: str) -> tuple[Archive, ...]:
    """Return gcc's archive and clang's, as far as they are there; they stay open until this process ends."""
    return tuple(Archive.open(path) for path in (_libgcc(architecture), _compiler_rt(architecture)) if path)


def _libgcc(architecture: str) -> str:
    try:
        return LibrarySearch(target=Target.of_triple(architecture)).find("gcc")[0].path
    except (LibraryNotFound, IndexError):
        return ""


def _compiler_rt(architecture: str) -> str:
    """Return the archive that clang names, if that is the compiler of this machine, and it has one."""
    if architecture != HERE.architecture:
        return ""
    try:
        compiler = identify(find_compiler("c"))
    except UrukError:
        return ""
    if compiler.kind != "clang":
        return ""
    command = [*compiler.words, "--rtlib=compiler-rt", "-print-libgcc-file-name"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    path = done.stdout.strip()
    return path if os.path.isfile(path) else ""
