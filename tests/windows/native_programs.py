"""Programs of Windows that are run two times: as their compiler's linker links them, and as uruk does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from support.requirements import require_tool

PROGRAMS = Path(__file__).parent / "programs"
"""Sources: a folder for each kind of compiler, where NAME.SUFFIX is a program and NAME.2.SUFFIX its second part."""
GXX = "x86_64-w64-mingw32-g++-posix"
TIMEOUT = 60
ABORTED = 3
"""The status of a program that called abort()."""
ENDED_BADLY = "Inconsistency detected by ld.so: dl-fini.c"
"""What the dynamic loader says, seldom, where a thread of wine's loads a library while the process ends: status 127."""
SAID_OF_ABORT = "uruk: ExecutorCrashed: the executor was ended by abort()"


class Result(NamedTuple):
    """The output and the end of a program."""

    stdout: str
    stderr: str
    status: int


@cache
def gxx_folders() -> tuple[Path, ...]:
    """The folders where MinGW's g++ has the DLLs that its programs need."""
    command = [require_tool(GXX), "-print-file-name=libstdc++-6.dll"]
    library = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return Path(library).parent, Path("/usr/x86_64-w64-mingw32/lib")


def wine_path(folders: Sequence[Path]) -> str:
    """The value of WINEPATH with which wine's programs find the DLLs of these folders."""
    return ";".join(f"Z:{folder}".replace("/", "\\") for folder in folders)


def names_of(kind: str, suffixes: Sequence[str]) -> list[str]:
    """The programs of a folder, by the names of their first parts."""
    return sorted(path.name for path in (PROGRAMS / kind).iterdir() if path.name.split(".", 1)[1] in suffixes)


def parts_of(kind: str, name: str) -> list[Path]:
    """The sources of a program."""
    start, suffix = name.split(".")
    return sorted((PROGRAMS / kind).glob(f"{start}.{suffix}")) + sorted((PROGRAMS / kind).glob(f"{start}.?.{suffix}"))


def compile_parts(kind: str, name: str, folder: Path, command: Sequence[str]) -> list[Path]:
    """Objects of a program's sources, each by its own run of a compiler."""
    objects: list[Path] = []
    for source in parts_of(kind, name):
        objects.append(folder / f"{source.name}.obj")
        subprocess.run([*command, "-c", "-o", objects[-1], source], check=True, timeout=TIMEOUT)
    return objects


def run(command: Sequence[str | Path], libraries: Sequence[Path] = (), **variables: str) -> Result:
    """Run a command of which the programs find DLLs in these folders; again, if wine did not end as its program did."""
    environment = {**os.environ, "WINEPATH": wine_path(libraries), **variables}
    while True:
        done = subprocess.run(
            command, capture_output=True, timeout=TIMEOUT, env=environment, check=False, stdin=subprocess.DEVNULL
        )
        stdout, stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if command[0] != "wine" or ENDED_BADLY not in stderr:
            return Result(stdout, stderr, done.returncode)


def run_linked(
    arguments: Sequence[str | Path], words: Sequence[str], libraries: Sequence[Path] = (), **variables: str
) -> Result:
    """The same program as uruk links and runs it; `arguments` are those of ``uruk run``.

    A program that calls abort() ends as natively, but that uruk says so in a line more.
    """
    command = [sys.executable, "-m", "uruk", "run", "--oop", "--launcher", "wine", *arguments, "--", *words]
    result = run(command, libraries, **variables)
    lines = result.stderr.splitlines(keepends=True)
    if result.status == ABORTED and lines and lines[-1].startswith(SAID_OF_ABORT):
        return result._replace(stderr="".join(lines[:-1]))
    return result
