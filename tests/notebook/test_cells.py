"""Cells of C and C++ in a real notebook, run by Jupyter's own client and kernel."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from typing import Any

import pytest

import uruk
from uruk.notebook.cells import Cells

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

NOTEBOOK = """
%load_ext uruk
# ---
%%c
#include <stdio.h>
int counter = 10;
int table[3] = {1, 2, 3};
int f(int a) { printf("f(%d)\\n", a); return a + counter; }
int g(void) { return 100 + f(1); }
# ---
print(f(2), g())
# prints:
f(2)
f(1)
12 111
# ---
cells.counter += 5
print(cells.counter, sum(cells.table))
# prints:
15 6
# ---
%%c -O2
extern int counter;
int f(int a) { return 1000 * a + counter; }
# ---
print(f(2), g())
# prints:
2015 1115
# ---
%%cpp
#include <string>
static std::string kept = "a";
int grow(const char *more) { kept += more; return kept.size(); }
struct point { int x, y; };
int sum_of(point p) { return p.x + p.y; }
# ---
print(grow("bc"), grow("d"), sum_of({"x": 3, "y": 4}))
# prints:
3 4 7
# ---
%%c
void crash(void) { *(volatile int *)0 = 1; }
# ---
try:
    crash()
except Exception as error:
    print(type(error).__name__, "crash" in str(error))
# prints:
ExecutorCrashed True
# ---
print(f(2), grow("b"))
# prints:
2010 2
# ---
import inspect
print("int f(int" in f.__doc__, inspect.signature(f), dir(cells))
# prints:
True (a: 'int', /) -> 'int' ['counter', 'crash', 'f', 'g', 'grow', 'sum_of', 'table']
"""


def run(cells: Sequence[str], *, allow_errors: bool = False) -> list[list[dict[str, Any]]]:
    """Run cells in a kernel; returns the outputs of each."""
    client: Any = importlib.import_module("nbclient")  # neither has types
    make: Any = importlib.import_module("nbformat.v4")

    notebook = make.new_notebook(cells=[make.new_code_cell(cell) for cell in cells])
    client.NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=allow_errors).execute()
    return [[dict(output) for output in cell.outputs] for cell in notebook.cells]


def text_of(outputs: Sequence[dict[str, Any]]) -> str:
    return "".join(output.get("text", "") for output in outputs)


def test_cells_are_compiled_called_replaced_and_survive_a_crash() -> None:
    require_tool("g++")
    cells = [cell.strip("\n").partition("# prints:\n") for cell in NOTEBOOK.split("# ---\n")]
    for (cell, _, expected), outputs in zip(cells, run([cell for cell, _, _ in cells]), strict=True):
        assert all(output["output_type"] == "stream" for output in outputs), outputs
        assert text_of(outputs).strip() == expected, cell


def test_a_cell_that_is_not_compiled_shows_the_compilers_text_alone() -> None:
    require_tool("gcc")
    cells = ["%load_ext uruk", "%%c\nint f(void) { return 1; }", "%%c\nint f(void) { return x; }", "print(f())"]
    *_, failed, after = run(cells, allow_errors=True)
    assert failed[0]["ename"] == "CellNotCompiled"
    (shown,) = failed[0]["traceback"]
    assert re.match(r"<cell 2>: In function .f.:\n<cell 2>:1:\d+: error:", shown), shown
    assert text_of(after) == "1\n"


def test_cells_with_thread_locals() -> None:
    """Later cells leave them alone, and a fresh child has them again; only their own new version makes them anew."""
    text = """
        #include <stdlib.h>
        static __thread int t = {start};
        int calls;
        int next(void) {{ calls++; return t++; }}
        void die(void) {{ abort(); }}
    """
    cells = Cells()
    try:
        assert cells.add(text.format(start=4), "c") == ["calls", "die", "next"]
        assert [cells.call("next", []), cells.call("next", [])] == [4, 5]
        cells.add(text.format(start=40), "c")
        twice = "int next(void); int twice(void) {{ return {factor} * next(); }}"
        for factor, expected in ((2, 80), (3, 123)):
            cells.add(twice.format(factor=factor), "c")
            assert cells.call("twice", []) == expected
        with pytest.raises(uruk.InvalidValue, match=r"<cell 5>: it has thread-locals, .* <cell 2> would be made anew"):
            cells.add(text.format(start=7), "c")
        with pytest.raises(uruk.ExecutorCrashed):
            cells.call("die", [])
        assert [cells.call("twice", []), cells.call("next", [])] == [120, 41]
    finally:
        cells.close()
