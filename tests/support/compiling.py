"""Compile small sources with the system's compilers, and run Python texts in child interpreters."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from dataclasses import dataclass
from pathlib import Path

from support.requirements import require_tool

TIMEOUT = 300
_COMMANDS = {
    ("gcc", "c"): "gcc",
    ("gcc", "cpp"): "g++",
    ("gcc", "s"): "gcc",
    ("aarch64-gcc", "s"): "aarch64-linux-gnu-gcc",
    ("aarch64-gcc", "c"): "aarch64-linux-gnu-gcc",
    ("mingw", "c"): "x86_64-w64-mingw32-gcc",
    ("mingw", "cpp"): "x86_64-w64-mingw32-g++",
    ("clang", "c"): "clang-19",
    ("clang", "cpp"): "clang++-19",
}


class Compile:
    """Compiles texts into one folder, each combination of text and flags once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, source: str, *flags: str, family: str = "gcc", language: str = "c", name: str = "") -> Path:
        """An object of `source`. `name` is the file's name without suffix, for tests of error texts."""
        text = textwrap.dedent(source)
        digest = hashlib.sha256(repr((text, flags, family, language, name)).encode()).hexdigest()[:16]
        folder = self.folder / digest
        target = folder / f"{name or 'unit'}.o"
        if not target.exists():
            folder.mkdir(exist_ok=True)
            written = folder / f"{name or 'unit'}.{language}"
            written.write_text(text)
            suffix = {"asm": "gcc"}.get(language) or _COMMANDS[family, language]
            self.tool(require_tool(suffix), "-c", "-w", *flags, "-o", str(target), str(written))
        return target

    def cpp(self, source: str, *flags: str, family: str = "gcc", name: str = "") -> Path:
        """An object of a C++ text."""
        return self(source, *flags, family=family, language="cpp", name=name)

    def archive(self, name: str, *members: Path) -> Path:
        """A static library of objects, in that order."""
        folder = self.folder / hashlib.sha256(repr((name, members)).encode()).hexdigest()[:16]
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.unlink(missing_ok=True)
        self.tool(require_tool("ar"), "qcs", str(path), *map(str, members))
        return path

    def shared(self, name: str, source: str, *flags: str, language: str = "c") -> Path:
        """A shared library."""
        text = textwrap.dedent(source)
        folder = self.folder / hashlib.sha256(repr((name, text, flags)).encode()).hexdigest()[:16]
        folder.mkdir(exist_ok=True)
        path = folder / name
        written = folder / f"source.{language}"
        written.write_text(text)
        command = require_tool(_COMMANDS["gcc", language])
        self.tool(command, "-shared", "-fPIC", "-w", *flags, "-o", str(path), str(written))
        return path

    def tool(self, *command: str) -> None:
        """Run a tool; its text is the error's."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


@dataclass(frozen=True)
class Ended:
    """A child that has ended; `status` is negative for a signal."""

    status: int
    out: str
    err: str


def _own_path() -> list[str]:
    """What a child must find, without this interpreter's standard library: the child may be another interpreter."""
    standard = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    return [one for one in sys.path if one and not one.endswith((".zip", "lib-dynload")) and one not in standard]


class RunChild:
    """Runs Python texts in fresh interpreters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, text: str, *arguments: object, python: str = sys.executable, timeout: float = TIMEOUT) -> Ended:
        """Run a text, with `arguments` in sys.argv[1:], for at most so many seconds."""
        script = self.folder / "child.py"
        script.write_text(textwrap.dedent(text))
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(_own_path()))
        done = subprocess.run(
            [python, str(script), *map(str, arguments)],
            capture_output=True, text=True, timeout=timeout, check=False, env=environment,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def ok(self, text: str, *arguments: object, python: str = sys.executable, timeout: float = TIMEOUT) -> str:
        """Run a text that must end well and say nothing on stderr; returns its output."""
        ended = self(text, *arguments, python=python, timeout=timeout)
        assert (ended.status, ended.err) == (0, ""), ended
        return ended.out


def _runs_here(python: str) -> bool:
    """Whether an interpreter can load the extension modules that this one uses."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(_own_path()))
    command = [python, "-c", "import numpy, cffi, uruk"]
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False, env=environment).returncode == 0


def fixed_interpreter() -> str | None:
    """A Python at a fixed address (a non-PIE program) of this version, None if the machine has none."""
    for candidate in (sys.executable, "/usr/bin/python3.11", shutil.which("python3") or ""):
        if not os.path.exists(candidate) or not _runs_here(candidate):
            continue
        with open(os.path.realpath(candidate), "rb") as file:
            header = file.read(18)
        if header[:4] == b"\x7fELF" and header[16] == 2:  # ET_EXEC
            return candidate
    return None


@dataclass(frozen=True)
class Footprint:
    """What this process uses: mappings, address space and resident memory, in KiB."""

    mappings: int
    address_space: int
    resident: int

    @classmethod
    def now(cls) -> Footprint:
        """Read it from /proc."""
        with open("/proc/self/maps", "rb") as maps:
            mappings = sum(1 for _ in maps)
        with open("/proc/self/statm") as statm:
            pages = [int(word) for word in statm.read().split()]
        return cls(mappings, 4 * pages[0], 4 * pages[1])
