"""The interpreter ends while native threads call lazy functions: the handler answers, and nothing crashes or hangs."""

from __future__ import annotations

import time

import pytest

from support.compiling import Compile, RunChild

CALLERS = """
#include <pthread.h>
#include <string.h>
typedef int function(int);
enum { MOST = 20000 };
static function *stubs[MOST];
static int count;
static void *body(void *unused)
{
    for (;;)
        for (int i = 0; i < count; i++)
            stubs[i](i);
}
void start(function **given, int number, int threads)
{
    pthread_t thread;
    memcpy(stubs, given, number * sizeof *stubs);
    count = number;
    while (threads--)
        pthread_create(&thread, 0, body, 0), pthread_detach(thread);
}
int real(int a) { return a; }
int handler(int a) { return -a; }
"""
PROGRAM = """
import ctypes, random, sys, threading, time, uruk
native, mode = sys.argv[1:]
jit = uruk.LLJIT()
jit.add_object(native)
real = jit.lookup("real").address
count = 20000 if mode == "default" else 1
calls = []
def resolve(stub):
    calls.append(stub)
    if mode == "blocked":
        threading.Event().wait()
    if mode == "handler":
        raise RuntimeError("never")
    return real
stubs = jit.platform.process.lazy_stubs(resolve, lambda stub, error: None, jit.session.lock)
addresses = stubs.take(count)
if mode != "default":
    stubs.handler = jit.lookup("handler").address
start = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)(jit.lookup("start").address)
start(addresses.ctypes.data, count, 4)
while not calls:
    time.sleep(0.001)
time.sleep(random.random() * 0.02)
print("end", flush=True)
"""


@pytest.mark.parametrize("mode", ["handler", "default"])
def test_native_threads_that_go_on(cc: Compile, child: RunChild, mode: str) -> None:
    native = cc(CALLERS, "-O1")
    for _ in range(20):
        ended = child(PROGRAM, native, mode)
        assert ended.out == "end\n", ended
        if mode == "handler":
            assert (ended.status, ended.err) == (0, "")
        else:  # the process aborts by itself, unless it was faster
            assert ended.status in (0, -6), ended
            told = set(ended.err.splitlines())
            assert told == ({"uruk: lazy function called after the interpreter ended"} if ended.status else set())


def test_a_call_that_never_gets_its_answer(cc: Compile, child: RunChild) -> None:
    begin = time.monotonic()
    ended = child(PROGRAM, cc(CALLERS, "-O1"), "blocked")
    assert (ended.status, ended.out, ended.err) == (0, "end\n", "")
    assert time.monotonic() - begin < 10


FINALIZERS = """
import sys, uruk
jit = uruk.LLJIT()
jit.add_archive(sys.argv[1])
jit.add_object(sys.argv[2])
stubs = jit.platform.process.lazy_stubs(
    lambda stub: jit.lookup("real").address, lambda stub, error: None, jit.session.lock)
jit.define("lazy", int(stubs.take(1)[0]))
if sys.argv[3:]:
    stubs.handler = jit.lookup("instead").address
jit.lookup("begin")
print("begun", flush=True)
"""


def test_finalisers_at_exit_call_lazy_functions(cc: Compile, child: RunChild) -> None:
    """They run when the interpreter is gone: a function that was never called cannot be made any more."""
    real = cc.archive("libreal.a", cc('#include <unistd.h>\nvoid real(void) { write(1, "real\\n", 5); }'))
    user = cc("""
        #include <unistd.h>
        void lazy(void);
        int begin;
        void instead(void) { write(1, "instead\\n", 8); }
        __attribute__((destructor)) static void end(void) { lazy(); }
    """)
    assert child.ok(FINALIZERS, real, user, "handler") == "begun\ninstead\n"
    ended = child(FINALIZERS, real, user)
    assert (ended.status, ended.out, ended.err) == (
        -6, "begun\n", "uruk: lazy function called after the interpreter ended\n",
    )  # fmt: skip
