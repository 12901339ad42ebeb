"""A lookup of a name whose object is the only one with initialisers that wait: they run once, before it is used."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator

import pytest

import uruk
from uruk.orc.registry.options import Options

from support.compiling import Compile

SOURCE = """
    extern void note(int);
    static int state;
    __attribute__((constructor)) static void begin(void) { state += 1; note(NUMBER); }
    __attribute__((destructor)) static void end(void) { note(-NUMBER); }
    int get_NUMBER(void) { return 10 * NUMBER + state; }
    int uses_NUMBER(void) { return get_NUMBER(); }
"""
BY_ROWS = "one object, row by row"
FUNCTION = "int(void)"


class Notes:
    """What native code notes, in order; `then` is called for each note."""

    def __init__(self) -> None:
        self.all: list[int] = []
        self.then: Callable[[int], object] = lambda _: None
        self.callback = ctypes.CFUNCTYPE(None, ctypes.c_int)(self._note)

    def _note(self, number: int) -> None:
        self.then(number)
        self.all.append(number)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def jit(notes: Notes) -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT(options=Options(rows=True)) as one:
        one.define("note", notes.callback)
        yield one


def add(cc: Compile, jit: uruk.LLJIT, number: int) -> uruk.ResourceTracker:
    return jit.add_object(cc(SOURCE.replace("NUMBER", str(number)), "-fPIC", name=f"lone{number}"))


@pytest.mark.quick
def test_it_runs_once_before_the_lookup_returns(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    for turn in range(2):
        tracker = add(cc, jit, 1)
        symbol = jit.lookup("get_1", timeout=10)
        assert jit.session.times[0][0] == BY_ROWS
        assert notes.all == [1]
        assert symbol.function(FUNCTION)() == 11
        assert jit.lookup("uses_1").function(FUNCTION)() == 11
        tracker.remove()
        assert notes.all == [1, -1]
        notes.all.clear()
        assert not jit.session.initializers.running, turn


def test_others_wait_for_it_and_its_own_thread_does_not(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    add(cc, jit, 2)
    seen: list[object] = []
    others = [threading.Thread(target=lambda: seen.append((jit.lookup("get_2").address, list(notes.all))))]

    def during(number: int) -> None:
        if number < 0:  # the destructor, at the end
            return
        seen.append(jit.lookup("uses_2").function(FUNCTION)())  # the constructor's own thread sees it as it is
        others[0].start()
        others[0].join(0.2)
        assert others[0].is_alive()  # it waits for the constructor

    notes.then = during
    address = jit.lookup("get_2").address
    others[0].join(10)
    assert seen == [21, (address, [2])]


def test_with_others_that_wait_all_run(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    add(cc, jit, 3)
    add(cc, jit, 4)
    jit.lookup("get_4")
    assert notes.all == [3, 4]
    add(cc, jit, 5)
    assert jit.lookup("get_3").function(FUNCTION)() == 31  # a name of another object: the new one runs all the same
    assert notes.all == [3, 4, 5]


def test_an_exception_of_what_it_calls_is_the_lookups(cc: Compile, notes: Notes) -> None:
    with uruk.LLJIT(options=Options(rows=True)) as jit:

        def refuse(number: int) -> None:
            if number > 0:
                raise KeyError(number)

        jit.define("note", jit.callback("void(int)", refuse))
        add(cc, jit, 6)
        with pytest.raises(KeyError):
            jit.lookup("get_6")
        assert jit.lookup("get_6").function(FUNCTION)() == 61  # a constructor runs once, whatever becomes of it


def test_what_cannot_be_linked_is_not_linked_for_others(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    jit.add_object(cc("extern void none(void); __attribute__((constructor)) static void a(void) { none(); } int b;"))
    with pytest.raises(uruk.UndefinedSymbols, match="none"):
        jit.lookup("b")
    add(cc, jit, 7)
    assert jit.lookup("get_7").function(FUNCTION)() == 71
    assert notes.all == [7]
