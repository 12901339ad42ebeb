"""Replacing code under threads that call it all the time."""

from __future__ import annotations

import os
import re

import uruk
from uruk.orc.registry.tracker import Replacement, ResourceTracker

CODE = """
    #include <pthread.h>
    #include <unistd.h>
    static long count;
    static volatile int go_on;
    int f(int x) {{ __atomic_add_fetch(&count, 1, 5); return x + {number}; }}
    long get(void) {{ return count; }}
    static void *wait(void *_) {{ while (!go_on) usleep(1000); return (void *){number}; }}
    static pthread_t waiter;
    int stay(void) {{ return pthread_create(&waiter, 0, wait, 0); }}
    long leave(void) {{ void *result; go_on = 1; pthread_join(waiter, &result); return (long)result; }}
"""
CALLERS = """
    #include <pthread.h>
    enum { COUNT = 8 };
    int f(int);
    static volatile int stop;
    static long calls[COUNT], wrong;
    static pthread_t threads[COUNT];
    static void *run(void *number)
    {
        while (!stop) {
            int result = f(100);
            if (result < 100 || result > 103)
                wrong++;
            calls[(long)number]++;
        }
        return 0;
    }
    int start(void)
    {
        for (long i = 0; i < COUNT; i++)
            pthread_create(&threads[i], 0, run, (void *)i);
        return 0;
    }
    long finish(void)
    {
        long sum = 0;
        stop = 1;
        for (long i = 0; i < COUNT; i++) {
            pthread_join(threads[i], 0);
            sum += calls[i];
        }
        return wrong ? -wrong : sum;
    }
"""
VERSIONS = 4


def resident(process: int) -> int:
    """The resident memory of a process, in pages."""
    with open(f"/proc/{process}/statm", encoding="ascii") as file:
        return int(file.read().split()[1])


def call(jit: uruk.LLJIT, name: str) -> int:
    result: int = jit.lookup(name).function("long(void)")()
    return result


def compiled(code: ResourceTracker, text: str, name: str) -> bytes:
    """Return the object of a text, compiled as the first source of replaceable code was."""
    assert code.compile is not None
    again = code.compile(Replacement(text=text, name=name))
    assert again is not None
    return bytes(again.data)


def processes_of(jit: uruk.LLJIT) -> list[int]:
    """This process, and the one that linked code runs in."""
    there = re.search(r"process (\d+)", repr(jit))
    return [os.getpid(), *([int(there[1])] if there else [])]


def replace_often(jit: uruk.LLJIT, count: int) -> list[tuple[int, int]]:
    """Replace code `count` times while 8 threads call it and one stays in the first version.

    Returns, for each process, its resident memory after a tenth of them and at the end.
    """
    code = jit.add_source(text=CODE.format(number=0), replaceable=True, flags=["-O1"])
    versions = [compiled(code, CODE.format(number=number), f"version {number}") for number in range(VERSIONS)]
    jit.add_source(text=CALLERS, flags=["-O1"])
    assert call(jit, "stay") & 0xFFFFFFFF == 0
    call(jit, "start")
    early: list[int] = []
    for number in range(1, count + 1):
        code.replace(versions[number % VERSIONS], name=f"version {number % VERSIONS}")
        if number == min(1000, max(1, count // 10)):
            early = [resident(process) for process in processes_of(jit)]
    late = [resident(process) for process in processes_of(jit)]
    calls = call(jit, "finish")
    assert calls == call(jit, "get"), "calls were lost, or came twice"
    assert calls > 0
    jit.collect()
    names = [old.name for old in code.retained]
    assert any("(version 1)" in name for name in names), names
    assert len(names) <= 3, code.retained
    assert call(jit, "leave") == 0  # the thread that stayed ends in the version where it began
    return list(zip(early, late, strict=True))
