"""Many objects are read by a fork of the command's process: the same bytes, the same errors, and nothing left of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.assembly import assemble
from support.requirements import require_tool

pytestmark = pytest.mark.quick

COUNT = 20
READ = """if True:
    import os, sys, threading
    from uruk.program.linux.forked_reading import ForkedReading
    files = sys.argv[1:]
    before = os.listdir("/proc/self/fd")
    objects = ForkedReading.of(files).objects()
    assert os.listdir("/proc/self/fd") == before
    try:
        os.waitpid(-1, os.WNOHANG)
        print("a child is left")
    except ChildProcessError:
        pass
    if objects is None:
        print("nothing")
    else:
        print(objects.files == files, end=" ")
        print([objects.buffer[start : start + size] for start, size in zip(objects.starts, objects.sizes)]
              == [open(path, "rb").read() for path in files])
    waiting = threading.Event()
    threading.Thread(target=waiting.wait).start()
    print(ForkedReading.of(files))
    waiting.set()
"""


@pytest.fixture
def objects(tmp_path: Path) -> list[Path]:
    """A program: each function adds 1 to what the next one returns, and main() returns what the first one does."""
    made: list[Path] = []
    for number in range(COUNT):
        path = tmp_path / f"part{number}.o"
        body = f"call part{number + 1}\ninc %eax" if number + 1 < COUNT else "mov $1, %eax"
        path.write_bytes(
            assemble(f".globl part{number}\npart{number}: push %rbx\n{body}\npop %rbx\nret\n.zero {97 * number}\n")
        )
        made.append(path)
    main = tmp_path / "main.o"
    main.write_bytes(assemble(".globl main\nmain: push %rbx\ncall part0\npop %rbx\nret\n"))
    return [*made, main]


def read_by_a_fork(files: list[Path], before: str = "") -> list[str]:
    if len(os.sched_getaffinity(0)) < 2:
        before += "import os\nos.sched_getaffinity = lambda process: {0, 1}\n"
    done = subprocess.run(
        [sys.executable, "-c", before + READ, *map(str, files)], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


def run(files: list[Path], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uruk", "run", *options, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_fork_reads_the_bytes_and_nothing_of_it_is_left(objects: list[Path]) -> None:
    assert read_by_a_fork(objects) == ["True True", "None"]


def test_what_a_fork_cannot_read_is_left_to_this_process(objects: list[Path]) -> None:
    small = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
    assert read_by_a_fork(objects, small) == ["nothing", "None"]
    killed = "import os, uruk.program.reading as reading\n"
    killed += "reading.OpenFiles.fill = lambda *_: os.kill(os.getpid(), 9)\n"
    assert read_by_a_fork(objects, killed) == ["nothing", "None"]
    assert read_by_a_fork([*objects, objects[0].with_name("none.o")]) == ["nothing", "None"]


def test_a_program_of_many_objects_runs(objects: list[Path], tmp_path: Path) -> None:
    native = tmp_path / "native"
    subprocess.run([require_tool("gcc"), "-o", native, *objects], check=True)
    assert subprocess.run([native], check=False).returncode == COUNT
    for options in ((), ("--in-process",)):
        done = run(objects, *options)
        assert (done.returncode, done.stdout, done.stderr) == (COUNT, "", "")
        command = [sys.executable, "-X", "importtime", "-m", "uruk", "run", *options, *map(str, objects)]
        imports = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr
        assert ("uruk.program.linux.forked_reading" in imports) == (not options)
    # Objects in several rows, and some that do not look like any by their names.
    renamed = objects[5].rename(tmp_path / "odd")
    mixed = [*objects[:5], renamed, *objects[6:]]
    assert run([*mixed[:9], Path("-lm"), *mixed[9:]]).returncode == COUNT


def test_errors_are_those_of_a_few_objects(objects: list[Path], tmp_path: Path) -> None:
    """A command that runs the program in its own process has no children before that, and reads everything itself."""
    pipe = tmp_path / "pipe.o"
    os.mkfifo(pipe)
    broken = tmp_path / "broken.o"
    broken.write_bytes(objects[3].read_bytes()[:100])
    for wrong in (tmp_path / "none.o", pipe, broken, tmp_path):
        here, apart = run([*objects, wrong], "--in-process"), run([*objects, wrong])
        assert here.returncode == apart.returncode == 1
        assert wrong.name in apart.stderr
        assert here.stderr == apart.stderr
