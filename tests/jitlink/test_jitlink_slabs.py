"""-slab-allocate where a program runs: LLVM's layout, behind a page that is left empty."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jitlink.running import LLVM_TOOL, Done, llvm_jitlink, run
from jitlink.test_jitlink_running import LLVM_EXECUTOR, placed
from uruk.runtime_files import executor_program

from support.compiling import Compile
from support.executors import listening
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

MAIN = """
extern int shared[]; int helper(int); const char text[] = "abc"; int data = 5; int zero[100];
int wide[300] __attribute__((aligned(64))) = {1}; static int (*table[])(int) = {helper};
int main(void) { return table[0](data) + shared[0] + zero[3] + wide[0]; }
"""
HELPER = """
int shared[2000] = {7}; char room[5000]; const int four = 4;
static int twice(int x) { return x + x + room[x]; }
int helper(int x) { return twice(x) + four; }
"""
STATUS = 5 + 5 + 4 + 7 + 1
OWN = ("main", "text", "data", "zero", "wide", "helper", "shared", "room", "four")
PLACES: tuple[tuple[str, ...], ...] = (
    ("-slab-allocate=1Kb",),
    ("-slab-allocate=1Mb", "-slab-page-size=16384"),
    ("-slab-allocate=1Mb", "-oop-executor"),
    ("-slab-allocate=100Kb", "-oop-executor", "-use-shared-memory"),
    ("-slab-allocate=1Kb", f"-oop-executor={LLVM_EXECUTOR}"),
    ("-slab-allocate=1Mb", f"-oop-executor={LLVM_EXECUTOR}", "-use-shared-memory"),
)


def addresses(text: str, names: tuple[str, ...] = OWN) -> dict[str, int]:
    """The addresses of names in a list of -show-entry-es."""
    found = {match[1]: int(match[2], 16) for match in re.finditer(r'"(\w+)": (0x\w+) \[', text)}
    return {name: found[name] for name in names}


def as_llvms(objects: list[Path], words: tuple[str, ...], first: int) -> dict[str, int]:
    """The addresses of LLVM's tool, which links the objects for a slab that begins at `first`."""
    page = next((word for word in words if word.startswith("-slab-page-size")), "-slab-page-size=4096")
    slab = ("-slab-allocate=1Mb", page, f"-slab-address={first:#x}")
    done = llvm_jitlink("-noexec", "-show-entry-es", *slab, *objects)
    assert done.err == ""
    return addresses(done.out)


@pytest.mark.parametrize("words", PLACES, ids=" ".join)
def test_the_layout_is_llvms(cc: Compile, words: tuple[str, ...]) -> None:
    objects = [cc(MAIN, "-O1", "-fPIC", name="main"), cc(HELPER, "-O1", "-fPIC", name="helper")]
    done = run(*placed(words), *objects, "-show-entry-es")
    assert (done.status, done.err) == (STATUS, "")
    own = addresses(done.out)
    assert own == as_llvms(objects, words, own["text"] & -4096)


def test_executors_that_listen(cc: Compile) -> None:
    objects = [cc(MAIN, "-O1", "-fPIC", name="main"), cc(HELPER, "-O1", "-fPIC", name="helper")]
    with listening("x86_64-linux") as (port, _):
        words = ("-slab-allocate=10Kb", f"-oop-executor-connect=127.0.0.1:{port}")
        done = run(*words, *objects, "-show-entry-es")
    assert (done.status, done.err) == (STATUS, "")
    own = addresses(done.out)
    assert own == as_llvms(objects, words, own["text"] & -4096)


def test_another_architecture(cc: Compile) -> None:
    """Under an emulator; which stubs LLVM makes for AArch64 is another test's."""
    objects = [cc(text, "-O1", "-fPIC", family="aarch64-gcc", name=name) for name, text in (("m", MAIN), ("h", HELPER))]
    done = run("-slab-allocate=1Mb", *objects, "-show-entry-es")
    assert (done.status, done.err) == (STATUS, "")
    own = addresses(done.out)
    assert own == as_llvms(objects, (), own["text"] & -4096)


@pytest.mark.parametrize("place", [(), ("-oop-executor",)], ids=" ".join)
def test_bytes_in_front_of_the_first_function(cc: Compile, place: tuple[str, ...]) -> None:
    """The page in front of all can be read, and is zero: the first function may lie at the start of its page."""
    text = "int main(void) { return ((char *)main)[-1] + 40 + (int)((unsigned long)main & 4095); }"
    source = cc(text, "-O1", "-fPIE", "-fno-asynchronous-unwind-tables", "-fcf-protection=none")
    assert run(*place, "-slab-allocate=1Kb", source) == Done(40, "", "")


def test_thread_locals_that_other_data_lies_between(cc: Compile) -> None:
    """LLVM's order of sections leaves gaps in the image of thread-locals, and alignments are those of addresses."""
    text = """
    int data = 5; __thread char one = 1; __thread int wide __attribute__((aligned(64))) = 6; char bss[3000];
    __thread char zero[70]; __thread int aligned __attribute__((aligned(32)));
    int main(void) {
        return one + wide + zero[3] + aligned + data + bss[7] + 100 * (((unsigned long)&wide & 63) != 0)
            + 200 * (((unsigned long)&aligned & 31) != 0);
    }
    """
    for words in ((), ("-ftls-model=initial-exec",)):
        # In the order of the text: other data first, then what is less aligned than what follows.
        source = cc(text, "-O1", "-fPIC", "-fdata-sections", "-fno-toplevel-reorder", *words)
        for place in ((), ("-oop-executor",)):
            assert run(*place, "-slab-allocate=1Kb", source) == Done(12, "", ""), (words, place)


@pytest.mark.usefixtures("wine")
def test_programs_of_windows(cc: Compile) -> None:
    """COFF has no stubs in LLVM's layout; a program that runs has them behind its own code."""
    require_tool(LLVM_TOOL)
    objects = [cc(text, "-O1", family="mingw", name=name) for name, text in (("m", MAIN), ("h", HELPER))]
    executor = f"-oop-executor={executor_program('x86_64-windows')}"
    for words in ((executor, "-slab-allocate=1Kb"), (executor, "-slab-allocate=1Mb", "-use-shared-memory")):
        done = run(*words, *objects, "-show-entry-es")
        assert done.status == STATUS, done.err
        slab = ("-slab-allocate=1Mb", "-slab-page-size=4096", "-slab-address=0x10000000")
        expected = llvm_jitlink("-noexec", "-abs=__main=0", "-show-entry-es", *slab, *objects)
        # Between the two lies what MinGW's libraries have for every program.
        for names in (("main", "text", "data", "zero", "wide"), ("helper", "four", "shared", "room")):
            assert distances(addresses(done.out, names)) == distances(addresses(expected.out, names))


def distances(places: dict[str, int]) -> dict[str, int]:
    return {name: place - min(places.values()) for name, place in places.items()}
