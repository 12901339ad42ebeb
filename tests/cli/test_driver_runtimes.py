"""Flags whose runtime a compiler's driver adds by itself: the runtime is there, and does what it is for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from both_ways import same, uruk_run

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

PARALLEL = """
#include <stdio.h>
int main(void) {
    int s = 0;
    #pragma omp parallel for reduction(+:s)
    for (int i = 0; i < 10; i++) s += i;
    printf("%d\\n", s);
    return 0;
}
"""
BAD = {
    "address": ("volatile int a[2] = {1, 2}; return a[c + 1];", "AddressSanitizer: stack-buffer-overflow"),
    "undefined": ("volatile int big = 2147483647; return (c + big) == 7;", "runtime error: signed integer overflow"),
    "leak": ("volatile char *p = malloc(77); p = 0; return !!p;", "LeakSanitizer: detected memory leaks"),
    "address,undefined": ("volatile int n = 31; return 2 << n;", "runtime error: left shift"),
    "thread": (
        "pthread_t t; pthread_create(&t, 0, count, 0); counter++; pthread_join(t, 0); return 0;",
        "ThreadSanitizer: data race",
    ),
}
HEAD = """
#include <pthread.h>
#include <stdlib.h>
static int counter;
char *kept;
static char **inner;
void *count(void *p) { counter++; return p; }
__attribute__((constructor)) static void begin(void) { inner = malloc(8); *inner = malloc(100); kept = malloc(9); }
"""
CLANGS_COVERAGE = ("-fprofile-instr-generate", "-fcoverage-mapping")
BAD["undefined,address"] = BAD["address,undefined"]
COUNTED = '#include <stdio.h>\nint main(int c, char **v) { printf("%d\\n", c); return 0; }\n'


def test_openmp_on_a_line_of_sources_and_of_objects(tmp_path: Path) -> None:
    (tmp_path / "omp.c").write_text(PARALLEL)
    subprocess.run([require_tool("gcc"), "-fopenmp", "-c", "omp.c"], cwd=tmp_path, check=True)
    assert same(tmp_path, ["omp.c", "-fopenmp"]) == (0, "45\n")
    assert same(tmp_path, ["omp.o", "-fopenmp"]) == (0, "45\n")


def test_transactions_and_loops_in_parallel(tmp_path: Path) -> None:
    (tmp_path / "both.c").write_text(
        """int a[4000]; volatile int n = 4000;
        int main(void) {
            int m = n, sum = 0;
            for (int i = 0; i < m; i++) a[i] = i;
            __transaction_atomic { sum = a[77]; }
            return sum;
        }"""
    )
    flags = ["-O2", "-fgnu-tm", "-ftree-parallelize-loops=2"]
    subprocess.run([require_tool("gcc"), *flags, "-c", "both.c"], cwd=tmp_path, check=True)
    assert same(tmp_path, ["both.o", *flags]) == (77, "")


@pytest.mark.parametrize("name", BAD)
def test_a_sanitizer_finds_what_is_wrong_and_nothing_else(tmp_path: Path, name: str) -> None:
    body, report = BAD[name]
    (tmp_path / "bad.c").write_text(f"{HEAD}int main(int c, char **v) {{ {body} }}\n")
    good = '#include <string.h>\nint main(void) { free(strdup("text")); return getenv("LD_PRELOAD") ? 3 : 5; }'
    (tmp_path / "good.c").write_text(f"{HEAD}{good}\n")
    gcc = require_tool("gcc")
    # A library of the line needs the C library, which has names of the sanitizer.
    flags = ["--compiler", gcc, f"-fsanitize={name}", "-w", "-l", "z"]
    err = uruk_run(tmp_path, *flags, "bad.c")[2]
    assert report in err
    status, _, err = uruk_run(tmp_path, *flags, "good.c")
    assert (status, err) == (5, "")


@pytest.mark.parametrize("name", ["address", "undefined", "thread"])
def test_clangs_sanitizers(tmp_path: Path, name: str) -> None:
    """The report of an object's fault, with clang's shared runtime."""
    body, report = BAD[name]
    report = report.partition(":")[0]  # where the guards of variables lie is each compiler's own
    clang, flag = require_tool("clang-19"), f"-fsanitize={name}"
    (tmp_path / "bad.c").write_text(f"{HEAD}int main(int c, char **v) {{ {body} }}\n")
    (tmp_path / "good.c").write_text(f"{HEAD}int main(void) {{ return 5; }}\n")
    for source in ("bad", "good"):
        subprocess.run([clang, flag, "-w", "-c", f"{source}.c"], cwd=tmp_path, check=True)
    assert report in uruk_run(tmp_path, clang, flag, "bad.o")[2]
    assert uruk_run(tmp_path, clang, flag, "good.o") == (5, "", "")


@pytest.mark.parametrize(
    ("flag", "text"),
    [("-fsanitize=leak", "-fsanitize=address finds leaks as well"), ("-fxray-instrument", "programs run untraced")],
)
def test_clangs_runtimes_that_are_refused(tmp_path: Path, flag: str, text: str) -> None:
    clang = require_tool("clang-19")
    (tmp_path / "good.c").write_text("int main(void) { return 0; }")
    status, _, err = uruk_run(tmp_path, clang, flag, "good.c")
    assert (status, err.count("\n")) == (2, 1)
    assert text in err


def test_sanitizers_that_cannot_come_first(tmp_path: Path) -> None:
    (tmp_path / "good.c").write_text("int main(void) { return 0; }")
    for more in (["--in-process"], ["--connect", "localhost:1"]):
        status, _, err = uruk_run(tmp_path, "--compiler", require_tool("gcc"), *more, "good.c", "-fsanitize=address")
        assert (status, err.count("\n")) == (2, 1)
        assert "must be loaded first" in err


@pytest.mark.parametrize(
    ("flag", "line", "files"),
    [
        ("--coverage", [], ["a-t.gcda", "a-t.gcno"]),
        ("--coverage", ["-o", "prog"], ["prog-t.gcda", "prog-t.gcno"]),
        ("-fprofile-generate", [], ["a-t.gcda"]),
        ("-pg", [], ["gmon.out"]),
    ],
)
def test_data_files_stand_where_a_compiler_leaves_them(
    tmp_path: Path, flag: str, line: list[str], files: list[str]
) -> None:
    (tmp_path / "t.c").write_text(COUNTED)
    for _ in range(2):  # the second time nothing may come from a cache
        assert uruk_run(tmp_path, "--compiler", require_tool("gcc"), "t.c", flag, *line) == (0, "1\n", "")
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*files, "t.c"])
        for name in files:
            assert (tmp_path / name).stat().st_size
            (tmp_path / name).unlink()


def test_gcov_reads_what_a_program_leaves(tmp_path: Path) -> None:
    (tmp_path / "t.c").write_text(COUNTED)
    gcc = require_tool("gcc")
    assert uruk_run(tmp_path, "--compiler", gcc, "t.c", "--coverage")[0] == 0
    done = subprocess.run([require_tool("gcov"), "a-t.gcda"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Lines executed:100.00% of 1" in done.stdout


def test_split_stacks_bring_their_runtime(tmp_path: Path) -> None:
    deep = "int deep(int n) { volatile char room[1000]; room[0] = n; return n ? deep(n - 1) + room[0] * 0 + 1 : 0; }"
    (tmp_path / "deep.c").write_text(f"{deep}\nint main(void) {{ return deep(100) == 100 ? 4 : 1; }}\n")
    status, _, err = uruk_run(tmp_path, "--compiler", require_tool("gcc"), "deep.c", "-fsplit-stack")
    assert status == 4, err


@pytest.mark.parametrize("place", [[], ["--in-process"]])
@pytest.mark.parametrize("suffix", ["c", "o"])
def test_clangs_coverage(tmp_path: Path, suffix: str, place: list[str]) -> None:
    """The counters of a run are those of the natively linked program."""
    (tmp_path / "t.c").write_text(COUNTED)
    clang, merge, flags = require_tool("clang-19"), require_tool("llvm-profdata-19"), CLANGS_COVERAGE
    subprocess.run([clang, *flags, "-c", "t.c"], cwd=tmp_path, check=True)
    subprocess.run([clang, *flags, "t.o", "-o", "native"], cwd=tmp_path, check=True)
    shown: list[str] = []
    for command in (["./native"], [sys.executable, "-m", "uruk", "run", *place, clang, *flags, f"t.{suffix}"]):
        environment = {**os.environ, "LLVM_PROFILE_FILE": "t.profraw"}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr
        subprocess.run([merge, "merge", "t.profraw", "-o", "t.profdata"], cwd=tmp_path, check=True)
        (tmp_path / "t.profraw").unlink()
        show = [merge, "show", "--all-functions", "--counts", "t.profdata"]
        shown.append(subprocess.run(show, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
    assert "Maximum function count: 1" in shown[0]
    assert shown[0] == shown[1]


THROWS = """
#include <crypt.h>
#include <cstdio>
int main() {
    try { throw 5; } catch (int status) { std::puts(crypt("a", "ab")); return status; }
}
"""


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("g++", ["-fsanitize=address"]),
        ("g++", ["-fsanitize=thread"]),
        ("clang++-19", ["-fsanitize=thread", "-stdlib=libc++"]),
    ],
    ids=["address", "thread", "thread-libcxx"],
)
def test_functions_of_libraries_that_a_sanitizer_wraps(tmp_path: Path, compiler: str, flags: list[str]) -> None:
    """Its runtime looks for them once, as the process starts, and may need a C++ library that is not the program's."""
    (tmp_path / "throws.cpp").write_text(THROWS)
    subprocess.run([require_tool(compiler), *flags, "-c", "throws.cpp"], cwd=tmp_path, check=True)
    assert uruk_run(tmp_path, compiler, *flags, "throws.o", "-lcrypt") == (5, "abxxB7HlIeckU\n", "")
