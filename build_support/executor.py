"""Build the executor program from `runtime/executor/`, a dynamic program for each target, by zig's compiler."""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from .runtime import OUTPUT, run_zig
from .targets import BUILD_TARGETS, C_FLAGS, TARGETS, BuildTarget

_FLAGS = C_FLAGS + " -fPIE -pie -s -rdynamic -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wl,-z,relro,-z,now"
_LIBRARIES = "-lpthread -ldl"


def _fingerprint(root: Path, target: BuildTarget) -> str:
    digest = hashlib.sha256(f"{target} {version('ziglang')} {_FLAGS} {_LIBRARIES}".encode())
    for path in target.inputs(root, target.program_sources(root)):
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def build_executor(root: Path, target: str = "x86_64-linux") -> Path:
    """Build ``build/runtime/uruk-executor-TARGET`` under `root` unless it is up to date; return its path."""
    program = root / OUTPUT / f"uruk-executor-{target}"
    stamp = program.with_name(program.name + ".sha256")
    build = BUILD_TARGETS[target]
    fingerprint = _fingerprint(root, build)
    if program.is_file() and stamp.is_file() and stamp.read_text() == fingerprint:
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    sources = [*build.include_flags(root), *build.program_sources(root)]
    with tempfile.TemporaryDirectory(prefix="work-", dir=program.parent) as folder:
        made = Path(folder) / program.name
        words = ["cc", "-target", build.program_triple, *_FLAGS.split(), *sources, *_LIBRARIES.split(), "-o", made]
        run_zig(root, *words)
        made.chmod(0o755)
        os.replace(made, program)  # whole or not at all: two builds may run at once
        (Path(folder) / "stamp").write_text(fingerprint)
        os.replace(Path(folder) / "stamp", stamp)
    return program


def build_executors(root: Path) -> list[Path]:
    """Build the programs of all targets."""
    return [build_executor(root, target) for target in TARGETS]
