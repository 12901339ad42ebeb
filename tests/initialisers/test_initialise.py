"""Initialising and deinitialising one dylib, as dlopen and dlclose do."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk

from support.compiling import Compile
from support.small import FUNCTION, call, returns

NOISY = """
    #include <stdlib.h>
    extern void note(int);
    static void at_exit(void) { note(NUMBER * 10 + 3); }
    __attribute__((constructor)) static void begin(void) { note(NUMBER * 10 + 1); atexit(at_exit); }
    __attribute__((destructor)) static void end(void) { note(NUMBER * 10 + 4); }
    int value_NUMBER = 0;
    int f_NUMBER(void) { return ++value_NUMBER; }
"""


class Notes:
    """What native code notes, in order."""

    def __init__(self) -> None:
        self.all: list[int] = []
        self.callback = ctypes.CFUNCTYPE(None, ctypes.c_int)(self.all.append)

    def take(self) -> list[int]:
        taken = list(self.all)
        self.all.clear()
        return taken


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def jit(notes: Notes) -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT(auto_initialize=False) as one:
        one.define("note", notes.callback)
        yield one


def noisy(cc: Compile, number: int) -> Path:
    return cc(NOISY.replace("NUMBER", str(number)), "-fPIC", name=f"noisy{number}")


def add(cc: Compile, jit: uruk.LLJIT, number: int, *order: uruk.JITDylib) -> uruk.JITDylib:
    """A dylib with an object that notes NUMBER1 when it begins, NUMBER3 and NUMBER4 when it ends."""
    dylib = jit.create_dylib(f"d{number}", [*order, jit.main])
    jit.add_object(noisy(cc, number), dylib=dylib)
    return dylib


def test_one_dylib_and_not_the_other(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    one, two = add(cc, jit, 1), add(cc, jit, 2)
    one.initialize()
    assert notes.take() == [11]
    assert one.deinitialize()
    assert notes.take() == [13, 14]
    two.initialize()
    assert notes.take() == [21]


def test_what_others_need_begins_first_and_ends_last(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    low = add(cc, jit, 1)
    middle = add(cc, jit, 2, low)
    top = add(cc, jit, 3, middle, low)
    top.initialize()
    assert notes.take() == [11, 21, 31]
    top.deinitialize()
    assert notes.take() == [33, 34, 23, 24, 13, 14]


def test_counted_as_dlopen_counts(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    low = add(cc, jit, 1)
    top = add(cc, jit, 2, low)
    low.initialize()
    top.initialize()
    top.initialize()
    assert notes.take() == [11, 21]
    assert not top.deinitialize()
    assert notes.take() == []
    assert top.deinitialize()
    assert notes.take() == [23, 24]  # the lower one was opened by itself, too
    assert low.deinitialize()
    assert notes.take() == [13, 14]
    assert not low.deinitialize() or notes.take() == []


def test_initialised_again(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    """The code stays, and its data is as it was left; initialisers and finalisers run again."""
    dylib = add(cc, jit, 1)
    for round_ in range(3):
        dylib.initialize()
        assert notes.take() == [11]
        assert call(jit, "f_1", dylib) == round_ + 1
        assert dylib.deinitialize()
        assert notes.take() == [13, 14]
    dylib.remove()
    assert notes.take() == []


def test_removal_ends_what_was_begun(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    dylib = add(cc, jit, 1)
    dylib.initialize()
    notes.take()
    dylib.remove()
    assert notes.take() == [13, 14]


def test_close_ends_what_was_begun(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    one, two = add(cc, jit, 1), add(cc, jit, 2)
    one.initialize()
    two.initialize()
    notes.take()
    jit.close()
    assert notes.take() == [23, 24, 13, 14]


def test_what_was_not_begun_does_not_end(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    dylib = add(cc, jit, 1)
    assert call(jit, "f_1", dylib) == 1  # linked, not initialised
    dylib.remove()
    assert notes.take() == []


def test_linked_first_initialised_later(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    dylib = add(cc, jit, 1)
    assert call(jit, "f_1", dylib) == 1
    assert notes.take() == []
    dylib.initialize()
    assert notes.take() == [11]


def test_added_after_initialising(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    dylib = add(cc, jit, 1)
    dylib.initialize()
    jit.add_object(noisy(cc, 2), dylib=dylib)
    dylib.initialize()
    assert notes.take() == [11, 21]
    dylib.deinitialize()
    assert notes.take() == []
    dylib.deinitialize()
    assert notes.take() == [23, 24, 13, 14]


def test_cyclic_link_orders(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    one, two = add(cc, jit, 1), add(cc, jit, 2)
    one.add_to_link_order(two)
    two.add_to_link_order(one)
    one.initialize()
    assert sorted(notes.take()) == [11, 21]
    one.deinitialize()
    assert sorted(notes.take()) == [13, 14, 23, 24]


def test_a_lookup_initialises_what_it_reaches(cc: Compile, notes: Notes) -> None:
    with uruk.LLJIT() as jit:
        jit.define("note", notes.callback)
        low = add(cc, jit, 1)
        top = jit.create_dylib("top", [low])
        aside = add(cc, jit, 2)
        jit.add_object(cc(returns("f", 1)), dylib=top)
        assert call(jit, "f", top) == 1
        assert notes.take() == [11]
        assert call(jit, "f_2", aside) == 1
        assert notes.take() == [21]


def test_a_failed_initialise_does_not_count(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    dylib = add(cc, jit, 1)
    broken = "extern int nobody(void); __attribute__((constructor)) static void begin(void) { nobody(); }"
    code = jit.add_object(cc(broken), dylib=dylib)
    with pytest.raises(uruk.UndefinedSymbols, match="nobody"):
        dylib.initialize()
    assert dylib.opened == 0
    code.remove()
    notes.take()
    dylib.initialize()
    dylib.deinitialize()
    assert notes.take()[-2:] == [13, 14]


def test_an_initialiser_that_looks_up(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    """As a constructor that calls dlsym: it finds its own dylib's code, and links more."""
    seen: list[int] = []
    dylib = jit.create_dylib("own", [jit.main])

    @ctypes.CFUNCTYPE(None)
    def begun() -> None:
        seen.append(call(jit, "later", dylib) + call(jit, "f", dylib))

    jit.define("begun", begun)
    text = "extern void begun(void); __attribute__((constructor)) static void begin(void) { begun(); } "
    jit.add_object(cc(text + returns("f", 1)), dylib=dylib)
    jit.add_object(cc(returns("later", 10)), dylib=dylib)
    dylib.initialize()
    assert seen == [11]


def test_an_initialiser_that_initialises_another_dylib(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    other = add(cc, jit, 2)
    dylib = jit.create_dylib("own", [jit.main])

    @ctypes.CFUNCTYPE(None)
    def begun() -> None:
        other.initialize()

    jit.define("begun", begun)
    text = "extern void begun(void); __attribute__((constructor)) static void begin(void) { begun(); }"
    jit.add_object(cc(text), dylib=dylib)
    dylib.initialize()
    assert notes.take() == [21]


def test_an_initialiser_that_removes_its_own_code(cc: Compile, jit: uruk.LLJIT) -> None:
    seen: list[BaseException] = []
    codes: list[uruk.ResourceTracker] = []

    @ctypes.CFUNCTYPE(None)
    def begun() -> None:
        try:
            codes[0].remove(force=True)
        except uruk.UrukError as error:
            seen.append(error)

    jit.define("begun", begun)
    text = "extern void begun(void); __attribute__((constructor)) static void begin(void) { begun(); } "
    codes.append(jit.add_object(cc(text + returns("f", 4))))
    jit.initialize()
    assert isinstance(seen[0], uruk.InUse)
    assert call(jit, "f") == 4
    assert codes[0].remove().objects == 1


def test_a_unit_with_initialisers(cc: Compile, jit: uruk.LLJIT, notes: Notes) -> None:
    """Nobody knows before it is made; when one of its symbols is needed, what it has is run."""
    names = dict.fromkeys(("f_1", "value_1"), FUNCTION)
    jit.add_unit(uruk.FunctionUnit(names, lambda _: noisy(cc, 1)))
    jit.initialize()
    assert notes.take() == []
    jit.lookup("f_1")
    jit.initialize()
    assert notes.take() == [11]


def test_removal_waits_for_finalisers_of_another_thread(cc: Compile) -> None:
    """Code is not freed under a finaliser that `deinitialize` runs; and its own thread is told that it cannot be."""
    inside, go_on, seen = threading.Event(), threading.Event(), []

    @ctypes.CFUNCTYPE(None)
    def ending() -> None:
        inside.set()
        go_on.wait(20)
        with pytest.raises(uruk.InUse, match="its own initialisers or finalisers"):
            code.remove(force=True)
        seen.append(number.value)

    with uruk.LLJIT() as jit:
        jit.define("ending", ending)
        dylib = jit.create_dylib("own", [jit.main])
        source = "extern void ending(void); int number = 7;"
        source += "__attribute__((destructor)) static void end(void) { ending(); number++; }"
        code = jit.add_object(cc(source, "-fPIC"), dylib=dylib)
        dylib.initialize()
        number = ctypes.c_int.from_address(jit.lookup("number", dylib).address)
        ender = threading.Thread(target=dylib.deinitialize)
        ender.start()
        assert inside.wait(20)
        remover = threading.Thread(target=lambda: seen.append(code.remove(force=True)))
        remover.start()
        remover.join(0.2)
        assert remover.is_alive()
        assert seen == []
        go_on.set()
        ender.join(20)
        remover.join(20)
        assert seen[0] == 7
        assert seen[1].memory > 0
