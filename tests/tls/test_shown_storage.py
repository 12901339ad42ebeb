"""What `dl_iterate_phdr` says of the thread-locals of linked code: collectors take them for roots."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import uruk

from support.compiling import Compile

ASK = """
    #define _GNU_SOURCE
    #include <link.h>
    struct place { unsigned long module, offset; };
    extern void *__tls_get_addr(struct place *);
    struct asked { unsigned long code; char *start; unsigned long size, data, headers; };
    static int look(struct dl_phdr_info *info, size_t size, void *argument) {
        struct asked *asked = argument;
        int inside = 0;
        for (int i = 0; i < info->dlpi_phnum; i++)
            inside |= info->dlpi_phdr[i].p_type == PT_LOAD
                && asked->code - info->dlpi_addr - info->dlpi_phdr[i].p_vaddr < info->dlpi_phdr[i].p_memsz;
        for (int i = 0; inside && i < info->dlpi_phnum; i++)
            if (info->dlpi_phdr[i].p_type == PT_TLS) {
                struct place first = {info->dlpi_tls_modid, 0};
                asked->headers++;
                asked->size = info->dlpi_phdr[i].p_memsz;
                asked->start = info->dlpi_tls_modid ? __tls_get_addr(&first) : 0;
                asked->data = (unsigned long)info->dlpi_tls_data;
            }
        return inside;
    }
"""
PROGRAM = """
    static __thread char before[40] = {1}; static __thread char mine[100];
    static int within(char *start, unsigned long size, char *at) { return at >= start && at < start + size; }
    long code_of(void) { return (long)code_of; }
    int shown(void) {
        struct asked asked = {(unsigned long)code_of};
        before[0]++; mine[99] = 1;
        if (!dl_iterate_phdr(look, &asked)) return -1;
        if (asked.headers != 1 || (asked.data && asked.data != (unsigned long)asked.start)) return (int)asked.headers;
        return 10 + within(asked.start, asked.size, mine + 99) + within(asked.start, asked.size, before);
    }
"""
LIBRARY = ASK + "int _d_dso_registry(struct asked *asked) { return dl_iterate_phdr(look, asked); }"
CALLER = """
    struct asked { unsigned long code; char *start; unsigned long size, data, headers; };
    extern int _d_dso_registry(struct asked *);
    static __thread char mine[50] = "x";
    int shown(void) {
        struct asked asked = {(unsigned long)shown};
        return _d_dso_registry(&asked) && asked.headers == 1 && mine >= asked.start && mine < asked.start + asked.size;
    }
"""


@pytest.fixture(params=["here", "child", "wire"])
def session(request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    """Return a session in this process or another."""
    executor = None if request.param == "here" else uruk.spawn(shared_memory=request.param == "child")
    with uruk.LLJIT(executor=executor) as jit:
        yield jit


def call(jit: uruk.LLJIT, name: str) -> int:
    """Call a function without arguments."""
    return int(jit.lookup(name).function("int(void)")())


@pytest.mark.parametrize("flags", ["", "-fPIC", "-fPIC -mtls-dialect=gnu2"])
def test_linked_code_finds_its_own_until_it_is_removed(session: uruk.LLJIT, cc: Compile, flags: str) -> None:
    first = session.add_object(cc(ASK + PROGRAM, *flags.split()))
    assert call(session, "shown") == 12
    first.remove()
    session.add_object(cc("__thread int later = 3; int f(void) { return later; }"))
    assert call(session, "f") == 3
    session.add_object(cc(ASK + PROGRAM.replace("static __thread", "static")))
    assert call(session, "shown") == 0


def test_each_thread_has_its_own(jit: uruk.LLJIT, cc: Compile) -> None:
    jit.add_object(cc(ASK + PROGRAM, "-fPIC"))
    answers = [call(jit, "shown")]
    threads = [threading.Thread(target=lambda: answers.append(call(jit, "shown"))) for _ in range(3)]
    for thread in threads:
        thread.start()
        thread.join()
    assert answers == [12] * 4


def test_a_library_that_asks_for_its_callers(session: uruk.LLJIT, cc: Compile) -> None:
    session.add_library(cc.shared("libasks.so", LIBRARY))
    session.add_object(cc(CALLER, "-fPIC"))
    assert call(session, "shown") == 1


def test_of_two_modules_the_one_that_asks(session: uruk.LLJIT, cc: Compile) -> None:
    session.add_library(cc.shared("libasks.so", LIBRARY))
    session.add_object(cc("__thread int unasked[200] = {3}; int f(void) { return unasked[0]; }", "-fPIC"))
    session.add_object(cc("extern int f(void);" + CALLER.replace("return _d", "return f() == 3 && _d"), "-fPIC"))
    assert call(session, "shown") == 1
