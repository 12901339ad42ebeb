"""A stack overflow of linked code in this process is called one, by a message before the process ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from build_support import arm64_root

from support.compiling import Compile
from support.requirements import require_arm64_root, require_tool

SOURCES = Path(__file__).parents[2] / "src"
DEEP = """
int deep(int n) { volatile char room[1024]; room[0] = (char)n; return deep(n + 1) + room[0]; }
int wide(int n) { volatile char room[1 << 18]; room[(1 << 18) - 1] = (char)n; return wide(n + 1) + room[0]; }
int null(int n) { return *(volatile int *)(long)(n & 0); }
extern void qsort(void *, unsigned long, unsigned long, int (*)(const void *, const void *));
static int compare(const void *left, const void *right) {
    int pair[2] = {*(const int *)left, *(const int *)right};
    qsort(pair, 2, sizeof *pair, compare);
    return 0;
}
int sorts(int n) { return compare(&n, &n); }
extern int snprintf(char *, unsigned long, const char *, ...);
int prints(int n) {
    volatile char room[64];
    char text[32];
    snprintf(text, sizeof text, "%d", n);
    room[0] = text[0];
    return prints(n + 1) + room[0];
}
int main(void) { return deep(0); }
"""
BEGIN = """
import sys, uruk
from pathlib import Path
jit = uruk.LLJIT()
jit.add_object(Path(sys.argv[1]).read_bytes(), Path(sys.argv[1]).name)
def function(name, kind="int(int)"):
    return jit.lookup(name).function(kind)
"""


@pytest.fixture
def cc(tmp_path: Path) -> Compile:
    return Compile(tmp_path)


def run(text: str, *words: Path | str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, "-c", BEGIN + text, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


CALLS = {
    "cffi": "function('deep')(0)",
    "ctypes": "import ctypes; function('deep', ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int))(0)",
    "interpreter held": "import ctypes; function('deep', ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int))(0)",
    "thread": """
import threading
thread = threading.Thread(target=lambda: function('deep')(0))
thread.start()
thread.join()
""",
    "second thread": """
import threading
for name in ("null", "deep"):
    thread = threading.Thread(target=lambda: name == "deep" and function(name)(0) or function(name))
    thread.start()
    thread.join()
""",
    "another waits": """
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
function('deep')(0)
""",
    "callback": """
import cffi
ffi = cffi.FFI()
@ffi.callback("int(int)")
def inner(x):
    return function('deep')(x)
inner(0)
""",
    "busy interpreter": """
import threading
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
function('deep')(0)
""",
    "fork": """
import os
f = function('deep')
pid = os.fork()
if not pid:
    f(0)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
os.kill(os.getpid(), -status)
""",
}


@pytest.mark.parametrize("how", CALLS)
def test_calls(cc: Compile, how: str) -> None:
    done = run(CALLS[how], cc(DEEP, name="deep"))
    assert done.returncode == -signal.SIGSEGV, done
    assert done.stderr.startswith("uruk: stack overflow (SIGSEGV) in deep+0x"), done
    assert done.stderr.endswith(" (deep.o)\n"), done
    assert done.stderr.count("\n") == 1, done


def test_an_interpreter_that_does_not_answer(cc: Compile) -> None:
    """The address stands for the name, after two seconds."""
    waits = "extern int usleep(unsigned), deep(int); int waits(int n) { usleep(600000); return deep(n); }"
    text = """
import ctypes, threading, time
jit.add_object(Path(sys.argv[2]).read_bytes())
f = function("waits")
def hold():
    time.sleep(0.1)
    ctypes.PyDLL(None).sleep(60)
threading.Thread(target=hold, daemon=True).start()
f(0)
"""
    done = run(text, cc(DEEP, name="deep"), cc(waits, name="waits"))
    assert done.returncode == -signal.SIGSEGV, done
    assert re.fullmatch(r"uruk: stack overflow \(SIGSEGV\) in 0x[0-9a-f]+\n", done.stderr), done


@pytest.mark.parametrize("flags", [[], ["-O2"], ["-fstack-clash-protection"]], ids=lambda flags: " ".join(flags) or "-")
def test_a_frame_larger_than_the_guard(cc: Compile, flags: list[str]) -> None:
    done = run("function('wide')(0)", cc(DEEP, *flags, name="deep"))
    assert done.returncode == -signal.SIGSEGV, done
    assert done.stderr.startswith("uruk: stack overflow (SIGSEGV) in wide+0x"), done


@pytest.mark.parametrize("name", ["sorts", "prints"])
def test_a_library_that_linked_code_called(cc: Compile, name: str) -> None:
    """The overflow is in whatever function comes last: the library's, or the linked one."""
    done = run(f"function({name!r})(1)", cc(DEEP, name="deep"))
    assert done.returncode == -signal.SIGSEGV, done
    assert done.stderr.startswith("uruk: stack overflow (SIGSEGV) in "), done
    assert done.stderr.endswith(" (deep.o)\n"), done


LIBRARY = """
int large(int n) { volatile char room[8000]; for (int i = 0; i < 8000; i++) room[i] = (char)n; return room[n]; }
int endless(int n) { volatile char room[1024]; room[0] = (char)n; return endless(n + 1) + room[0]; }
"""
USER = """
extern int large(int), endless(int);
int calls(int n) { return large(n & 1) + calls(n + 1) + 1; }
int leaves(int n) { return endless(n) + 1; }
"""


def test_the_library_is_named(cc: Compile) -> None:
    """A library is far above its caller where it has overflowed the stack by itself: then nothing is said."""
    library = cc.shared("liblarge.so", LIBRARY)
    user = cc(USER, name="user")
    done = run("jit.add_library(sys.argv[2])\nfunction('calls')(1)", user, library)
    assert done.returncode == -signal.SIGSEGV, done
    before = "uruk: stack overflow (SIGSEGV) in liblarge.so, called from calls+0x"
    assert done.stderr.startswith(before), done
    assert done.stderr.endswith(" (user.o)\n"), done
    done = run("jit.add_library(sys.argv[2])\nfunction('leaves')(1)", user, library)
    assert (done.returncode, done.stderr) == (-signal.SIGSEGV, "")


@pytest.mark.parametrize("call", ["function('null')(0)", "f = function('null'); import ctypes; ctypes.string_at(8)"])
def test_other_faults_are_none(cc: Compile, call: str) -> None:
    done = run(call, cc(DEEP, name="deep"))
    assert (done.returncode, done.stderr) == (-signal.SIGSEGV, "")


def test_overflow_of_others_is_not_told(cc: Compile) -> None:
    """The function of a library that Python calls itself, in a thread that calls linked code, too."""
    library = cc.shared("liblarge.so", LIBRARY)
    done = run("function('null')\nimport ctypes\nctypes.CDLL(sys.argv[2]).endless(0)", cc(DEEP, name="deep"), library)
    assert (done.returncode, done.stderr) == (-signal.SIGSEGV, "")


@pytest.mark.parametrize("when", ["before", "after"])
def test_faulthandler_has_its_turn(cc: Compile, when: str) -> None:
    """It keeps its alternate stack, whether it was there before or has come since."""
    text = "import faulthandler\nf = function('deep')\nfaulthandler.enable()\nf(0)"
    options = ("-X", "faulthandler") if when == "before" else ()
    done = run("function('deep')(0)" if when == "before" else text, cc(DEEP, name="deep"), options=options)
    assert done.returncode == -signal.SIGSEGV, done
    told, fatal, _ = done.stderr.partition("Fatal Python error: Segmentation fault")
    assert fatal, done
    assert told.startswith("uruk: stack overflow (SIGSEGV) in deep+0x") if when == "before" else not told


OWN = """
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int deep(int n) { volatile char room[1024]; room[0] = (char)n; return deep(n + 1) + room[0]; }
static char room[1 << 16];
static void on_fault(int number) { if (write(1, "own handler\\n", 12) < 0) _exit(1); _exit(3); }
int main(void) {
    stack_t none, own = {.ss_sp = room, .ss_size = sizeof room};
    struct sigaction before, action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK};
    sigaltstack(0, &none);
    sigaltstack(&own, 0);
    sigaction(SIGSEGV, &action, &before);
    printf("%d %d\\n", none.ss_flags == SS_DISABLE && !none.ss_sp, before.sa_handler == SIG_DFL);
    fflush(stdout);
    return deep(0);
}
"""


def test_a_program_that_takes_the_signal(cc: Compile) -> None:
    """It sees neither our handler nor our stack, and says itself what happened."""
    done = subprocess.run(
        [sys.executable, "-m", "uruk", "run", "--in-process", cc(OWN, name="own")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (3, "1 1\nown handler\n", "")


def test_program_in_process(cc: Compile) -> None:
    command = [sys.executable, "-m", "uruk", "run", "--in-process", str(cc(DEEP, name="deep"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGSEGV, done
    assert done.stderr.startswith("uruk: stack overflow (SIGSEGV) in deep+0x"), done


def test_alternate_stacks_go_with_their_threads(cc: Compile) -> None:
    text = """
import threading
def mappings():
    with open("/proc/self/maps") as file:
        return len(file.readlines())
def call():
    function('deep')
for _ in range(50):
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
before = mappings()
for _ in range(200):
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
print(mappings() - before < 20)
"""
    done = run(text, cc(DEEP, name="deep"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_on_aarch64(tmp_path: Path) -> None:
    require_arm64_root()
    gcc = require_tool("aarch64-linux-gnu-gcc")
    (tmp_path / "deep.c").write_text(DEEP)
    subprocess.run([gcc, "-c", "deep.c"], cwd=tmp_path, check=True)
    python = arm64_root.python_command(arm64_root.folder(), SOURCES)
    for name in ("deep", "sorts"):
        command = [*python, "-c", BEGIN + f"function({name!r})(1)", "deep.o"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == -signal.SIGSEGV, done
        assert done.stderr.startswith("uruk: stack overflow (SIGSEGV) in "), done
        assert " (deep.o)\n" in done.stderr, done
