"""`uruk.Program`: programs with a main(), run in a child and in this process, and what is left of them."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import uruk

from support.compiling import Compile
from support.requirements import require_tool

TALKS = """
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    static int runs;
    int number = -1;
    const char *value = getenv("URUK_TEST");
    if (scanf("%d", &number) != 1)
        return 1;
    printf("%d %s %s %d %s %d\\n", argc, argv[0], argv[argc - 1], number, value ? value : "none", ++runs);
    fprintf(stderr, "problem\\n");
    return 256 + 7;
}
"""
PLACES = pytest.mark.parametrize("in_process", [False, True], ids=["child", "process"])


def open_files() -> dict[str, str]:
    gc.collect()  # a closed session is part of cycles, and has its memory's file
    files: dict[str, str] = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            files[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # the listing's own
            continue
    return files


def has_children() -> bool:
    """Tell whether a thread of this process has a child that runs an executor, or has not been waited for."""
    pids = [pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()]
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids]
    return any(not command or b"filedescs=" in command for command in commands)


@PLACES
def test_runs_are_each_a_program_of_their_own(cc: Compile, in_process: bool) -> None:
    program = uruk.Program(cc(TALKS), name="talks", in_process=in_process)
    for number in (5, 6):
        ended = program.run("a", "last", stdin=str(number).encode(), capture=True)
        assert (ended.status, ended.signal, ended.crash) == (7, 0, None)
        assert ended.output == f"3 talks last {number} none 1\n".encode()
        assert ended.errors == b"problem\n"
        assert "status 7" in repr(ended)


@PLACES
def test_nothing_is_left_of_runs(cc: Compile, in_process: bool) -> None:
    program = uruk.Program(cc(TALKS), in_process=in_process)
    broken = uruk.Program(cc("int nowhere(void); int main(void) { return nowhere(); }"), in_process=in_process)
    program.run(stdin=b"1", capture=True)  # what libraries open once
    before = open_files()
    for _ in range(3):
        program.run(stdin=b"1", capture=True)
        with pytest.raises(uruk.UndefinedSymbols, match="nowhere"):
            broken.run()
    assert open_files() == before
    assert not has_children()


@PLACES
def test_files_are_standard_streams(cc: Compile, tmp_path: Path, in_process: bool) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_text("9")
    program = uruk.Program(cc(TALKS), name="talks", in_process=in_process)
    with source.open("rb") as stdin, target.open("wb") as both:
        assert program.run(stdin=stdin, stdout=both, stderr=both).output == b""
    assert sorted(target.read_text().splitlines()) == ["1 talks talks 9 none 1", "problem"]


def test_streams_may_be_exchanged(cc: Compile) -> None:
    script = "import uruk, sys; uruk.Program(sys.argv[1]).run(stdin=b'1', stdout=2, stderr=1)"
    ended = subprocess.run([sys.executable, "-c", script, cc(TALKS)], capture_output=True, check=True, timeout=60)
    assert ended.stdout == b"problem\n"
    assert b" none 1\n" in ended.stderr


def test_bytes_and_an_environment(cc: Compile) -> None:
    program = uruk.Program(cc(TALKS).read_bytes(), name="talks")
    ended = program.run(environment={"URUK_TEST": "given"}, stdin=b"3", capture=True)
    assert ended.output == b"1 talks talks 3 given 1\n"


def test_archives_and_libraries(cc: Compile) -> None:
    archive = cc.archive("libhalf.a", cc("double half(double x) { return x / 2; }", name="half"))
    main = cc("double half(double), cos(double); int main(void) { return (int)(half(6) * cos(0)); }", "-fno-builtin")
    for in_process in (False, True):
        program = uruk.Program(main, libraries=("half", "m"), directories=(str(archive.parent),), in_process=in_process)
        assert program.run().status == 3


def test_a_signal_ends_a_program_and_not_its_user(cc: Compile) -> None:
    program = uruk.Program(cc("int main(void) { *(volatile int *)8 = 1; }"))
    ended = program.run()
    assert (ended.status, ended.signal) == (-signal.SIGSEGV, signal.SIGSEGV)
    assert isinstance(ended.crash, uruk.ExecutorCrashed)
    assert "main" in ended.crash.where
    assert program.run().signal == signal.SIGSEGV
    assert not has_children()


@pytest.mark.parametrize("body", ["return 4;", "__builtin_trap();"], ids=["exit", "signal"])
def test_nothing_of_ours_is_on_a_programs_standard_error(cc: Compile, body: str) -> None:
    script = "import uruk, sys; uruk.Program(sys.argv[1]).run()"
    command = [sys.executable, "-c", script, cc(f"int main(void) {{ {body} }}")]
    assert subprocess.run(command, capture_output=True, check=True, timeout=60).stderr == b""


def test_an_executor_that_dies_while_initialisers_run(cc: Compile) -> None:
    source = (
        "#include <unistd.h>\n__attribute__((constructor)) void early(void) { _exit(3); } int main(void) { return 0; }"
    )
    with pytest.raises(uruk.ExecutorLost):
        uruk.Program(cc(source)).run()
    assert not has_children()


def test_a_program_for_another_architecture(cc: Compile) -> None:
    require_tool("qemu-aarch64")
    ended = uruk.Program(cc(TALKS, family="aarch64-gcc"), name="talks").run(stdin=b"4", capture=True)
    assert (ended.status, ended.output) == (7, b"1 talks talks 4 none 1\n")


def test_misuse() -> None:
    with pytest.raises(uruk.InvalidValue, match="at least one input"):
        uruk.Program()
    with pytest.raises(ValueError, match="aarch64-linux"):
        uruk.Program("a.o", target="vax-bsd")
    with pytest.raises(TypeError, match="a path or bytes"):
        uruk.Program(3)
    with pytest.raises(ValueError, match="change os"):
        uruk.Program("a.o", in_process=True).run(environment={})
    with pytest.raises(TypeError, match="give stdout and stderr files"):
        uruk.Program("a.o").run(stdout=b"text")
    with pytest.raises(FileNotFoundError, match="not-there"):
        uruk.Program("not-there.o").run()
