"""Calls of removed code in this process: what Python called ends with RemovedCode, all else with the process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from build_support import arm64_root

from support.compiling import Compile
from support.requirements import require_arm64_root, require_tool

SOURCES = Path(__file__).parents[2] / "src"
BASE = """
int base(int x) { return x; }
int second(int x) { return x + 1; }
double real(double x) { return x; }
struct large { long words[9]; };
struct large large(int x) { return (struct large){{x}}; }
void empty(void *place, unsigned long size) { }
"""
TOP = """
struct large { long words[9]; };
extern int base(int), second(int);
extern double real(double);
extern struct large large(int);
extern void empty(void *, unsigned long);
int (*kept)(int) = second;
int direct(int x) { return base(x) + 1; }
int tail(int x) { return second(x); }
int pointer(int x) { return kept(x) + 1; }
double floating(double x) { return real(x) + 1; }
void buffer(void *place, unsigned long size) { empty(place, size); }
int structure(int x) { return large(x).words[0]; }
int through(int (*function)(int), int x) { return function(x) + 1; }
"""
CPP = """
extern "C" int base(int), ended = 0;
struct Guard { ~Guard() { ended++; } };
extern "C" int cleans(int x) { Guard outer; { Guard inner; x = base(x); } return x; }
extern "C" int catches(int x) { try { Guard guard; return base(x); } catch (...) { return 40 + ended; } }
"""
PREPARE = """
import sys, threading
from pathlib import Path
import uruk
jit = uruk.LLJIT()
for library in {libraries!r}:
    jit.add_library(library)
base, *others = (jit.add_object(path.read_bytes(), path.name) for path in map(Path, sys.argv[1:]))
for name in {names!r}:
    jit.lookup(name)
addresses = {{name: jit.lookup(name).address for name in {names!r}}}
function = {{name: jit.lookup(name).function(kind) for name, kind in {names!r}.items()}}
assert base.remove(force=True).memory
def says(call, *arguments):
    try:
        print("returned", call(*arguments))
    except uruk.RemovedCode as error:
        print(error.removed.split()[0], end=" ")
"""
NAMES = dict.fromkeys(["base", "direct", "tail", "pointer", "structure"], "int(int)")
CALLS = """
import ctypes, cffi
ffi = cffi.FFI()
for name in ("base", "direct", "tail", "pointer", "structure"):
    for _ in range(3):
        says(function[name], 1)
says(function["floating"], 1.0)
for _ in range(2):
    says(function["buffer"], bytearray(4), 4)
says(jit.lookup("direct").function(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)), 1)
says(jit.lookup("direct").function(ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int)), 1)
says(jit.executor.call, jit.lookup("tail").address, 1)
says(function["through"], function["base"], 1)
says(lambda: list(map(function["direct"], [1, 2])))
says(lambda: list(map(function["direct"], range(100))))
says(function["tail"], 1)
@ffi.callback("int(int)")
def inner(x):
    says(function["direct"], x)
    return x
says(function["through"], inner, 5)
def repeat():
    for _ in range(100):
        try:
            function["direct"](1)
        except uruk.RemovedCode as error:
            count.append(error.removed)
count = []
threads = [threading.Thread(target=repeat) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(count), set(count))
jit.close()
"""
SAID = (
    "`base' `base' `base' `base' `base' `base' `second' `second' `second' `second' `second' `second' "
    "`large' `large' `large' `real' `empty' `empty' "
    "`base' `base' `second' `base' `base' `base' `second' `base' returned 6\n"
    '800 {"`base\' of base.o"}\n'
)


def script(names: dict[str, str], rest: str, *libraries: str) -> str:
    """A program that links its arguments with libraries, calls functions of them, and removes the first object."""
    return PREPARE.format(names=names, libraries=libraries) + rest


@pytest.fixture
def cc(tmp_path: Path) -> Compile:
    return Compile(tmp_path)


def run(text: str, *objects: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", text, *map(str, objects)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


NAMES_OF_TOP = {
    **NAMES,
    "floating": "double(double)",
    "buffer": "void(void *, size_t)",
    "through": "int(int(*)(int), int)",
}


@pytest.mark.parametrize("flags", [["-fPIC"], ["-fno-pic"], ["-fPIC", "-fno-plt"]], ids=" ".join)
def test_calls_raise(cc: Compile, flags: list[str]) -> None:
    """Whatever way the call takes, from whatever thread, and the process goes on."""
    done = run(script(NAMES_OF_TOP, CALLS), cc(BASE, *flags, name="base"), cc(TOP, *flags, "-O1", name="top"))
    assert (done.returncode, done.stdout, done.stderr) == (0, SAID, "")


def test_calls_raise_on_aarch64(tmp_path: Path) -> None:
    require_arm64_root()
    gcc = require_tool("aarch64-linux-gnu-gcc")
    for name, text in (("base", BASE), ("top", TOP)):
        (tmp_path / f"{name}.c").write_text(text)
        subprocess.run([gcc, "-O1", "-c", f"{name}.c"], cwd=tmp_path, check=True)
    python = arm64_root.python_command(arm64_root.folder(), SOURCES)
    command = [*python, "-c", script(NAMES_OF_TOP, CALLS), "base.o", "top.o"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, SAID, "")


def test_destructors_run(cc: Compile) -> None:
    """Objects of the functions between are destroyed, and `catch (...)` catches the call, which is said then."""
    rest = """
import ctypes
says(function["cleans"], 1)
print(ctypes.c_int.from_address(jit.lookup("ended").address).value)
says(function["catches"], 1)
"""
    names = {"cleans": "int(int)", "catches": "int(int)"}
    done = run(script(names, rest, "stdc++"), cc(BASE, name="base"), cc.cpp(CPP, name="users"))
    assert (done.returncode, done.stdout) == (0, "`base' 2\nreturned 43\n")
    assert done.stderr == "uruk: code used `base' of base.o, which was removed\n"


THREAD = """
#include <pthread.h>
extern int base(int);
static void *run(void *unused) { base(1); return unused; }
int start(int x) { pthread_t thread; pthread_create(&thread, 0, run, 0); pthread_join(thread, 0); return x; }
"""
BETWEEN = """
extern int base(int);
int nowhere(int x) { return base(x) + 1; }
"""


@pytest.mark.parametrize(
    ("name", "text", "flags"),
    [("start", THREAD, []), ("nowhere", BETWEEN, ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"])],
    ids=["thread", "no unwind data"],
)
def test_calls_that_cannot_raise(cc: Compile, name: str, text: str, flags: list[str]) -> None:
    """A thread of the program's own, or a function that cannot be unwound: the process ends, and says why."""
    rest = f"says(function[{name!r}], 1)"
    done = run(script({name: "int(int)"}, rest), cc(BASE, name="base"), cc(text, *flags, name="user"))
    assert (done.returncode, done.stdout) == (-signal.SIGSEGV, "")
    assert done.stderr == "uruk: code used `base' of base.o, which was removed\n"


def test_other_handlers_see_what_cannot_raise(cc: Compile) -> None:
    """`faulthandler`, which was there before, has its turn, and the process ends by the signal."""
    rest = "says(function['start'], 1)"
    text = "import faulthandler; faulthandler.enable()\n" + script({"start": "int(int)"}, rest)
    done = run(text, cc(BASE, name="base"), cc(THREAD, name="user"))
    assert done.returncode == -signal.SIGSEGV
    assert done.stderr.startswith(
        "uruk: code used `base' of base.o, which was removed\nFatal Python error: Segmentation"
    )


def test_frames_of_python_are_not_skipped(cc: Compile) -> None:
    """A callback that calls removed code without libffi, through C code of the interpreter, ends the process."""
    rest = """
import ctypes, cffi
ffi = cffi.FFI()
pending = ctypes.pythonapi.Py_AddPendingCall
pending.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
@ffi.callback("int(int)")
def inner(x):
    pending(address, None)
    for _ in range(100000):
        pass
    return x
address = addresses["base"]
says(function["through"], inner, 1)
print("went on")
"""
    names = {"base": "int(int)", "through": "int(int(*)(int), int)"}
    done = run(script(names, rest), cc(BASE, name="base"), cc(TOP, name="top"))
    assert (done.returncode, done.stdout) == (-signal.SIGSEGV, "")
    assert done.stderr == "uruk: code used `base' of base.o, which was removed\n"
