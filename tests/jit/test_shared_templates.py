"""Copies of one template in several objects: who uses whose, and who is linked for it."""

from __future__ import annotations

import pytest
from compiling import Compile

import uruk

TEMPLATE = "template <class T> T twice(T x) { static int calls; calls++; return x + x + 0 * calls; }"


def test_an_object_that_cannot_be_linked_harms_only_its_users(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc.cpp(TEMPLATE + 'extern "C" int nobody(int); extern "C" int bad(int x) { return nobody(twice(x)); }'))
    jit.add_object(cc.cpp(TEMPLATE + 'extern "C" int fine(int x) { return twice(x); }'))
    assert jit.lookup("fine").function("int(int)")(4) == 8
    with pytest.raises(uruk.UndefinedSymbols, match="nobody"):
        jit.lookup("bad")


def test_a_lookup_links_only_what_it_needs(cc: Compile, jit: uruk.LLJIT) -> None:
    for number in range(6):
        jit.add_object(cc.cpp(TEMPLATE + f'extern "C" int use_{number}(int x) {{ return twice(x) + {number}; }}'))
    assert jit.lookup("use_3").function("int(int)")(4) == 11
    linked = [entry.state.value for entry in jit.main.objects.values()]
    assert linked.count("linked") == 1
    assert jit.lookup("use_0").function("int(int)")(4) == 8


def test_one_copy_of_its_state(cc: Compile, jit: uruk.LLJIT) -> None:
    source = """
        inline int &counter() { static int one; return one; }
        extern "C" int NAME() { return ++counter(); }
    """
    for name in ("first", "second", "third"):
        jit.add_object(cc.cpp(source.replace("NAME", name)))
    calls = [jit.lookup(name).function("int(void)")() for name in ("third", "first", "second", "third")]
    assert calls == [1, 2, 3, 4]
