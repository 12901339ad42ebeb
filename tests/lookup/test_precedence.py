"""Who answers for a name that nothing in a dylib defines: the order that docs/architecture.md documents (§7)."""

from __future__ import annotations

import ctypes

import pytest

import uruk

from support.compiling import Compile
from support.small import Counted, adds_one, call, returns

VALUES = {"object": 1, "archive": 2, "library": 3, "generator": 4, "other": 5}


def add(cc: Compile, jit: uruk.LLJIT, dylib: uruk.JITDylib, kind: str, value: int = 0) -> None:
    """Something that defines `both`, which returns the kind's number, or `value`."""
    text = returns("both", value or VALUES[kind])
    if kind == "object":
        jit.add_object(cc(text), dylib=dylib)
    elif kind == "archive":
        jit.add_archive(cc.archive("libboth.a", cc(text)), dylib=dylib)
    elif kind == "library":
        jit.add_library(cc.shared("libboth.so", text), dylib=dylib)
    else:
        jit.add_generator(lambda _, names: [Counted(cc(text), "both")] if "both" in names else None, dylib=dylib)


SOURCES = ["archive", "library", "generator"]
PAIRS = [(a, b) for a in SOURCES for b in SOURCES if a != b]


@pytest.mark.parametrize("how", ["lookup", "code"])
@pytest.mark.parametrize("pair", PAIRS)
def test_the_first_added_answers(cc: Compile, jit: uruk.LLJIT, pair: tuple[str, str], how: str) -> None:
    """T28: archive and library and generator in one dylib: whichever was added first, as on ld's command line."""
    home = jit.create_dylib("home")
    for kind in pair:
        add(cc, jit, home, kind)
    if how == "code":
        jit.add_object(cc(adds_one("f", "both")), dylib=home)
        assert call(jit, "f", home) == VALUES[pair[0]] + 1
    assert call(jit, "both", home) == VALUES[pair[0]]


@pytest.mark.parametrize("pair", PAIRS)
def test_the_same_from_another_dylib(cc: Compile, jit: uruk.LLJIT, pair: tuple[str, str]) -> None:
    home = jit.create_dylib("home")
    for kind in pair:
        add(cc, jit, home, kind)
    user = jit.create_dylib("user", [home])
    jit.add_object(cc(adds_one("f", "both")), dylib=user)
    assert call(jit, "f", user) == VALUES[pair[0]] + 1


@pytest.mark.parametrize("kind", SOURCES)
def test_definitions_come_first(cc: Compile, jit: uruk.LLJIT, kind: str) -> None:
    add(cc, jit, jit.main, kind)
    add(cc, jit, jit.main, "object")
    jit.add_object(cc(adds_one("f", "both")))
    assert call(jit, "f") == VALUES["object"] + 1


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("other", ["object", "archive", "library", "generator"])
def test_a_dylib_with_all_it_has_before_the_next_one(cc: Compile, jit: uruk.LLJIT, kind: str, other: str) -> None:
    first, second = jit.create_dylib("first"), jit.create_dylib("second")
    add(cc, jit, first, kind)
    add(cc, jit, second, other, VALUES["other"])
    user = jit.create_dylib("user", [first, second])
    jit.add_object(cc(adds_one("f", "both")), dylib=user)
    assert call(jit, "f", user) == VALUES[kind] + 1


@pytest.mark.parametrize("kind", SOURCES)
def test_the_process_comes_last(cc: Compile, jit: uruk.LLJIT, kind: str) -> None:
    """T27: the process has an `abs`, too; who adds one means that."""
    text = "int abs(int x) { return 1000; }"
    path = cc(text, "-fno-builtin")
    if kind == "archive":
        jit.add_archive(cc.archive("libabs.a", path))
    elif kind == "library":
        jit.add_library(cc.shared("libabs.so", text, "-fno-builtin"))
    else:
        jit.add_generator(lambda _, names: [Counted(path, "abs")] if "abs" in names else None)
    jit.add_object(cc("int abs(int); int f(int x) { return abs(x); }", "-fno-builtin"))
    assert jit.lookup("f").function("int(int)")(-1) == 1000


def test_two_libraries_of_the_process(cc: Compile, jit: uruk.LLJIT) -> None:
    """T27: two loaded libraries define a name: each dylib gets the one that it added, not the first."""
    paths = [cc.shared(f"libtwin{number}.so", returns("twin", number)) for number in (1, 2)]
    loaded = [ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL) for path in paths]
    assert loaded[0].twin() == 1
    first_of_process = ctypes.CDLL(None).twin()
    other = 2 if first_of_process == 1 else 1
    home = jit.create_dylib("home")
    jit.add_library(paths[other - 1], dylib=home)
    jit.add_object(cc(adds_one("f", "twin")), dylib=home)
    assert (call(jit, "f", home), call(jit, "twin", home)) == (other + 1, other)
    user = jit.create_dylib("user", [home])
    jit.add_object(cc(adds_one("g", "twin")), dylib=user)
    assert call(jit, "g", user) == other + 1
    plain = jit.create_dylib("plain")
    jit.add_object(cc(adds_one("h", "twin")), dylib=plain)
    assert call(jit, "h", plain) == first_of_process + 1


def test_the_first_library_of_two(cc: Compile, jit: uruk.LLJIT) -> None:
    for number in (1, 2):
        jit.add_library(cc.shared(f"libt{number}.so", returns("t", number)))
    jit.add_object(cc(adds_one("f", "t")))
    assert (call(jit, "f"), call(jit, "t")) == (2, 1)


def test_the_first_member_that_has_a_name(cc: Compile, jit: uruk.LLJIT) -> None:
    """T29: of several members the first one, not the last."""
    members = [cc(returns("f", number)) for number in (1, 2, 3)]
    jit.add_archive(cc.archive("libf.a", *members))
    jit.add_object(cc(adds_one("g", "f")))
    assert call(jit, "g") == 2


def test_the_first_archive_that_has_a_name(cc: Compile, jit: uruk.LLJIT) -> None:
    for number in (1, 2):
        jit.add_archive(cc.archive(f"libf{number}.a", cc(returns("f", number))))
    assert call(jit, "f") == 1


def test_a_member_with_a_weak_definition_is_eligible(cc: Compile, jit: uruk.LLJIT) -> None:
    """As ld has it: the index decides, weak or not."""
    weak = cc("__attribute__((weak)) int f(void) { return 1; }")
    jit.add_archive(cc.archive("libf.a", weak, cc(returns("f", 2))))
    jit.add_object(cc(adds_one("g", "f")))
    assert call(jit, "g") == 2


def test_a_generator_does_not_hide_an_archive(cc: Compile, jit: uruk.LLJIT) -> None:
    """T28: a generator that has nothing for a name passes it on to what was added behind it."""
    asked: list[str] = []
    jit.add_generator(lambda _, names: asked.extend(names))
    jit.add_archive(cc.archive("libf.a", cc(adds_one("f", "g")), cc(returns("g", 1))))
    jit.add_object(cc(adds_one("h", "f")))
    assert call(jit, "h") == 3
    assert asked == ["f", "g"]


def test_a_weak_reference_asks_libraries_and_generators(cc: Compile, jit: uruk.LLJIT) -> None:
    source = "__attribute__((weak)) extern int both(void); int f(void) { return both ? both() : 0; }"
    for kind, expected in (("archive", 0), ("library", VALUES["library"]), ("generator", VALUES["generator"])):
        home = jit.create_dylib(kind)
        add(cc, jit, home, kind)
        jit.add_object(cc(source, "-fPIC"), dylib=home)
        assert call(jit, "f", home) == expected


def test_after_removal_the_next_one_answers(cc: Compile, jit: uruk.LLJIT) -> None:
    first = jit.add_archive(cc.archive("libone.a", cc(returns("f", 1))))
    jit.add_archive(cc.archive("libtwo.a", cc(returns("f", 2))))
    assert call(jit, "f") == 1
    first.remove()
    assert call(jit, "f") == 2


def test_compiler_builtins_give_way_to_what_was_added(cc: Compile, jit: uruk.LLJIT) -> None:
    text = "typedef int T __attribute__((mode(TI))); T __divti3(T a, T b) { return 77; }"
    source = "typedef int T __attribute__((mode(TI))); int f(void) { volatile T a = 5, b = 2; return a / b; }"
    home = jit.create_dylib("home")
    jit.add_archive(cc.archive("libdiv.a", cc(text)), dylib=home)
    jit.add_object(cc(source), dylib=home)
    jit.add_object(cc(source))
    assert (call(jit, "f", home), call(jit, "f")) == (77, 2)
