"""The end of a process with a session open: finalisers run in the C library's exit, as those of a loaded library."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.compiling import Compile, RunChild

STATICS = """
    #include <cstdio>
    #include <cstdlib>
    extern "C" int Py_IsInitialized(void);
    extern "C" int Py_AtExit(void (*)());
    static void say(const char *text) { std::printf("%s %d\\n", text, Py_IsInitialized()); std::fflush(stdout); }
    struct Static {
        int *value = new int(5);
        ~Static() { say("static"); delete value; value = nullptr; }
    };
    static Static here;
    thread_local Static of_thread;
    static void last() { say(here.value && *here.value == 5 ? "Py_AtExit" : "Py_AtExit, too late"); }
    static void exiting() { say("atexit"); }
    __attribute__((destructor)) static void array() { say("array"); }
    extern "C" int start(void) { std::atexit(exiting); return Py_AtExit(last) + *of_thread.value; }
"""
START = """
    import atexit, gc, os, sys, uruk
    atexit.register(lambda: print("Python's atexit", flush=True))
    jit = uruk.LLJIT()
    jit.add_object(sys.argv[1])
    jit.add_library("stdc++")
    start = jit.lookup("start").function("int(void)")
    assert start() == 5
"""
NATIVE = ["Python's atexit", "Py_AtExit 0", "static 0", "atexit 0", "static 0", "array 0"]


def statics(cc: Compile) -> Path:
    """An object with statics that say when they end, and whether the interpreter is there."""
    return cc.cpp(STATICS)


@pytest.mark.parametrize("more", ["", "sys.exit(0)", "del jit, start; gc.collect()"])
def test_finalisers_run_after_the_interpreter(cc: Compile, child: RunChild, more: str) -> None:
    """That nobody has the session any more changes nothing: nothing runs early, and its memory stays."""
    assert child.ok(START + f"    {more}\n", statics(cc)).splitlines() == NATIVE


def test_close_runs_them_at_once(cc: Compile, child: RunChild) -> None:
    text = START.replace("Py_AtExit(last)", "0") + "    jit.close()\n    print('closed', flush=True)\n"
    source = cc.cpp(STATICS.replace("Py_AtExit(last) +", ""))
    expected = ["static 1", "atexit 1", "static 1", "array 1", "closed", "Python's atexit"]
    assert child.ok(text, source).splitlines() == expected


def test_an_end_without_exit_runs_nothing(cc: Compile, child: RunChild) -> None:
    assert child.ok(START + "    os._exit(0)\n", statics(cc)) == ""


def test_a_forks_child_has_its_own_end(cc: Compile, child: RunChild) -> None:
    """Each process runs them once."""
    text = """
    pid = os.fork()
    if pid:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    """
    assert child.ok(START + text, statics(cc)).splitlines() == NATIVE * 2


def test_threads_that_go_on_in_the_code(cc: Compile, child: RunChild) -> None:
    """The code stays mapped until the process has ended."""
    source = """
        #include <pthread.h>
        #include <unistd.h>
        static volatile unsigned long count;
        static unsigned long step(void) { return ++count; }
        static void *work(void *unused) { for (;;) step(); return unused; }
        int start(void) { pthread_t one; pthread_create(&one, 0, work, 0); pthread_detach(one); return 5; }
        __attribute__((destructor)) static void end(void)
        {
            unsigned long before = count;
            usleep(20000);
            write(1, count != before ? "still\\n" : "stopped\\n", count != before ? 6 : 8);
        }
    """
    text = (
        START.replace("jit.add_library", "#")
        + """
    import threading
    threading.Thread(target=lambda: [start() for _ in iter(int, 1)], daemon=True).start()
    """
    )
    source = source.replace("return 5;", "usleep(100); return 5;")
    for _ in range(5):
        assert child.ok(text, cc(source)).splitlines()[-1] == "still"


@pytest.mark.parametrize("kind", ["ctypes", "cffi"])
def test_python_functions_are_not_called_after_the_end(cc: Compile, child: RunChild, kind: str) -> None:
    """One by name leads nowhere then; as long as there is an interpreter, it is called, by its exit functions, too."""
    source = """
        #include <stdio.h>
        extern int number(int);
        extern double fraction(double);
        int work(void) { return number(4); }
        __attribute__((destructor)) static void end(void)
        {
            printf("%d %g\\n", number(4), fraction(2.5));
            fflush(stdout);
        }
    """
    text = """
    import atexit, ctypes, cffi, sys, uruk
    atexit.register(lambda: print(work(), flush=True))
    jit = uruk.LLJIT()
    jit.add_object(sys.argv[1])
    if sys.argv[2] == "ctypes":
        number = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda value: value + 1)
        fraction = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda value: value)
    else:
        ffi = cffi.FFI()
        number = ffi.callback("int(int)", lambda value: value + 1)
        fraction = ffi.callback("double(double)", lambda value: value)
    jit.define("number", number)
    jit.define("fraction", fraction)
    work = jit.lookup("work").function("int(void)")
    print(work(), flush=True)
    """
    ended = child(text, cc(source), kind)
    assert (ended.status, ended.out) == (0, "5\n5\n0 0\n")
    assert ended.err == "uruk: a Python function is called after the interpreter ended: nothing is done\n"


def test_functions_of_libraries_are_called_after_the_end(cc: Compile, child: RunChild) -> None:
    """They are no Python: nothing stands before them."""
    source = "int given(int); __attribute__((destructor)) static void end(void) { given('x'); } int work;"
    text = """
    import ctypes, sys, uruk
    jit = uruk.LLJIT()
    jit.add_object(sys.argv[1])
    jit.define("given", ctypes.CDLL(None).putchar)
    jit.lookup("work")
    assert jit.lookup("given").address == ctypes.cast(ctypes.CDLL(None).putchar, ctypes.c_void_p).value
    """
    assert child.ok(text, cc(source)) == "x"


def test_guards_of_closed_sessions_are_used_again(cc: Compile, child: RunChild) -> None:
    """What another session has in their place since is left alone at the end."""
    source = "int given(int); int f(int a) { return given(a); }"
    text = """
    import ctypes, sys, uruk
    number = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda value: value + 1)
    for turn in range(300):
        with uruk.LLJIT() as jit:
            jit.add_object(sys.argv[1])
            jit.define("given", number)
            assert jit.lookup("f").function("int(int)")(turn) == turn + 1
    """
    assert child.ok(text, cc(source)) == ""
