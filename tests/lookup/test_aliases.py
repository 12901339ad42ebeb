"""Aliases and re-exports: to objects, archives, libraries, hidden names, other aliases, and to what goes away."""

from __future__ import annotations

import pytest

import uruk

from support.compiling import Compile
from support.small import adds_one, call, returns


def test_an_alias_in_one_dylib(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(returns("f", 4)))
    jit.alias({"g": "f"})
    assert jit.lookup("g").address == jit.lookup("f").address
    jit.add_object(cc(adds_one("h", "g")))
    assert call(jit, "h") == 5


def test_an_alias_before_its_target(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.alias({"g": "f"})
    with pytest.raises(uruk.UndefinedSymbols, match="f "):
        jit.lookup("g")
    jit.add_object(cc(returns("f", 4)))
    assert call(jit, "g") == 4


def test_a_re_export(cc: Compile, jit: uruk.LLJIT) -> None:
    """Only what is named; code of the dylib uses it under the new name."""
    home = jit.create_dylib("home")
    jit.add_object(cc(returns("f", 4) + returns("other", 9)), dylib=home)
    jit.alias(["f"], home)
    jit.alias({"renamed": "other"}, home)
    jit.add_object(cc(adds_one("g", "renamed")))
    assert (call(jit, "f"), call(jit, "renamed"), call(jit, "g")) == (4, 9, 10)
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("other")
    user = jit.create_dylib("user", [jit.main])
    jit.add_object(cc(adds_one("h", "f")), dylib=user)
    assert call(jit, "h", user) == 5


def test_an_alias_pulls_an_archive_member(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_archive(cc.archive("libf.a", cc(adds_one("f", "deeper")), cc(returns("deeper", 1))))
    jit.alias({"g": "f"})
    assert call(jit, "g") == 2


def test_an_alias_of_another_dylibs_archive(cc: Compile, jit: uruk.LLJIT) -> None:
    home = jit.create_dylib("home")
    jit.add_archive(cc.archive("libf.a", cc(returns("f", 3))), dylib=home)
    jit.alias({"g": "f"}, home)
    jit.add_object(cc(adds_one("h", "g")))
    assert call(jit, "h") == 4


def test_an_alias_of_a_library_function(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.alias({"absolute": "labs"})
    jit.add_object(cc("extern long absolute(long); long f(long x) { return absolute(x) + 1; }"))
    assert jit.lookup("absolute").function("long(long)")(-4) == 4
    assert jit.lookup("f").function("long(long)")(-4) == 5


def test_an_alias_of_an_added_library(cc: Compile, jit: uruk.LLJIT) -> None:
    home = jit.create_dylib("home", bare=True)
    jit.add_library(cc.shared("libown.so", returns("own", 6) + "int own_data = 8;"), dylib=home)
    jit.alias({"mine": "own", "data": "own_data"}, home)
    assert call(jit, "mine") == 6
    jit.add_object(cc("extern int data, mine(void); int f(void) { return data + mine(); }", "-fPIC"))
    assert call(jit, "f") == 14


def test_an_alias_of_data(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int counter = 5; int next(void) { return counter++; }"))
    jit.alias({"same": "counter"})
    jit.add_object(cc("extern int same; int peek(void) { return same; }"))
    assert (call(jit, "peek"), call(jit, "next"), call(jit, "peek")) == (5, 5, 6)


@pytest.mark.parametrize("flags", [(), ("-fPIC",), ("-fPIC", "-mtls-dialect=gnu2")])
@pytest.mark.parametrize("one_batch", [True, False])
def test_an_alias_of_a_thread_local(cc: Compile, jit: uruk.LLJIT, flags: tuple[str, ...], one_batch: bool) -> None:
    home = jit.create_dylib("home")
    jit.add_object(cc("__thread int mine = 5; int get(void) { return mine; }", *flags), dylib=home)
    jit.alias({"same": "mine"}, home)
    if not one_batch:
        assert call(jit, "get", home) == 5
    jit.add_object(cc("extern __thread int same; int raise(void) { return ++same; }", *flags))
    assert call(jit, "raise") == 6
    assert call(jit, "get", home) == 6
    with pytest.raises(uruk.TLSError, match="thread-local"):
        jit.lookup("same")


def test_a_re_export_shows_a_hidden_name(cc: Compile, jit: uruk.LLJIT) -> None:
    """As ORC has it: who re-exports a name means that definition, and decides who sees the new one."""
    home = jit.create_dylib("home")
    jit.add_object(cc('__attribute__((visibility("hidden"))) int f(void) { return 3; }'), dylib=home)
    jit.alias({"g": "f"}, home)
    assert call(jit, "g") == 3
    user = jit.create_dylib("user", [jit.main])
    assert call(jit, "g", user) == 3


def test_a_hidden_alias(cc: Compile, jit: uruk.LLJIT) -> None:
    home = jit.create_dylib("home")
    jit.add_object(cc(returns("f", 3)), dylib=home)
    home.alias({"inner": "f"}, hidden=True)
    jit.add_object(cc(adds_one("g", "inner")), dylib=home)
    assert call(jit, "g", home) == 4
    user = jit.create_dylib("user", [home])
    with pytest.raises(uruk.UndefinedSymbols, match="inner"):
        jit.lookup("inner", user)


def test_a_chain_of_aliases_through_dylibs(cc: Compile, jit: uruk.LLJIT) -> None:
    before = jit.create_dylib("d0")
    jit.add_object(cc(returns("f0", 1)), dylib=before)
    for number in range(1, 40):
        dylib = jit.create_dylib(f"d{number}")
        dylib.alias({f"f{number}": f"f{number - 1}"}, before)
        before = dylib
    user = jit.create_dylib("user", [before])
    jit.add_object(cc(adds_one("g", "f39")), dylib=user)
    assert call(jit, "g", user) == 2
    assert call(jit, "f39", user) == 1


def test_cycles_are_told(cc: Compile, jit: uruk.LLJIT) -> None:
    other = jit.create_dylib("other")
    jit.alias({"a": "b"}, other)
    other.alias({"b": "c"})
    other.alias({"c": "a"}, jit.main)
    with pytest.raises(uruk.AliasCycle) as caught:
        jit.lookup("a")
    assert set(caught.value.names) == {"a", "b", "c"}
    jit.add_object(cc(adds_one("f", "a")))
    with pytest.raises(uruk.AliasCycle):
        jit.lookup("f")
    jit.alias({"self": "self"})
    with pytest.raises(uruk.AliasCycle):
        jit.lookup("self")
    jit.add_object(cc(returns("good", 2)))
    assert call(jit, "good") == 2


def test_an_alias_clashes_as_any_definition(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(returns("f", 1), name="first"))
    with pytest.raises(uruk.DuplicateDefinition, match=r"first\.o.*an alias in main"):
        jit.alias({"f": "g"})
    jit.main.alias({"f": "g"}, weak=True)
    assert call(jit, "f") == 1


def test_a_weak_alias_waits_for_its_turn(cc: Compile, jit: uruk.LLJIT) -> None:
    code = jit.add_object(cc(returns("f", 1)))
    jit.add_object(cc(returns("g", 2)))
    jit.main.alias({"f": "g"}, weak=True)
    assert call(jit, "f") == 1
    code.remove()
    assert call(jit, "f") == 2


def test_the_target_goes_and_comes_back(cc: Compile, jit: uruk.LLJIT) -> None:
    home = jit.create_dylib("home")
    code = jit.add_object(cc(returns("f", 1)), dylib=home)
    jit.alias({"g": "f"}, home)
    assert call(jit, "g") == 1
    code.remove()
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("g")
    jit.add_object(cc(returns("f", 2)), dylib=home)
    assert call(jit, "g") == 2


def test_the_targets_dylib_goes(cc: Compile, jit: uruk.LLJIT) -> None:
    """What stood for a name of a removed dylib is undefined, also when another dylib takes the names' place."""
    home = jit.create_dylib("home")
    jit.add_object(cc(returns("f", 1)), dylib=home)
    jit.alias({"g": "f"}, home)
    assert call(jit, "g") == 1
    home.remove(force=True)
    with pytest.raises(uruk.UrukError, match=r"f|home"):
        jit.lookup("g")
    newcomer = jit.create_dylib("newcomer")
    jit.add_object(cc(returns("f", 2)), dylib=newcomer)
    assert call(jit, "f", newcomer) == 2
    with pytest.raises(uruk.UrukError):
        jit.lookup("g")


def test_code_bound_through_an_alias_counts_as_a_user(cc: Compile, jit: uruk.LLJIT) -> None:
    home = jit.create_dylib("home")
    code = jit.add_object(cc(returns("f", 1), name="target"), dylib=home)
    jit.alias({"g": "f"}, home)
    jit.add_object(cc(adds_one("h", "g"), name="caller"))
    assert call(jit, "h") == 2
    with pytest.raises(uruk.InUse, match=r"caller\.o"):
        code.remove()


def test_an_alias_stands_for_what_the_targets_dylib_sees(cc: Compile, jit: uruk.LLJIT) -> None:
    low = jit.create_dylib("low")
    jit.add_object(cc(returns("f", 8)), dylib=low)
    middle = jit.create_dylib("middle", [low])
    jit.alias({"g": "f"}, middle)
    assert call(jit, "g") == 8
