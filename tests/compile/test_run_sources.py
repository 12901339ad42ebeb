"""``uruk run`` of sources: the same as compiling and linking them natively."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from families import Run, require_family

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

LIBRARIES = {"gcc": "g++", "clang-19": "clang++-19", "zig cc": f"{sys.executable} -m ziglang c++"}

PROGRAM = {
    "main.c": r"""
        #include <stdio.h>
        #include <stdlib.h>
        #include <zlib.h>
        #include "util.h"
        static void last(void) { puts("the end"); }
        int main(int count, char **words) {
            atexit(last);
            for (int at = 1; at < count; at++)
                printf("%d %s %s\n", at, words[at], reversed(words[at]));
            printf("%lx %d %s %s\n", crc32(0, (const unsigned char *)"abc", 3), checked(count), SAID, __FILE__);
            return sum(words, count);
        }
    """,
    "util.cpp": r"""
        #include "util.h"
        #include <algorithm>
        #include <iostream>
        #include <numeric>
        #include <stdexcept>
        #include <string>
        #include <vector>
        static std::vector<std::string> kept;
        struct Noisy {
            Noisy() { std::cout << "begin" << std::endl; }
            ~Noisy() { std::cout << "end" << std::endl; }
        } noisy;
        extern "C" const char *reversed(const char *word) {
            kept.emplace_back(word);
            std::reverse(kept.back().begin(), kept.back().end());
            return kept.back().c_str();
        }
        extern "C" int checked(int number) {
            try { if (number > 2) throw std::out_of_range("more than two"); }
            catch (const std::exception &error) { std::cout << error.what() << std::endl; return -1; }
            return number;
        }
        extern "C" int sum(char **words, int count) {
            std::vector<int> sizes;
            for (int at = 1; at < count; at++) sizes.push_back(std::string(words[at]).size());
            return std::accumulate(sizes.begin(), sizes.end(), 0);
        }
    """,
    "include/util.h": """
        #ifdef __cplusplus
        extern "C" {
        #endif
        const char *reversed(const char *word);
        int checked(int number);
        int sum(char **words, int count);
        #ifdef __cplusplus
        }
        #endif
    """,
}
WORDS = ["one", "two", "three"]


@pytest.fixture
def program() -> None:
    Path("include").mkdir()
    for name, text in PROGRAM.items():
        Path(name).write_text(textwrap.dedent(text))


def native(family: str, *flags: str) -> tuple[int, str, str]:
    """The program linked by the compiler itself."""
    compiler = family.split() if family != "zig cc" else [sys.executable, "-m", "ziglang", "cc"]
    subprocess.run([*compiler, *flags, "-c", "main.c", "-o", "main.o"], check=True)
    front = LIBRARIES[family].split()
    subprocess.run([*front, *flags, "-c", "util.cpp", "-o", "util.o"], check=True)
    subprocess.run([*front, "main.o", "util.o", "-lz", "-o", "native"], check=True)
    done = subprocess.run(["./native", *WORDS], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_a_program_of_two_languages(family: str, level: str, uruk_run: Run) -> None:
    flags = [level, "-Iinclude", '-DSAID="said"']
    expected = native(family, *flags)
    assert expected[0] == sum(map(len, WORDS))
    assert "more than two" in expected[1]
    words = ["--compiler", family, *flags, "main.c", "util.cpp", "-l", "z", "--", *WORDS]
    for _ in range(2):
        done = uruk_run(*words)
        assert (done.returncode, done.stdout, done.stderr) == expected


@pytest.mark.usefixtures("program")
def test_sources_take_their_place_among_objects(uruk_run: Run) -> None:
    """Constructors run in the order of inputs, objects and sources alike."""
    for name in "abcd":
        text = f'int puts(const char *);\n__attribute__((constructor)) static void {name}(void) {{ puts("{name}"); }}\n'
        Path(f"{name}.c").write_text(text)
    Path("m.c").write_text("int main(void) { return 0; }\n")
    subprocess.run([require_tool("gcc"), "-c", "b.c", "d.c"], check=True)
    done = uruk_run("--compiler", "gcc", "d.o", "c.c", "m.c", "b.o", "a.c")
    assert (done.returncode, done.stdout, done.stderr) == (0, "d\nc\nb\na\n", "")


def test_the_compiler_of_the_environment(uruk_run: Run) -> None:
    Path("m.c").write_text("#include <stdio.h>\nint main(void) { puts(__VERSION__); return FIVE; }\n")
    for family in ("gcc", "clang-19"):
        done = uruk_run("m.c", CC=f"{require_family(family)} -DFIVE=5")
        assert (done.returncode, "Clang" in done.stdout) == (5, family == "clang-19")


def test_libcxx_when_asked_for(uruk_run: Run) -> None:
    Path("m.cpp").write_text("int main() { return 6; }\n")
    done = uruk_run("--compiler", require_family("clang-19"), "-fno-exceptions", "--cflag", "-stdlib=libc++", "m.cpp")
    assert done.returncode in (1, 6)
    assert (done.returncode == 6) == ("LibraryNotFound: no library `c++'" not in done.stderr)


def test_assembly(uruk_run: Run) -> None:
    Path("m.s").write_text(".globl main\nmain: mov $7, %eax\n ret\n.section .note.GNU-stack\n")
    assert uruk_run("m.s").returncode == 7


def test_warnings_are_printed_as_a_compiler_would(uruk_run: Run) -> None:
    for name in ("b.c", "a.c"):
        Path(name).write_text(f"#warning of {name}\n" + "int main(void) { return 0; }\n" * (name == "a.c"))
    for _ in range(2):  # the second time from the cache
        done = uruk_run("--compiler", "gcc", "b.c", "a.c")
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.index("b.c:1:2: warning: #warning of b.c") < done.stderr.index("a.c:1:2: warning: ")


def test_warnings_come_once_though_the_process_starts_again(uruk_run: Run) -> None:
    """Static thread-local storage beyond what a process has makes `uruk run` start itself again."""
    Path("m.c").write_text("#warning once\n__thread char room[20000];\nint main(void) { return room[19999] + 8; }\n")
    done = uruk_run("--compiler", "gcc", "m.c")
    assert (done.returncode, done.stderr.count("warning: #warning once")) == (8, 1)


def test_errors_end_it_with_what_the_compiler_said(uruk_run: Run) -> None:
    Path("good.c").write_text("#warning good\nint main(void) { return 0; }\n")
    for name in ("one", "two"):
        Path(f"{name}.c").write_text(f"int {name}(void) {{ return no_{name}; }}\n")
    done = uruk_run("--compiler", "gcc", "one.c", "good.c", "two.c")
    assert (done.returncode, done.stdout) == (1, "")
    for part in ("good.c:1:2: warning", "uruk: CompileError: one.c: ", "one.c:1:24: error", "two.c:1:24: error"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_no_compiler(uruk_run: Run) -> None:
    Path("a.c").write_text("")
    done = uruk_run("--compiler", "nobody", "a.c")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("uruk: CompilerNotFound: no compiler for C; looked for nobody; ")


def test_a_source_that_is_not_there(uruk_run: Run) -> None:
    done = uruk_run("nothing.c")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing.c" in done.stderr
    assert done.stderr.startswith("uruk: InputNotFound: ")


@pytest.mark.parametrize("words", [["--compiler"], ["a.c", "--cflag"], ["a.c", "-I"], ["a.c", "-x"]])
def test_wrong_usage(words: list[str], uruk_run: Run) -> None:
    done = uruk_run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("uruk run: ")


def test_a_row_of_the_times(uruk_run: Run) -> None:
    Path("m.c").write_text("int main(void) { return 9; }\n")
    done = uruk_run("--time", "m.c")
    assert done.returncode == 9
    assert " compile " in done.stderr


def test_the_cache_is_used_and_can_be_left_out(uruk_run: Run, tmp_path: Path) -> None:
    Path("m.c").write_text("int main(void) { return 9; }\n")
    assert uruk_run("--no-cache", "m.c").returncode == 9
    assert uruk_run("m.c", URUK_CACHE="0").returncode == 9
    assert not (tmp_path / "cache").exists()
    assert uruk_run("m.c").returncode == 9
    (entry,) = (path for path in (tmp_path / "cache" / "objects").glob("*/*"))
    used = entry.stat().st_mtime_ns
    assert uruk_run("m.c").returncode == 9
    assert entry.stat().st_mtime_ns > used


@pytest.mark.parametrize("home", ["/dev/null/home", "/proc/home", None])
def test_a_home_that_cannot_be_written(family: str, home: str | None, uruk_run: Run, tmp_path: Path) -> None:
    Path("m.c").write_text('#include <stdio.h>\nint main(void) { puts("at home"); return 4; }\n')
    variables = {"HOME": home, "URUK_CACHE_DIR": None, "ZIG_GLOBAL_CACHE_DIR": None}
    done = uruk_run("--compiler", family, "-O1", "m.c", **variables)
    assert (done.returncode, done.stdout, done.stderr) == (4, "at home\n", "")
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("flags", [[], ["-O1"]])
def test_zigs_checks_of_undefined_behaviour(flags: list[str], uruk_run: Run, family: str) -> None:
    """zig has them in when it does not optimise, and they need a library of its own."""
    Path("m.c").write_text("int main(int count, char **words) { (void)words; return (2147483647 - count + 1) != 0; }\n")
    assert uruk_run("--compiler", family, *flags, "m.c").returncode == 1


def test_zig_says_what_to_do_when_it_has_no_library(uruk_run: Run) -> None:
    require_family("zig cc")
    Path("m.cpp").write_text("#include <iostream>\nint main() { std::cout << 1; }\n")
    done = uruk_run("--compiler", "zig c++", "m.cpp", HOME="/dev/null/home", ZIG_GLOBAL_CACHE_DIR=None)
    assert done.returncode == 1
    assert "set ZIG_GLOBAL_CACHE_DIR, or name another compiler" in done.stderr
