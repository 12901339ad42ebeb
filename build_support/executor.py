"""Build the executor program from `runtime/executor/`, a program for each target."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from .runtime import OUTPUT, build_runtime, fingerprint, is_current, put, stamp_of
from .runtime_table import table_of
from .targets import BUILD_TARGETS, C_FLAGS, BuildTarget
from .toolchains import Toolchain


def _system_headers(target: BuildTarget) -> list[str]:
    """Return flags for the headers of a system, which zig leaves out where nothing of a C library is linked."""
    if "-nostdlib" not in target.program_flags:
        return []
    import ziglang  # only there when building

    return ["-isystem", str(Path(str(ziglang.__file__)).parent / "lib" / "libc" / "include" / "any-windows-any")]


def build_executor(root: Path, target: str, toolchain: Toolchain, output: Path = OUTPUT) -> Path:
    """Build ``uruk-executor-TARGET`` in a folder under `root` unless it is up to date; return its path."""
    program = root / output / f"uruk-executor-{target}"
    build = BUILD_TARGETS[target]
    stamp = stamp_of(root, build, toolchain)
    if is_current(program, stamp):
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    words: list[str | Path] = [*C_FLAGS.split(), *build.program_flags, *_system_headers(build)]
    words += [*build.include_flags(root), *build.program_sources(root)]
    with tempfile.TemporaryDirectory(prefix="work-", dir=program.parent) as folder:
        if build.links_archive:
            archive = build_runtime(root, target, toolchain, output)
            table = Path(folder) / "runtime_table.c"
            table.write_text(table_of(archive.read_bytes()), "utf-8")
            words += [table, archive]
        made = Path(folder) / program.name
        toolchain.link(root, build.program_triple, [*words, *build.program_libraries, "-o", made])
        made.chmod(0o755)
        put(made, program, stamp)
    return program


def build_all(root: Path, targets: Sequence[str], toolchain: Toolchain, output: Path = OUTPUT) -> list[Path]:
    """Build the archives and the programs of targets; return their paths."""
    archives = [build_runtime(root, target, toolchain, output) for target in targets]
    return archives + [build_executor(root, target, toolchain, output) for target in targets]


def built_already(root: Path, target: str) -> bool:
    """Return True if the source tree has a target's files, up to date, whatever has compiled them."""
    digest = fingerprint(root, BUILD_TARGETS[target])
    names = (f"uruk_runtime-{target}.a", f"uruk-executor-{target}")
    return all(is_current(root / OUTPUT / name, digest) for name in names)
