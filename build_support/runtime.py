"""Build the runtime archive: `runtime/`, as `targets.py` lists it, and zig's compiler builtins as small objects.

``python -m build_support.runtime`` builds it for a source tree that is not installed. The compiler is zig's,
from the `ziglang` package, so no system compiler, header or library is needed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from .elf_object import read_object
from .split_object import split_object
from .targets import BUILD_TARGETS, C_FLAGS, EXECUTOR_TARGETS, BuildTarget

OUTPUT = Path("build", "runtime")

_ZIG_FLAGS = "-O fast -fPIC -fstrip -ffunction-sections -fdata-sections -fno-unwind-tables"

# zig's object also has a C library's names (memcpy, sinf) and helpers of zig's own. Only what compilers call
# by themselves is kept: integer and float arithmetic as libgcc and LLVM name it, and lock-free atomics. Its
# atomics on more than 8 bytes take private locks, which do not exclude other copies: `atomic16.c` has those.
_BUILTIN = re.compile(
    r"__(?:"
    r"(?:u?(?:div|mod)|mul|ashl|ashr|lshr|u?divmod|u?cmp|clz|ctz|ffs|popcount|parity|bswap|neg|abs|addv?|subv?"
    r"|mulv|mulo|negv|absv|bitreverse)(?:[sdt]i|[hsdxt]f|[hsdxt]c)[234]"
    r"|(?:eq|ne|lt|le|gt|ge|unord)[hsdxt]f2"
    r"|(?:extend|trunc)[hsdxt]f[hsdxt]f2|powi[hsdxt]f2"
    r"|fix(?:uns)?[hsdxt]f[sdt]i|float(?:un)?[sdt]i[hsdxt]f"
    r"|gnu_(?:f2h|h2f)_ieee|clear_cache"
    r"|atomic_(?:load|store|exchange|compare_exchange|fetch_(?:add|sub|and|or|xor|nand))_[1248])"
)


def is_builtin(name: str) -> bool:
    """True for a name to be taken from zig's object: one that compilers call by themselves."""
    return _BUILTIN.fullmatch(name) is not None


def run_zig(root: Path, *arguments: str | Path, cwd: Path | None = None) -> None:
    """Run zig with its caches where they may be. Raises RuntimeError with its output if it fails."""
    # The local cache defaults to the current folder; an unset HOME leaves zig without a global one.
    environment = {"ZIG_LOCAL_CACHE_DIR": str(root / "build" / "zig-cache"), **os.environ}
    if "HOME" not in environment and "XDG_CACHE_HOME" not in environment:
        environment.setdefault("ZIG_GLOBAL_CACHE_DIR", str(root / "build" / "zig-global-cache"))
    command = [sys.executable, "-m", "ziglang", *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr or done.stdout}")


VERSION = "uruk_version_"
"""The beginning of the name that an archive defines to say what it was made from."""


def fingerprint(root: Path, target: BuildTarget) -> str:
    """A digest of everything that the archive is made from."""
    digest = hashlib.sha256(f"{target} {version('ziglang')} {C_FLAGS} {_ZIG_FLAGS}".encode())
    inputs = target.inputs(root, target.archive_sources(root))
    for path in [*inputs, *sorted((root / "build_support").glob("*.py"))]:
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _compile_sources(root: Path, target: BuildTarget, work: Path) -> list[str]:
    members: list[str] = []
    flags = [*C_FLAGS.split(), *target.archive_flags, *target.include_flags(root)]
    for source in target.archive_sources(root):
        member = f"{source.stem}.o"
        run_zig(root, "cc", "-target", target.archive_triple, *flags, "-c", source, "-o", work / member)
        members.append(member)
    return members


def _compile_version(root: Path, target: BuildTarget, work: Path, made_from: str) -> str:
    """Compile an object that says which archive this is: an executor may have been built with another one."""
    (work / "version.c").write_text(f"const char {VERSION}{made_from[:16]} = 0;\n")
    flags = [*C_FLAGS.split(), *target.archive_flags]
    run_zig(root, "cc", "-target", target.archive_triple, *flags, "-c", work / "version.c", "-o", work / "version.o")
    return "version.o"


def _compile_builtins(root: Path, zig_target: str, work: Path) -> list[str]:
    import ziglang  # only there when building

    source = Path(str(ziglang.__file__)).parent / "lib" / "compiler_rt.zig"
    whole = work / "compiler_rt.whole"
    run_zig(root, "build-obj", source, "-target", zig_target, *_ZIG_FLAGS.split(), f"-femit-bin={whole}", cwd=work)
    members: list[str] = []
    for name, data in split_object(read_object(whole.read_bytes()), is_builtin).items():
        (work / f"{name}.o").write_bytes(data)
        members.append(f"{name}.o")
    return members


def build_runtime(root: Path, target: str = "x86_64-linux") -> Path:
    """Build ``build/runtime/uruk_runtime-TARGET.a`` under `root` unless it is up to date; return its path."""
    archive = root / OUTPUT / f"uruk_runtime-{target}.a"
    stamp = archive.with_suffix(".sha256")
    build = BUILD_TARGETS[target]
    made_from = fingerprint(root, build)
    if archive.is_file() and stamp.is_file() and stamp.read_text() == made_from:
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=archive.parent))
    try:
        # uruk's own first: where both define a name, the first member wins
        members = [*_compile_sources(root, build, work), _compile_version(root, build, work, made_from)]
        if build.has_builtins:
            members += _compile_builtins(root, build.archive_triple, work)
        run_zig(root, "ar", "rcsD", "archive.a", *members, cwd=work)
        os.replace(work / "archive.a", archive)  # whole or not at all: two builds may run at once
        (work / "stamp").write_text(made_from)
        os.replace(work / "stamp", stamp)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return archive


def build_all(root: Path, targets: Sequence[str] = EXECUTOR_TARGETS) -> list[Path]:
    """Build the archives of all targets."""
    return [build_runtime(root, target) for target in targets]


if __name__ == "__main__":
    from .executor import build_executors

    _ROOT = Path(__file__).resolve().parents[1]
    for built in [*build_all(_ROOT), *build_executors(_ROOT)]:
        print(f"{built} ({built.stat().st_size:,} bytes)")
