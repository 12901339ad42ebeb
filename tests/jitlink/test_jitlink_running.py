"""uruk-jitlink without -noexec: programs in its own process and in executors, compared with what the system links."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jitlink.running import LLVM_TOOL, Done, llvm_jitlink, run, uruk_jitlink
from uruk.runtime_files import executor_program

from support.compiling import Compile
from support.executors import listening
from support.requirements import missing, require_tool

LLVM_EXECUTOR = "llvm-jitlink-executor-19"
BOTH = ((), ("-oop-executor",))
LIBUNWIND = Path("/usr/lib/llvm-19/lib/libunwind.so.1")
PROGRAM = r"""
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
struct Object { Object() { puts("constructor"); } ~Object() { puts("destructor"); } } object;
thread_local int counter = 30;
static void last() { puts("atexit"); }
int main(int count, char **words) {
    std::atexit(last);
    for (int i = 0; i < count; i++) std::cout << words[i] << ' ';
    std::cout << std::sqrt(16.0) << std::endl;
    try { throw std::string("thrown"); } catch (const std::string &text) { puts(text.c_str()); counter += text.size(); }
    return counter;
}
"""
OVERRIDE = r"""
#include <cstdlib>
extern "C" void llvm_jitlink_setTestResultOverride(long);
static void last() { llvm_jitlink_setTestResultOverride(7); }
int main() { llvm_jitlink_setTestResultOverride(1); std::atexit(last); return 3; }
"""
UNWINDER = r"""
#include <dlfcn.h>
int main() {
    int preloaded = dlsym(RTLD_DEFAULT, "__unw_add_dynamic_eh_frame_section") != 0;
    try { throw 40; } catch (int thrown) { return thrown + preloaded; }
}
"""
ENDS = """
#include <stdlib.h>
int main(int count, char **words) {
    if (count == 1) *(volatile int *)0 = 1;
    if (count == 2) abort();
    exit(9);
}
"""


def llvm_executor() -> str:
    return require_tool(LLVM_EXECUTOR)


PLACES: tuple[tuple[str, ...], ...] = (
    (),
    ("-oop-executor",),
    ("-oop-executor", "-use-shared-memory", "-slab-allocate=1Mb"),
    (f"-oop-executor={LLVM_EXECUTOR}",),
    (f"--oop-executor={LLVM_EXECUTOR}", "--use-shared-memory", "--slab-allocate=1Kb"),
)
"""The words that say where a program runs."""


def placed(place: tuple[str, ...]) -> list[str]:
    return [word.replace(LLVM_EXECUTOR, llvm_executor()) if LLVM_EXECUTOR in word else word for word in place]


def as_linked_by_the_system(cc: Compile, source: Path, *arguments: str) -> tuple[int, str]:
    """The status and output of the system linker's program, for which its own name comes first."""
    path = source.with_suffix(".linked")
    cc.tool(require_tool("g++"), "-o", str(path), str(source))
    done = subprocess.run(["./linked", *arguments], executable=path, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout.replace("./linked ", "")


@pytest.mark.parametrize("place", PLACES, ids=" ".join)
def test_a_program(cc: Compile, place: tuple[str, ...]) -> None:
    """C++'s libraries are visible without -l, initialisers and thread-locals work without -orc-runtime."""
    source = cc.cpp(PROGRAM, "-O1")
    before = set(os.listdir("/dev/shm"))
    done = run(*placed(place), "-orc-runtime=/nowhere/liborc_rt.a", source, "-args", "one", "two")
    assert (done.status, done.out) == as_linked_by_the_system(cc, source, "one", "two")
    assert done.err == ""
    assert {name for name in set(os.listdir("/dev/shm")) - before if "jitlink" in name or "uruk" in name} == set()


def test_arguments_as_in_llvms_tool(cc: Compile) -> None:
    """The first of -args is argv[0]: no name is added."""
    source = cc('int puts(char *); int main(int c, char **v) { puts(v[0] ? v[0] : "none"); return 100 + c; }')
    for words, place in (([], ()), (["-args", "first", "-second"], ()), (["-args"], ("-oop-executor",))):
        expected = subprocess.run([require_tool(LLVM_TOOL), source, *words], capture_output=True, text=True, timeout=60)
        done = run(*place, source, *words)
        assert (done.status, done.out) == (expected.returncode, expected.stdout)


@pytest.mark.parametrize("place", BOTH, ids=" ".join)
def test_result_override(cc: Compile, place: tuple[str, ...]) -> None:
    """It is the exit status after the last function of atexit."""
    assert run(*place, cc.cpp(OVERRIDE)) == Done(7, "", "")


def test_another_architecture(cc: Compile) -> None:
    """Its program runs in an executor under an emulator, unasked; so does an executor for it that is named."""
    source = cc("int main(int c, char **v) { return 40 + c; }", family="aarch64-gcc")
    assert run(source, "-args", "a") == Done(41, "", "")
    executor = f"-oop-executor={executor_program('aarch64-linux')}"
    assert run(executor, source, "-args", "a") == Done(41, "", "")
    assert run(executor, "-use-shared-memory", "-slab-allocate=1Mb", source, "-args", "a") == Done(41, "", "")


@contextmanager
def llvm_executor_listening() -> Iterator[int]:
    """LLVM's executor on a free port. It prints nothing, and takes one connection: trying it would use that up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with subprocess.Popen([llvm_executor(), f"listen=127.0.0.1:{port}"]) as process:
        wanted, end = f":{port:04X} 00000000:0000 0A", time.monotonic() + 10
        while wanted not in Path("/proc/net/tcp").read_text() and time.monotonic() < end:
            time.sleep(0.02)
        try:
            yield port
        finally:
            process.kill()


@pytest.mark.parametrize("words", [(), ("-use-shared-memory", "-slab-allocate=1Mb")], ids=" ".join)
def test_listening_executors(cc: Compile, words: tuple[str, ...]) -> None:
    """main() is a call there; finalisers run before the line is closed, and may set the result."""
    program, override = cc.cpp(PROGRAM, "-O1"), cc.cpp(OVERRIDE)
    with listening("x86_64-linux") as (port, _):
        address = f"-oop-executor-connect=127.0.0.1:{port}"
        if not words:
            assert run(address, program, "-args", "a") == Done(36, "", "")
        assert run(address, *words, override) == Done(7, "", "")
    with llvm_executor_listening() as port:
        assert run(f"-oop-executor-connect=127.0.0.1:{port}", *words, override) == Done(7, "", "")


def test_ends(cc: Compile) -> None:
    """The tool ends as the program does, by a signal, too."""
    source = cc(ENDS, name="ends")
    assert run(source, "-args", "a", "b").status == -6
    assert run("-oop-executor", source).status == 9
    crashed = run("-oop-executor", source, "-args", "a")
    assert crashed.status == -11
    assert "SIGSEGV in main+" in crashed.err


@pytest.mark.parametrize("place", BOTH, ids=" ".join)
def test_more_static_storage_than_a_process_has(cc: Compile, place: tuple[str, ...]) -> None:
    text = "__thread char pool[200000]; __thread int five = 5; int main(int c, char **v) { return pool[c] + five; }"
    assert run(*place, cc(text, "-ftls-model=local-exec")) == Done(5, "", "")


@pytest.mark.parametrize("place", BOTH, ids=" ".join)
def test_rules_are_checked_before_initialisers_run(cc: Compile, tmp_path: Path, place: tuple[str, ...]) -> None:
    """An object that nothing needs is not linked, but its initialisers would be run."""
    main = cc("extern int counter; int main(void) { return counter; }", "-fPIC", name="main")
    other = cc("int counter = 7; __attribute__((constructor)) void f(void) { counter = 8; }", "-fPIC", name="other")
    unneeded = cc("int nowhere(void); int unneeded(void) { return nowhere(); }", name="unneeded")
    rules = tmp_path / "rules.txt"
    rules.write_text("# jitlink-check: *{4}counter = 7\n")
    done = run(*place, main, other, unneeded, f"-check={rules}", "-show-entry-es")
    assert (done.status, done.err) == (8, "")
    assert '"counter": 0x' in done.out
    rules.write_text("# jitlink-check: *{4}counter = 8\n")
    assert run(*place, main, other, f"-check={rules}").status == 1


def test_dylibs(cc: Compile) -> None:
    """Dylibs that main() reaches by the link order are initialised before it."""
    main = cc("int f(void); int main(void) { return f(); }", name="main")
    other = cc("int x; __attribute__((constructor)) void start(void) { x = 5; } int f(void) { return x; }", name="f")
    assert run(main, "-jd=other", other, "-jd=main2", "-alias=main:f=other:f") == Done(5, "", "")


@pytest.mark.parametrize("executor", ["", "-oop-executor", f"-oop-executor={LLVM_EXECUTOR}"])
def test_preloaded_libunwind(cc: Compile, executor: str) -> None:
    if not LIBUNWIND.exists():
        missing(str(LIBUNWIND))
    source = cc.cpp(UNWINDER)
    place = placed((executor,)) if executor else []
    assert run(*place, source, LD_PRELOAD=str(LIBUNWIND)) == Done(41, "", "")


def test_preloaded_libunwind_with_llvms_controller(cc: Compile) -> None:
    """It registers unwind data by uruk's executor, which gives it to the unwinder in use."""
    if not LIBUNWIND.exists():
        missing(str(LIBUNWIND))
    command = [require_tool(LLVM_TOOL), f"-oop-executor={executor_program()}", cc.cpp(UNWINDER, family="clang")]
    done = subprocess.run(
        command, env={**os.environ, "LD_PRELOAD": str(LIBUNWIND)}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 41, done.stderr


def test_vtune_as_in_an_llvm_without_it(cc: Compile) -> None:
    """Linked only, nothing is different; a program is refused, unless the flag is switched off."""
    source = cc("int main(void) { return 3; }")
    for words in (["-noexec"], [], ["-noexec", "-entry=nope"]):
        ours, theirs = (tool("-vtune-support", *words, source) for tool in (run, llvm_jitlink))
        assert (ours.status, ours.out) == (theirs.status, theirs.out) == (int(words != ["-noexec"]), "")
        assert ours.err == theirs.err
    assert run("-vtune-support=false", source).status == 3


def our_children() -> set[str]:
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_a_link_that_fails_half_made_ends_its_process(
    cc: Compile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The executor is there before the file for perf, whose folder cannot be made."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JITDUMPDIR", str(tmp_path / "file"))
    before = our_children()
    done = uruk_jitlink("-oop-executor", "-perf-support", cc("int main(void) { return 3; }"))
    assert (done.status, done.out) == (1, "")
    assert "cannot be made for perf: Not a directory" in done.err
    assert our_children() == before


def test_executors_that_cannot_be_had(cc: Compile) -> None:
    source = cc("int main(void) { return 0; }")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        problems = {
            f"-oop-executor-connect={address}": f"cannot connect to an executor at {address}: ",
            "-oop-executor=/nowhere": "cannot start the executor /nowhere: No such file",
            "-oop-executor-connect=host:": "'host:': Port number in -oop-executor-connect can not be empty",
            "-oop-executor-connect=:1": "':1': Host name for -oop-executor-connect can not be empty",
            "-oop-executor-connect=host:b": "'host:b': Port number 'b' is not a valid integer",
            "-oop-executor-connect=host:65536": "Port number '65536' is above 65535",
        }
        for word, problem in problems.items():
            done = uruk_jitlink(word, source)
            assert (done.status, done.out) == (1, "")
            assert problem in done.err
