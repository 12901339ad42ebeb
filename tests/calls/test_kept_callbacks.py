"""Callbacks that calls make: they live as long as the dylib of the called function, the session, or the call."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import PLACES, compiled, session

import uruk

KEEPING = """
static int (*kept)(int);
int keep(int (*f)(int)) { kept = f; return f(1); }
int late(int x) { return kept(x) + 1; }
"""
KEEP, LATE = "int(int (*)(int))", "int(int)"


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    if request.param == "windows":
        request.getfixturevalue("wine")
    return str(request.param)


@pytest.fixture
def jit(place: str) -> Iterator[uruk.LLJIT]:
    with session(place) as one:
        yield one


def made() -> tuple[Callable[[int], int], weakref.ref[Callable[[int], int]]]:
    """A function of Python's, and what tells if it is there."""

    def function(x: int) -> int:
        return x * 10

    return function, weakref.ref(function)


def kept_address(jit: uruk.LLJIT) -> int:
    """The address of the callback that was made last."""
    home = jit._callbacks  # pyright: ignore[reportPrivateUsage]
    return int(next(reversed([each for kept in home._kept.values() for each in kept.values()])).address)


def test_they_go_with_the_dylib_of_the_function(jit: uruk.LLJIT, place: str, tmp_path: Path) -> None:
    data = compiled(place, tmp_path, KEEPING)
    jit.add_object(compiled(place, tmp_path, "int ask(int (*f)(int), int x) { return f(x); }"))
    ask = jit.lookup("ask").function("int(void *, int)")
    for removal in ("dylib", "tracker"):
        home = jit.create_dylib(removal)
        tracker = jit.add_object(data, dylib=home)
        function, alive = made()
        keep = jit.lookup("keep", dylib=home)
        assert keep.function(KEEP)(function) == 10
        address = kept_address(jit)
        del function
        gc.collect()
        assert alive() is not None
        assert jit.lookup("late", dylib=home).function(LATE)(5) == 51
        if removal == "dylib":
            home.remove()
        else:
            tracker.remove()
        gc.collect()
        assert alive() is None
        with pytest.raises(uruk.ReleasedCallback, match=r"the callback of made.<locals>.function, which was released"):
            ask(address, 5)


def test_they_stay_as_asked(jit: uruk.LLJIT, place: str, tmp_path: Path) -> None:
    home = jit.create_dylib("plugin")
    jit.add_object(compiled(place, tmp_path, KEEPING), dylib=home)
    other = jit.add_object(compiled(place, tmp_path, "int other(void) { return 1; }"), dylib=home)
    assert jit.lookup("other", dylib=home).function("int(void)")() == 1
    keep, late = jit.lookup("keep", dylib=home), jit.lookup("late", dylib=home).function(LATE)
    function, alive = made()
    assert keep.function(KEEP, callbacks="call")(function) == 10
    with pytest.raises(uruk.ReleasedCallback):
        late(1)
    assert keep.function(KEEP)(function) == 10
    other.remove()  # code of the dylib is left
    assert late(2) == 21
    assert keep.function(KEEP, callbacks="session")(function) == 10
    handle = jit.callback("int(int)", function)
    assert jit.lookup("keep", dylib=home).function("int(void *)")(handle) == 10
    assert late(3) == 31
    handle.release()
    with pytest.raises(uruk.ReleasedCallback):
        late(3)
    home.remove()
    del function
    gc.collect()
    assert alive() is not None  # for the session


def test_many_rounds_keep_nothing(tmp_path: Path) -> None:
    """Trampolines, functions and what leads to them are as many after 300 rounds as after 100."""
    data = compiled("here", tmp_path, KEEPING)
    for place in ("here", "shared"):
        with session(place) as jit:
            sizes: list[tuple[int, ...]] = []
            for number in range(300):
                tracker = jit.add_object(data)
                assert jit.lookup("keep").function(KEEP)(lambda x, number=number: x + number) == number + 1
                tracker.remove()
                home = jit._callbacks  # pyright: ignore[reportPrivateUsage]
                sizes.append((len(home._all), len(home._kept), sum(map(len, home._free.values()))))
            assert sizes[-1] == sizes[100]
            assert sizes[-1][:2] == (0, 0)
