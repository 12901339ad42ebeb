"""The sources of runtimes and executors, and for which targets.

The targets are those of `uruk.machines`; its table is loaded from its file, as uruk is not installed while it is built.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
RUNTIME = Path("runtime")
"""The folder of the C sources, in the source tree."""

_MACHINES = runpy.run_path(str(ROOT / "src" / "uruk" / "machines.py"))
TARGETS: tuple[str, ...] = _MACHINES["TARGETS"]
EXECUTOR_TARGETS: tuple[str, ...] = _MACHINES["EXECUTOR_TARGETS"]

SOURCES = {
    "common": "atomic16.c bfloat16.c call_once.c callback.c lazy.c overflow.c remote.c run_main.c",
    "linux": (
        "alternate_stack.c at_quick_exit.c atexit.c bind_imports.c bind_thread_locals.c carriers.c catching.c"
        " checked_memory.c constant.c environment.c find_in_threads.c find_symbols.c find_tls.c"
        " fresh_process.c hidden.c imports.c initialize.c later_libraries.c libraries.c memory.c overflows.c"
        " process.c profile.c program.c program_names.c pthread_atfork.c python_call.c python_end.c removed.c"
        " removed_calls.c"
        " resolvers.c result.c search_path.c shown_storage.c signals.c slab_object.c stack_chk_fail_local.c"
        " thread_atexit.c trampolines.c unwind.c"
    ),
    "x86_64": "callback_enter.S invoke_catching.S cpu_model.c invoke.S lazy_enter.S tlsdesc.S vector_state.c",
    "aarch64": "callback_enter.S invoke_catching.S invoke.S lazy_enter.S outline_atomics.c tlsdesc.S vector_state.c",
    "executor/common": (
        "actions.c calls.c clients.c dispatch.c libraries.c memory.c messages.c requests.c run.c secret.c setup.c"
        " text.c transport.c wire.c"
    ),
    "executor/linux": (
        "crash.c fork.c frames.c gdb.c line.c listen.c main.c secret.c serve.c services.c shared_memory.c system.c"
        " threads.c"
    ),
    "executor/windows": (
        "crash.c library.c line.c listen.c main.c secret.c serve.c services.c sockets.c system.c threads.c"
    ),
    "windows": (
        "absent.c catching.c command_line.c cxx_throw.c find_in_threads.c find_symbols.c initialize.c memory.c"
        " modules.c process.c program.c resources.c result.c shared_memory.c statics.c texts.c thread_atexit.c"
        " thrown_description.c"
    ),
    "windows/x86_64": "callback_enter.S invoke.S invoke_catching.S lazy_enter.S",
    "windows/linked": (
        "compiler_support.c constructor_lists.c legacy_stdio.c magic_statics.c onexit.c operators.c start_files.c"
        " thread_destructors.c thread_initializers.c thread_keys.c"
    ),
    "windows/x86_64/linked": "setjmp.S support.S",
}
"""Folders of `RUNTIME` -> the files that are compiled; headers lie beside them."""


COMMON_FOLDERS = ("common", "executor/common")
"""The part of every system: it includes nothing of the other folders."""
C_FLAGS = "-std=gnu17 -O2 -g0 -fno-sanitize=all -fvisibility=hidden -Wall -Wextra -Werror"
"""The flags that the archive and the program share."""


GLIBC = (2, 28)
"""The oldest glibc that what zig builds runs with."""


class BuildTarget(NamedTuple):
    """The sources and flags of one target's code."""

    name: str
    """One of `TARGETS`: ``x86_64-linux``."""
    archive_triple: str
    """zig's name of it for the runtime, which is linked against the C library that the process has."""
    program_triple: str
    """zig's name for the executor: with the oldest glibc that the program shall run with."""
    archive_folders: tuple[str, ...]
    archive_flags: tuple[str, ...]
    """The flags with which the archive's sources are compiled, beside `C_FLAGS`."""
    has_builtins: bool
    """True if the archive has zig's compiler builtins, too."""
    program_folders: tuple[str, ...]
    header_folders: tuple[str, ...]
    """Folders whose headers the archive's sources and the program's include by name alone."""
    program_flags: tuple[str, ...]
    """The flags with which the executor is compiled and linked, beside `C_FLAGS`."""
    program_libraries: tuple[str, ...]
    links_archive: bool
    """True if the executor has the archive's functions in it; an archive is linked into executors that do not."""
    more_sources: tuple[str, ...] = ()
    """Further sources of the executor, by paths in `RUNTIME`."""

    def archive_sources(self, root: Path) -> list[Path]:
        """The sources of the runtime archive."""
        return list_sources(root, self.archive_folders)

    def program_sources(self, root: Path) -> list[Path]:
        """The sources of the executor."""
        return list_sources(root, self.program_folders) + [root / RUNTIME / name for name in self.more_sources]

    def include_flags(self, root: Path) -> list[str]:
        """The compiler's flags for `header_folders`."""
        return [f"-iquote{root / RUNTIME / folder}" for folder in self.header_folders]

    def inputs(self, root: Path, sources: list[Path]) -> list[Path]:
        """Everything that these sources are compiled from: they and all headers that they could include."""
        return sources + [h for folder in self.header_folders for h in sorted((root / RUNTIME / folder).glob("*.h"))]


def list_sources(root: Path, folders: tuple[str, ...]) -> list[Path]:
    """The sources of these folders, in the order of `SOURCES`."""
    return [root / RUNTIME / folder / name for folder in folders for name in SOURCES[folder].split()]


def common_flags(root: Path) -> list[str]:
    """The compiler's flags for `COMMON_FOLDERS` alone."""
    return [*C_FLAGS.split(), *(f"-iquote{root / RUNTIME / folder}" for folder in COMMON_FOLDERS)]


def _linux(name: str) -> BuildTarget:
    architecture = name.partition("-")[0]
    archive, program = ("common", "linux", architecture), ("executor/common", "executor/linux")
    archive_flags = ("-fPIC", "-ffunction-sections", "-fno-stack-protector", "-fasynchronous-unwind-tables")
    # The functions for outlined atomics cannot call themselves.
    archive_flags += ("-mno-outline-atomics",) * (architecture == "aarch64")
    # Not -fPIE: gcc copies data of libraries into such a program, which copies of linked code must find where it was.
    flags = "-fPIC -pie -s -rdynamic -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wl,-z,relro,-z,now".split()
    libraries = ("-lpthread", "-ldl")
    glibc = f"{name}-gnu.{GLIBC[0]}.{GLIBC[1]}"
    return BuildTarget(
        name, glibc, glibc, archive, archive_flags, True, program, archive + program, tuple(flags), libraries, True,
    )  # fmt: skip


def _windows(name: str) -> BuildTarget:
    """The executor, which has most of the runtime in it. It has no C runtime: a program's is the only one there.

    The archive has what must be linked into modules: thread-locals, and what counts from them.
    """
    architecture = f"windows/{name.partition('-')[0]}"
    folders = ("executor/common", "executor/windows", "windows", architecture)
    archive = ("windows/linked", f"{architecture}/linked")
    archive_flags = ("-fno-builtin", "-fno-stack-protector", "-ffunction-sections", "-DWIN32_LEAN_AND_MEAN")
    flags = "-s -nostdlib -fno-builtin -fno-stack-protector -DWIN32_LEAN_AND_MEAN -Wl,-e,start -Wl,--stack,0x200000"
    more = ("common/callback.c", "common/lazy.c", "common/remote.c")
    libraries = ("-lkernel32", "-lntdll")
    return BuildTarget(
        name, f"{name}-gnu", f"{name}-gnu", archive, archive_flags, False, folders, ("common", *folders),
        tuple(flags.split()), libraries, False, more,
    )  # fmt: skip


_SYSTEMS = {"linux": _linux, "windows": _windows}
BUILD_TARGETS = {name: _SYSTEMS[name.partition("-")[2]](name) for name in EXECUTOR_TARGETS}
"""The way in which each of `EXECUTOR_TARGETS` is built."""
