"""Resource trackers: what a removal takes and leaves, reports and refuses; transfer."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

import uruk

from support.compiling import Compile
from support.small import Counted, adds_one, call, returns

RICH = """
    #include <cstdlib>
    struct Oops { int code; };
    static thread_local int mine = 4;
    static int begun, *counter;
    static void end() { ++*counter; }
    __attribute__((constructor)) static void begin() { begun = 1; }
    extern "C" void watch(int *where) { counter = where; atexit(end); }
    extern "C" int rich() { try { throw Oops{3}; } catch (Oops &one) { return one.code + mine + begun; } }
"""


def used(jit: uruk.LLJIT) -> int:
    return sum(slab.used for slab in jit.session.executor.memory.slabs)


def test_a_removal_leaves_nothing_behind(cc: Compile, jit: uruk.LLJIT) -> None:
    """Memory, names, unwind data, exit handlers, thread-local storage; the report says so."""
    jit.add_library("stdc++")
    jit.add_object(cc("int ended;"))
    ended = jit.lookup("ended").address
    before = used(jit), len(jit.session.objects), len(jit.session.trackers)
    for round_ in range(3):
        code = jit.add_object(cc.cpp(RICH, "-fPIC"))
        assert call(jit, "rich") == 8
        jit.lookup("watch").function("void(uintptr_t)")(ended)
        released = code.remove()
        assert (released.objects, released.unwind_registrations, released.tls_not_recovered) == (1, 1, 0)
        assert released.symbols >= 2
        assert released.memory > 100
        assert (used(jit), len(jit.session.objects), len(jit.session.trackers)) == before
        assert read_int(ended) == round_ + 1
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup("rich")
        assert all(one.tracker != code.name for one in jit.session.memory_map())


def read_int(address: int) -> int:
    return ctypes.c_int.from_address(address).value


def test_a_tracker_of_many_things(cc: Compile, jit: uruk.LLJIT) -> None:
    """Objects, units made and not, addresses, aliases, archives: all go together."""
    own = jit.main.create_tracker("everything")
    unit, unmade = Counted(cc(returns("made", 1)), "made"), Counted(cc(returns("unmade", 1)), "unmade")
    jit.add_object(cc(adds_one("f", "made")), tracker=own)
    jit.add_unit(unit, tracker=own)
    jit.add_unit(unmade, tracker=own)
    jit.main.define("x", 5, tracker=own)
    jit.main.alias({"g": "f"}, tracker=own)
    jit.main.add_archive(cc.archive("libm.a", cc(returns("member", 3))), tracker=own)
    assert (call(jit, "g"), call(jit, "member")) == (2, 3)
    assert own.remove().objects == 3
    assert unmade.made == 0
    for name in ("f", "g", "x", "made", "unmade", "member"):
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup(name)
    assert not [one for one in jit.session.objects.values() if one.tracker is own]
    assert own.remove() == uruk.Released()
    for use in (
        lambda: jit.add_object(cc(returns("f", 1)), tracker=own),
        lambda: jit.main.define("x", 5, tracker=own),
        lambda: jit.main.alias({"g": "f"}, tracker=own),
        lambda: jit.main.add_archive(cc.archive("libm.a", cc(returns("member", 3))), tracker=own),
        lambda: own.transfer_to(jit.main.tracker),
        lambda: jit.main.tracker.transfer_to(own),
    ):
        with pytest.raises(uruk.UrukError, match="everything was removed"):
            use()


def test_others_stay(cc: Compile, jit: uruk.LLJIT) -> None:
    codes = [jit.add_object(cc(returns(f"f{number}", number))) for number in range(10)]
    functions = [one.function("int(void)") for one in jit.lookup_all([f"f{n}" for n in range(10)]).values()]
    for code in codes[::2]:
        code.remove()
    assert [functions[number]() for number in range(1, 10, 2)] == [1, 3, 5, 7, 9]


def test_a_tracker_can_be_filled_again_after_nothing_was_in_it(cc: Compile, jit: uruk.LLJIT) -> None:
    own = jit.main.create_tracker("own")
    jit.add_object(cc(returns("f", 1)), tracker=own)
    assert call(jit, "f") == 1
    jit.add_object(cc(returns("g", 2)), tracker=own)
    assert call(jit, "g") == 2
    assert own.remove().objects == 2


def test_refused_and_forced(cc: Compile, jit: uruk.LLJIT) -> None:
    base = jit.add_object(cc(returns("f", 1), name="base"))
    users = [jit.add_object(cc(adds_one(name, "f"), name=f"user_{name}")) for name in ("g", "h")]
    jit.lookup_all(["g", "h"])
    with pytest.raises(uruk.InUse) as caught:
        base.remove()
    assert {Path(one).name for one in caught.value.users} == {"user_g.o", "user_h.o"}
    assert call(jit, "g") == 2
    users[0].remove()
    with pytest.raises(uruk.InUse) as caught:
        base.remove()
    assert {Path(one).name for one in caught.value.users} == {"user_h.o"}
    assert base.remove(force=True).objects == 1
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f")
    assert users[1].remove().objects == 1


def test_users_that_are_not_linked_yet_do_not_count(cc: Compile, jit: uruk.LLJIT) -> None:
    base = jit.add_object(cc(returns("f", 1)))
    jit.add_object(cc(adds_one("g", "f")))
    assert call(jit, "f") == 1
    base.remove()
    with pytest.raises(uruk.UndefinedSymbols, match=r"f\s+needed by"):
        jit.lookup("g")
    jit.add_object(cc(returns("f", 5)))
    assert call(jit, "g") == 6


def test_users_of_data_and_thread_locals_count(cc: Compile, jit: uruk.LLJIT) -> None:
    for number, declaration in enumerate(("int", "__thread int")):
        home = jit.create_dylib(f"home{number}")
        base = jit.add_object(cc(f"{declaration} x = 5;", "-fPIC"), dylib=home)
        text = f"extern {declaration} x; int g(void) {{ return x; }}"
        user = jit.add_object(cc(text, "-fPIC", name="reader"), dylib=home)
        assert call(jit, "g", home) == 5
        with pytest.raises(uruk.InUse, match=r"reader\.o"):
            base.remove()
        user.remove()
        assert base.remove().objects == 1


def test_the_weaker_definition_takes_over(cc: Compile, jit: uruk.LLJIT) -> None:
    strong = jit.add_object(cc(returns("f", 1)))
    jit.add_object(cc("__attribute__((weak)) int f(void) { return 2; }"))
    assert call(jit, "f") == 1
    strong.remove()
    assert call(jit, "f") == 2


def test_a_weaker_unit_takes_over(cc: Compile, jit: uruk.LLJIT) -> None:
    """A unit that has discarded a name does not get it back: it was told that nobody will ask."""
    unit = Counted(cc("__attribute__((weak)) int f(void) { return 2; } int g(void) { return 3; }"), "f", "g")
    unit.symbols = {"f": uruk.SymbolFlags.EXPORTED | uruk.SymbolFlags.WEAK, "g": uruk.SymbolFlags.EXPORTED}
    strong = jit.add_object(cc(returns("f", 1)))
    jit.add_unit(unit)
    assert call(jit, "f") == 1
    strong.remove()
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f")
    assert call(jit, "g") == 3


def test_transfer_before_linking(cc: Compile, jit: uruk.LLJIT) -> None:
    first, second = (jit.main.create_tracker(name) for name in ("first", "second"))
    jit.add_object(cc(returns("f", 1)), tracker=first)
    jit.add_unit(Counted(cc(returns("g", 2)), "g"), tracker=first)
    first.transfer_to(second)
    assert (call(jit, "f"), call(jit, "g")) == (1, 2)
    assert first.remove() == uruk.Released()
    assert call(jit, "f") == 1
    assert second.remove().objects == 2
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f")


def test_transfer_after_linking(cc: Compile, jit: uruk.LLJIT) -> None:
    """Everything goes along: users and used, unwind data, exit handlers, storage."""
    jit.add_library("stdc++")
    jit.add_object(cc("int ended;"))
    ended = jit.lookup("ended").address
    first, second = (jit.main.create_tracker(name) for name in ("first", "second"))
    jit.add_object(cc.cpp(RICH, "-fPIC"), tracker=first)
    jit.add_object(cc(adds_one("f", "rich"), name="user"))
    assert call(jit, "f") == 9
    jit.lookup("watch").function("void(uintptr_t)")(ended)
    before = used(jit)
    first.transfer_to(second)
    assert first.remove().memory == 0
    assert (used(jit), read_int(ended), call(jit, "f")) == (before, 0, 9)
    with pytest.raises(uruk.InUse, match=r"user\.o"):
        second.remove()
    released = second.remove(force=True)
    assert (released.unwind_registrations, read_int(ended)) == (1, 1)


def test_a_tracker_is_no_user_of_what_it_took_over(cc: Compile, jit: uruk.LLJIT) -> None:
    base = jit.add_object(cc(returns("f", 1)))
    user = jit.add_object(cc(adds_one("g", "f")))
    assert call(jit, "g") == 2
    base.transfer_to(user)
    assert user.remove().objects == 2


def test_a_tracker_stays_usable_after_a_transfer(cc: Compile, jit: uruk.LLJIT) -> None:
    first, second = (jit.main.create_tracker(name) for name in ("first", "second"))
    jit.add_object(cc(returns("f", 1)), tracker=first)
    first.transfer_to(second)
    jit.add_object(cc(returns("g", 2)), tracker=first)
    assert (call(jit, "f"), call(jit, "g")) == (1, 2)
    assert first.remove().objects == 1
    assert call(jit, "f") == 1
    first_again = jit.main.create_tracker("third")
    first_again.transfer_to(first_again)


def test_archives_go_along(cc: Compile, jit: uruk.LLJIT) -> None:
    first = jit.add_archive(cc.archive("libf.a", cc(returns("f", 1))))
    second = jit.main.create_tracker("second")
    first.transfer_to(second)
    assert call(jit, "f") == 1
    second.remove()
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f")


def test_groups_go_to_the_next_holder(cc: Compile, jit: uruk.LLJIT) -> None:
    """An inline function that two objects have: with its holder gone, the other one's copy serves."""
    inline = "inline int shared(int x) { static int calls; return x + ++calls; }"
    first = jit.add_object(cc.cpp(f'{inline} extern "C" int f() {{ return shared(10); }}', "-O0"))
    jit.add_object(cc.cpp(f'{inline} extern "C" int g() {{ return shared(20); }}', "-O0"))
    assert call(jit, "f") == 11
    first.remove()
    assert call(jit, "g") == 21


def test_removal_while_a_lookup_is_under_way(cc: Compile, jit: uruk.LLJIT) -> None:
    """What goes while a unit is being made is not there any more when the lookup links."""
    code = jit.add_object(cc(returns("f", 1)))

    def make(responsibility: uruk.MaterializationResponsibility) -> Path:
        code.remove()
        return cc(adds_one("g", "f"), name="late")

    jit.add_unit(uruk.FunctionUnit({"g": uruk.SymbolFlags.EXPORTED}, make))
    with pytest.raises(uruk.UndefinedSymbols, match=r"f\s+needed by .*late\.o"):
        jit.lookup("g")
    jit.add_object(cc(returns("f", 3)))
    assert call(jit, "g") == 4


def test_a_finaliser_that_looks_up_and_removes(cc: Compile, jit: uruk.LLJIT) -> None:
    """Finalisers run without the lock, when the names are gone already: what they look up is what is left."""
    seen: list[object] = []
    other = jit.add_object(cc(returns("other", 5)))

    @ctypes.CFUNCTYPE(None)
    def ended() -> None:
        seen.append(call(jit, "other"))
        other.remove()
        try:
            jit.lookup("f")
        except uruk.UndefinedSymbols as error:
            seen.append(type(error))

    jit.define("ended", ended)
    code = jit.add_object(
        cc("extern void ended(void); __attribute__((destructor)) static void end(void) { ended(); } "
           "int f(void) { return 1; }")
    )  # fmt: skip
    assert call(jit, "f") == 1
    code.remove()
    assert seen == [5, uruk.UndefinedSymbols]
    assert other.removed
