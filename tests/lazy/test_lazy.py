"""Lazy functions: stubs that are made when they are added, bodies that are linked when they are first called."""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path

import pytest

import uruk

from support.compiling import Compile, RunChild
from support.small import FUNCTION, Counted, adds_one, call, in_threads, returns

ABORTED = -6


def states(jit: uruk.LLJIT) -> dict[str, str]:
    return {Path(one.file).name: one.state.value for one in jit.session.objects.values() if one.kind == "object"}


def test_an_object_is_linked_by_its_first_call(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(returns("low", 3), name="low"), lazy=True)
    jit.add_object(cc(adds_one("high", "low"), name="high"), lazy=True)
    jit.add_object(
        cc("extern int high(void); int (*pointer)(void) = high; int go(void) { return high() + pointer(); }")
    )
    go = jit.lookup("go").function("int(void)")
    assert states(jit) == {"high.o": "pending", "low.o": "pending", "unit.o": "linked"}
    high = jit.lookup("high").address
    assert go() == 8
    assert states(jit) == {"high.o": "linked", "low.o": "linked", "unit.o": "linked"}
    assert jit.lookup("high").address == high  # the function's address stays its stub's
    assert go() == 8


def test_only_what_is_called(cc: Compile, jit: uruk.LLJIT) -> None:
    units = [Counted(cc(returns(f"f_{number}", number), name=f"f_{number}"), f"f_{number}") for number in range(10)]
    for unit in units:
        jit.add_unit(unit, lazy=True)
    found = jit.lookup_all([f"f_{number}" for number in range(10)])
    assert [unit.made for unit in units] == [0] * 10
    assert found["f_4"].function("int(void)")() == 4
    assert [unit.made for unit in units] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]


def test_data_is_linked_when_it_is_needed(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int data = 5; int code(void) { return ++data; }", name="lazy"), lazy=True)
    jit.add_object(cc("extern int data; int read(void) { return data; }"))
    assert call(jit, "read") == 5
    assert states(jit)["lazy.o"] == "linked"
    assert call(jit, "code") == 6
    assert call(jit, "read") == 6


def test_initialisers_run_with_the_first_call(cc: Compile, jit: uruk.LLJIT) -> None:
    begin = "__attribute__((constructor)) static void begin(void) { ready = 9; }"
    jit.add_object(cc(f"int *log; static int ready; {begin} int get(void) {{ return ready; }}"), lazy=True)
    get = jit.lookup("get")
    assert set(states(jit).values()) == {"pending"}
    assert get.function("int(void)")() == 9


def test_cpp(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library("stdc++")
    shared = """
        #include <stdexcept>
        #include <string>
        inline int counted() { static int count; return ++count; }
        struct Shape { virtual ~Shape() {} virtual int area() { return 7; } };
        void thrower(int n);
    """
    jit.add_object(
        cc.cpp(shared + "void thrower(int n) { counted(); throw std::out_of_range(std::to_string(n)); }"), lazy=True
    )
    user = "try { thrower(42); } catch (std::exception &e) { return std::stoi(e.what()) + counted() + Shape().area(); }"
    jit.add_object(cc.cpp(shared + f'extern "C" int go() {{ {user} return -1; }}'), lazy=True)
    assert call(jit, "go") == 42 + 2 + 7


def test_eight_threads_make_it_once(cc: Compile) -> None:
    begun = threading.Event()

    class Slow(Counted):
        def materialize(self, responsibility: uruk.MaterializationResponsibility) -> Path:
            begun.wait(0.2)
            return super().materialize(responsibility)

    for dispatcher in (uruk.InlineDispatcher(), uruk.ThreadPoolDispatcher(2)):
        with uruk.LLJIT(dispatcher=dispatcher) as jit:
            unit = Slow(cc(returns("slow", 12)), "slow")
            jit.add_unit(unit, lazy=True)
            slow = jit.lookup("slow").function("int(void)")
            assert in_threads([slow] * 8) == [12] * 8
            assert unit.made == 1


def test_lazy_functions_that_make_each_other_at_once(cc: Compile, jit: uruk.LLJIT) -> None:
    """Two first calls in two threads, each of which is needed by the other's unit: no deadlock."""

    class Calls(Counted):
        other = ""

        def materialize(self, responsibility: uruk.MaterializationResponsibility) -> Path:
            assert call(jit, self.other) == 1
            return super().materialize(responsibility)

    for one, other in (("left", "left_help"), ("right", "right_help")):
        unit = Calls(cc(returns(one, 5)), one)
        unit.other = other
        jit.add_unit(unit, lazy=True)
        jit.add_unit(Counted(cc(returns(other, 1)), other), lazy=True)
    functions = [jit.lookup(name).function("int(void)") for name in ("left", "right")]
    assert in_threads(functions) == [5, 5]


def test_reexports(cc: Compile, jit: uruk.LLJIT) -> None:
    plugin = jit.create_dylib("plugin")
    code = jit.add_object(cc(returns("inner", 6), name="inner"), dylib=plugin)
    jit.alias({"outer": "inner"}, plugin, lazy=True)
    outer = jit.lookup("outer").function("int(void)")
    assert states(jit) == {"inner.o": "pending"}
    assert outer() == 6
    with pytest.raises(uruk.InUse, match="main"):
        code.remove()
    code.remove(force=True)
    jit.add_object(cc(returns("inner", 8)), dylib=plugin)
    assert outer() == 8  # its stub became lazy again


def test_removal_gives_the_stubs_back(cc: Compile, jit: uruk.LLJIT) -> None:
    path = cc("int f(void) { return 1; } int g(void) { return 2; } int data = 3;")
    seen: set[int] = set()
    for _ in range(5):
        code = jit.add_object(path, lazy=True)
        seen.add(jit.lookup("f").address)
        assert call(jit, "f") == 1
        released = code.remove()
        assert (released.lazy_stubs, released.objects) == (2, 1)
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup("f")
    assert len(seen) == 1
    assert jit.add_object(path, lazy=True).remove().lazy_stubs == 2


def test_a_duplicate_leaves_nothing(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(returns("g", 1)))
    with pytest.raises(uruk.DuplicateDefinition):
        jit.add_object(cc("int f(void) { return 1; } int g(void) { return 2; } int h = 2;"), lazy=True)
    for name in ("f", "h"):
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup(name)
    assert call(jit, "g") == 1


def test_a_handler_runs_instead(cc: Compile, jit: uruk.LLJIT) -> None:
    failed = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda number: -number)
    jit.on_lazy_failure(failed)
    jit.add_object(cc("extern int nobody(int); int bad(int n) { return nobody(n); }", name="bad"), lazy=True)
    bad = jit.lookup("bad").function("int(int)")
    assert bad(5) == -5
    ((name, error),) = jit.lazy_errors
    assert name == "bad"
    assert isinstance(error, uruk.UndefinedSymbols)
    jit.add_object(cc("int nobody(int n) { return n + 1; }"))
    assert bad(5) == 6  # a later call tries again


def test_a_handler_of_the_session(cc: Compile, child: RunChild) -> None:
    """It is given up when its code goes: after close the default one runs."""
    text = """
        import ctypes, sys, uruk
        jit = uruk.LLJIT()
        jit.add_object(sys.argv[1])
        jit.on_lazy_failure(jit.lookup("instead"))
        jit.add_object(sys.argv[2], lazy=True)
        bad = jit.lookup("bad").function(ctypes.CFUNCTYPE(ctypes.c_int))
        print(bad(), flush=True)
        jit.close()
        bad()
    """
    bad = cc("extern int nobody(void); int bad(void) { return nobody(); }")
    ended = child(text, cc(returns("instead", -3)), bad)
    assert (ended.status, ended.out) == (ABORTED, "-3\n")
    assert "session was closed" in ended.err


def test_after_close_the_handler_answers(cc: Compile) -> None:
    instead = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: -9)
    with uruk.LLJIT() as jit:
        jit.on_lazy_failure(instead)
        jit.add_object(cc("int never(void) { return 1; }"), lazy=True)
        jit.add_object(cc("int once(void) { return 2; }"), lazy=True)
        kind = ctypes.CFUNCTYPE(ctypes.c_int)  # goes to the address, as linked code does
        never, once = (jit.lookup(name).function(kind) for name in ("never", "once"))
        typed = jit.lookup("once").function("int(void)")
        assert once() == typed() == 2
    assert never() == once() == -9
    with pytest.raises(uruk.RemovedCode, match="once"):
        typed()


def test_by_default_the_error_is_printed(cc: Compile, child: RunChild) -> None:
    text = """
        import sys, uruk
        jit = uruk.LLJIT()
        jit.add_object(sys.argv[1], lazy=True)
        jit.lookup("bad").function("int(void)")()
    """
    ended = child(text, cc("extern int nobody(void); int bad(void) { return nobody(); }", name="bad"))
    assert ended.status == ABORTED
    assert "UndefinedSymbols: undefined symbol: nobody  needed by" in ended.err


def test_what_is_no_function(cc: Compile, jit: uruk.LLJIT) -> None:
    instead = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: -9)
    jit.on_lazy_failure(instead)
    jit.add_unit(Counted(cc("int data = 4;"), "data", flags=FUNCTION), lazy=True)
    assert jit.lookup("data").function("int(void)")() == -9
    assert "it is data, not a function" in str(jit.lazy_errors[0][1])


def test_in_a_dylib_with_a_link_order(cc: Compile, jit: uruk.LLJIT) -> None:
    base, user = jit.create_dylib("base"), jit.create_dylib("user")
    user.set_link_order([base])
    jit.add_object(cc(returns("common", 20), name="base"), dylib=base, lazy=True)
    jit.add_object(cc(adds_one("go", "common"), name="user"), dylib=user, lazy=True)
    jit.add_object(cc(returns("common", 40)))  # of main, which user does not see
    assert call(jit, "go", user) == 21
    user.remove()
    base.remove()
    assert list(jit.session.dylibs) == ["main"]
    assert sum(slab.used for slab in jit.session.executor.memory.slabs) == 0


def test_ten_thousand_lazy_symbols(cc: Compile, jit: uruk.LLJIT) -> None:
    text = "\n".join(f"int f_{number}(void) {{ return {number}; }}" for number in range(10_000))
    jit.add_object(cc(text, "-O1"), lazy=True)
    found = jit.lookup_all([f"f_{number}" for number in range(0, 10_000, 997)])
    assert [symbol.function("int(void)")() for symbol in found.values()] == list(range(0, 10_000, 997))
