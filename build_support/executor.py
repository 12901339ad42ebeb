"""Build the executor program from `runtime/executor/`, a program for each target, by zig's compiler."""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from . import runtime
from .runtime import OUTPUT, build_runtime, run_zig
from .runtime_table import table_of
from .targets import BUILD_TARGETS, C_FLAGS, EXECUTOR_TARGETS, BuildTarget


def _fingerprint(root: Path, target: BuildTarget) -> str:
    archive = runtime.fingerprint(root, target) if target.links_archive else ""
    digest = hashlib.sha256(f"{target} {version('ziglang')} {C_FLAGS} {archive}".encode())
    for path in target.inputs(root, target.program_sources(root)):
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _system_headers(target: BuildTarget) -> list[str]:
    """The headers of a system, which zig leaves out where nothing of a C library is linked."""
    if "-nostdlib" not in target.program_flags:
        return []
    import ziglang  # only there when building

    return ["-isystem", str(Path(str(ziglang.__file__)).parent / "lib" / "libc" / "include" / "any-windows-any")]


def build_executor(root: Path, target: str = "x86_64-linux") -> Path:
    """Build ``build/runtime/uruk-executor-TARGET`` under `root` unless it is up to date; return its path."""
    program = root / OUTPUT / f"uruk-executor-{target}"
    stamp = program.with_name(program.name + ".sha256")
    build = BUILD_TARGETS[target]
    fingerprint = _fingerprint(root, build)
    if program.is_file() and stamp.is_file() and stamp.read_text() == fingerprint:
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    words: list[str | Path] = ["cc", "-target", build.program_triple, *C_FLAGS.split(), *build.program_flags]
    words += _system_headers(build)
    words += [*build.include_flags(root), *build.program_sources(root)]
    with tempfile.TemporaryDirectory(prefix="work-", dir=program.parent) as folder:
        if build.links_archive:
            archive, table = build_runtime(root, target), Path(folder) / "runtime_table.c"
            table.write_text(table_of(archive.read_bytes()))
            words += [table, archive]
        words += build.program_libraries
        made = Path(folder) / program.name
        run_zig(root, *words, "-o", made)
        made.chmod(0o755)
        os.replace(made, program)  # whole or not at all: two builds may run at once
        (Path(folder) / "stamp").write_text(fingerprint)
        os.replace(Path(folder) / "stamp", stamp)
    return program


def build_executors(root: Path) -> list[Path]:
    """Build the programs of all targets."""
    return [build_executor(root, target) for target in EXECUTOR_TARGETS]
