"""`uruk run --watch`: sources are edited while the program runs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

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


def test_edits_are_replaced(tmp_path: Path) -> None:
    """Edits take effect, variables stay, an error is printed and the old code goes on, the status is the program's."""
    main, util = tmp_path / "main.c", tmp_path / "util.c"
    main.write_text(MAIN)
    util.write_text(STEP.format(value="count |= 1"))
    command = [sys.executable, "-m", "uruk", "run", "--watch", "-O2", str(main), str(util), "--", "hello"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(2)]
        util.write_text(STEP.format(value="count + 1"))
        lines.append(process.stdout.readline())
        said = [process.stderr.readline()]
        util.write_text("int step(void) { return")
        while "the old code goes on" not in said[-1]:
            said.append(process.stderr.readline())
        time.sleep(0.05)  # a file system may count time in steps
        util.write_text(STEP.format(value="7"))
        assert process.wait(timeout=60) == 7
        lines.append(process.stdout.read())
    assert lines == ["hello 2\n", "101\n", "102\n", ""]
    assert "util.c: replaced in" in said[0]
    assert any("CompileError" in line for line in said)


def test_what_cannot_be_watched() -> None:
    command = [sys.executable, "-m", "uruk", "run", "--watch", "x.o"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--watch wants a source" in done.stderr
