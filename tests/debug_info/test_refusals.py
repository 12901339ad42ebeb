"""Functions that are not called without a prototype, each with the reason, as compilers write them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import uruk
from uruk.debug_info.session_types import types_of
from uruk.debug_info.signatures import Refused

from support.compiling import Compile
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

C = """
typedef int v4 __attribute__((vector_size(16)));
struct __attribute__((packed)) tight { char c; int i; };
struct bits { int a : 3; unsigned b : 5; };
struct wide { int x; } __attribute__((aligned(32)));
struct none {};
union any { int i; float f; };
int variadic(int n, ...) { return n; }
int unprototyped() { return 1; }
int old_style(a, b) int a; double b; { return a + (int)b; }
__int128 big(__int128 x) { return x; }
int big_argument(unsigned __int128 x) { return x != 0; }
int vector(v4 a) { return a[0]; }
double _Complex complex_(double _Complex z) { return z; }
_Float128 quad(_Float128 x) { return x; }
int packed(struct tight t) { return t.i; }
int packed_pointer(struct tight *t) { return t->i; }
int with_bits(struct bits b) { return b.a; }
int bits_pointer(struct bits *b) { return b->a; }
int aligned(struct wide w) { return w.x; }
int empty(struct none n) { return 1; }
int good(int x) { return x; }
static int hidden(int x) { return x + 1; }
int (*use)(int) = hidden;
"""
C_REASONS = {
    "variadic": "it takes variable arguments",
    "unprototyped": "it has no prototype in its source",
    "old_style": "it has no prototype in its source",
    "big": "it returns what is not passed: `__int128' is an integer of 128 bits",
    "big_argument": "its parameter `x' is not passed: `__int128 unsigned' is an integer of 128 bits",
    "vector": "its parameter `a' is not passed: a vector is not passed",
    "complex_": "it returns what is not passed: `complex double' is a complex number",
    "quad": "is a floating-point type that cffi does not pass",
    "packed": "its parameter `t' is not passed: `struct tight' is packed or aligned in a way that C text cannot say",
    "with_bits": "its parameter `b' is not passed: a structure with bit-fields is not passed by value",
    "aligned": "its parameter `w' is not passed: `struct wide' is ",
    "empty": "its parameter `n' is not passed: `none' has no members",
}


def reason_of(jit: uruk.LLJIT, name: str) -> str:
    """The reason for which a function has no type; empty where it has one. Its text has the advice."""
    symbol = jit.lookup(name)
    signature = types_of(jit.session).signature
    try:
        signature(symbol.name, symbol.address)
    except Refused as error:
        reason = error.reason
    else:
        return ""
    with pytest.raises(uruk.InvalidType, match=re.escape(f'{reason}; give it one, as by .function("int(int)")')):
        symbol(1)
    return reason


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_c(cc: Compile, jit: uruk.LLJIT, family: str) -> None:
    jit.add_object(cc(C.replace("_Float128", "__float128"), "-g", family=family))
    for name, reason in C_REASONS.items():
        told = reason_of(jit, name)
        told = told.replace("unsigned __int128", "__int128 unsigned").replace("`complex'", "`complex double'")
        assert reason in told, name
    assert [reason_of(jit, name) for name in ("good", "packed_pointer", "bits_pointer")] == [""] * 3


CPP = """
#include <memory>
#include <string>
struct destroyed { ~destroyed(); int x; };
destroyed::~destroyed() {}
struct copied { copied(const copied &); int x; };
copied::copied(const copied &other) : x(other.x) {}
struct moved { moved(moved &&); int x; };
moved::moved(moved &&other) : x(other.x) {}
struct uncopied { uncopied(const uncopied &) = delete; uncopied(uncopied &&); int x; };
uncopied::uncopied(uncopied &&other) : x(other.x) {}
struct move_assigned { move_assigned &operator=(move_assigned &&); int x; };
move_assigned &move_assigned::operator=(move_assigned &&) { return *this; }
struct with_virtual { virtual int f(); int x; };
int with_virtual::f() { return 1; }
struct derived : destroyed { int y; };
struct outer { copied in[2]; };
struct text { std::string s; };
struct later { later(const later &); int x; };
later::later(const later &) = default;
struct empty {};
struct defaulted { ~defaulted() = default; defaulted(const defaulted &) = default; int x; };
struct made { made(int x) : x(x) {} int x; static int count; };
int made::count;
struct assigned { assigned &operator=(const assigned &); int x; };
assigned &assigned::operator=(const assigned &) { return *this; }
struct base { int a; };
struct simple : base { int b; int sum() const { return a + b; } };
int f_destroyed(destroyed v) { return v.x; }
int f_copied(copied v) { return v.x; }
int f_moved(moved v) { return v.x; }
int f_uncopied(uncopied v) { return v.x; }
int f_move_assigned(move_assigned v) { return v.x; }
int f_with_virtual(with_virtual v) { return v.x; }
int f_derived(derived v) { return v.y; }
int f_outer(outer v) { return v.in[0].x; }
int f_text(text v) { return (int)v.s.size(); }
int f_later(later v) { return v.x; }
int f_empty(empty v) { return 1; }
std::string f_returned() { return "x"; }
std::unique_ptr<int> f_unique() { return nullptr; }
int f_member(int made::*p) { return 1; }
int f_defaulted(defaulted v) { return v.x; }
int f_made(made v) { return v.x; }
int f_assigned(assigned v) { return v.x; }
int f_simple(simple v) { return v.sum(); }
int f_reference(text &v, text &&w) { return 1; }
"""
CPP_REASONS = {
    "f_destroyed": "declares a destructor",
    "f_copied": "declares a copy constructor",
    "f_moved": "declares a move constructor",
    "f_uncopied": "declares a copy constructor",
    "f_move_assigned": "declares a move assignment",
    "f_with_virtual": "has virtual functions",
    "f_derived": "`derived' has a member of a class that is passed by reference: `destroyed' is not trivially copyable",
    "f_outer": "`outer' has a member of a class that is passed by reference: `copied' is not trivially copyable",
    "f_text": "allocator<char>",
    "f_later": "declares a copy constructor",
    "f_returned": "it returns what is not passed: `basic_string",
    "f_unique": "it returns what is not passed",
}


@pytest.mark.parametrize("flags", ["gcc -g", "gcc -gdwarf-4 -fdebug-types-section", "clang -g -fstandalone-debug"])
def test_classes_that_are_passed_by_reference(cc: Compile, jit: uruk.LLJIT, flags: str) -> None:
    family, *options = flags.split()
    jit.add_library("stdc++")
    jit.add_object(cc.cpp(CPP, *options, family=family))
    for name, reason in CPP_REASONS.items():
        told = reason_of(jit, f"{name}()" if name in ("f_returned", "f_unique") else cpp(jit, name))
        assert "not trivially copyable, as the compiler notes" in told if family == "clang" else reason in told, name
    assert "has no members" in reason_of(jit, cpp(jit, "f_empty"))
    assert "C text has no name for" in reason_of(jit, cpp(jit, "f_member"))
    good = {"f_made": [(3,)], "f_assigned": [(4,)], "f_simple": [((1,), 4)]}
    if "-gdwarf-4" not in options:  # which does not say that a function is defaulted
        good["f_defaulted"] = [(3,)]
    for name, arguments in good.items():
        assert jit.lookup(cpp(jit, name))(*arguments) in (3, 4, 5), name
    assert reason_of(jit, cpp(jit, "f_reference")) == ""


def cpp(jit: uruk.LLJIT, name: str) -> str:
    """The symbol of a function of C++ that is not overloaded."""
    return getattr(jit, name).name


CLONES = """
static __attribute__((noinline)) int scaled(int x, int by, int unused) { return x * by + x; }
int entry(int x) { return scaled(x, 3, 1) + scaled(x + 1, 3, 2); }
static __attribute__((noinline)) int plain(int x) { return x + 1; }
int other(int x) { return plain(x) * plain(2); }
"""


def test_clones_and_static_functions(cc: Compile, tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Static functions of an object that was made global: those of an optimiser have other interfaces."""
    path = cc(CLONES, "-g", "-O2", "-fno-ipa-icf")
    listed = subprocess.run([require_tool("nm"), path], capture_output=True, text=True, check=True).stdout.split()
    clones = [name for name in listed if name.startswith(("scaled.", "plain."))]
    assert any(".constprop" in name or ".isra" in name for name in clones), listed
    words = [f"--globalize-symbol={name}" for name in [*clones, "plain", "scaled"]]
    subprocess.run([require_tool("objcopy"), *words, path, tmp_path / "global.o"], check=True)
    jit.add_object(tmp_path / "global.o")
    for name in clones:
        assert "it was cloned" in reason_of(jit, name)
    assert reason_of(jit, "entry") == ""


def test_every_kind_of_clone(cc: Compile, jit: uruk.LLJIT) -> None:
    """Functions under the names that optimisers give to clones; `f.plain' is not one of these."""
    clones = {
        "f.constprop.0": "was cloned for constant arguments (.constprop)",
        "f.isra.0": "was cloned with other parameters (.isra)",
        "f.constprop.0.isra.0": "was cloned for constant arguments (.constprop)",
        "f.part.3": "is a part of a function (.part)",
        "f.cold": "is a part of a function (.cold)",
        "f.lto_priv.0": "is static (.lto_priv)",
    }
    names = [*clones, "f.plain"]
    text = 'int g{0}(int x) __asm__("{1}"); int g{0}(int x) {{ return x; }}'
    jit.add_object(cc("\n".join(text.format(number, name) for number, name in enumerate(names)), "-g"))
    for name, reason in clones.items():
        assert reason in reason_of(jit, name), name
    assert "cloned" not in reason_of(jit, "f.plain")


STATIC = """
static __attribute__((noinline, used)) int hidden(int x) { return x + 1; }
int shown(int x) { return x; }
"""


@pytest.mark.parametrize("place", ["here", "child"])
@pytest.mark.parametrize("lazy", [False, True])
def test_static_functions_of_code_without_optimisation(cc: Compile, place: str, lazy: bool) -> None:
    with uruk.LLJIT(executor=uruk.spawn() if place == "child" else None) as jit:
        jit.add_object(cc("int before(void) { return 1; }" + STATIC, "-g", "-O0"), lazy=lazy)
        if lazy:
            with pytest.raises(AttributeError, match="which is linked when a function of it is first called"):
                _ = jit.hidden
            assert jit.shown.function("int(int)")(2) == 2
        assert jit.hidden(4) == 5
        assert jit.hidden.__doc__.startswith("int hidden(int x)\n")


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_static_functions_of_cpp(cc: Compile, jit: uruk.LLJIT, family: str) -> None:
    jit.add_object(cc.cpp(STATIC, "-g", "-O0", family=family))
    with pytest.raises(Refused, match=r"it is static|static function of C\+\+, whose symbol debug information does"):
        jit.hidden(4)
    assert jit.hidden.function("int(int)")(4) == 5


@pytest.mark.parametrize(("family", "flags"), [("gcc", "-O2"), ("gcc", "-Os"), ("clang", "-O0")])
def test_static_functions_that_may_have_another_interface(
    cc: Compile, jit: uruk.LLJIT, family: str, flags: str
) -> None:
    """Clang does not say how it was told to optimise."""
    jit.add_object(cc(STATIC, "-g", flags, family=family))
    hidden = jit.hidden
    advice = '; give it one, as by .function("int(int)")'
    with pytest.raises(Refused, match=f"it is static, and a compiler that optimises .*{re.escape(advice)}"):
        hidden(4)
    assert hidden.function("int(int)")(4) == 5


def test_static_functions_that_are_not_found(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(STATIC, "-g", "-O0", "-ffunction-sections"), "sections.o")
    with pytest.raises(AttributeError, match=r"static in .*, and its address is not known: in its section is no func"):
        _ = jit.hidden
    first = jit.add_object(cc("static int twice(void) { return 1; } int (*a)(void) = twice; int b() { return 1; }"))
    jit.add_object(cc("static int twice(void) { return 2; } int (*c)(void) = twice; int d() { return 1; }"))
    with pytest.raises(AttributeError, match="several static functions or variables have this name"):
        _ = jit.twice
    first.remove()
    assert jit.twice.function("int(void)")() == 2
    jit.add_object(
        cc("static int inner(void) { return 1; } int (*e)(void) = inner; int f() { return 1; }"), replaceable=True
    )
    with pytest.raises(AttributeError, match="which may be replaced"):
        _ = jit.inner


def test_functions_that_do_not_obey_the_convention(cc: Compile, tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Clang takes arguments away from static functions and notes that nobody else can call them."""
    source = """
    static __attribute__((noinline)) int inner(int x, int unused, int same) { return x * same; }
    int entry(int x) { return inner(x, x + 1, 3) + inner(x + 1, x, 3); }
    """
    path = cc(source, "-g", "-O2", family="clang")
    subprocess.run([require_tool("objcopy"), "--globalize-symbol=inner", path, tmp_path / "global.o"], check=True)
    jit.add_object(tmp_path / "global.o")
    assert "it does not obey the calling convention (DW_CC_nocall)" in reason_of(jit, "inner")


def test_what_has_no_types(cc: Compile, tmp_path: Path, jit: uruk.LLJIT) -> None:
    source = "int {0}(int x) {{ return x; }}"
    for name, flags in {"bare": (), "lines": ("-g1",), "split": ("-g", "-gsplit-dwarf")}.items():
        jit.add_object(cc(source.format(name), *flags))
    jit.add_object(cc(".globl assembled\n.type assembled, @function\nassembled: ret\n", "-g", language="s"))
    assert "has no debug information (compile with -g)" in reason_of(jit, "bare")
    assert "was compiled with -g1" in reason_of(jit, "lines")
    assert "as -gsplit-dwarf has it, which is not read" in reason_of(jit, "split")
    assert "it is written in assembly" in reason_of(jit, "assembled")
    assert "not defined by an object" in reason_of(jit, "abs")


def test_rust(tmp_path: Path, jit: uruk.LLJIT) -> None:
    source = tmp_path / "r.rs"
    source.write_text(
        '#![crate_type = "lib"]\n'
        '#[no_mangle] pub extern "C" fn c_add(a: i32, b: i32) -> i32 { a + b }\n'
        "#[no_mangle] pub fn rust_add(a: i32, b: i32) -> i32 { a + b }\n"
    )
    command = [require_tool("rustc"), "-g", "-O", "-C", "panic=abort", "--emit=obj", "-o", tmp_path / "r.o", source]
    subprocess.run(command, check=True)
    jit.add_object(tmp_path / "r.o")
    for name in ("c_add", "rust_add"):
        assert 'does not say whether it is extern "C"' in reason_of(jit, name)
    assert jit.c_add.typed(extern_c=True)(2, 3) == 5


def test_many_classes_with_two_members_of_one_class_each(cc: Compile, jit: uruk.LLJIT) -> None:
    """The time is that of the classes, not of the paths through them, of which there are 2 to the 40th."""
    classes = "struct c0 { int x; };" + "".join(f"struct c{n} {{ c{n - 1} *p; c{n - 1} in[1]; }};" for n in range(1, 3))
    nested = "".join(f"struct e{n} {{ e{n - 1} a[0]; e{n - 1} b[0]; }};" for n in range(1, 41))
    functions = "int deep(e40 v) { return 1; } int shallow(c2 v) { return v.in[0].in[0].x; }"
    jit.add_object(cc.cpp(f"{classes} struct e0 {{}}; {nested} {functions}", "-g"))
    assert "is not passed" in reason_of(jit, cpp(jit, "deep"))
    assert reason_of(jit, cpp(jit, "shallow")) == ""
