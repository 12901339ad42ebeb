"""The compilers of the runtime: the C compiler of this machine, for it alone, or zig's, for every target."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from .host_compiler import HostCompiler, find_host_compiler
from .targets import EXECUTOR_TARGETS, TARGETS, BuildTarget

VARIABLE = "URUK_TARGETS"
"""The variable of the environment that names targets for a build: ``all``, or names with commas between."""
ZIG = "ziglang>=0.17,<0.18"
"""The requirement of a build by zig."""

Word = str | Path


class Toolchain(Protocol):
    """A compiler with what belongs to it."""

    @property
    def name(self) -> str:
        """Its name and version: what it made is made anew with another one."""
        ...

    @property
    def folder(self) -> str:
        """The name of the folder below ``build`` that wheels take its results from."""
        ...

    @property
    def has_builtins(self) -> bool:
        """True if compiler builtins can be taken from it. This machine's compiler keeps its own."""
        ...

    def compile(self, root: Path, triple: str, flags: Sequence[Word], sources: Sequence[Path], folder: Path) -> None:
        """Compile sources to objects of their names in a folder. Raises RuntimeError."""
        ...

    def link(self, root: Path, triple: str, words: Sequence[Word]) -> None:
        """Compile and link a program. Raises RuntimeError."""
        ...

    def archive(self, root: Path, name: str, members: Sequence[str], folder: Path) -> None:
        """Make an archive with an index in a folder of objects there. Raises RuntimeError."""
        ...


class Zig:
    """zig's compiler, from the `ziglang` package: it needs no system compiler, header or library."""

    folder = "runtime"
    has_builtins = True

    @property
    def name(self) -> str:
        """See `Toolchain.name`."""
        return f"zig {version('ziglang')}"

    def compile(self, root: Path, triple: str, flags: Sequence[Word], sources: Sequence[Path], folder: Path) -> None:
        """See `Toolchain.compile`."""
        for source in sources:
            run_zig(root, "cc", "-target", triple, *flags, "-c", source, "-o", folder / f"{source.stem}.o")

    def link(self, root: Path, triple: str, words: Sequence[Word]) -> None:
        """See `Toolchain.link`."""
        run_zig(root, "cc", "-target", triple, *words)

    def archive(self, root: Path, name: str, members: Sequence[str], folder: Path) -> None:
        """See `Toolchain.archive`."""
        run_zig(root, "ar", "rcsD", name, *members, cwd=folder)


class Host:
    """A C compiler of this machine. A user cannot mend what a compiler warns of, which zig's takes for errors."""

    folder = "runtime-here"
    has_builtins = False

    def __init__(self, compiler: HostCompiler) -> None:
        self.compiler = compiler

    @property
    def name(self) -> str:
        """See `Toolchain.name`."""
        return str(self.compiler)

    def compile(self, root: Path, triple: str, flags: Sequence[Word], sources: Sequence[Path], folder: Path) -> None:
        """See `Toolchain.compile`."""

        def compile_one(source: Path) -> None:
            run([*self.compiler.words, *flags, "-w", "-c", source, "-o", folder / f"{source.stem}.o"])

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(compile_one, sources))

    def link(self, root: Path, triple: str, words: Sequence[Word]) -> None:
        """See `Toolchain.link`."""
        run([*self.compiler.words, "-w", *words])

    def archive(self, root: Path, name: str, members: Sequence[str], folder: Path) -> None:
        """See `Toolchain.archive`."""
        run([self.compiler.archiver(), "rcsD", name, *members], cwd=folder)


def this_machine() -> str:
    """Return the target of this machine; none of `TARGETS` where uruk does not run."""
    return f"{platform.machine()}-{sys.platform}"


def wanted_targets() -> tuple[str, ...]:
    """Return the targets that `VARIABLE` names, or none. Raises ValueError for one that there is not."""
    named = os.environ.get(VARIABLE, "").replace(",", " ").split()
    if named == ["all"]:
        return EXECUTOR_TARGETS
    unknown = sorted(set(named) - set(EXECUTOR_TARGETS))
    if unknown:
        raise ValueError(f"{VARIABLE} names {', '.join(unknown)}; there are all, {', '.join(EXECUTOR_TARGETS)}")
    if named and not set(named) & set(TARGETS):
        raise ValueError(f"{VARIABLE} names no target that uruk itself runs on; these are {', '.join(TARGETS)}")
    return tuple(target for target in EXECUTOR_TARGETS if target in named)


def toolchain_for(targets: Sequence[str]) -> tuple[Toolchain, tuple[str, ...]]:
    """Return what a build for `targets` uses, and what it builds; no targets: what this machine has, with the least
    that must be downloaded.
    """
    here = this_machine()
    if set(targets) <= {here} and here in TARGETS and (compiler := find_host_compiler()) is not None:
        return Host(compiler), (here,)
    return Zig(), tuple(targets) or EXECUTOR_TARGETS


def run_zig(root: Path, *arguments: Word, cwd: Path | None = None) -> None:
    """Run zig with its caches where they may be. Raises RuntimeError with its output if it fails."""
    # The local cache defaults to the current folder; an unset HOME leaves zig without a global one.
    environment = {"ZIG_LOCAL_CACHE_DIR": str(root / "build" / "zig-cache"), **os.environ}
    if "HOME" not in environment and "XDG_CACHE_HOME" not in environment:
        environment.setdefault("ZIG_GLOBAL_CACHE_DIR", str(root / "build" / "zig-global-cache"))
    run([sys.executable, "-m", "ziglang", *arguments], cwd=cwd, environment=environment)


def run(command: Sequence[Word], *, cwd: Path | None = None, environment: dict[str, str] | None = None) -> None:
    """Run a command. Raises RuntimeError with its output if it fails."""
    words = [*map(str, command)]
    done = subprocess.run(words, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed ({done.returncode}):\n{done.stderr or done.stdout}")


def tag_of(toolchain: Toolchain, targets: Sequence[str], glibc: tuple[int, int]) -> str:
    """Return the tag of a wheel: the systems that it can be installed on.

    zig links against an old glibc, whose version is `glibc`; this machine's compiler against what there is.
    """
    machines = [target.removesuffix("-linux") for target in targets if target in TARGETS]
    prefix = f"manylinux_{glibc[0]}_{glibc[1]}" if toolchain.has_builtins else "linux"
    return f"py3-none-{'.'.join(f'{prefix}_{machine}' for machine in machines)}"


def inputs_of(root: Path, target: BuildTarget) -> list[Path]:
    """Return everything but compilers that a target's archive and program are made from."""
    sources = [*target.archive_sources(root), *target.program_sources(root)]
    more = [*(root / "build_support").glob("*.py"), root / "src" / "uruk" / "builtin_names.py"]
    return [*target.inputs(root, sources), *sorted(more)]
