"""C++ of Microsoft's kind in a process of Windows, against its C library: exceptions, types, statics, thread-locals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from windows_processes import address_of

import uruk
from uruk.errors import ExecutorCrashed

from support.coff_objects import assembled, compiled_text

pytestmark = pytest.mark.any_interpreter

CLASSES = """
    struct Base { virtual ~Base() {} virtual int value() const { return 1; } };
    struct Derived : Base { int n; Derived(int n) : n(n) {} int value() const override { return n; } };
    struct Oops { int code; };
    int thrower(int x);
    extern int alive;
    struct Noisy { int id; Noisy(int id) : id(id) { alive += id; } ~Noisy() { alive -= id; } };
"""
THROWER = (
    CLASSES
    + """
    int thrower(int x) {
        if (x > 3) throw Oops{x};
        if (x > 2) throw Derived(x);
        return x;
    }
"""
)
CATCHER = (
    CLASSES
    + """
    int alive;
    extern "C" int catches(int x) {
        try { Noisy n(1); return thrower(x); }
        catch (Oops &o) { return 1000 + o.code + alive; }
        catch (const Base &b) { return 2000 + b.value() + alive; }
    }
    extern "C" int by_value(int x) {
        try { return thrower(x); } catch (Oops o) { return o.code; } catch (...) { return -1; }
    }
    extern "C" int again(int x) {
        try { try { return thrower(x); } catch (...) { Noisy n(2); throw; } }
        catch (Oops o) { return 3000 + o.code + alive; }
    }
    extern "C" int casts(int x) {
        Base *base = x ? new Derived(x) : new Base;
        Derived *derived = dynamic_cast<Derived *>(base);
        int result = derived ? derived->n : -1;
        delete base;
        return result;
    }
"""
)
STATICS = """
    extern "C" void Sleep(unsigned);
    int made;
    struct Slow { int id; Slow(int id) : id(id) { Sleep(200); made++; } };
    extern "C" int statics(int x) { static Slow slow(x); return slow.id * 10 + made; }
    int tries;
    struct Fails { Fails() { if (++tries < 3) throw tries; } };
    extern "C" int failing(int) { try { static Fails fails; return 100 + tries; } catch (int n) { return n; } }
"""
THREADS = """
    extern int alive;
    int alive;
    struct Noisy { int id; Noisy(int id) : id(id) { alive += id; } ~Noisy() { alive -= id; } };
    thread_local Noisy first(3), second(4);
    extern "C" int locals(int x) { return first.id + second.id + x; }
    extern "C" int living(int) { return alive; }
"""
OVERRUN = """
    static void fill(volatile char *place, int size) { for (int k = 0; k < size; k++) place[k] = 65; }
    extern "C" int overruns(int x) { volatile char room[16]; fill(room, x); return room[3]; }
"""
PURE = """
    struct Base { Base() { called(); } void called(); virtual int value() = 0; };
    void Base::called() { value(); }
    struct Derived : Base { int value() override { return 5; } };
    extern "C" int calls(int x) { return x ? Derived().value() : 0; }
"""
Function = Callable[[int], int]


@pytest.fixture
def jit(wine: Path) -> Iterator[uruk.LLJIT]:
    """A session in a process of Windows, with the DLLs that such objects want."""
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as session:
        for name in ("vcruntime140.dll", "ucrtbase.dll"):
            session.main.add_shared_library(name)
        yield session


def functions(jit: uruk.LLJIT, *names: str) -> list[Function]:
    return [symbol.function("int(int)") for symbol in jit.lookup_all(list(names)).values()]


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_exceptions_and_types(jit: uruk.LLJIT, tmp_path: Path, level: str) -> None:
    for name, text in (("thrower.cc", THROWER), ("catcher.cc", CATCHER)):
        jit.add_object(compiled_text(tmp_path, "clang-msvc-O0", name, text, level))
    catches, by_value, again, casts = functions(jit, "catches", "by_value", "again", "casts")
    assert [catches(x) for x in range(6)] == [0, 1, 2, 2003, 1004, 1005]
    assert [by_value(x) for x in (1, 3, 4)] == [1, -1, 4]
    assert again(5) == 3005
    assert [casts(x) for x in (0, 9)] == [-1, 9]


def test_an_exception_that_nothing_catches_ends_the_process(jit: uruk.LLJIT, tmp_path: Path) -> None:
    text = 'int throws(int x) { throw x; } int begun = throws(1); extern "C" int later(int x) { return begun; }'
    jit.add_object(compiled_text(tmp_path, "clang-msvc-O2", "throws.cc", text))
    with pytest.raises(ExecutorCrashed, match=r"uncaught C\+\+ exception \(0xe06d7363\)"):
        functions(jit, "later")


def test_throws_of_objects_that_come_and_go(jit: uruk.LLJIT, tmp_path: Path) -> None:
    thrower = compiled_text(tmp_path, "clang-msvc-O2", "thrower.cc", THROWER)
    catcher = compiled_text(tmp_path, "clang-msvc-O2", "catcher.cc", CATCHER)
    for _ in range(20):
        trackers = [jit.add_object(thrower), jit.add_object(catcher)]
        assert functions(jit, "catches")[0](5) == 1005
        for tracker in reversed(trackers):
            tracker.remove()


def test_one_thread_initialises_a_static(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_object(compiled_text(tmp_path, "clang-msvc-O2", "statics.cc", STATICS))
    statics, failing = functions(jit, "statics", "failing")
    results: list[int] = []
    threads = [threading.Thread(target=lambda number=number: results.append(statics(number))) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1
    assert results[0] in (11, 21, 31)
    assert [failing(0) for _ in range(4)] == [1, 2, 103, 103]


def test_thread_locals_are_made_and_destroyed_for_each_thread(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_object(compiled_text(tmp_path, "clang-msvc-O2", "threads.cc", THREADS))
    locals_, living = functions(jit, "locals", "living")
    assert (locals_(1), living(0)) == (8, 7)
    process = jit.platform.process.runtime.process
    create, wait = (address_of(jit.executor, name) for name in ("CreateThread", "WaitForSingleObject"))
    thread = process.call(create, 0, 0, jit.lookup("locals").address, 0, 0, 0)
    process.call(wait, thread, 5000)
    assert living(0) == 7  # the thread's own are gone


def test_helpers_of_the_compiler(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """A frame of many pages is touched page by page, and a cookie that was changed ends the process."""
    text = """
        int use(volatile char *room, int size) { room[0] = 1; room[size - 1] = 2; return room[0] + room[size - 1]; }
        int large(int x) { volatile char room[300000]; return use(room, 300000) + x; }
        double half(int x) { return x * 0.5; }
    """
    jit.add_object(compiled_text(tmp_path, "clang-msvc-O2", "large.c", text))
    jit.add_object(
        assembled(
            tmp_path,
            "cookie",
            ".globl checks\nchecks: xorq __security_cookie(%rip), %rcx\njmp __security_check_cookie\n",
        )
    )
    assert functions(jit, "large")[0](4) == 7
    assert jit.lookup("half").function("double(int)")(3) == 1.5
    checks = functions(jit, "checks")[0]
    checks(0)
    with pytest.raises(ExecutorCrashed, match="0xc0000409"):
        checks(1)


@pytest.mark.parametrize("compiler", ["clang-msvc-O0", "clang-msvc-O2"])
def test_a_stack_that_is_overrun(jit: uruk.LLJIT, tmp_path: Path, compiler: str) -> None:
    """The function notices before it returns to where the text's bytes would lead."""
    path = compiled_text(tmp_path, compiler, "overrun.cc", OVERRUN, "-fstack-protector-all", "-fno-inline")
    jit.add_object(path)
    overruns = functions(jit, "overruns")[0]
    assert overruns(16) == 65
    with pytest.raises(ExecutorCrashed, match=r"a fast fail \(0xc0000409\)") as caught:
        overruns(32)
    assert caught.value.code == 0xC0000409


@pytest.mark.parametrize("compiler", ["clang-msvc-O0", "clang-msvc-O2"])
def test_a_pure_virtual_function_is_called(jit: uruk.LLJIT, tmp_path: Path, compiler: str) -> None:
    jit.add_object(compiled_text(tmp_path, compiler, "pure.cc", PURE, "-fno-inline"))
    calls = functions(jit, "calls")[0]
    assert calls(0) == 0
    with pytest.raises(ExecutorCrashed, match="0xc0000026"):
        calls(1)
