"""The projects of examples/: short, typed, and each prints what it should, in this process and in a child."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.compiling import Compile
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

ROOT = Path(__file__).parents[2]
USER_CODE = Path(__file__).with_name("user_code.py")
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PRINTED = {
    "cross_run": "AArch64\n[10. 11. 12. 13.]\n",
    "dsl": "6.0 7.0\n",
    "extension_module": "3 Count a letter in a text.\n",
    "hot_reload": "[1, 100] True\n",
    "notebook": "price 48\ntotal 58\ntotal 90\nbad crashed in bad\n",
    "static_library": "zlib 1\n0 ['1 1', '20 400']\n",
    "tracing": "135 10 calls\n",
}
NEEDS = {"cross_run": "qemu-aarch64"}


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_prints_what_it_should(path: Path) -> None:
    if path.stem in NEEDS:
        require_tool(NEEDS[path.stem])
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    for words in ([], ["child"]) if '"child" in sys.argv' in text else ([],):
        ended = run("-W", "error", path, *words)
        assert (ended.stdout, ended.stderr, ended.returncode) == (PRINTED[path.stem], "", 0), words


def test_type_checkers_accept_them() -> None:
    assert [path.stem for path in EXAMPLES] == sorted(PRINTED)
    ended = run("-m", "mypy", "--strict", "--no-incremental", *EXAMPLES, USER_CODE)
    assert ended.returncode == 0, ended.stdout
    ended = run("-m", "pyright", "--pythonpath", sys.executable, USER_CODE)
    assert ended.returncode == 0, ended.stdout


OBJECT = """
struct point { int x, y; };
struct { struct point at; } config;
struct point table[4];
int counter;
int add(int a, int b) { return a + b; }
int next(void) { return ++counter; }
int total(const struct point *p, int n) { int s = 0; for (int i = 0; i < n; i++) s += p[i].x; return s; }
int sum(const int *p, int n) { int s = 0; for (int i = 0; i < n; i++) s += p[i]; return s; }
int apply(int (*f)(int), int x) { return f(x); }
"""


def test_code_with_names_that_only_the_object_knows_runs(cc: Compile) -> None:
    ended = run("-W", "error", USER_CODE, cc(OBJECT, "-g"))
    seen = "[3, 7, 11, 41, 7, 8, 3, 42, 44, 8, 6]"
    assert (ended.stdout, ended.stderr) == (f"{seen} {seen}\n", "")
