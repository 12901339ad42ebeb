"""A stack overflow in a thread that the program has started is called one, as in the main thread."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import uruk
from uruk.errors import ExecutorCrashed

from support.requirements import require_tool

DEEP = "int deep(int n) { volatile char room[1024]; room[0] = (char)n; return deep(n + 1) + room[0]; }\n"
C = """
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>
int deep(int n);
static pthread_key_t key;
static void overflow(void *argument) { deep(argument != 0); }
static void *posix(void *argument) { overflow(argument); return 0; }
static int c11(void *argument) { return deep(argument != 0); }
static void *ends(void *argument) { pthread_setspecific(key, argument); pthread_exit(0); }
static void *is_cancelled(void *argument) {
    pthread_cleanup_push(overflow, argument);
    for (;;) pthread_testcancel();
    pthread_cleanup_pop(0);
    return 0;
}
static void *starts_another(void *argument) {
    pthread_t thread;
    pthread_create(&thread, 0, posix, argument);
    return (void *)(long)pthread_join(thread, 0);
}
int start(const char *kind) {
    static const struct { const char *name; void *(*routine)(void *); } routines[] = {
        {"posix", posix}, {"detached", posix}, {"small", posix}, {"exit", ends}, {"cancel", is_cancelled},
        {"nested", starts_another}};
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_key_create(&key, overflow);
    if (!strcmp(kind, "detached")) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (!strcmp(kind, "small")) pthread_attr_setstacksize(&attributes, 128 << 10);
    if (!strcmp(kind, "c11")) {
        thrd_t other;
        if (thrd_create(&other, c11, &key)) return 2;
        return thrd_join(other, 0);
    }
    for (unsigned i = 0; i < sizeof routines / sizeof *routines; i++)
        if (!strcmp(kind, routines[i].name)) pthread_create(&thread, &attributes, routines[i].routine, &key);
    if (!strcmp(kind, "cancel")) pthread_cancel(thread);
    if (!strcmp(kind, "detached")) for (;;) pause();
    return pthread_join(thread, 0);
}
int main(int count, char **words) { return start(words[count - 1]); }
"""
KINDS = ["posix", "c11", "detached", "small", "exit", "cancel", "nested"]
CPP = """
#include <cstring>
#include <future>
#include <thread>
extern "C" int deep(int n);
struct Local { int depth = 0; ~Local() { if (depth) deep(depth); } };
thread_local Local local;
int main(int, char **words) {
    if (!std::strcmp(words[1], "async")) return std::async(std::launch::async, deep, 0).get();
    std::thread thread = std::strcmp(words[1], "local") ? std::thread(deep, 0) : std::thread([] { local.depth = 1; });
    thread.join();
}
"""
OPENMP = """
#include <omp.h>
int deep(int n);
int main(void) {
    int status = 0;
    #pragma omp parallel num_threads(3) reduction(+:status)
    if (omp_get_thread_num() == 2) status += deep(0);
    return status;
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("deep.c", DEEP), ("kinds.c", C), ("threads.cpp", CPP), ("openmp.c", OPENMP)):
        (tmp_path / name).write_text(text)
    return tmp_path


def run(folder: Path, *words: str) -> None:
    """Run a program, which must end by a stack overflow in `deep`."""
    command = [sys.executable, "-m", "uruk", "run", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (-11, 139), done
    assert "the executor was ended by a stack overflow (SIGSEGV) in deep+0x" in done.stderr, done


@pytest.mark.parametrize("kind", KINDS)
def test_c(folder: Path, kind: str) -> None:
    run(folder, "kinds.c", "deep.c", "--", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_c_on_aarch64(folder: Path, kind: str) -> None:
    gcc = require_tool("aarch64-linux-gnu-gcc")
    require_tool("qemu-aarch64")
    subprocess.run([gcc, "-c", "kinds.c", "deep.c"], cwd=folder, check=True)
    run(folder, "kinds.o", "deep.o", "--", kind)


@pytest.mark.parametrize("kind", ["thread", "async", "local"])
def test_cpp(folder: Path, kind: str) -> None:
    run(folder, "threads.cpp", "deep.c", "-lstdc++", "--", kind)


def test_openmp(folder: Path) -> None:
    require_tool("gcc")
    run(folder, "--compiler", "gcc", "-fopenmp", "openmp.c", "deep.c")


@pytest.mark.parametrize("kind", ["posix", "c11"])
def test_thread_of_a_call(folder: Path, kind: str) -> None:
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_source(folder / "kinds.c")
        jit.add_source(folder / "deep.c")
        start = jit.lookup("start").function("int(const char *)")
        with pytest.raises(ExecutorCrashed) as caught:
            start(kind.encode())
        assert caught.value.stack_overflow
        assert caught.value.where.startswith("deep+0x")


def test_null_pointer_in_a_thread_is_no_overflow(folder: Path) -> None:
    (folder / "deep.c").write_text("int deep(int n) { return *(volatile int *)(long)(n & 0); }\n")
    command = [sys.executable, "-m", "uruk", "run", "kinds.c", "deep.c", "--", "posix"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert "was ended by SIGSEGV in deep+0x" in done.stderr, done
    assert "accessed 0x0" in done.stderr
