"""Code of Windows that is replaced while it runs: MinGW's objects, whose symbols have no sizes and no types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from native_programs import gxx_folders, wine_path

import uruk
from uruk.errors import StaticsDiffer
from uruk.executor.remote import RemoteExecutor

from support.replacing import call

CLANG = ["clang-19", "--target=x86_64-pc-windows-msvc"]
CODE = """
    static int count, more[4];
    static int helper(int x) {{ return x * {step}; }}
    int (*handler)(int) = helper;
    int f(void) {{ static int own; more[1]++; own++; return count += {step}; }}
    int (*pointer)(void) = f;
    int through(void) {{ return 1000 * handler(1) + pointer(); }}
    int own(void) {{ return f(); }}
"""


@pytest.fixture
def jit(executor: RemoteExecutor) -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT(executor=executor) as session:
        yield session


def test_functions_are_replaced_and_variables_stay(jit: uruk.LLJIT) -> None:
    code = jit.add_source(text=CODE.format(step=1), replaceable=True)
    jit.add_source(text="int f(void); int call(void) { return f(); }")
    assert [call(jit, "f"), call(jit, "call"), call(jit, "through")] == [1, 2, 1003]
    code.replace(text=CODE.format(step=10))
    assert [call(jit, "f"), call(jit, "call"), call(jit, "through")] == [13, 23, 10033]
    with pytest.raises(StaticsDiffer, match="`more' has 4096 bytes, and had 16"):
        code.replace(text=CODE.format(step=100).replace("more[4]", "more[1024]"))
    with pytest.raises(uruk.UndefinedSymbols, match="nowhere"):
        code.replace(text="int nowhere(void); int f(void) { return nowhere(); }")
    assert call(jit, "call") == 43
    jit.replace("f", text="int f(void) { return 7; }")
    assert (call(jit, "call"), call(jit, "own"), call(jit, "through")) == (7, 7, 10007)
    jit.collect()
    assert not code.retained


def test_code_stays_that_a_thread_is_in(jit: uruk.LLJIT) -> None:
    """It ends where it began; what it registers meanwhile runs when the newest code goes."""
    text = """
        int atexit(void (*)(void));
        void Sleep(unsigned), *CreateThread(void *, long long, unsigned (*)(void *), void *, unsigned, void *);
        unsigned WaitForSingleObject(void *, unsigned), GetExitCodeThread(void *, unsigned *);
        extern int ended;
        static volatile int in, out;
        static void end(void) {{ ended = 10 * ended + {value}; }}
        int inside(void) {{ return in; }}
        int leave(void) {{ return out = 1; }}
        int f(void) {{ return {value}; }}
        static unsigned stay(void *unused)
        {{
            in = 1;
            while (!out)
                Sleep(1);
            atexit(end);
            return {value};
        }}
        static void *thread;
        int begin(void) {{ thread = CreateThread(0, 0, stay, 0, 0, 0); return 0; }}
        int result(void)
        {{
            unsigned status;
            WaitForSingleObject(thread, -1);
            GetExitCodeThread(thread, &status);
            return status;
        }}
    """
    jit.add_source(text="int ended; int get(void) { return ended; }")
    code = jit.add_source(text=text.format(value=1), replaceable=True)
    call(jit, "begin")
    while not call(jit, "inside"):
        pass
    for value in (2, 3, 4):
        code.replace(text=text.format(value=value))
    jit.collect()
    assert call(jit, "f") == 4
    assert [old.reason for old in code.retained] == ["a thread is in it, or has an address in it on its stack"]
    assert "(version 1)" in code.retained[0].name
    assert call(jit, "leave") == 1
    assert call(jit, "result") == 1
    jit.collect()
    assert not code.retained
    code.remove()
    assert call(jit, "get") == 4  # by a pointer, which leads to the newest


def test_replacements_leave_nothing_behind(jit: uruk.LLJIT) -> None:
    """Though threads begin, call the code and end all the time."""
    text = "static int calls; int f(int x) {{ calls++; return x + {value}; }} int sum(void) {{ return calls != 0; }}"
    callers = """
        #include <windows.h>
        int f(int);
        static volatile LONG stop, wrong, running;
        static DWORD WINAPI once(void *unused)
        {
            int result = f(100);
            if (result < 100 || result > 140)
                InterlockedIncrement(&wrong);
            InterlockedDecrement(&running);
            return 0;
        }
        static DWORD WINAPI run(void *unused)
        {
            while (!stop) {
                InterlockedIncrement(&running);
                CloseHandle(CreateThread(0, 0, once, 0, 0, 0));
                while (running > 8)
                    Sleep(1);
            }
            return 0;
        }
        static HANDLE thread;
        int start(void) { return (thread = CreateThread(0, 0, run, 0, 0, 0)) != 0; }
        int finish(void)
        {
            stop = 1;
            WaitForSingleObject(thread, INFINITE);
            while (running)
                Sleep(1);
            return wrong;
        }
    """
    code = jit.add_source(text=text.format(value=0), replaceable=True)
    jit.add_source(text=callers)
    assert call(jit, "start") == 1
    code.replace(text=text.format(value=20))
    jit.collect()
    linked = len(jit.session.memory_map())
    for value in range(20):
        code.replace(text=text.format(value=value))
    assert (call(jit, "finish"), call(jit, "sum")) == (0, 1)
    jit.collect()
    assert not code.retained
    assert len(jit.session.memory_map()) == linked


def test_variables_are_made_anew(jit: uruk.LLJIT) -> None:
    """The old version's finalisers run, those of its own code."""
    jit.add_source(text="int ended; int get(void) { return ended; }")
    text = """
        #include <stdlib.h>
        extern int ended;
        static int count;
        static void end(void) {{ ended = 100 * {step} + count; }}
        int f(void) {{ if (!count) atexit(end); return count += {step}; }}
    """
    code = jit.add_source(text=text.format(step=1), replaceable=True)
    assert [call(jit, "f"), call(jit, "f"), call(jit, "get")] == [1, 2, 0]
    code.replace(text=text.format(step=5), statics="new")
    assert [call(jit, "get"), call(jit, "f")] == [102, 5]
    code.remove()
    assert call(jit, "get") == 505


def test_thread_locals_are_refused(jit: uruk.LLJIT) -> None:
    """Those that lie in a template, as clang's and Microsoft's do; gcc's are reached by a variable, which stays."""
    text = "__thread int v = {value}; int f(void) {{ return v++; }}"
    clang = jit.add_source(text=text.format(value=1), compiler=CLANG, replaceable=True)
    assert [call(jit, "f"), call(jit, "f")] == [1, 2]
    with pytest.raises(StaticsDiffer, match="`v' is thread-local"):
        clang.replace(text=text.format(value=50))


def test_sources_of_cpp(wine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They bring MinGW's library and unwinder; a kept variable has the newest destructor, though assemblers name
    functions by their sections."""
    monkeypatch.setenv("WINEPATH", wine_path(gxx_folders()))
    text = """
        extern "C" int ended;
        struct Ends {{ int value; Ends() : value({value}) {{}} ~Ends(); }};
        Ends::~Ends() {{ ended = 10 * {value} + value; }}
        static Ends ends;
        extern "C" int f() {{ try {{ throw {value}; }} catch (int thrown) {{ return thrown; }} }}
    """
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as jit:
        jit.add_source(text="int ended; int get(void) { return ended; }")
        code = jit.add_source(text=text.format(value=1), language="c++", replaceable=True)
        assert call(jit, "f") == 1
        code.replace(text=text.format(value=2))
        assert (call(jit, "f"), call(jit, "get")) == (2, 0)
        code.replace(text=text.format(value=3), statics="new")
        assert (call(jit, "f"), call(jit, "get")) == (3, 21)
        code.remove()
        assert call(jit, "get") == 33
