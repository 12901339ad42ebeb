"""Build the runtime archive: `runtime/`, as `targets.py` lists it, and zig's compiler builtins as small objects."""

from __future__ import annotations

import hashlib
import os
import runpy
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from .elf_object import read_object
from .split_object import split_object
from .targets import BUILD_TARGETS, C_FLAGS, ROOT, BuildTarget
from .toolchains import Toolchain, inputs_of, run_zig

OUTPUT = Path("build", "runtime")

_ZIG_FLAGS = "-O fast -fPIC -fstrip -ffunction-sections -fdata-sections -fno-unwind-tables"
_NAMES = runpy.run_path(str(ROOT / "src" / "uruk" / "builtin_names.py"))
_is_builtin: Callable[[bytes], bool] = _NAMES["is_builtin"]


def is_builtin(name: str) -> bool:
    """Return True for a name to be taken from zig's object, which also has a C library's names (memcpy, sinf) and
    helpers of zig's own: one that compilers call by themselves.
    """
    return _is_builtin(name.encode())


VERSION = "uruk_version_"
"""The beginning of the name that an archive defines to say what it was made from."""

INTERFACE: str = runpy.run_path(str(ROOT / "src" / "uruk" / "runtime_interface.py"))["NAME"]
"""The name by which it says which interface uruk's Python code has with it."""


def fingerprint(root: Path, target: BuildTarget) -> str:
    """Return a digest of all sources and flags that an archive and a program are made from."""
    digest = hashlib.sha256(f"{target} {C_FLAGS} {_ZIG_FLAGS} {INTERFACE}".encode())
    for path in inputs_of(root, target):
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def is_current(built: Path, stamp: str) -> bool:
    """Return True if a file was built with a stamp: the digest, and the compiler if that matters."""
    note = built.with_suffix(built.suffix + ".stamp")
    return built.is_file() and note.is_file() and note.read_text("utf-8").startswith(stamp)


def put(made: Path, built: Path, stamp: str) -> None:
    """Move a file to its place, whole or not at all, as two builds may run at once; then note its stamp."""
    os.replace(made, built)
    note = made.with_name("stamp")
    note.write_text(stamp, "utf-8")
    os.replace(note, built.with_suffix(built.suffix + ".stamp"))


def stamp_of(root: Path, target: BuildTarget, toolchain: Toolchain) -> str:
    """Return what a target's files have for a stamp, when a toolchain has made them."""
    return f"{fingerprint(root, target)} {toolchain.name}"


def _compile_version(
    root: Path, toolchain: Toolchain, triple: str, flags: Sequence[str | Path], work: Path, stamp: str
) -> str:
    """Compile an object that says which archive this is: an executor may have been built with another one."""
    digest = hashlib.sha256(stamp.encode()).hexdigest()
    names = f"{VERSION}{digest[:16]}", INTERFACE
    (work / "version.c").write_text("".join(f"const char {name} = 0;\n" for name in names), "utf-8")
    toolchain.compile(root, triple, flags, [work / "version.c"], work)
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


def build_runtime(root: Path, target: str, toolchain: Toolchain, output: Path = OUTPUT) -> Path:
    """Build ``uruk_runtime-TARGET.a`` in a folder under `root` unless it is up to date; return its path."""
    archive = root / output / f"uruk_runtime-{target}.a"
    build = BUILD_TARGETS[target]
    stamp = stamp_of(root, build, toolchain)
    if is_current(archive, stamp):
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=archive.parent))
    flags = [*C_FLAGS.split(), *build.archive_flags, *build.include_flags(root)]
    try:
        sources = build.archive_sources(root)
        toolchain.compile(root, build.archive_triple, flags, sources, work)
        # uruk's own first: where both define a name, the first member wins
        members = [f"{source.stem}.o" for source in sources]
        members.append(_compile_version(root, toolchain, build.archive_triple, flags, work, stamp))
        if build.has_builtins and toolchain.has_builtins:
            members += _compile_builtins(root, build.archive_triple, work)
        toolchain.archive(root, "archive.a", members, work)
        put(work / "archive.a", archive, stamp)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return archive
