"""Dylibs: the same name in several, link orders, what is visible, removal."""

from __future__ import annotations

import pytest

import uruk

from support.compiling import Compile
from support.small import adds_one, call, returns

HIDDEN = """
    __attribute__((visibility("hidden"))) int secret(void) { return 7; }
    int open_secret(void) { return secret(); }
"""


def test_one_name_in_several(cc: Compile, jit: uruk.LLJIT) -> None:
    for number in range(3):
        dylib = jit.create_dylib(f"d{number}")
        jit.add_object(cc(returns("f", number)), dylib=dylib)
        jit.add_object(cc(adds_one("g", "f")), dylib=dylib)
    dylibs = [jit.session.dylibs[f"d{number}"] for number in range(3)]
    assert [call(jit, "f", one) for one in dylibs] == [0, 1, 2]
    assert [call(jit, "g", one) for one in dylibs] == [1, 2, 3]
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f")


def test_a_name_of_a_dylib_is_used_once(jit: uruk.LLJIT) -> None:
    jit.create_dylib("one")
    with pytest.raises(uruk.UrukError, match="has a dylib one already"):
        jit.create_dylib("one")


def test_the_first_of_the_link_order_has_a_name(cc: Compile, jit: uruk.LLJIT) -> None:
    a, b = jit.create_dylib("a"), jit.create_dylib("b")
    jit.add_object(cc(returns("f", 1)), dylib=a)
    jit.add_object(cc(returns("f", 2)), dylib=b)
    for name, order, expected in (("ab", [a, b], 2), ("ba", [b, a], 3)):
        user = jit.create_dylib(name, order)
        jit.add_object(cc(adds_one("g", "f")), dylib=user)
        assert call(jit, "g", user) == expected
        assert call(jit, "f", user) == expected - 1


def test_weak_before_strong_in_a_link_order(cc: Compile, jit: uruk.LLJIT) -> None:
    """As with shared libraries: strength counts within one dylib only, the order between them."""
    a, b = jit.create_dylib("a"), jit.create_dylib("b")
    jit.add_object(cc("__attribute__((weak)) int f(void) { return 1; }"), dylib=a)
    jit.add_object(cc(returns("f", 2)), dylib=b)
    user = jit.create_dylib("user", [a, b])
    jit.add_object(cc(adds_one("g", "f")), dylib=user)
    assert call(jit, "g", user) == 2
    assert call(jit, "f", b) == 2


def test_own_definitions_come_first_unless_the_order_says_otherwise(cc: Compile, jit: uruk.LLJIT) -> None:
    other = jit.create_dylib("other")
    jit.add_object(cc(returns("f", 10)), dylib=other)
    own = jit.create_dylib("own")
    jit.add_object(cc(returns("f", 20)), dylib=own)
    own.set_link_order([other])
    assert call(jit, "f", own) == 20
    behind = jit.create_dylib("behind")
    behind.set_link_order([other, behind], self_first=False)
    jit.add_object(cc(returns("f", 30)), dylib=behind)
    jit.add_object(cc(adds_one("g", "f")), dylib=behind)
    assert call(jit, "g", behind) == 11
    assert call(jit, "f", behind) == 10


def test_a_link_order_is_not_inherited(cc: Compile, jit: uruk.LLJIT) -> None:
    low = jit.create_dylib("low")
    middle = jit.create_dylib("middle", [low])
    top = jit.create_dylib("top", [middle])
    jit.add_object(cc(returns("deep", 1)), dylib=low)
    jit.add_object(cc(adds_one("through", "deep")), dylib=middle)
    jit.add_object(cc(adds_one("via", "through")), dylib=top)
    assert call(jit, "via", top) == 3
    with pytest.raises(uruk.UndefinedSymbols, match="deep"):
        jit.lookup("deep", top)


def test_cyclic_link_orders(cc: Compile, jit: uruk.LLJIT) -> None:
    a, b = jit.create_dylib("a"), jit.create_dylib("b")
    a.add_to_link_order(b)
    b.add_to_link_order(a)
    jit.add_object(cc("extern int odd(int); int even(int n) { return n ? odd(n - 1) : 1; }"), dylib=a)
    jit.add_object(cc("extern int even(int); int odd(int n) { return n ? even(n - 1) : 0; }"), dylib=b)
    assert jit.lookup("even", a).function("int(int)")(10) == 1
    assert jit.lookup("odd", a).function("int(int)")(10) == 0


def test_hidden_is_seen_in_its_dylib_only(cc: Compile, jit: uruk.LLJIT) -> None:
    home = jit.create_dylib("home")
    jit.add_object(cc(HIDDEN), dylib=home)
    jit.add_object(cc(adds_one("inside", "secret")), dylib=home)
    assert call(jit, "inside", home) == 8
    guest = jit.create_dylib("guest", [home])
    jit.add_object(cc(adds_one("outside", "secret"), name="guest"), dylib=guest)
    with pytest.raises(uruk.UndefinedSymbols, match=r"secret\s+needed by .*guest"):
        jit.lookup("outside", guest)
    assert call(jit, "open_secret", guest) == 7
    with pytest.raises(uruk.UndefinedSymbols, match="hidden"):
        jit.lookup("secret", home)


def test_hidden_names_do_not_end_a_search(cc: Compile, jit: uruk.LLJIT) -> None:
    first, second = jit.create_dylib("first"), jit.create_dylib("second")
    jit.add_object(cc(HIDDEN), dylib=first)
    jit.add_object(cc(returns("secret", 40)), dylib=second)
    user = jit.create_dylib("user", [first, second])
    jit.add_object(cc(adds_one("f", "secret")), dylib=user)
    assert call(jit, "f", user) == 41


def test_a_friend_sees_hidden_names(cc: Compile, jit: uruk.LLJIT) -> None:
    home, friend = jit.create_dylib("home"), jit.create_dylib("friend")
    jit.add_object(cc(HIDDEN), dylib=home)
    friend.add_to_link_order(home, hidden=True)
    jit.add_object(cc(adds_one("f", "secret")), dylib=friend)
    assert call(jit, "f", friend) == 8


def test_a_link_order_that_changes(cc: Compile, jit: uruk.LLJIT) -> None:
    """New code follows the new order, what is linked stays as it is."""
    a, b, user = jit.create_dylib("a"), jit.create_dylib("b"), jit.create_dylib("user")
    jit.add_object(cc(returns("f", 1)), dylib=a)
    jit.add_object(cc(returns("f", 2)), dylib=b)
    user.set_link_order([a])
    jit.add_object(cc(adds_one("g", "f")), dylib=user)
    assert call(jit, "g", user) == 2
    user.set_link_order([b])
    jit.add_object(cc(adds_one("h", "f")), dylib=user)
    assert (call(jit, "h", user), call(jit, "g", user), call(jit, "f", user)) == (3, 2, 2)
    user.drop_from_link_order(b)
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f", user)


def test_bare_sees_neither_process_nor_builtins(cc: Compile, jit: uruk.LLJIT) -> None:
    source = "#include <stdlib.h>\nint f(int x) { return abs(x); }"
    bare, plain = jit.create_dylib("bare", bare=True), jit.create_dylib("plain")
    for dylib in (bare, plain):
        jit.add_object(cc(source, "-fno-builtin"), dylib=dylib)
    with pytest.raises(uruk.UndefinedSymbols, match="abs"):
        jit.lookup("f", bare)
    assert jit.lookup("f", plain).function("int(int)")(-3) == 3


def test_removing_a_dylib(cc: Compile, jit: uruk.LLJIT) -> None:
    used = sum(slab.used for slab in jit.session.executor.memory.slabs)
    gone = jit.create_dylib("gone")
    jit.add_object(cc(returns("f", 1)), dylib=gone)
    jit.main.add_to_link_order(gone)
    assert call(jit, "f") == 1
    gone.remove()
    assert jit.main.link_order == [(jit.main, True)]
    assert sum(slab.used for slab in jit.session.executor.memory.slabs) == used
    assert all(tracker.dylib is not gone for tracker in jit.session.trackers.values())
    uses = [
        lambda: jit.lookup("f", gone), lambda: gone.add_object(cc(returns("g", 1))), lambda: gone.define("x", 1),
        lambda: gone.initialize(), lambda: gone.deinitialize(), lambda: gone.alias({"a": "b"}),
        lambda: jit.main.add_to_link_order(gone), lambda: jit.main.alias(["f"], gone), lambda: gone.create_tracker("t"),
        lambda: gone.add_generator(uruk.FunctionGenerator(lambda dylib, names: None)),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(uruk.UrukError, match="gone"):
            use()
    gone.remove()
    again = jit.create_dylib("gone")
    jit.add_object(cc(returns("f", 2)), dylib=again)
    assert call(jit, "f", again) == 2


def test_a_dylib_in_use_is_not_removed(cc: Compile, jit: uruk.LLJIT) -> None:
    base = jit.create_dylib("base")
    jit.add_object(cc(returns("f", 1)), dylib=base)
    user = jit.create_dylib("user", [base])
    code = jit.add_object(cc(adds_one("g", "f"), name="relies"), dylib=user)
    assert call(jit, "g", user) == 2
    with pytest.raises(uruk.InUse, match=r"relies\.o") as caught:
        base.remove()
    assert "dylib base" in str(caught.value)
    assert (call(jit, "g", user), call(jit, "f", base)) == (2, 1)
    code.remove()
    base.remove()
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f", user)


def test_a_dylib_that_is_forced_out(cc: Compile, jit: uruk.LLJIT) -> None:
    base = jit.create_dylib("base")
    jit.add_object(cc(returns("f", 1)), dylib=base)
    user = jit.create_dylib("user", [base])
    jit.add_object(cc(adds_one("g", "f")), dylib=user)
    call(jit, "g", user)
    base.remove(force=True)
    jit.add_object(cc(adds_one("h", "f")), dylib=user)
    with pytest.raises(uruk.UndefinedSymbols, match="f  needed by"):
        jit.lookup("h", user)


def test_dylibs_that_come_and_go(cc: Compile, jit: uruk.LLJIT) -> None:
    """A removed dylib's space of names is used again: nothing of the old one may be found in it."""
    path, other = cc(returns("f", 1)), cc(returns("h", 5))
    before = len(jit.session.ids)
    for number in range(30):
        dylib = jit.create_dylib(f"d{number}")
        jit.add_object(path if number % 2 else other, dylib=dylib)
        assert call(jit, "f" if number % 2 else "h", dylib) in (1, 5)
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup("h" if number % 2 else "f", dylib)
        dylib.remove()
    assert len(jit.session.ids) - before < 10


def test_trackers_of_one_dylib_are_refused_by_another(cc: Compile, jit: uruk.LLJIT) -> None:
    a, b = jit.create_dylib("a"), jit.create_dylib("b")
    tracker = a.create_tracker("mine")
    with pytest.raises(uruk.UrukError, match="belongs to dylib a, not to b"):
        b.add_object(cc(returns("f", 1)), tracker=tracker)
    with pytest.raises(uruk.UrukError, match=r"not to b|dylib a"):
        b.define("x", 1, tracker=tracker)
    with pytest.raises(uruk.UrukError, match=r"not to b|dylib a"):
        b.alias({"x": "y"}, tracker=tracker)
    with pytest.raises(uruk.UrukError, match=r"not to b|dylib a"):
        b.add_archive(cc.archive("libf.a", cc(returns("f", 1))), tracker=tracker)
    with pytest.raises(uruk.UrukError, match="dylib"):
        tracker.transfer_to(b.create_tracker("other"))


def test_dylibs_of_two_sessions_do_not_mix(jit: uruk.LLJIT) -> None:
    with uruk.LLJIT() as other:
        with pytest.raises(uruk.UrukError, match="not one of this session"):
            jit.main.add_to_link_order(other.main)
        with pytest.raises(uruk.UrukError, match="not one of this session"):
            jit.main.alias({"x": "y"}, other.main)
        with pytest.raises(uruk.UrukError, match="not one of this session"):
            jit.lookup("abs", other.main)
