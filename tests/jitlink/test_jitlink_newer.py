"""Options that LLVM 20 to 22 added to llvm-jitlink, and LLVM 19 has not."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from jitlink.running import run, uruk_jitlink

from support.compiling import Compile

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]
MAIN = "int foo(void); int main(void) { return foo(); }"
FOO = "int foo(void) { return 7; }"
SETS = "int x; __attribute__((constructor)) static void set(void) { x = 1; }"
LOOKS = "extern int x __attribute__((weak)); int main(void) { return &x ? x : 3; }"


def linked(text: str) -> list[str]:
    """The base names of the files that a run says it has linked, in order."""
    return [Path(name).name for name in re.findall(r"Linking (.*)", text)]


def test_all_load(cc: Compile) -> None:
    """Members that nothing refers to are linked, and their initialisers run; by a path and by -l."""
    main, library = cc(LOOKS), cc.archive("libx.a", cc(SETS))
    assert run(main, library).status == 3
    assert run("-all_load", main, library).status == 1
    assert run("-all_load", main, f"-L{library.parent}", "-lx").status == 1
    assert "libx.a(" in uruk_jitlink("-noexec", "-all_load", "-show-init-es", main, library).out


@pytest.mark.parametrize("place", [(), ("-oop-executor",), ("-oop-executor", "-use-memmgr=shared")])
def test_lazy(place: tuple[str, ...], cc: Compile) -> None:
    """A file behind -lazy is linked by the first call, if there is one; other files at once."""
    main, foo = cc(MAIN, name="main"), cc(FOO, name="foo")
    other = cc("int bar(void) { return 1; }", name="bar")
    done = run(*place, "-show-linked-files", main, "-lazy", foo, "-lazy", other)
    assert (done.status, linked(done.out), done.err) == (7, ["main.o", "foo.o"], "")
    calls = cc("int foo(void); int main(int argc, char **argv) { return argc > 9 ? foo() : 2; }", name="calls")
    assert linked(run(*place, "-show-linked-files", calls, "-lazy", foo).out) == ["calls.o"]
    assert linked(run(*place, "-show-linked-files", calls, "-lazy=false", foo).out) == ["calls.o", "foo.o"]


def test_lazy_files_that_nothing_calls(cc: Compile) -> None:
    """Where nothing is run, a file behind -lazy is linked if something refers to it."""
    assert linked(uruk_jitlink("-noexec", "-show-linked-files", cc(MAIN), "-lazy", cc(FOO)).out)[1:]
    refused = uruk_jitlink("-noexec", cc(MAIN), "-lazy", cc(FOO), "-harness", cc(FOO))
    assert refused.err == "uruk-jitlink: Lazy linking cannot be used with -harness mode\n"
    warned = uruk_jitlink("-noexec", cc(MAIN), cc(FOO), "-speculate=simple", "-record-lazy-execs=out")
    assert warned.err.splitlines() == [
        f"Warning: -{name} ignored: uruk links nothing ahead of its call."
        for name in ("speculate", "record-lazy-execs")
    ]


def test_a_target_that_is_named(cc: Compile) -> None:
    """It counts where no object says which it is, and against one that is for another."""
    flag = "--target=aarch64-linux-gnu"
    library = cc.archive("libfoo.a", cc("int main(void) { return 0; }", flag, family="clang"))
    assert uruk_jitlink("-noexec", "-triple", "aarch64-unknown-linux-gnu", library).status == 0
    assert "AArch64" in uruk_jitlink("-noexec", "-triple=aarch64-linux-gnu", cc(FOO)).err
    assert uruk_jitlink("-noexec", "-triple=vax", library).err.startswith("uruk-jitlink: no target `vax'")


@pytest.mark.parametrize(("words", "text"), [
    (("-use-memmgr=mine",), "llvm-jitlink: for the --use-memmgr option: Cannot find option named 'mine'!\n"),
    (("-weak-lfoo",), "uruk-jitlink: While linking main, could not find library for -lfoo\n"),
    (("-weak_library", "f.tbd"),
     "uruk-jitlink: 'f.tbd': weak libraries are Mach-O's (TextAPI), and uruk links ELF and COFF\n"),
])  # fmt: skip
def test_what_is_refused(words: tuple[str, ...], text: str, cc: Compile) -> None:
    done = uruk_jitlink("-noexec", cc("int main(void) { return 0; }"), *words)
    assert (done.status, done.err) == (1, text)


def test_backtraces(cc: Compile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses at the ends of lines get names, from files and from standard input; other lines stay as they are."""
    main, foo, table, trace = cc(MAIN), cc(FOO, name="foo"), tmp_path / "table", tmp_path / "trace"
    assert uruk_jitlink("-noexec", "-write-symtab", table, main, foo).status == 0
    place = int(re.findall(r"(0x[0-9a-f]+) foo", table.read_text())[0], 16)
    lines = [f"#0 {place:#x}", f"  #1 {place + 5:x}", f"{place:#x}", "#2 0x1", f"#3 {place + (1 << 31):#x}", "text -1"]
    trace.write_text("\n".join(lines))
    wanted = [f"{lines[0]} foo ({foo})", f"{lines[1]} foo + 5 ({foo})", *lines[2:]]
    monkeypatch.setattr(sys, "stdin", io.StringIO(trace.read_text()))
    for inputs in ((trace,), ("-",), ()):
        done = uruk_jitlink("-symbolicate-with", table, *inputs)
        assert (done.status, done.out.splitlines() if inputs != () else done.out) == (
            (0, wanted) if inputs != () else (0, "\n")
        )
    assert uruk_jitlink("-symbolicate-with", table, tmp_path / "none").err.endswith("No such file or directory\n")


def test_a_path_with_an_at_sign(cc: Compile, tmp_path: Path) -> None:
    folder = tmp_path / "data@here"
    folder.mkdir()
    (folder / "bytes").write_bytes(b"ABCD")
    rules = tmp_path / "rules"
    rules.write_text("# jitlink-check: *{4}first = 0x44434241\n")
    main = cc("extern char first; int main(void) { return first; }")
    done = uruk_jitlink("-noexec", "-sectcreate", f"data,{folder / 'bytes'}@first=0", "-check", rules, main)
    assert (done.status, done.err) == (0, "")
