"""C compilers for Windows, as tests of programs use them: how each compiles, and how it links natively."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from native_programs import gxx_folders, wine_path

from support.requirements import require_tool

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
ZIG = (sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu")
GCC = ("x86_64-w64-mingw32-gcc-posix",)
WAYS = ("--shared-memory", "--no-shared-memory")
"""Flags of ``uruk run``: how code goes to the process."""
DECLARED = (
    "assert ctype errno fcntl io locale malloc math setjmp signal stdio stdlib string sys/types time wchar".split()
)
"""The standard headers that declared.h stands for."""


@dataclass(frozen=True)
class Compiler:
    """A compiler, and the driver that links its objects natively."""

    command: tuple[str, ...]
    driver: tuple[str, ...]
    has_headers: bool = True

    def compile(self, sources: Sequence[Path], folder: Path, flags: Sequence[str] = ()) -> list[Path]:
        """The objects of sources, in a folder."""
        require_tool(self.command[0])
        words = list(self.command)
        if not self.has_headers:
            words += ["-I", str(self._headers(folder))]
        objects = [folder / f"{source.stem}.obj" for source in sources]
        for source, target in zip(sources, objects, strict=True):
            command = [*words, *flags, "-w", "-c", "-o", str(target), str(source)]
            subprocess.run(command, check=True, env=environment())
        return objects

    def _headers(self, folder: Path) -> Path:
        place = folder / "headers"
        if not place.is_dir():
            (place / "sys").mkdir(parents=True)
            for name in DECLARED:
                (place / f"{name}.h").write_text(f'#include "{HERE / "declared.h"}"\n')
        return place

    def link(self, objects: Sequence[Path], program: Path, flags: Sequence[str] = ()) -> None:
        """Link a program as the compiler's driver does."""
        require_tool(self.driver[0])
        if not self.has_headers:  # of Microsoft's start files
            source = program.with_name("start_files.c")
            source.write_text("int _fltused;")
            objects = [*objects, *self.compile([source], program.parent)]
        command = [*self.driver, "-o", str(program), *map(str, objects), *flags]
        subprocess.run(command, check=True, env=environment(), capture_output=True)


COMPILERS: Mapping[str, Compiler] = {
    "gcc": Compiler((*GCC, "-O1"), GCC),
    "zig": Compiler((*ZIG, "-O1"), ZIG),
    "clang-gnu": Compiler(
        ("clang-19", "--target=x86_64-w64-windows-gnu", "-O2", "-ffunction-sections", "-fdata-sections"), GCC
    ),
    "clang-msvc": Compiler(("clang-19", "--target=x86_64-pc-windows-msvc", "-O1"), ZIG, has_headers=False),
}


def environment() -> dict[str, str]:
    """The environment of compilers and programs: what zig builds for Windows is kept, and gcc's DLLs are found."""
    return {
        **os.environ,
        "ZIG_GLOBAL_CACHE_DIR": str(REPOSITORY / "build" / "zig-cache"),
        "WINEPATH": wine_path(gxx_folders()),
        "URUK_WORD": "given",
    }
