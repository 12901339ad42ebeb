"""Initialisers and threads: they run without the session's lock, and others wait for what they are at."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import uruk

from support.compiling import Compile
from support.small import PATIENCE, adds_one, call, in_threads, returns

BEGIN = "extern void begun(void); __attribute__((constructor)) static void begin(void) { begun(); ready = 1; } "


def add_slow(cc: Compile, jit: uruk.LLJIT, begun: Callable[[], None], name: str = "slow") -> object:
    """An object whose initialiser calls `begun`; `slow()` is 1 once it is initialised. Keep the result."""
    callback = ctypes.CFUNCTYPE(None)(begun)
    jit.define("begun", callback)
    jit.add_object(cc(f"static int ready; {BEGIN} int {name}(void) {{ return ready; }}", name=name))
    return callback


def test_an_initialiser_that_waits_for_a_thread_that_looks_up(cc: Compile, jit: uruk.LLJIT) -> None:
    """Under the session's lock this would be a deadlock."""
    seen: list[object] = []
    jit.add_object(cc(returns("other", 3)))
    kept = add_slow(cc, jit, lambda: seen.extend(in_threads([lambda: call(jit, "other")])))
    assert call(jit, "slow") == 1
    assert seen == [3]
    del kept


def test_that_thread_may_add_and_remove(cc: Compile, jit: uruk.LLJIT) -> None:
    seen: list[object] = []

    def work() -> int:
        code = jit.add_object(cc(returns("extra", 4)))
        value = call(jit, "extra")
        code.remove()
        return value

    kept = add_slow(cc, jit, lambda: seen.extend(in_threads([work])))
    assert call(jit, "slow") == 1
    assert seen == [4]
    del kept


def test_a_lookup_of_what_is_being_initialised_waits(cc: Compile, jit: uruk.LLJIT) -> None:
    """Never half initialised code for another thread: neither the object itself, nor what uses it."""
    inside, go = threading.Event(), threading.Event()

    def begun() -> None:
        inside.set()
        assert go.wait(PATIENCE)

    kept = add_slow(cc, jit, begun)
    jit.add_object(cc(adds_one("user", "slow")))

    def other(name: str) -> tuple[int, bool]:
        assert inside.wait(PATIENCE)
        value = call(jit, name)
        return value, go.is_set()

    def release() -> None:
        assert inside.wait(PATIENCE)
        time.sleep(0.2)
        go.set()

    works: list[Callable[[], object]] = [
        lambda: call(jit, "slow"),
        lambda: other("slow"),
        lambda: other("user"),
        release,
    ]
    assert in_threads(works) == [1, (1, True), (2, True), None]
    del kept


def test_lookups_of_something_else_do_not_wait(cc: Compile, jit: uruk.LLJIT) -> None:
    inside, go = threading.Event(), threading.Event()

    def begun() -> None:
        inside.set()
        assert go.wait(PATIENCE)

    jit.add_object(cc(returns("aside", 7)))
    kept = add_slow(cc, jit, begun)

    def other() -> int:
        assert inside.wait(PATIENCE)
        value = call(jit, "aside")
        go.set()  # only now: it did not wait
        return value

    assert in_threads([lambda: call(jit, "slow"), other]) == [1, 7]
    del kept


def test_a_timeout_while_another_thread_initialises(cc: Compile, jit: uruk.LLJIT) -> None:
    inside, go = threading.Event(), threading.Event()

    def begun() -> None:
        inside.set()
        assert go.wait(PATIENCE)

    kept = add_slow(cc, jit, begun)

    def other() -> str:
        assert inside.wait(PATIENCE)
        try:
            jit.lookup("slow", timeout=0.1)
        except uruk.LookupTimeout as error:
            return str(error)
        finally:
            go.set()
        return "nothing raised"

    results = in_threads([lambda: call(jit, "slow"), other])
    assert results[0] == 1
    assert "initialisers that another thread runs" in str(results[1])
    assert call(jit, "slow") == 1
    del kept


def test_what_a_lookup_that_gave_up_had_linked_is_initialised_later(cc: Compile, jit: uruk.LLJIT) -> None:
    inside, go = threading.Event(), threading.Event()

    def begun() -> None:
        inside.set()
        assert go.wait(PATIENCE)

    kept = add_slow(cc, jit, begun)

    def other() -> None:
        assert inside.wait(PATIENCE)
        text = "static int on; __attribute__((constructor)) static void b(void) { on = 5; } extern int slow(void); "
        jit.add_object(cc(text + "int second(void) { return on + slow(); }"))
        with pytest.raises(uruk.LookupTimeout):
            jit.lookup("second", timeout=0.1)
        go.set()

    assert in_threads([lambda: call(jit, "slow"), other]) == [1, None]
    assert call(jit, "second") == 6
    del kept


def test_two_initialisers_that_need_each_other(cc: Compile) -> None:
    """Two threads initialise two dylibs; each initialiser looks the other's function up: both get an answer."""
    with uruk.LLJIT(auto_initialize=False) as jit:
        barrier = threading.Barrier(2)
        kept: list[object] = []
        dylibs = [jit.create_dylib(name, [jit.main]) for name in ("one", "two")]
        for number, dylib in enumerate(dylibs):

            def begun(other: uruk.JITDylib = dylibs[1 - number], number: int = number) -> None:
                barrier.wait(PATIENCE)
                jit.lookup(f"f{1 - number}", other)

            callback = ctypes.CFUNCTYPE(None)(begun)
            kept.append(callback)
            jit.define(f"begun{number}", callback)
            text = BEGIN.replace("begun", f"begun{number}").replace("ready = 1; ", "")
            jit.add_object(cc(text + returns(f"f{number}", number)), dylib=dylib)
        results = in_threads([dylib.initialize for dylib in dylibs])
        assert results == [None, None]


@pytest.mark.parametrize("first", ["initialiser", "unit"])
def test_an_initialiser_and_a_unit_that_need_each_other(cc: Compile, jit: uruk.LLJIT, first: str) -> None:
    """The unit, in another thread, gets the code as it is: half initialised, as natively for a cycle of libraries."""
    in_unit, in_initialiser = threading.Event(), threading.Event()
    path = cc(returns("made", 5))

    def begun() -> None:
        in_initialiser.set()
        assert in_unit.wait(PATIENCE)
        if first == "unit":
            time.sleep(0.2)
        seen.append(call(jit, "made"))

    def make(responsibility: uruk.MaterializationResponsibility) -> Path:
        in_unit.set()
        assert in_initialiser.wait(PATIENCE)
        if first == "initialiser":
            time.sleep(0.2)
        jit.lookup("slow")
        return path

    seen: list[int] = []
    jit.add_unit(uruk.FunctionUnit({"made": uruk.SymbolFlags.EXPORTED}, make))
    other = jit.create_dylib("other")
    other.alias({"made": "made"}, jit.main)
    kept = add_slow(cc, jit, begun)

    def look_made() -> int:
        return jit.lookup_all(["made"], other)["made"].function("int(void)")()

    assert in_threads([lambda: call(jit, "slow"), look_made]) == [1, 5]
    assert seen == [5]
    del kept


def test_removal_waits_for_initialisers(cc: Compile, jit: uruk.LLJIT) -> None:
    inside, go = threading.Event(), threading.Event()

    def begun() -> None:
        inside.set()
        assert go.wait(PATIENCE)

    callback = ctypes.CFUNCTYPE(None)(begun)
    jit.define("begun", callback)
    code = jit.add_object(cc(f"static int ready; {BEGIN} int slow(void) {{ return ready; }}"))

    def remove() -> bool:
        assert inside.wait(PATIENCE)
        threading.Timer(0.2, go.set).start()
        code.remove()
        return go.is_set()

    results = in_threads([lambda: jit.lookup("slow").name, remove])
    assert results == ["slow", True]


@pytest.mark.parametrize("threads", [2, 8])
def test_each_initialiser_runs_once(cc: Compile, jit: uruk.LLJIT, threads: int) -> None:
    count: list[int] = []

    def begun() -> None:
        time.sleep(0.05)
        count.append(1)

    kept = add_slow(cc, jit, begun)
    assert in_threads([lambda: call(jit, "slow")] * threads) == [1] * threads
    assert count == [1]
    del kept


def test_an_exception_of_a_callback_in_an_initialiser(cc: Compile, jit: uruk.LLJIT) -> None:
    """A Python callback that fails is the callback's matter; the initialiser goes on."""

    def begun() -> None:
        raise SystemExit

    import sys

    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        kept = add_slow(cc, jit, begun)
        assert call(jit, "slow") == 1
    finally:
        sys.unraisablehook = hook
    del kept
