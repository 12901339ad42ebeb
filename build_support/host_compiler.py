"""The C compiler of this machine: gcc from version 10 or clang from 14, that makes programs for glibc."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

OLDEST = {"gcc": (10,), "clang": (14,)}
"""The oldest versions that compile the runtime."""
_VERSIONED = re.compile(r"(?:gcc|clang)-(\d+)")
_ABOUT = """
#include <features.h>
#ifdef __clang__
clang __clang_major__ __clang_minor__ __clang_patchlevel__
#else
gcc __GNUC__ __GNUC_MINOR__ __GNUC_PATCHLEVEL__
#endif
#if defined __GLIBC__ && defined __LP64__
glibc
#endif
"""
_PROGRAM = """
#include <dlfcn.h>
#include <pthread.h>
int main(void)
{
    return dlsym(0, "main") && !pthread_self();
}
"""
_TIMEOUT = 60


@dataclass(frozen=True)
class HostCompiler:
    """A C compiler of this machine that can build the runtime."""

    words: tuple[str, ...]
    kind: str
    """``gcc`` or ``clang``."""
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.kind} {'.'.join(map(str, self.version))}"

    def archiver(self) -> str:
        """Return the program that makes archives. Raises RuntimeError where there is none."""
        for name in ("ar", "llvm-ar", f"llvm-ar-{self.version[0]}"):
            found = _run([*self.words, f"-print-prog-name={name}"])
            if path := shutil.which(found.strip() or name):
                return path
        raise RuntimeError(f"{self.words[0]} knows no `ar', which makes archives: install binutils")


@lru_cache(maxsize=1)
def find_host_compiler() -> HostCompiler | None:
    """Return the compiler that CC names or, without it, the first on PATH that will do; None if there is none."""
    return next(filter(None, map(_checked, _candidates())), None)


def _candidates() -> Iterator[list[str]]:
    named = os.environ.get("CC", "").strip()
    if named:
        yield shlex.split(named)
        return
    yield from (["cc"], ["gcc"], ["clang"])
    versions: dict[str, int] = {}
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        versions.update((name, int(match[1])) for name in names if (match := _VERSIONED.fullmatch(name)))
    yield from ([name] for name in sorted(versions, key=lambda name: (name.startswith("gcc"), versions[name]))[::-1])


def _checked(words: Sequence[str]) -> HostCompiler | None:
    """Return a compiler if it is recent enough, and links a program."""
    path = shutil.which(words[0])
    if path is None:
        return None
    command = (path, *words[1:])
    about = _run([*command, "-E", "-P", "-x", "c", "-"], _ABOUT).split()
    if len(about) != 5 or about[4] != "glibc" or not all(map(str.isdigit, about[1:4])):
        return None
    found = HostCompiler(command, about[0], tuple(map(int, about[1:4])))
    if found.version < OLDEST[found.kind]:
        return None
    with tempfile.TemporaryDirectory(prefix="uruk-cc-") as folder:
        program = Path(folder) / "program"
        _run([*command, "-x", "c", "-", "-o", str(program), "-lpthread", "-ldl"], _PROGRAM)
        return found if program.is_file() else None


def _run(command: Sequence[str], text: str = "") -> str:
    """Return what a command prints; nothing if it fails."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=_TIMEOUT, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout if done.returncode == 0 else ""
