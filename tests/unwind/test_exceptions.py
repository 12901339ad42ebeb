"""C++ exceptions: across objects and trackers, through frames of libraries, after removals, in many rounds."""

from __future__ import annotations

import ctypes
import gc

import pytest

import uruk
from uruk.memory.manager import Reach

from support.compiling import Compile, Footprint, RunChild

THROW = """
    #include <stdexcept>
    #include <string>
    struct Own { int code; Own(int c) : code(c) {} virtual ~Own() {} };
    extern "C" void throw_own(int code) { throw Own(code); }
    extern "C" void throw_error(const char *text) { throw std::runtime_error(text); }
"""
CATCH = """
    #include <stdexcept>
    struct Own { int code; Own(int c) : code(c) {} virtual ~Own() {} };
    extern "C" void throw_own(int code);
    extern "C" void throw_error(const char *text);
    static int destroyed;
    struct Local { ~Local() { destroyed++; } };
    extern "C" int catch_own(int code) {
        try { Local one, two; throw_own(code); } catch (const Own &own) { return own.code + destroyed; }
        return -1;
    }
    extern "C" int catch_error() {
        try { throw_error("seven"); } catch (const std::exception &error) { return error.what()[0]; }
        return -1;
    }
    extern "C" int miss() {
        try { try { throw_own(3); } catch (const std::exception &) { return -1; } } catch (...) { return 1; }
        return -2;
    }
"""
ALONE = """
    extern "C" int alone(int code) { try { throw code; } catch (int got) { return got + 1; } }
"""


def int_function(jit: uruk.LLJIT, name: str, *arguments: object) -> int:
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, *([ctypes.c_int] * len(arguments)))
    return jit.lookup(name).function(prototype)(*arguments)


FLAGS = [("gcc", ()), ("gcc", ("-fPIC",)), ("gcc", ("-O2",)), ("clang", ()), ("clang", ("-O2", "-fPIC"))]


@pytest.mark.parametrize(("family", "flags"), FLAGS)
def test_across_two_trackers(cc: Compile, jit: uruk.LLJIT, family: str, flags: tuple[str, ...]) -> None:
    jit.add_library("stdc++")
    thrower = jit.add_object(cc.cpp(THROW, *flags, family=family))
    catcher = jit.add_object(cc.cpp(CATCH, *flags, family=family))
    assert int_function(jit, "catch_own", 40) == 42
    assert int_function(jit, "catch_error") == ord("s")
    assert int_function(jit, "miss") == 1
    with pytest.raises(uruk.InUse):
        thrower.remove()
    assert catcher.remove().unwind_registrations == 1
    assert thrower.remove().unwind_registrations == 1


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_code_that_shares_no_more_than_a_personality_is_independent(cc: Compile, jit: uruk.LLJIT, family: str) -> None:
    jit.add_library("stdc++")
    source = """
        namespace { struct Local { ~Local() noexcept(false) {} }; }
        extern "C" void nothing(int) noexcept(false);
        extern "C" int NAME(int x) noexcept {
            Local local;
            try { nothing(x); throw x; } catch (int got) { return got + 1; }
        }
    """
    jit.add_object(cc("void nothing(int x) {}"))
    jit.add_object(cc.cpp(source.replace("NAME", "broken").replace("nothing", "nobody"), family=family))
    first = jit.add_object(cc.cpp(source.replace("NAME", "one"), family=family))
    jit.add_object(cc.cpp(source.replace("NAME", "two"), family=family))
    assert int_function(jit, "one", 1) == 2
    assert int_function(jit, "two", 2) == 3
    first.remove()
    assert int_function(jit, "two", 2) == 3


def test_fixed_address_code_has_copies_of_a_librarys_types(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library("stdc++")
    source = """
        #include <stdexcept>
        #include <vector>
        extern "C" int f(int which) {
            try { if (which) std::vector<int>().at(which); throw 7; }
            catch (const std::logic_error &error) { return dynamic_cast<const std::out_of_range *>(&error) != nullptr; }
            catch (int got) { return got; }
        }
    """
    jit.add_object(cc.cpp(source, "-fno-pie"))
    assert [int_function(jit, "f", which) for which in (0, 1)] == [7, 1]


def test_across_two_batches(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library("stdc++")
    jit.add_object(cc.cpp(THROW))
    jit.lookup("throw_own")
    jit.add_object(cc.cpp(CATCH))
    assert int_function(jit, "catch_own", 40) == 42


def test_across_two_sessions(cc: Compile, jit: uruk.LLJIT) -> None:
    with uruk.LLJIT(slab_size=64 << 20) as other:
        for one in (jit, other):
            one.add_library("stdc++")
        other.add_object(cc.cpp(THROW))
        for name in ("throw_own", "throw_error"):
            jit.define(name, other.lookup(name).address)
        jit.add_object(cc.cpp(CATCH))
        assert int_function(jit, "catch_own", 40) == 42
        assert int_function(jit, "catch_error") == ord("s")


def test_through_frames_of_the_c_library(cc: Compile, jit: uruk.LLJIT) -> None:
    source = """
        #include <stdlib.h>
        static int compare(const void *left, const void *right) {
            int a = *(int *)left, b = *(int *)right;
            if (a == 3 || b == 3) throw a;
            return a - b;
        }
        extern "C" int sort() {
            int values[] = {5, 4, 3, 2};
            try { qsort(values, 4, sizeof(int), compare); } catch (int) { return 1; }
            return 0;
        }
        extern "C" int search() {
            int values[] = {1, 2, 3, 4, 5}, key = 3;
            try { bsearch(&key, values, 5, sizeof(int), compare); } catch (int got) { return got; }
            return 0;
        }
    """
    jit.add_library("stdc++")
    jit.add_object(cc.cpp(source))
    assert int_function(jit, "sort") == 1
    assert int_function(jit, "search") == 3


def test_through_a_library_and_back(cc: Compile, jit: uruk.LLJIT) -> None:
    library = cc.shared(
        "libpass.so", 'extern "C" void pass(void (*f)()) { struct L { ~L() {} } l; f(); }', language="cpp"
    )
    source = """
        extern "C" void pass(void (*)());
        static void thrower() { throw 11; }
        extern "C" int there_and_back() { try { pass(thrower); } catch (int got) { return got; } return 0; }
    """
    jit.add_library("stdc++")
    jit.add_library(library)
    jit.add_object(cc.cpp(source))
    assert int_function(jit, "there_and_back") == 11


def test_a_library_throws_and_linked_code_catches(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library("stdc++")
    source = """
        #include <string>
        #include <stdexcept>
        extern "C" int at() {
            try { std::string("abc").at(9); } catch (const std::out_of_range &) { return 1; }
            return 0;
        }
        struct A { virtual ~A() {} };
        struct B : A {};
        extern "C" int cast() {
            A a;
            try { (void)dynamic_cast<B &>(a); } catch (const std::bad_cast &) { return 1; }
            return 0;
        }
    """
    jit.add_object(cc.cpp("#include <typeinfo>\n" + source))
    assert int_function(jit, "at") == 1
    assert int_function(jit, "cast") == 1


def test_a_removal_leaves_the_unwind_data_of_others(cc: Compile, jit: uruk.LLJIT) -> None:
    """T12: taken out twice aborts; not at all, and the next throw reads unmapped memory."""
    jit.add_library("stdc++")
    jit.add_object(cc.cpp(ALONE))
    gone = [jit.add_object(cc.cpp(ALONE.replace("alone", f"other_{number}"))) for number in range(3)]
    for number, code in enumerate(gone):
        assert int_function(jit, f"other_{number}", 1) == 2
        code.remove()
        assert int_function(jit, "alone", 5) == 6
    for number in range(3):
        jit.add_object(cc.cpp(ALONE.replace("alone", f"other_{number}")))
        assert int_function(jit, f"other_{number}", 1) == 2


def test_a_closed_session_leaves_the_unwind_data_of_others(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library("stdc++")
    jit.add_object(cc.cpp(ALONE))
    for _ in range(3):
        with uruk.LLJIT(slab_size=64 << 20) as other:
            other.add_library("stdc++")
            other.add_object(cc.cpp(ALONE))
            assert int_function(other, "alone", 1) == 2
        assert int_function(jit, "alone", 1) == 2


def test_personality_of_a_far_object(cc: Compile, jit: uruk.LLJIT) -> None:
    """T4: both objects have DW.ref.__gxx_personality_v0; the second lies out of reach of the first one's."""
    jit.add_library("stdc++")
    memory = jit.session.executor.memory
    jit.add_object(cc.cpp(ALONE.replace("alone", "near")))
    assert int_function(jit, "near", 1) == 2
    first = memory.slabs[0]
    ordinary = memory.allocate
    memory.allocate = lambda segments, reach: ordinary(segments, Reach(1 << 32, 1 << 36))  # the far end of nowhere
    try:
        jit.add_object(cc.cpp(ALONE.replace("alone", "far"), "-fPIC"))
        assert int_function(jit, "far", 1) == 2
    finally:
        memory.allocate = ordinary
    assert len(memory.slabs) == 2
    assert abs(memory.slabs[1].base - first.base) > 1 << 32
    assert int_function(jit, "near", 1) == 2


def test_two_thousand_rounds(cc: Compile, jit: uruk.LLJIT) -> None:
    """T12: load, throw, remove; nothing grows."""
    jit.add_library("stdc++")
    data = cc.cpp(THROW + "static int destroyed;" + CATCH.split("static int destroyed;")[1]).read_bytes()

    def rounds(count: int) -> None:
        for _ in range(count):
            code = jit.add_object(data)
            assert int_function(jit, "catch_own", 40) == 42
            assert code.remove().unwind_registrations == 1

    rounds(200)
    gc.collect()
    before = Footprint.now()
    rounds(1800)
    gc.collect()
    after = Footprint.now()
    assert after.mappings - before.mappings <= 20
    assert after.address_space - before.address_space <= 4 << 10
    assert after.resident - before.resident <= 4 << 10


def test_an_uncaught_exception_ends_the_process(cc: Compile, child: RunChild) -> None:
    text = """
        import sys, uruk
        jit = uruk.LLJIT()
        jit.add_library("stdc++")
        jit.add_object(sys.argv[1])
        jit.lookup("throw_own").function("void(int)")(1)
    """
    ended = child(text, cc.cpp(THROW))
    assert ended.status == -6
    assert "terminate called after throwing an instance of 'Own'" in ended.err
