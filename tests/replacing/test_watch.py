"""`uruk run --watch`: sources are edited while the program runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.requirements import missing

pytestmark = pytest.mark.any_interpreter

MAIN = """
    #include <stdio.h>
    #include <unistd.h>
    int step(void);
    int main(int argc, char **argv)
    {
        int before = 0;
        printf("%s %d\\n", argv[1], argc);
        for (;;) {
            int now = step();
            if (now == 7)
                return now;
            if (now != before)
                printf("%d\\n", now);
            fflush(stdout);
            before = now;
            usleep(10000);
        }
    }
"""
STEP = "int count = 100; int step(void) {{ return {value}; }}"

Watched = tuple["subprocess.Popen[str]", Callable[[], str], Callable[[], str]]
"""A program that runs, and what reads a line of its output and of what is said of it."""


@contextmanager
def watched(*words: str | Path) -> Iterator[Watched]:
    command = [sys.executable, "-m", "uruk", "run", "--watch", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        yield process, process.stdout.readline, process.stderr.readline


def test_edits_are_replaced(tmp_path: Path) -> None:
    """Edits take effect, variables stay, an error is printed and the old code goes on, the status is the program's."""
    main, util = tmp_path / "main.c", tmp_path / "util.c"
    main.write_text(MAIN)
    util.write_text(STEP.format(value="count |= 1"))
    with watched("-O2", main, util, "--", "hello") as (process, read, told):
        lines = [read() for _ in range(2)]
        util.write_text(STEP.format(value="count + 1"))
        lines.append(read())
        said = [told()]
        util.write_text("int step(void) { return")
        while said[-1] and "the old code goes on" not in said[-1]:
            said.append(told())
        time.sleep(0.05)  # a file system may count time in steps
        util.write_text(STEP.format(value="7"))
        assert process.wait(timeout=60) == 7
        lines.append(read())
    assert lines == ["hello 2\n", "101\n", "102\n", ""]
    assert "util.c: replaced in" in said[0]
    assert any("CompileError" in line for line in said)


def test_files_as_editors_write_them(tmp_path: Path) -> None:
    """Headers count; files that are empty or away do not, nor what leaves out a function that is called."""
    main, util, header = tmp_path / "main.c", tmp_path / "util.c", tmp_path / "k.h"
    main.write_text(MAIN)
    header.write_text("#define K 100")
    text = '#include "k.h"\nstatic {type} n; int step(void) {{ return {value}; }}'
    util.write_text(text.format(type="int", value="K + n"))
    with watched(main, util, "--", "x") as (process, read, told):
        assert [read(), read()] == ["x 2\n", "100\n"]
        header.write_text("#define K 2000")
        assert (read(), "replaced in" in told()) == ("2000\n", True)
        util.write_text("")
        time.sleep(0.3)
        util.unlink()
        time.sleep(0.3)
        (tmp_path / "new").write_text(text.format(type="int", value="K + 1"))
        (tmp_path / "new").replace(util)
        assert (read(), "replaced in" in told()) == ("2001\n", True)
        util.write_text("int other(void) { return 1; }")
        assert "it does not define `step' any more, which" in told()
        assert "the old code goes on" in told()
        util.write_text(text.format(type="long long", value="K + 2"))
        assert "`n' has 8 bytes, and had 4: start the program again" in told()
        assert "the old code goes on" in told()
        util.write_text(text.format(type="int", value="missing()").replace("static", "int missing(void); static"))
        assert "UndefinedSymbols" in told()
        assert "the old code goes on" in told()
        main.write_text(MAIN + "int missing(void) { return 7; }")
        assert process.wait(timeout=60) == 7  # what failed for want of it is tried again
        assert read() == ""


def test_functions_move_between_files(tmp_path: Path) -> None:
    """With their variables: where both files are saved at once, and where there is a time between."""
    main, a, b = (tmp_path / name for name in ("main.c", "a.c", "b.c"))
    main.write_text(MAIN)
    moving = "static int count = {first}; int step(void) {{ return count += {step}; }}"
    other = "int other(void) {{ return {value}; }}"
    a.write_text(moving.format(first=0, step="count < 100 ? 100 : 0"))
    b.write_text(other.format(value=1))
    with watched(main, a, b, "--", "x") as (process, read, told):
        assert [read(), read()] == ["x 2\n", "100\n"]
        a.write_text("int left;")
        b.write_text(moving.format(first=0, step="count < 102 ? 2 : 0"))
        assert (read(), told().partition("replaced")[0]) == ("102\n", f"uruk: {a}, {b}: ")
        a.write_text(moving.format(first=0, step="count < 103 ? 1 : 0"))
        assert "`step' is defined twice" in told()
        assert "the old code goes on" in told()
        b.write_text("int right;")
        assert (read(), told().partition("replaced")[0]) == ("103\n", f"uruk: {b}, {a}: ")
        a.write_text("int left;")
        assert "it does not define `step' any more, which" in told()
        assert "the old code goes on" in told()
        b.write_text(moving.format(first=0, step="-count + 7"))
        assert process.wait(timeout=60) == 7
        assert f"uruk: {b}, {a}: replaced" in "".join(iter(told, ""))


def test_what_cannot_be_watched() -> None:
    command = [sys.executable, "-m", "uruk", "run", "--watch", "x.o"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--watch wants a source" in done.stderr


def test_llvm_ir_is_watched(tmp_path: Path) -> None:
    if find_spec("llvmlite") is None:
        missing("llvmlite")
    main, util = tmp_path / "main.c", tmp_path / "util.ll"
    main.write_text(MAIN)
    util.write_text("define i32 @step() { ret i32 5 }")
    with watched(main, util, "--", "hello") as (process, read, told):
        lines = [read() for _ in range(2)]
        util.write_text("define i32 @step() { ret i32 7 }")
        assert process.wait(timeout=60) == 7
        assert "util.ll: replaced in" in told()
    assert lines == ["hello 2\n", "5\n"]
