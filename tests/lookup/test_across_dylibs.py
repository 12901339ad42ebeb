"""What code of several dylibs shares and what each has for itself: C++, thread-locals, atexit, section boundaries."""

from __future__ import annotations

import ctypes

import pytest

import uruk

from support.compiling import Compile
from support.small import adds_one, call, returns

THROW = """
    #include <stdexcept>
    struct Shape { virtual ~Shape() {} virtual int area() const { return 1; } };
    struct Square : Shape { int area() const override { return 9; } };
    extern "C" void throw_square() { throw Square(); }
    extern "C" void throw_error() { throw std::runtime_error("seven"); }
    Shape *make() { return new Square; }
"""
CATCH = """
    #include <stdexcept>
    #include <typeinfo>
    struct Shape { virtual ~Shape() {} virtual int area() const { return 1; } };
    struct Square : Shape { int area() const override { return 9; } };
    extern "C" void throw_square();
    extern "C" void throw_error();
    Shape *make();
    extern "C" int catch_base() { try { throw_square(); } catch (const Shape &one) { return one.area(); } return 0; }
    extern "C" int catch_exact() { try { throw_square(); } catch (const Square &one) { return one.area(); } return 0; }
    extern "C" int catch_error() { try { throw_error(); } catch (std::exception &e) { return e.what()[0]; } return 0; }
    extern "C" int cast() { Shape *one = make(); bool ok = dynamic_cast<Square *>(one); delete one; return ok; }
    extern "C" int type() { Shape *one = make(); int same = typeid(*one) == typeid(Square); delete one; return same; }
"""
FLAGS = [(), ("-fPIC",), ("-O2",), ("-fno-pie",)]


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("one_batch", [True, False])
def test_exceptions_and_types(cc: Compile, jit: uruk.LLJIT, flags: tuple[str, ...], one_batch: bool) -> None:
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    for dylib in (low, jit.main):
        jit.add_library("stdc++", dylib=dylib)
    jit.add_object(cc.cpp(THROW, *flags), dylib=low)
    if not one_batch:
        jit.lookup("throw_square", low)
    jit.add_object(cc.cpp(CATCH, *flags))
    assert [call(jit, name) for name in ("catch_base", "catch_exact", "cast", "type")] == [9, 9, 1, 1]
    assert call(jit, "catch_error") == ord("s")


@pytest.mark.parametrize("flags", [(), ("-fPIC",)])
def test_inline_functions_of_several_dylibs(cc: Compile, jit: uruk.LLJIT, flags: tuple[str, ...]) -> None:
    """Dylibs are as separate as libraries that are not loaded globally: each has its own copy, static data and all."""
    inline = "inline int shared() { static int calls; return ++calls; }"
    for number in range(3):
        dylib = jit.create_dylib(f"d{number}")
        jit.add_object(cc.cpp(f'{inline} extern "C" int f() {{ return shared(); }}', "-O0", *flags), dylib=dylib)
        jit.add_object(cc.cpp(f'{inline} extern "C" int g() {{ return shared(); }}', "-O0", *flags), dylib=dylib)
        assert (call(jit, "f", dylib), call(jit, "g", dylib)) == (1, 2)


def test_one_batch_of_dylibs_with_the_same_names(cc: Compile, jit: uruk.LLJIT) -> None:
    """Every name of every dylib twice in one link: symbols, groups, common symbols."""
    text = """
        inline int shared() { static int calls = BASE; return ++calls; }
        template <class T> struct Holder { static T value; };
        template <class T> T Holder<T>::value = BASE;
        int strong = BASE;
        __attribute__((weak)) int weak = BASE;
        extern "C" int OTHER();
        extern "C" int NAME() { return shared() + Holder<int>::value + strong + weak + OTHER(); }
    """
    a, b = jit.create_dylib("a"), jit.create_dylib("b")
    a.add_to_link_order(b)
    for dylib, base, name, other in ((a, "100", "f", "g"), (b, "1000", "g", "h")):
        jit.add_object(cc.cpp(text.replace("BASE", base).replace("NAME", name).replace("OTHER", other), "-O0"),
                       dylib=dylib)  # fmt: skip
    jit.add_object(cc(returns("h", 0)), dylib=b)
    assert call(jit, "f", a) == 401 + 4001


def test_common_symbols(cc: Compile, jit: uruk.LLJIT) -> None:
    a, b = jit.create_dylib("a"), jit.create_dylib("b")
    a.add_to_link_order(b)
    text = "int shared; extern int OTHER(void); int NAME(void) { return ++shared + OTHER(); }"
    jit.add_object(cc(text.replace("NAME", "f").replace("OTHER", "g"), "-fcommon"), dylib=a)
    jit.add_object(cc(text.replace("NAME", "g").replace("OTHER", "zero"), "-fcommon"), dylib=b)
    jit.add_object(cc(returns("zero", 0)), dylib=b)
    assert [call(jit, "f", a) for _ in range(3)] == [2, 4, 6]
    assert jit.lookup("shared", a).address != jit.lookup("shared", b).address


@pytest.mark.parametrize("flags", [(), ("-fPIC",), ("-fPIC", "-mtls-dialect=gnu2"), ("-fno-pie",)])
@pytest.mark.parametrize("one_batch", [True, False])
def test_thread_locals(cc: Compile, jit: uruk.LLJIT, flags: tuple[str, ...], one_batch: bool) -> None:
    """Each dylib's `mine` is its own; `low`'s other one is shared."""
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    jit.add_object(
        cc("__thread int mine = 5, ours = 50; int low_mine(void) { return ++mine; } "
           "int low_ours(void) { return ++ours; }", *flags), dylib=low,
    )  # fmt: skip
    if not one_batch:
        assert call(jit, "low_mine", low) == 6
    jit.add_object(
        cc("__thread int mine = 7; extern __thread int ours; extern int low_mine(void); "
           "int top_mine(void) { return ++mine; } int top_ours(void) { return ++ours; } "
           "int both(void) { return low_mine() * 100 + top_mine(); }", *flags)
    )  # fmt: skip
    assert call(jit, "both") == (608 if one_batch else 708)
    assert (call(jit, "top_ours"), call(jit, "low_ours", low), call(jit, "top_ours")) == (51, 52, 53)


@pytest.mark.parametrize("one_batch", [True, False])
def test_atexit_of_each_dylib(cc: Compile, jit: uruk.LLJIT, one_batch: bool) -> None:
    """Handlers belong to the code that registered them, and run when that goes, and no other."""
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    logs = [ctypes.c_int(), ctypes.c_int()]
    for name, log in zip(("log_low", "log_top"), logs, strict=True):
        jit.define(name, ctypes.addressof(log))
    low.alias(["log_low"], jit.main)
    text = """
        #include <stdlib.h>
        extern int NAME;
        static void end(void) { NAME++; }
        int start_NAME(void) { return atexit(end) OTHER; }
    """
    low_code = jit.add_object(cc(text.replace("OTHER", "").replace("NAME", "log_low"), "-fPIC"), dylib=low)
    if not one_batch:
        jit.lookup("start_log_low", low)
    top = text.replace("OTHER", "+ start_log_low()").replace("extern int NAME", "extern int start_log_low(void), NAME")
    top_code = jit.add_object(cc(top.replace("NAME", "log_top"), "-fPIC"))
    assert call(jit, "start_log_top") == 0
    assert [one.value for one in logs] == [0, 0]
    top_code.remove()
    assert [one.value for one in logs] == [0, 1]
    low_code.remove()
    assert [one.value for one in logs] == [1, 1]


SECTION = """
    __attribute__((section("plugins"), used)) static int NAME_entry = VALUE;
    extern int __start_plugins[], __stop_plugins[];
    extern int OTHER(void);
    int NAME(void) { int sum = 0; for (int *at = __start_plugins; at < __stop_plugins; at++) sum += *at; return sum; }
    int NAME_other(void) { return OTHER(); }
"""


def section(name: str, value: int, other: str) -> str:
    return SECTION.replace("NAME", name).replace("VALUE", str(value)).replace("OTHER", other)


@pytest.mark.parametrize("flags", [(), ("-fPIC",)])
def test_section_boundaries_of_two_dylibs_in_one_batch(cc: Compile, jit: uruk.LLJIT, flags: tuple[str, ...]) -> None:
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    jit.add_objects([cc(section("low", 5, "low"), *flags), cc(section("low2", 6, "low"), *flags)], dylib=low)
    jit.add_objects([cc(section("top", 100, "low"), *flags), cc(section("top2", 200, "low2"), *flags)])
    found = jit.lookup_all(["top", "top_other", "top2_other"])
    assert [one.function("int(void)")() for one in found.values()] == [300, 11, 11]


def test_code_without_pie_across_dylibs(cc: Compile, jit: uruk.LLJIT) -> None:
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    jit.add_object(cc("int data = 5; int f(void) { return data; }", "-fno-pie"), dylib=low)
    jit.add_object(cc("extern int data, f(void); int g(void) { return data + f(); }", "-fno-pie"))
    assert call(jit, "g") == 10


def test_indirect_functions_across_dylibs(cc: Compile, jit: uruk.LLJIT) -> None:
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    text = """
        static int chosen(void) { return 9; }
        static void *choose(void) { return chosen; }
        int indirect(void) __attribute__((ifunc("choose")));
    """
    jit.add_object(cc(text), dylib=low)
    jit.add_object(cc(adds_one("f", "indirect")))
    assert call(jit, "f") == 10
    jit.add_object(cc("extern int indirect(void); int g(void) { int (*p)(void) = indirect; return p(); }", "-fPIC"))
    assert call(jit, "g") == 9
    assert jit.lookup("indirect", low).function("int(void)")() == 9


def test_what_is_used_across_dylibs_is_known(cc: Compile, jit: uruk.LLJIT) -> None:
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    base = jit.add_object(cc(returns("f", 1)), dylib=low)
    jit.add_object(cc(adds_one("g", "f"), name="above"))
    assert call(jit, "g") == 2
    with pytest.raises(uruk.InUse, match=r"above\.o"):
        base.remove()


def test_protected_and_hidden_in_one_batch(cc: Compile, jit: uruk.LLJIT) -> None:
    """Two hidden functions of one name in two dylibs, and a protected one that another dylib has, too."""
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    text = """
        __attribute__((visibility("hidden"))) int hidden(void) { return VALUE; }
        __attribute__((visibility("protected"))) int guarded(void) { return VALUE; }
        extern int OTHER(void);
        int NAME(void) { return hidden() + guarded() + OTHER(); }
    """
    for dylib, value, name, other in ((low, "10", "f", "zero"), (jit.main, "1000", "g", "f")):
        source = text.replace("VALUE", value).replace("NAME", name).replace("OTHER", other)
        jit.add_object(cc(source, "-fPIC", "-O0"), dylib=dylib)
    jit.add_object(cc(returns("zero", 0)), dylib=low)
    assert call(jit, "g") == 2020
