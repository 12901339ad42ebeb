"""Nested functions in a Python process: the handler of a fault runs trampolines, and real faults stay faults."""

from __future__ import annotations

import subprocess
import sys

import pytest

import uruk

from support.compiling import Compile

SOURCE = """
static int apply(int (*f)(int), int x) { return f(x); }
int nested(int n) { int add(int x) { return x + n; } return apply(add, 40); }
void fault(void) { *(volatile int *)24 = 1; }
"""
SCRIPT = """
import faulthandler, sys
import uruk
if "before" in sys.argv:
    faulthandler.enable()
with uruk.LLJIT() as jit:
    code = jit.add_object(sys.argv[1])
    nested = jit.lookup("nested").function("int(int)")
    print(nested(2), nested(3), flush=True)
    {rest}
"""


def run(path: str, rest: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT.replace("{rest}", rest), path, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("handler", ["before", "none"])
def test_faults_stay_faults(cc: Compile, handler: str) -> None:
    """After a trampoline has run, a fault of the code ends the process as it would, seen by who had the signal."""
    done = run(str(cc(SOURCE, "-O0")), 'jit.lookup("fault").function("void(void)")()', handler)
    assert (done.returncode, done.stdout) == (-11, "42 43\n"), done
    assert ("Segmentation fault" in done.stderr) == (handler == "before"), done.stderr


def test_after_removal_and_another_session(cc: Compile) -> None:
    rest = 'code.remove()\nwith uruk.LLJIT() as jit:\n    jit.add_object(sys.argv[1])\n    print(jit.lookup("nested")'
    done = run(str(cc(SOURCE, "-O0")), rest + '.function("int(int)")(4))')
    assert (done.returncode, done.stdout) == (0, "42 43\n44\n"), done


def test_objects_without_them_change_no_handler(cc: Compile) -> None:
    """A session takes the signal only where an object says that it needs it."""
    path = cc("int plain(void) { return 1; }")
    script = """
import ctypes, sys
import uruk
libc = ctypes.CDLL(None)
def handler():
    room = (ctypes.c_uint64 * 20)()
    libc.sigaction(11, None, room)
    return room[0]
start = handler()
with uruk.LLJIT() as jit:
    for path, name in zip(sys.argv[1:], ("plain", "nested")):
        jit.add_object(path)
        jit.lookup(name)
        print(handler() == start)
"""
    command = [sys.executable, "-c", script, str(path), str(cc(SOURCE, "-O0"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "True\nFalse\n", done


def test_crash_in_a_child_is_named(cc: Compile) -> None:
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_object(cc(SOURCE, "-O0"))
        assert jit.lookup("nested").function("int(int)")(2) == 42
        with pytest.raises(uruk.ExecutorCrashed, match=r"SIGSEGV in fault\+"):
            jit.lookup("fault").function("void(void)")()
