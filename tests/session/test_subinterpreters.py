"""Sessions in subinterpreters, in which servers run applications."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick
OUTER = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    inner = interpreters.create("legacy")
else:
    import _xxsubinterpreters as interpreters
    inner = interpreters.create(isolated=False)  # as numpy wants it
interpreters.run_string(inner, {inner!r})
interpreters.destroy(inner)
print("ended")
"""
INNER = """
import uruk
with uruk.LLJIT() as jit:
    added = jit.add_object({path!r})
    print(jit.lookup("add").function("int(int, int)")(40, 2), flush=True)
    added.remove()
"""


def test_a_subinterpreter_links_calls_removes_and_closes(cc: Callable[..., Path]) -> None:
    script = OUTER.format(inner=INNER.format(path=str(cc("int add(int a, int b) { return a + b; }"))))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "42\nended\n"), done.stderr
