"""Programs run where /dev/shm is absent, tiny or mounted with noexec, and leave nothing there."""

from __future__ import annotations

import gc
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import uruk
from uruk.errors import ExecutorError
from uruk.executor.connection import Connection
from uruk.formats.archive import Archive
from uruk.platforms.linux import runtime_there

from support.compiling import Compile
from support.executors import TARGETS, compiled_for
from support.requirements import missing, require_tool
from support.wine import start_server

LINUX, WINDOWS = TARGETS

SOURCE = r"""
#include <stdio.h>
static __thread int own = 41;
int main(void) { printf("%d\n", ++own); return 3; }
"""
EMPTY_DEV = (
    "mount -t tmpfs none /dev; for one in null:3 zero:5 random:8 urandom:9; do "
    "mknod -m 666 /dev/${one%:*} c 1 ${one#*:}; done; ln -s /proc/self/fd /dev/fd"
)
MOUNTS = {
    "noexec": "mount -t tmpfs -o nosuid,nodev,noexec,size=64m shm /dev/shm",
    "tiny": "mount -t tmpfs -o size=4k shm /dev/shm",
    "full": "mount -t tmpfs -o size=1m shm /dev/shm; head -c 2m /dev/zero > /dev/shm/much 2> /dev/null || true",
    "read-only": "mount -t tmpfs -o ro shm /dev/shm",
    "absent": EMPTY_DEV,
}


FEWEST_FILES = {LINUX: 16, WINDOWS: 40}
"""Open files with which a program runs: a process under wine has some twenty before its first library."""
CLANG = ("clang-19", "--target=x86_64-w64-windows-gnu", "-O1", "-w", "-x", "c", "-c", "-")


def program_for(target: str, folder: Path, source: str = SOURCE) -> Path:
    """The object of a program, whose thread-locals are the loader's."""
    if target == LINUX:
        return Compile(folder)(source)
    path = folder / "program.obj"
    start_server()
    subprocess.run([require_tool(CLANG[0]), *CLANG[1:], "-o", path], input=source, text=True, check=True)
    return path


@pytest.fixture
def program(target: str, tmp_path: Path) -> Path:
    """A program for executors of each system."""
    return program_for(target, tmp_path)


def with_mounts(commands: str) -> list[str]:
    """What runs a command after these commands, in a mount namespace of its own; skips where none is to be had."""
    if shutil.which("unshare") is None:
        missing("unshare")
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    prefix = [*unshare, "sh", "-ec", commands + '; exec "$@"', "sh"]
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, timeout=30)
    if tried.returncode:
        missing(f"a mount namespace ({tried.stderr.strip()})")
    return prefix


def run(prefix: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-m", "uruk", "run", *words], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("kind", MOUNTS)
def test_the_program_runs(kind: str, program: Path) -> None:
    done = run(with_mounts(MOUNTS[kind]), str(program))
    assert (done.stdout, done.returncode) == ("42\n", 3), done.stderr


def limited(limit: str) -> list[str]:
    """What runs a command with a limit of the shell's ulimit."""
    return ["sh", "-ec", f'ulimit {limit}; exec "$@"', "sh"]


@pytest.mark.parametrize("blocks", ["0", "8"])
def test_files_may_not_be_large(blocks: str, target: str, tmp_path: Path) -> None:
    """Under RLIMIT_FSIZE memory goes by messages, and a thread-local needs a file of its own size only."""
    plain = program_for(target, tmp_path, SOURCE.replace("static __thread", "static"))
    done = run(limited(f"-f {blocks}"), str(plain))
    assert (done.stdout, done.returncode) == ("42\n", 3), done.stderr


@pytest.mark.parametrize("target", [LINUX], indirect=True)
@pytest.mark.parametrize("kibibytes", [1_000_000, 450_000])
def test_few_addresses(kibibytes: int, program: Path) -> None:
    """What uruk reserves is a part of what RLIMIT_AS allows, so that libraries, stacks and threads have the rest."""
    done = run(limited(f"-v {kibibytes}"), str(program))
    assert (done.stdout, done.returncode) == ("42\n", 3), done.stderr
    code = f"import uruk; jit = uruk.LLJIT(); jit.add_object({str(program)!r}); print(jit.lookup('main').address > 0)"
    here = subprocess.run(
        [*limited(f"-v {kibibytes}"), sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert (here.stdout, here.returncode) == ("True\n", 0), here.stderr


@pytest.mark.parametrize("target", [LINUX], indirect=True)
def test_thread_locals_under_a_limit_of_files(program: Path, tmp_path: Path) -> None:
    """A thread-local that needs a larger file than is allowed is an error that says so, not the executor's end."""
    done = run(limited("-f 8"), str(program))
    assert (done.stdout, done.returncode) == ("42\n", 3), done.stderr
    large = SOURCE.replace("own = 41", "many[3000] = {[2999] = 1}, own = 41").replace("++own", "++own + many[0]")
    large_program = str(Compile(tmp_path)(large))
    for options in ([], ["--in-process"]):
        done = run(limited("-f 8"), *options, large_program)
        assert done.returncode == 1
        assert "no memory file for a carrier" in done.stderr


@pytest.mark.parametrize("target", [WINDOWS], indirect=True)
def test_thread_locals_of_windows_under_a_limit_of_files(program: Path) -> None:
    """A carrier of Windows has the same size for all thread-locals, as these lie in linked memory."""
    done = run(limited("-f 8"), str(program))
    assert (done.stdout, done.returncode) == ("42\n", 3), done.stderr
    done = run(limited("-f 1"), str(program))  # which writes its beginning
    assert done.returncode == 1
    assert "no memory file for a carrier" in done.stderr
    assert "Traceback" not in done.stderr


def test_few_open_files(target: str, program: Path) -> None:
    done = run(limited(f"-n {FEWEST_FILES[target]}"), str(program))
    assert (done.stdout, done.returncode) == ("42\n", 3), done.stderr
    too_few = [5, 8, 12] if target == LINUX else [5, 16]  # of 16 a process under wine has none for its libraries
    for count in too_few:
        done = run(limited(f"-n {count}"), str(program))
        assert done.returncode == 1
        assert "ulimit -n" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("places", [[], ["--in-process"]])
def test_more_objects_than_open_files(places: list[str], tmp_path: Path) -> None:
    """Each of the objects adds one to a counter before main()."""
    compiler = Compile(tmp_path)
    part = compiler("extern int counted; static __attribute__((constructor)) void count(void) { counted++; }")
    main = compiler("int counted; int main(void) { return counted; }")
    done = run(limited("-n 50"), *places, str(main), *copies(part, 150))
    assert (done.stderr, done.returncode) == ("", 150)


@pytest.mark.parametrize("places", [[], ["--in-process"]])
def test_more_archives_than_open_files(places: list[str], tmp_path: Path) -> None:
    """The name that is needed is in the last archive."""
    compiler = Compile(tmp_path)
    others = copies(compiler.archive("other.a", compiler("int other;")), 150)
    last = compiler.archive("last.a", compiler("int last = 7;"))
    main = compiler("extern int last; int main(void) { return last; }")
    done = run(limited("-n 50"), *places, str(main), *others, str(last))
    assert (done.stderr, done.returncode) == ("", 7)


def copies(path: Path, count: int) -> list[str]:
    """As many copies of a file, each a file of its own."""
    paths = [path.with_name(f"copy{number}{path.suffix}") for number in range(count)]
    for copy in paths:
        shutil.copy(path, copy)
    return list(map(str, paths))


def test_spawn_without_a_free_descriptor(target: str) -> None:
    """The error of `spawn` says what is short, and leaves nothing open."""
    uruk.spawn(target=target).close()  # what is opened once for all
    gc.collect()  # closes what earlier tests left
    before = set(os.listdir("/proc/self/fd"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, before))
    fillers = [os.open("/dev/null", os.O_RDONLY)]
    while fillers[-1] < highest:
        fillers.append(os.dup(fillers[0]))
    try:
        for room in range(4):  # two pipes take four
            resource.setrlimit(resource.RLIMIT_NOFILE, (fillers[-1] + 1 + room, hard))
            with pytest.raises(ExecutorError, match="ulimit -n"):
                uruk.spawn(target=target)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for file in fillers:
            os.close(file)
    assert set(os.listdir("/proc/self/fd")) <= before


def test_the_executor_says_why_memory_is_not_shared(
    target: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unit = compiled_for(target, tmp_path, "int value = 7; int twice(int number) { return 2 * number; }")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    caplog.set_level("INFO", "uruk")
    with uruk.LLJIT(executor=uruk.spawn(target=target)) as jit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            jit.add_object(unit, "unit.o")
            jit.lookup("twice")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not jit.executor.shares_memory
        assert "File too large" in jit.executor.shared_memory_refused
        assert "File too large" in caplog.text
        with uruk.LLJIT(executor=uruk.spawn(target=target)) as other:
            other.add_object(unit, "unit.o")
            other.lookup("twice")
            assert other.executor.shares_memory
            assert not other.executor.shared_memory_refused


def test_the_runtime_comes_in_by_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """No service that would have the controller open a file which the executor names is ever asked."""
    called: list[int] = []
    call = Connection.call

    def listen(self: Connection, tag: int, *parts: bytes, deadline: float | None = None) -> bytes:
        called.append(tag)
        return call(self, tag, *parts, deadline=deadline)

    def other_version(archive: Archive) -> bytes:
        return b"uruk_version_other"

    monkeypatch.setattr(Connection, "call", listen)
    monkeypatch.setattr(runtime_there, "version_of", other_version)
    executor = uruk.spawn()
    try:
        symbols = executor.connection.setup.symbols
        shared = {address for name, address in symbols.items() if "SharedMemoryMapper" in name}
        assert shared
        assert symbols["__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper"] in called
        assert not shared & set(called)
    finally:
        executor.close()
