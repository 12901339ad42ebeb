"""Link lines as build systems write them, with `uruk run` in front: what the linked program does, and errors of use."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from both_ways import compile_to, native, same, uruk_run, write

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

HELLO = """
#include <stdio.h>
#include <math.h>
int main(int c, char **v) { printf("%s %.3f\\n", c > 1 ? v[1] : "-", sin(c)); return c; }
"""
LOADED = '#include <stdio.h>\n__attribute__((constructor)) static void c(void) { puts("loaded"); }\n'


def archive(folder: Path, name: str, *members: str) -> None:
    subprocess.run([require_tool("ar"), "rcs", name, *members], cwd=folder, check=True)


@pytest.mark.parametrize(
    "line",
    [
        """
        hello.o -Wl,-O1 -Wl,--as-needed -Wl,--start-group -lm -Wl,--end-group -Wl,-z,relro,-z,now -Wl,--build-id
        -Wl,--hash-style=gnu -Wl,--eh-frame-hdr -Wl,--gc-sections -Wl,--no-undefined -fuse-ld=bfd -rdynamic
        -Wl,-rpath,/opt/lib -Wl,-rpath-link -Wl,/opt/lib
        """,
        "-O2 -g -Wall -march=x86-64 -m64 -pthread -DNDEBUG -I. -MD -pie -s hello.o -static-libgcc -lm",
        "-Xlinker -export-dynamic hello.o -Xlinker -lm",
        "hello.c -O1 -Wl,--push-state,--as-needed,-lm,--pop-state -Wl,-Map,hello.map -Wl,-soname -Wl,hello",
    ],
)
def test_what_build_systems_write(tmp_path: Path, line: str) -> None:
    write(tmp_path, hello=HELLO)
    words = [word for word in line.split() if os.uname().machine == "x86_64" or not word.startswith(("-march", "-m64"))]
    assert same(tmp_path, words, ["a"])[0] == 2


def test_a_line_may_begin_with_its_driver(tmp_path: Path) -> None:
    (tmp_path / "main.cc").write_text('#include <iostream>\nint main(int, char **v) { std::cout << v[0] << "\\n"; }\n')
    gxx = require_tool("g++")
    subprocess.run([gxx, "-c", "main.cc", "-o", "main.o"], cwd=tmp_path, check=True)
    assert uruk_run(tmp_path, gxx, "-O2", "main.o", "-o", "bin/prog") == (0, "bin/prog\n", "")
    assert not (tmp_path / "bin").exists()


def linker_line(folder: Path, driver: str, *words: str) -> list[str]:
    """The command of the linker that a driver would call."""
    done = subprocess.run([driver, "-###", *words], cwd=folder, capture_output=True, text=True, check=True)
    return shlex.split(done.stderr.splitlines()[-1 if "clang" in driver else -2])


@pytest.mark.parametrize("driver", ["gcc", "g++", "clang++-19", "aarch64-linux-gnu-g++"])
def test_a_line_may_begin_with_the_linker(tmp_path: Path, driver: str) -> None:
    """Start files and libraries that the driver adds are on it."""
    driver = require_tool(driver)
    text = '#include <cstdio>\n#include <string>\nstatic std::string s = "made";\n'
    (tmp_path / "main.cc").write_text(text + "int main(int c, char **) { std::puts(s.c_str()); return c; }\n")
    compiler = driver.replace("gcc", "g++")
    subprocess.run([compiler, "-c", "main.cc", "-o", "main.o"], cwd=tmp_path, check=True)
    more = ["-lstdc++"] if driver.endswith("gcc") else []
    words = linker_line(tmp_path, driver, "main.o", *more, "-o", "prog", "-Wl,--no-as-needed")
    if "aarch64" in driver:
        words[0] = "aarch64-linux-gnu-ld"
    assert os.path.basename(words[0]) in ("collect2", "ld", "aarch64-linux-gnu-ld")
    assert any(word.endswith("crt1.o") for word in words)
    assert uruk_run(tmp_path, *words, "--", "a") == (2, "made\n", "")
    assert not (tmp_path / "prog").exists()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the program is x86-64 assembly")
def test_a_linker_adds_no_start_files(tmp_path: Path) -> None:
    (tmp_path / "start.s").write_text(".globl _start\n_start: mov $60, %eax\nmov $5, %edi\nsyscall\n")
    subprocess.run([require_tool("gcc"), "-c", "start.s", "-o", "start.o"], cwd=tmp_path, check=True)
    assert uruk_run(tmp_path, "ld", "start.o", "-o", "start") == (5, "", "")
    write(tmp_path, main="int main(void) { return 3; }")
    for words in (["ld.lld", "/usr/lib/crt1.o", "main.o"], ["gcc", "main.o"]):
        assert uruk_run(tmp_path, "LC_ALL=C", "PATH=/a b", *words) == (3, "", "")


def test_rustc_calls_a_linker(tmp_path: Path) -> None:
    """The line is right when it stands behind `uruk run'; rustc itself does not."""
    rustc = require_tool("rustc")
    (tmp_path / "main.rs").write_text('fn main() { println!("rust {}", vec![1, 2].len()); std::process::exit(4) }')
    command = [sys.executable, "-m", "uruk", "run", require_tool("cc")]
    linker = tmp_path / "linker"
    linker.write_text(f'#!/bin/sh\n{shlex.join(command)} "$@" > printed; echo $? > status\n')
    linker.chmod(0o755)
    subprocess.run([rustc, "-C", f"linker={linker}", "main.rs"], cwd=tmp_path, check=True)
    assert (tmp_path / "printed").read_text() == "rust 2\n"
    assert (tmp_path / "status").read_text() == "4\n"
    status, out, error = uruk_run(tmp_path, rustc, "main.rs")
    assert (status, out) == (2, "")
    assert "give the line that `rustc --print link-args' prints" in error


def test_a_line_of_go(tmp_path: Path) -> None:
    """Its driver brings main(), a library that calls the program, and threads whose stacks are split."""
    gccgo = require_tool("gccgo-12")
    (tmp_path / "main.go").write_text(
        """package main
        import ("fmt"; "os"; "sync")
        //extern square
        func square(int32) int32
        func safe(a []int32) (err error) {
            defer func() { err = fmt.Errorf("%v", recover()) }()
            a[3] = 1
            return nil
        }
        func main() {
            var group sync.WaitGroup
            results := make(chan int32, 9)
            for i := int32(0); i < 9; i++ {
                group.Add(1)
                go func(i int32) { defer group.Done(); results <- square(i) }(i)
            }
            group.Wait()
            close(results)
            sum := int32(0)
            for one := range results { sum += one }
            fmt.Println(sum, len(os.Args), safe(nil))
            os.Exit(6)
        }"""
    )
    subprocess.run([gccgo, "-c", "main.go"], cwd=tmp_path, check=True)
    write(tmp_path, square="int square(int x) { return x * x; }")
    expected = native(tmp_path, ["main.o", "square.o"], ["x"], driver=gccgo)
    assert uruk_run(tmp_path, gccgo, "main.o", "square.o", "--", "x") == expected
    assert expected[0] == 6


@pytest.mark.quick
def test_compilers_that_call_a_driver(tmp_path: Path) -> None:
    """The error says what prints the line."""
    write(tmp_path, main="int main(void) { return 3; }")
    for word, prints in (("/usr/bin/ghc", "ghc -v"), ("ldc2", "ldc2 -v"), ("ocamlopt", "ocamlopt -verbose")):
        status, _, error = uruk_run(tmp_path, word, "main.o")
        assert status == 2
        assert f"give the line that `{prints}' prints" in error


def test_a_file_may_be_called_like_a_linker(tmp_path: Path) -> None:
    write(tmp_path, main="int main(void) { return 3; }")
    (tmp_path / "main.o").rename(tmp_path / "ld")
    assert uruk_run(tmp_path, "ld") == (3, "", "")


def test_whole_archives(tmp_path: Path) -> None:
    write(tmp_path, member=LOADED, empty="int main(void) { return 0; }")
    archive(tmp_path, "libmember.a", "member.o")
    whole = ["empty.o", "-Wl,--whole-archive", "libmember.a", "-Wl,--no-whole-archive"]
    assert same(tmp_path, whole) == (0, "loaded\n")
    assert same(tmp_path, ["empty.o", "-Wl,--whole-archive,libmember.a,--no-whole-archive"]) == (0, "loaded\n")
    assert same(tmp_path, ["empty.o", "libmember.a"]) == (0, "")
    assert same(tmp_path, ["empty.o", "-Wl,-u,drawn", "libmember.a"]) == (0, "")


def test_static_and_dynamic_libraries(tmp_path: Path) -> None:
    write(tmp_path, value="int value(void) { return 1; }", use="int value(void); int main(void) { return value(); }")
    (tmp_path / "dynamic.c").write_text("int value(void) { return 7; }")
    compile_to(tmp_path, "dynamic", "-shared", "-fPIC", "-o", "libvalue.so")
    archive(tmp_path, "libvalue.a", "value.o")
    for words, status in (
        ("-Wl,-Bstatic -lvalue -Wl,-Bdynamic", 1),
        ("-lvalue", 7),
        ("-Wl,-Bstatic -Wl,-Bdynamic -lvalue", 7),
        ("-l:libvalue.a", 1),
        ("-static -lvalue", 1),
    ):
        assert same(tmp_path, ["use.o", "-L.", *words.split(), "-Wl,-rpath,."])[0] == status, words


@pytest.mark.parametrize(
    "words",
    ["-l value.o", "-lvalue.o", "-l ./value.o", "-l libvalue.a", "-Wl,-l,value.o", "-Xlinker -l -Xlinker value.o"],
)
def test_a_librarys_name_is_no_files(tmp_path: Path, words: str) -> None:
    """As for gcc and clang, whose linkers look for libvalue.o.so and libvalue.o.a."""
    write(tmp_path, value="int value(void) { return 7; }", use="int value(void); int main(void) { return value(); }")
    archive(tmp_path, "libvalue.a", "value.o")
    line = ["use.o", "-L.", *words.split()]
    for driver in ("gcc", "clang-19"):
        refused = subprocess.run([require_tool(driver), *line], cwd=tmp_path, capture_output=True, text=True)
        assert refused.returncode
        assert "-l" in refused.stderr
    status, out, err = uruk_run(tmp_path, *line)
    name = words.split()[-1].removeprefix("-Wl,-l,").removeprefix("-l")
    assert (status, out) == (2, "")
    assert f"-l {name} names a library in a file lib{name}.so or lib{name}.a, as for gcc: give the file {name}" in err


@pytest.mark.parametrize(
    "words", ["-l value -L .", "-l :value.o -L .", "-x none value.o", "-u value value.o", "-z now value.o"]
)
def test_words_that_follow_their_option(tmp_path: Path, words: str) -> None:
    write(tmp_path, value="int value(void) { return 7; }", use="int value(void); int main(void) { return value(); }")
    archive(tmp_path, "libvalue.a", "value.o")
    assert same(tmp_path, ["use.o", *words.split()])[0] == 7


def test_a_librarys_name_may_end_as_a_dlls(tmp_path: Path) -> None:
    write(tmp_path, value="int value(void) { return 7; }", use="int value(void); int main(void) { return value(); }")
    archive(tmp_path, "libvalue.dll.a", "value.o")
    assert same(tmp_path, ["use.o", "-L.", "-lvalue.dll"])[0] == 7


@pytest.mark.parametrize("option", "-l -L -u -e -z -T -x".split())
def test_an_option_without_its_word(tmp_path: Path, option: str) -> None:
    write(tmp_path, use="int main(void) { return 0; }")
    refused = subprocess.run([require_tool("gcc"), "use.o", option], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode
    assert "missing argument" in refused.stderr
    status, _, err = uruk_run(tmp_path, "use.o", option)
    assert status == 2
    assert f"{option} wants a value" in err


@pytest.mark.parametrize(("option", "out"), [("--as-needed", ""), ("--no-as-needed", "loaded\n")])
def test_libraries_that_nothing_needs(tmp_path: Path, option: str, out: str) -> None:
    write(tmp_path, empty="int main(void) { return 0; }", idle=LOADED)
    compile_to(tmp_path, "idle", "-shared", "-fPIC", "-o", "libidle.so")
    assert same(tmp_path, ["empty.o", f"-Wl,{option}", "-L.", "-lidle", "-Wl,-rpath,."]) == (0, out)


def test_a_library_that_is_needed_may_need_the_program(tmp_path: Path) -> None:
    wants = "int mine(void); int theirs(void) { return mine() + 1; }"
    write(
        tmp_path, wants=wants, main="int theirs(void); int mine(void) { return 4; } int main(void) { return theirs(); }"
    )
    compile_to(tmp_path, "wants", "-shared", "-fPIC", "-o", "libwants.so")
    assert same(tmp_path, ["main.o", "-Wl,--as-needed", "-L.", "-lwants", "-Wl,-rpath,."])[0] == 5


@pytest.mark.parametrize("suffix", ["o", "c"])
def test_wrapped_and_defined_names(tmp_path: Path, suffix: str) -> None:
    main = """
    int value(void), __real_value(void), old_name(void); extern char number[];
    int __wrap_value(void) { return __real_value() + 10; }
    int new_name(void) { return 100; }
    int main(void) { return value() + old_name() + (int)(long)number; }
    """
    write(tmp_path, main=main, value="int value(void) { return 1; }")
    names = ["-Wl,--wrap=value", "-Wl,--defsym,old_name=new_name", "-Wl,--defsym=number=0x10+16"]
    assert same(tmp_path, [f"main.{suffix}", f"value.{suffix}", *names])[0] == 143


def test_a_name_a_number_behind_another(tmp_path: Path) -> None:
    main = "int numbers[4] = {1, 2, 3, 4}; extern int third; int main(void) { return third + numbers[0]; }"
    write(tmp_path, main=main)
    assert same(tmp_path, ["main.o", "-no-pie", "-Wl,--defsym=third=4+numbers+4"])[0] == 4


def test_a_program_that_starts_itself(tmp_path: Path) -> None:
    write(tmp_path, start="#include <stdlib.h>\nvoid _start(void) { exit(6); }\nvoid other(void) { exit(7); }\n")
    assert same(tmp_path, ["start.o", "-nostartfiles"])[0] == 6
    assert same(tmp_path, ["start.o", "-nostartfiles", "-Wl,-e,other"])[0] == 7


def test_a_line_with_a_script(tmp_path: Path) -> None:
    """As Free Pascal's compiler writes it: inputs, start files among them, and sections that come beside others."""
    before, behind = _start_files("crt1.o", "crti.o", "crtbegin.o"), _start_files("crtend.o", "crtn.o")
    write(
        tmp_path,
        main='int value(void); __attribute__((section(".mine.a"))) int mine = 3; int main(void) { return value(); }',
        value="#include <math.h>\nextern int mine; volatile double x = 2; int value(void) { return pow(x, mine); }",
    )
    (tmp_path / "more.ld").write_text("INPUT(value.o) GROUP(-lm -lc)")
    (tmp_path / "line.ld").write_text(
        f'SEARCH_DIR("{tmp_path}") INPUT({" ".join(before)} main.o) INCLUDE more.ld INPUT({" ".join(behind)})\n'
        "SECTIONS { .mine : { KEEP(*(.mine .mine.*)) } .other : { *(.other) } } INSERT AFTER .data;"
    )
    for path in tmp_path.glob("*.o"):
        compile_to(tmp_path, path.stem, "-c", "-fno-pie", "-o", path.name)
    line = ["-b", "elf64-x86-64", "--dynamic-linker=/lib64/ld-linux-x86-64.so.2", "-T", "line.ld", "-e", "_start"]
    expected = native(tmp_path, line, driver="ld")
    assert expected[0] == 8
    assert uruk_run(tmp_path, "ld", *line) == expected
    for text, reason in (("ENTRY(x)", "ENTRY: give the option -e"), ("SECTIONS { . = 8; }", "places sections")):
        (tmp_path / "bad.ld").write_text(text)
        status, _, error = uruk_run(tmp_path, "ld", "main.o", "-T", "bad.ld")
        assert (status, reason in error) == (2, True)
    assert same(tmp_path, ["-no-pie", "-nostartfiles", *before, "main.o", "value.o", "-lm", *behind])[0] == 8


def _start_files(*names: str) -> list[str]:
    gcc = require_tool("gcc")
    command = [[gcc, f"-print-file-name={name}"] for name in names]
    return [subprocess.run(one, capture_output=True, text=True, check=True).stdout.strip() for one in command]


def test_response_files(tmp_path: Path) -> None:
    write(tmp_path, hello=HELLO)
    (tmp_path / "objects.txt").write_text("'hello.o'\n")
    (tmp_path / "line.txt").write_text('@objects.txt\t-Wl,@linker.txt "-l"m')
    (tmp_path / "linker.txt").write_text("--build-id --as-needed")
    assert same(tmp_path, ["@line.txt"], ["x", "@line.txt"])[0] == 3


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("x.o -T script.ld", "-T cannot be honoured: code lies where there is room"),
        ("x.o -Ttext=0x1000", "-T cannot be honoured: code lies where there is room"),
        ("x.o -b binary", "unknown option -b"),
        ("ld x.o -b binary", "-b cannot be honoured: inputs are ELF objects"),
        ("x.o -Wl,--section-start=.text=0x1000", "--section-start=.text=0x1000 cannot be honoured"),
        ("x.o -shared", "-shared cannot be honoured: uruk run makes a running program, no file"),
        ("x.o -Wl,-r", "-r cannot be honoured"),
        ("x.o -Wl,-z,muldefs", "-z muldefs cannot be honoured"),
        ("x.o -Wl,--no-such-option", "unknown option of the linker --no-such-option"),
        ("x.o --no-such-option", "unknown option --no-such-option"),
        ("x.o -Wl,--wrap", "--wrap wants a value"),
        ("x.o -l", "-l wants a value"),
        ("x.o -Wl,--defsym,a=b*2", "--defsym wants NAME=SUM, of numbers and at most one symbol (+), not `a=b*2'"),
        ("x.o -Wl,--pop-state", "--pop-state without --push-state"),
        ("x.c -c", "-c cannot be honoured: uruk run goes all the way to a running program"),
        ("x.o -fsanitize=memory", "-fsanitize=memory cannot be honoured"),
        ("-O2", "no input"),
    ],
)
def test_errors_of_use_are_one_line(tmp_path: Path, words: str, part: str) -> None:
    status, out, err = uruk_run(tmp_path, *words.split())
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert part in err
    assert err.endswith("see `uruk run --help'\n")
