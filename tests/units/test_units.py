"""Materialization units: what they may deliver, what they discard, and how they are told of their bugs."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import uruk
from uruk import FunctionUnit, MaterializationResponsibility, SymbolFlags

from support.compiling import Compile
from support.small import DATA, FUNCTION, Counted, adds_one, call, returns


def later(value: Any, delay: float = 0.05) -> Future[Any]:
    """A Future that has its value, or error, in a while."""
    future: Future[Any] = Future()
    done = future.set_exception if isinstance(value, BaseException) else future.set_result
    threading.Timer(delay, done, [value]).start()
    return future


def test_asked_once_and_only_when_needed(cc: Compile, jit: uruk.LLJIT) -> None:
    unit = Counted(cc(returns("f", 1) + returns("g", 2)), "f", "g")
    jit.add_unit(unit)
    assert unit.made == 0
    assert (call(jit, "f"), call(jit, "g"), unit.made) == (1, 2, 1)


@pytest.mark.parametrize("form", ["bytes", "bytearray", "memoryview", "path", "text", "list", "future", "emit"])
def test_what_a_unit_may_return(cc: Compile, jit: uruk.LLJIT, form: str) -> None:
    path = cc(returns("f", 1))
    data = path.read_bytes()

    def emit(responsibility: MaterializationResponsibility) -> None:
        responsibility.emit(data, "emitted")

    makes = {
        "bytes": lambda _: data, "bytearray": lambda _: bytearray(data), "memoryview": lambda _: memoryview(data),
        "path": lambda _: path, "text": lambda _: str(path), "list": lambda _: [path], "future": lambda _: later(data),
        "emit": emit,
    }  # fmt: skip
    jit.add_unit(FunctionUnit({"f": FUNCTION}, makes[form]))
    assert call(jit, "f") == 1


def test_several_objects_of_one_unit(cc: Compile, jit: uruk.LLJIT) -> None:
    parts = [cc(returns("f", 1)), cc(adds_one("g", "f"))]

    def make(responsibility: MaterializationResponsibility) -> list[Path]:
        responsibility.emit(cc(adds_one("h", "g")))
        return parts

    jit.add_unit(FunctionUnit(dict.fromkeys("fgh", FUNCTION), make))
    assert call(jit, "h") == 3


def test_addresses_and_delegation(cc: Compile, jit: uruk.LLJIT) -> None:
    """Parts of a unit that are known already, and parts that are left to another one, which is asked by itself."""
    inner = Counted(cc(returns("g", 5)), "g")

    def make(responsibility: MaterializationResponsibility) -> Path:
        responsibility.define("value", 1234)
        responsibility.delegate(inner)
        return cc(returns("f", 4))

    jit.add_unit(FunctionUnit({"f": FUNCTION, "g": FUNCTION, "value": DATA}, make))
    assert call(jit, "f") == 4
    assert inner.made == 0
    assert jit.lookup("value").address == 1234
    assert (call(jit, "g"), inner.made) == (5, 1)


def test_delegating_what_is_wanted_at_once(cc: Compile, jit: uruk.LLJIT) -> None:
    inner = Counted(cc(returns("f", 5)), "f")
    jit.add_unit(FunctionUnit({"f": FUNCTION}, lambda responsibility: responsibility.delegate(inner)))
    jit.add_object(cc(adds_one("g", "f")))
    assert (call(jit, "g"), inner.made) == (6, 1)


def test_the_user_hears_what_is_asked_for(cc: Compile, jit: uruk.LLJIT) -> None:
    seen: list[tuple[str, set[str], frozenset[str]]] = []

    def make(responsibility: MaterializationResponsibility) -> Path:
        seen.append((responsibility.dylib.name, set(responsibility.symbols), responsibility.requested))
        return cc(returns("f", 1) + returns("g", 2))

    jit.add_unit(FunctionUnit({"f": FUNCTION, "g": FUNCTION}, make))
    call(jit, "g")
    assert seen == [("main", {"f", "g"}, frozenset({"g"}))]


def test_a_strong_definition_takes_a_weak_one_from_a_unit(cc: Compile, jit: uruk.LLJIT) -> None:
    unit = Counted(cc("__attribute__((weak)) int f(void) { return 1; } int g(void) { return f(); }"), "f", "g")
    unit.symbols = {"f": FUNCTION | SymbolFlags.WEAK, "g": FUNCTION}
    jit.add_unit(unit)
    jit.add_object(cc(returns("f", 2)))
    assert unit.discarded == ["f"]
    assert call(jit, "f") == 2
    assert unit.made == 0
    assert call(jit, "g") == 2


def test_a_weak_symbol_that_comes_second(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("__attribute__((weak)) int f(void) { return 1; }"))
    unit = Counted(cc("__attribute__((weak)) int f(void) { return 2; } int g(void) { return f() + 10; }"), "f", "g")
    unit.symbols = {"f": FUNCTION | SymbolFlags.WEAK, "g": FUNCTION}
    jit.add_unit(unit)
    assert unit.discarded == ["f"]
    assert (call(jit, "g"), call(jit, "f")) == (11, 1)


def test_a_name_that_is_taken_while_the_unit_works(cc: Compile, jit: uruk.LLJIT) -> None:
    """The object still has the symbol; the stronger definition is used all the same."""

    def make(responsibility: MaterializationResponsibility) -> Path:
        jit.add_object(cc(returns("f", 7)))
        assert set(responsibility.symbols) == {"f", "g"}
        return cc("__attribute__((weak)) int f(void) { return 1; } int g(void) { return f(); }")

    jit.add_unit(FunctionUnit({"f": FUNCTION | SymbolFlags.WEAK, "g": FUNCTION}, make))
    assert call(jit, "g") == 7


def test_two_units_announce_one_name(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_unit(FunctionUnit({"f": FUNCTION}, lambda _: b"", "the first"))
    with pytest.raises(uruk.DuplicateDefinition, match=r"the first and in the second"):
        jit.add_unit(FunctionUnit({"g": FUNCTION, "f": FUNCTION}, lambda _: b"", "the second"))
    with pytest.raises(uruk.DuplicateDefinition, match=r"the first.*object\.o"):
        jit.add_object(cc(returns("f", 1), name="object"))
    jit.add_object(cc(returns("g", 3)))
    assert call(jit, "g") == 3


def test_hidden_symbols_of_a_unit(cc: Compile, jit: uruk.LLJIT) -> None:
    home = jit.create_dylib("home")
    unit = Counted(cc('__attribute__((visibility("hidden"))) int f(void) { return 3; }'), "f")
    unit.symbols = {"f": SymbolFlags.CALLABLE}
    jit.add_unit(unit, dylib=home)
    user = jit.create_dylib("user", [home])
    jit.add_object(cc(adds_one("g", "f")), dylib=user)
    with pytest.raises(uruk.UndefinedSymbols, match="f  needed by"):
        jit.lookup("g", user)
    assert unit.made == 0
    jit.add_object(cc(adds_one("h", "f")), dylib=home)
    assert call(jit, "h", home) == 4


def test_wrong_sets_of_symbols(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_unit(FunctionUnit({"f": FUNCTION, "g": FUNCTION}, lambda _: cc(returns("f", 1)), "too little"))
    with pytest.raises(uruk.WrongDefinitions) as caught:
        jit.lookup("f")
    assert (caught.value.missing, caught.value.unexpected) == (("g",), ())
    assert "unit too little" in str(caught.value)
    assert "a bug in that unit" in str(caught.value)
    jit.add_unit(FunctionUnit({"h": FUNCTION}, lambda _: cc(returns("h", 1) + returns("i", 1)), "too much"))
    with pytest.raises(uruk.WrongDefinitions) as caught:
        jit.lookup("h")
    assert (caught.value.missing, caught.value.unexpected) == ((), ("i",))


def test_wrong_addresses_and_delegation(jit: uruk.LLJIT) -> None:
    def define(responsibility: MaterializationResponsibility) -> None:
        responsibility.define("stranger", 5)

    jit.add_unit(FunctionUnit({"f": FUNCTION}, define))
    with pytest.raises(uruk.WrongDefinitions) as caught:
        jit.lookup("f")
    assert (caught.value.missing, caught.value.unexpected) == (("f",), ("stranger",))


def test_one_symbol_delivered_twice(cc: Compile, jit: uruk.LLJIT) -> None:
    def make(responsibility: MaterializationResponsibility) -> Path:
        responsibility.define("f", 5)
        return cc(returns("f", 1))

    jit.add_unit(FunctionUnit({"f": FUNCTION}, make, "undecided"))
    for _ in range(2):  # nothing of it is kept
        with pytest.raises(uruk.MaterializationError, match="undecided, asked for f: it delivered that twice"):
            jit.lookup("f")
    two = [cc(returns("g", 1), name="one"), cc(returns("g", 2), name="two")]
    jit.add_unit(FunctionUnit({"g": FUNCTION}, lambda _: two))
    with pytest.raises(uruk.DuplicateDefinition, match=r"one\.o.*two\.o|unit"):
        jit.lookup("g")


def test_a_delivery_that_fails_half_way(cc: Compile, jit: uruk.LLJIT) -> None:
    """All or nothing: the object is not taken either, nor its shared groups, and the unit is as before."""
    shared = "inline int once(int x) { static int calls; return x + ++calls; }"
    path = cc.cpp(f'{shared} extern "C" int f() {{ return once(3); }}', "-O0")
    broken, good = Counted(cc(returns("g", 2)), "g"), Counted(cc(returns("g", 1)), "g")
    broken.symbols = {"g": "nonsense"}  # pyright: ignore[reportAttributeAccessIssue]
    parts = [good, broken]

    def make(responsibility: MaterializationResponsibility) -> Path:
        responsibility.delegate(parts.pop())
        return path

    jit.add_unit(FunctionUnit({"f": FUNCTION, "g": FUNCTION}, make))
    before = jit.session.dump()
    with pytest.raises(uruk.MaterializationError, match="nonsense"):
        jit.lookup("f")
    assert jit.session.dump() == before
    assert (call(jit, "f"), call(jit, "g")) == (4, 1)


def test_local_helpers_are_no_news(cc: Compile, jit: uruk.LLJIT) -> None:
    """Hidden and weak symbols of the object need not be announced: nobody else can mean them, or they are shared."""
    source = """
        __attribute__((visibility("hidden"))) int helper(void) { return 4; }
        __attribute__((weak)) int shared(void) { return 5; }
        int f(void) { return helper() + shared(); }
    """
    jit.add_unit(Counted(cc(source), "f"))
    assert call(jit, "f") == 9


def test_what_is_no_object(cc: Compile, jit: uruk.LLJIT) -> None:
    for number, made in enumerate([5, 2.5, object(), {"f": 1}, b"garbage", b"", "/nonexistent/f.o", later(7)]):
        unit = FunctionUnit({f"f{number}": FUNCTION}, lambda _, made=made: made, f"odd {number}")
        jit.add_unit(unit)
        with pytest.raises(uruk.UrukError) as caught:
            jit.lookup(f"f{number}")
        assert f"odd {number}" in str(caught.value) or "nonexistent" in str(caught.value)
    jit.add_object(cc(returns("good", 1)))
    assert call(jit, "good") == 1


def test_units_without_symbols_are_refused(jit: uruk.LLJIT) -> None:
    with pytest.raises(uruk.UrukError, match="announces no symbols"):
        jit.add_unit(FunctionUnit({}, lambda _: b""))


def test_a_unit_without_a_method(jit: uruk.LLJIT) -> None:
    class Forgetful(uruk.MaterializationUnit):
        symbols = MappingProxyType({"f": FUNCTION})

    jit.add_unit(Forgetful())
    with pytest.raises(uruk.MaterializationError, match="Forgetful has no method materialize"):
        jit.lookup("f")


def test_a_unit_may_look_up_and_add(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(returns("ready", 20)))

    def make(responsibility: MaterializationResponsibility) -> Path:
        value = call(jit, "ready")
        jit.add_object(cc(returns("extra", value + 1)))
        return cc(adds_one("f", "extra"))

    jit.add_unit(FunctionUnit({"f": FUNCTION}, make))
    assert call(jit, "f") == 22


def test_a_unit_that_adds_units_without_end_in_sight(cc: Compile, jit: uruk.LLJIT) -> None:
    """Each one announces the next only when it is made."""

    def unit(number: int) -> FunctionUnit:
        def make(responsibility: MaterializationResponsibility) -> Path:
            if number == 30:
                return cc(returns("f30", 0))
            jit.add_unit(unit(number + 1))
            return cc(adds_one(f"f{number}", f"f{number + 1}"))

        return FunctionUnit({f"f{number}": FUNCTION}, make)

    jit.add_unit(unit(0))
    assert call(jit, "f0") == 30


def test_a_unit_that_needs_itself(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(adds_one("around", "f")))
    for name in ("f", "around"):

        def make(responsibility: MaterializationResponsibility, name: str = name) -> Path:
            jit.lookup(name)
            return cc(returns("f", 1))

        code = jit.add_unit(FunctionUnit({"f": FUNCTION}, make, "Ouroboros"))
        with pytest.raises(uruk.MaterializationCycle, match="Ouroboros"):
            jit.lookup("f")
        code.remove()


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_units_that_need_each_other(cc: Compile, workers: int) -> None:
    dispatcher = uruk.ThreadPoolDispatcher(workers) if workers else uruk.InlineDispatcher()
    with uruk.LLJIT(dispatcher=dispatcher) as jit:
        names = ["a", "b", "c"]
        for name, other in zip(names, ["b", "c", "a"], strict=True):

            def make(_: object, name: str = name, other: str = other) -> Path:
                jit.lookup(other)
                return cc(returns(name, 1))

            jit.add_unit(FunctionUnit({name: FUNCTION}, make, f"unit {name}"))
        with pytest.raises(uruk.MaterializationCycle) as caught:
            jit.lookup_all(names)
        assert all(f"unit {name}" in str(caught.value) for name in names)


def test_symbols_that_need_each_other_are_no_cycle(cc: Compile, jit: uruk.LLJIT) -> None:
    """Code may call in circles; only making it may not."""
    jit.add_unit(Counted(cc("extern int odd(int); int even(int n) { return n ? odd(n - 1) : 1; }"), "even"))
    jit.add_unit(Counted(cc("extern int even(int); int odd(int n) { return n ? even(n - 1) : 0; }"), "odd"))
    assert jit.lookup("even").function("int(int)")(7) == 0


def test_a_unit_that_removes_its_own_tracker(cc: Compile, jit: uruk.LLJIT) -> None:
    tracker = jit.main.create_tracker("own")

    def make(responsibility: MaterializationResponsibility) -> Path:
        tracker.remove()
        return cc(returns("f", 1))

    jit.add_unit(FunctionUnit({"f": FUNCTION}, make), tracker=tracker)
    with pytest.raises(uruk.UndefinedSymbols, match="f "):
        jit.lookup("f")
    jit.add_object(cc(returns("f", 2)))
    assert call(jit, "f") == 2


def test_a_unit_that_is_replaced_while_it_works(cc: Compile, jit: uruk.LLJIT) -> None:
    """The lookup takes the state of the session at its end."""
    tracker = jit.main.create_tracker("own")

    def make(responsibility: MaterializationResponsibility) -> Path:
        tracker.remove()
        jit.add_object(cc(returns("f", 2)))
        return cc(returns("f", 1))

    jit.add_unit(FunctionUnit({"f": FUNCTION}, make), tracker=tracker)
    jit.add_object(cc(adds_one("g", "f")))
    assert call(jit, "g") == 3


def test_a_unit_that_closes_the_session(cc: Compile) -> None:
    jit = uruk.LLJIT()

    def make(responsibility: MaterializationResponsibility) -> Path:
        jit.close()
        return cc(returns("f", 1))

    jit.add_unit(FunctionUnit({"f": FUNCTION}, make))
    with pytest.raises(uruk.SessionClosed):
        jit.lookup("f")


def test_a_unit_whose_tracker_is_transferred(cc: Compile, jit: uruk.LLJIT) -> None:
    first, second = jit.main.create_tracker("first"), jit.main.create_tracker("second")

    def make(responsibility: MaterializationResponsibility) -> Path:
        first.transfer_to(second)
        return cc(returns("f", 1))

    jit.add_unit(FunctionUnit({"f": FUNCTION}, make), tracker=first)
    assert call(jit, "f") == 1
    assert first.remove().memory == 0
    assert second.remove().memory > 0


@pytest.mark.parametrize("weak", [False, True])
def test_a_discard_that_raises(cc: Compile, jit: uruk.LLJIT, weak: bool) -> None:
    """Who adds the stronger definition is innocent; who needs the unit hears of it."""

    class Grumpy(Counted):
        def discard(self, name: str) -> None:
            raise ValueError(f"I want to keep {name}")

    unit = Grumpy(cc("__attribute__((weak)) int f(void) { return 1; } int g(void) { return 3; }"), "f", "g")
    unit.symbols = {"f": FUNCTION | SymbolFlags.WEAK, "g": FUNCTION}
    if weak:
        jit.add_object(cc(returns("f", 2)))
    jit.add_unit(unit)
    if not weak:
        jit.add_object(cc(returns("f", 2)))
    assert call(jit, "f") == 2
    with pytest.raises(uruk.MaterializationError, match=r"discard\('f'\) raised ValueError: I want to keep f"):
        jit.lookup("g")


def test_flags_are_those_of_the_object_in_the_end(cc: Compile, jit: uruk.LLJIT) -> None:
    """A unit that calls data a function still gets data linked as data."""
    jit.add_unit(Counted(cc("int value = 6;"), "value"))
    jit.add_object(cc("extern int value; int f(void) { return value; }"))
    assert call(jit, "f") == 6


def test_thread_locals_of_a_unit(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_unit(Counted(cc("__thread int mine = 6;"), "mine", flags=DATA))
    jit.add_object(cc("extern __thread int mine; int f(void) { return ++mine; }"))
    assert (call(jit, "f"), call(jit, "f")) == (7, 8)
