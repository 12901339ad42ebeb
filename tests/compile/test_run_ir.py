"""``uruk run`` of LLVM IR, as text and as bitcode, beside other inputs: what clang's own program does."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from families import Run

from support.requirements import missing, require_tool

MAIN = r"""
#include <stdio.h>
int twice(int x);
int thrice(int x);
int main(int count, char **words) {
    printf("%d %s %d %d\n", count, words[1], twice(4), thrice(4));
    return 40 + count;
}
"""
TWICE = "int twice(int x) { return 2 * x; }"
THRICE = "int thrice(int x) { return 3 * x; }"


@pytest.mark.parametrize("flags", [[], ["-O0"], ["--in-process", "-O3"]])
def test_text_bitcode_objects_and_sources_together(uruk_run: Run, flags: list[str]) -> None:
    if find_spec("llvmlite") is None:
        missing("llvmlite")
    import llvmlite.binding

    if llvmlite.binding.llvm_version_info[0] < 19:
        missing("an llvmlite that reads what clang 19 writes")
    clang = require_tool("clang-19")
    for name, text in (("main", MAIN), ("twice", TWICE), ("thrice", THRICE)):
        Path(f"{name}.c").write_text(text)
    subprocess.run([clang, "-O1", "-S", "-emit-llvm", "main.c"], check=True)
    subprocess.run([clang, "-O1", "-c", "-emit-llvm", "twice.c"], check=True)
    subprocess.run([clang, "main.ll", "twice.bc", "thrice.c", "-Wno-override-module", "-o", "native"], check=True)
    expected = subprocess.run(["./native", "word"], capture_output=True, text=True, check=False)
    done = uruk_run(*flags, "main.ll", "twice.bc", "thrice.c", "--", "word")
    assert (done.returncode, done.stdout, done.stderr) == (42, expected.stdout, "")
    assert (expected.returncode, expected.stdout) == (42, "2 word 8 12\n")


def test_errors_say_what_is_wrong_and_what_to_install(uruk_run: Run) -> None:
    Path("broken.ll").write_text("define i32 @main() { ret i64 0 }\n")
    program = (
        "import sys\nsys.modules['llvmlite'] = None\nfrom uruk.cli import main\nsys.exit(main(['run', 'broken.ll']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "broken.ll: LLVM: LLVM IR needs llvmlite" in done.stderr
    assert "pip install 'uruk[ir]'" in done.stderr
    if find_spec("llvmlite") is None:
        missing("llvmlite")
    done = uruk_run("broken.ll")
    assert done.returncode == 1
    assert "broken.ll: LLVM: is not a valid module" in done.stderr
    assert "value doesn't match function result type 'i32'" in done.stderr


def test_a_missing_main_is_told_with_the_languages(uruk_run: Run) -> None:
    if find_spec("llvmlite") is None:
        missing("llvmlite")
    Path("twice.c").write_text(TWICE)
    Path("one.ll").write_text("define i32 @one() { ret i32 1 }\n")
    done = uruk_run("one.ll", "twice.c")
    assert done.returncode == 1
    assert "undefined symbol: main" in done.stderr
    assert "no input defines it (one.ll is LLVM IR, twice.c is C)" in done.stderr
