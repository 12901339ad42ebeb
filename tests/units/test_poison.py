"""Failures: a unit or object that fails takes with it exactly what depends on it, and the first cause is told first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import uruk
from uruk import FunctionUnit
from uruk.passes.faults import Fault, LinkFaults

from support.compiling import Compile
from support.small import FUNCTION, Counted, adds_one, call, in_threads, returns


def failing(*names: str, error: Callable[[], BaseException] = lambda: ValueError("no luck")) -> FunctionUnit:
    """A unit that raises."""

    def make(responsibility: uruk.MaterializationResponsibility) -> Path:
        raise error()

    return FunctionUnit(dict.fromkeys(names, FUNCTION), make, f"bad {'/'.join(names)}")


def fault_in(jit: uruk.LLJIT, *files: str) -> None:
    """Have links that hold one of these files fail for them, as a relocation that does not fit fails a link."""

    def check(state: Any) -> None:
        rows = [row for row, file in enumerate(state.graph.files) if Path(file).stem in files]
        if rows:
            faults = [
                Fault(
                    np.array([row]),
                    lambda _, row=row: uruk.UnsupportedRelocation(state.graph.files[row], "R_TEST", "is a test"),
                )
                for row in rows
            ]
            raise LinkFaults(faults)

    jit.session.hooks["pre-fixup"] = [check]


def test_only_dependents_fail(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_unit(failing("bad"))
    jit.add_object(cc(adds_one("direct", "bad"), name="direct"))
    jit.add_object(cc(adds_one("indirect", "direct"), name="indirect"))
    jit.add_object(cc(adds_one("healthy", "fine")))
    jit.add_object(cc(returns("fine", 1)))
    with pytest.raises(uruk.MaterializationError) as caught:
        jit.lookup_all(["indirect", "healthy"])
    error = caught.value
    assert [Path(one.split()[0]).name for one in error.poisoned] == ["direct.o", "indirect.o"]
    lines = str(error).splitlines()
    assert lines[0] == "unit bad bad, asked for bad: raised ValueError: no luck"
    assert lines[1].startswith("  not linked because of this: ")
    assert len(lines) == 2
    assert isinstance(error.__cause__, ValueError)
    # The healthy part of the batch is linked all the same.
    states = {one["name"]: one["state"] for d in jit.session.describe()["dylibs"] for e in d["entries"]
              for one in e["symbols"]}  # fmt: skip
    assert (states["healthy"], states["fine"], states["direct"]) == ("ready", "ready", "pending")
    assert call(jit, "healthy") == 2


def test_a_long_cascade_is_folded(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_unit(failing("f0"))
    for number in range(1, 30):
        jit.add_object(cc(adds_one(f"f{number}", f"f{number - 1}")))
    with pytest.raises(uruk.MaterializationError) as caught:
        jit.lookup("f29")
    assert len(caught.value.poisoned) == 29
    assert str(caught.value).splitlines()[1].endswith(", and 26 more")


def test_several_causes(cc: Compile, jit: uruk.LLJIT) -> None:
    for number in range(3):
        jit.add_unit(failing(f"bad{number}"))
        jit.add_object(cc(adds_one(f"f{number}", f"bad{number}")))
    with pytest.raises(uruk.MaterializationError) as caught:
        jit.lookup_all(["f0", "f1", "f2"])
    assert len(caught.value.others) == 2
    assert str(caught.value).count("no luck") == 3


def test_a_weak_reference_to_what_fails(cc: Compile, jit: uruk.LLJIT) -> None:
    """Who can do without it is linked without it, and the error is told all the same."""
    jit.add_unit(failing("bad"))
    jit.add_object(cc("__attribute__((weak)) extern int bad(void); int f(void) { return bad ? 1 : 2; }", "-fPIC"))
    with pytest.raises(uruk.MaterializationError) as caught:
        jit.lookup("f")
    assert caught.value.poisoned == ()


def test_a_failed_unit_is_tried_again(cc: Compile, jit: uruk.LLJIT) -> None:
    tries: list[int] = []

    def make(responsibility: uruk.MaterializationResponsibility) -> Path:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("disk full")
        return cc(returns("f", 5))

    jit.add_unit(FunctionUnit({"f": FUNCTION}, make))
    jit.add_object(cc(adds_one("g", "f")))
    for _ in range(2):
        with pytest.raises(uruk.MaterializationError, match="disk full"):
            jit.lookup("g")
    assert call(jit, "g") == 6
    assert len(tries) == 3


def test_a_failure_in_another_dylib(cc: Compile, jit: uruk.LLJIT) -> None:
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    jit.add_unit(failing("bad"), dylib=low)
    jit.add_object(cc(adds_one("middle", "bad")), dylib=low)
    jit.add_object(cc(adds_one("f", "middle") + returns("g", 1)))
    jit.add_object(cc(returns("alone", 3)), dylib=low)
    with pytest.raises(uruk.MaterializationError) as caught:
        jit.lookup_all(["f", "alone"])
    assert len(caught.value.poisoned) == 2
    assert call(jit, "alone", low) == 3


def test_through_an_alias(cc: Compile, jit: uruk.LLJIT) -> None:
    low = jit.create_dylib("low")
    jit.add_unit(failing("bad"), dylib=low)
    jit.alias({"also_bad": "bad"}, low)
    jit.add_object(cc(adds_one("f", "also_bad")))
    jit.add_object(cc(returns("fine", 1)))
    with pytest.raises(uruk.MaterializationError) as caught:
        jit.lookup_all(["f", "fine"])
    assert len(caught.value.poisoned) == 1
    assert call(jit, "fine") == 1


def test_an_undefined_name_of_a_unit_is_no_unit_failure(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_unit(Counted(cc(adds_one("f", "nobody"), name="needs"), "f"))
    with pytest.raises(uruk.UndefinedSymbols, match=r"nobody\s+needed by .*needs\.o"):
        jit.lookup("f")
    jit.add_object(cc(returns("nobody", 1)))
    assert call(jit, "f") == 2


def test_an_error_of_uruks_own_in_a_unit(cc: Compile, jit: uruk.LLJIT) -> None:
    """What a nested lookup raises is told as it is: the root of it all."""

    def make(responsibility: uruk.MaterializationResponsibility) -> Path:
        jit.lookup("missing")
        raise AssertionError

    jit.add_unit(FunctionUnit({"f": FUNCTION}, make))
    with pytest.raises(uruk.UndefinedSymbols, match="missing"):
        jit.lookup("f")


def test_each_lookup_has_its_own_poison(cc: Compile) -> None:
    """Two lookups that wait for one failing unit: each is told what it lost, not what the other did."""
    barrier: list[int] = []

    def make(responsibility: uruk.MaterializationResponsibility) -> Path:
        while len(barrier) < 2:
            pass
        raise uruk.UrukError("no luck")

    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(2)) as jit:
        jit.add_unit(FunctionUnit({"bad": FUNCTION}, make))
        jit.add_object(cc(adds_one("f", "bad"), name="left"))
        jit.add_object(cc(adds_one("g", "bad"), name="right"))

        def look(name: str) -> object:
            future = jit.lookup_future([name])
            while "materializing" not in jit.session.dump():
                pass
            barrier.append(1)
            return future.exception(20)

        errors = in_threads([lambda: look("f"), lambda: look("g")])
    poisoned = [getattr(error, "poisoned", None) for error in errors]
    assert [[Path(one.split()[0]).name for one in each or ()] for each in poisoned] == [["left.o"], ["right.o"]]


def test_objects_at_fault(cc: Compile, jit: uruk.LLJIT) -> None:
    """The same for a link that fails: the guilty and their dependents stay away, the rest is linked at once."""
    fault_in(jit, "guilty")
    jit.add_object(cc(returns("bad", 1), name="guilty"))
    jit.add_object(cc(adds_one("f", "bad"), name="user"))
    jit.add_object(cc(adds_one("healthy", "fine"), name="healthy"))
    jit.add_object(cc(returns("fine", 1), name="fine"))
    with pytest.raises(uruk.UnsupportedRelocation, match=r"guilty\.o: relocation R_TEST") as caught:
        jit.lookup_all(["f", "healthy"])
    assert [Path(one.split()[0]).name for one in caught.value.poisoned] == ["user.o"]
    pending = {Path(entry.file).name for entry in jit.session.pending.values()}
    assert pending == {"guilty.o", "user.o"}
    assert call(jit, "healthy") == 2
    jit.session.hooks.clear()
    assert call(jit, "f") == 2


def test_two_objects_at_fault_at_once(cc: Compile, jit: uruk.LLJIT) -> None:
    fault_in(jit, "one", "two")
    jit.add_object(cc(returns("f", 1), name="one"))
    jit.add_object(cc(returns("g", 1), name="two"))
    with pytest.raises(uruk.UnsupportedRelocation, match="one") as caught:
        jit.lookup_all(["f", "g"])
    assert len(caught.value.others) == 1
    assert "two" in str(caught.value.others[0])


def test_a_faulty_object_with_initialisers(cc: Compile, jit: uruk.LLJIT) -> None:
    """Its error is told by the next lookup; later ones leave it alone until it is asked for."""
    fault_in(jit, "starts")
    jit.add_object(cc("__attribute__((constructor)) static void begin(void) {} int f(void) { return 1; }",
                      name="starts"))  # fmt: skip
    jit.add_object(cc(returns("fine", 1)))
    with pytest.raises(uruk.UnsupportedRelocation):
        jit.lookup("fine")
    assert call(jit, "fine") == 1
    with pytest.raises(uruk.UnsupportedRelocation):
        jit.initialize()
    jit.session.hooks.clear()
    jit.initialize()
    assert call(jit, "f") == 1


def test_nothing_is_kept_of_a_failed_link(cc: Compile, jit: uruk.LLJIT) -> None:
    fault_in(jit, "guilty")
    jit.add_object(cc("__thread int mine = 3; int bad(void) { return mine; }", name="guilty"))
    slabs = jit.session.executor.memory.slabs
    used = sum(slab.used for slab in slabs)
    for _ in range(5):
        with pytest.raises(uruk.UnsupportedRelocation):
            jit.lookup("bad")
    assert sum(slab.used for slab in slabs) == used
    assert jit.session.memory_map() == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interruption_goes_through(cc: Compile, jit: uruk.LLJIT, kind: type[BaseException]) -> None:
    """Ctrl-C in a unit is no failure of the unit: it ends the lookup as it is, and a later one works."""
    tries: list[int] = []

    def make(responsibility: uruk.MaterializationResponsibility) -> Path:
        tries.append(1)
        if len(tries) == 1:
            raise kind
        return cc(returns("f", 5))

    jit.add_unit(FunctionUnit({"f": FUNCTION}, make))
    jit.add_object(cc(adds_one("g", "f")))
    with pytest.raises(kind):
        jit.lookup("g")
    assert call(jit, "g") == 6


def test_an_interruption_in_a_pools_thread(cc: Compile) -> None:
    """It ends nobody else's thread: who waits is told of a unit that failed."""
    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(1)) as jit:
        here: list[object] = []

        def make(responsibility: uruk.MaterializationResponsibility) -> Path:
            import threading

            here.append(threading.current_thread())
            raise SystemExit(3)

        jit.add_unit(FunctionUnit({"f": FUNCTION}, make, "quitter"))
        with pytest.raises(uruk.MaterializationError, match=r"quitter.*SystemExit"):
            jit.lookup_all(["f"], timeout=20)
        jit.add_unit(Counted(cc(returns("g", 1)), "g"))
        assert call(jit, "g") == 1
