"""The error for names that nobody defines: all at once, who needs them, demangled, and which library has them."""

from __future__ import annotations

import time

import pytest

import uruk

from support.compiling import Compile


def caught_by(jit: uruk.LLJIT, name: str) -> uruk.UndefinedSymbols:
    with pytest.raises(uruk.UndefinedSymbols) as caught:
        jit.lookup(name)
    return caught.value


def test_all_names_in_one_error(cc: Compile, jit: uruk.LLJIT) -> None:
    source = """
        extern int one(void), two(void); extern int three;
        int a(void) { return one() + two(); }
        int b(void) { return one() + one() + three; }
    """
    jit.add_object(cc(source, "-ffunction-sections", name="needy"))
    error = caught_by(jit, "a")
    found = {symbol.name: symbol for symbol in error.symbols}
    assert sorted(found) == ["one", "three", "two"]
    assert (found["one"].count, found["two"].count, found["three"].count) == (3, 1, 1)
    assert "needy.o:(.text.a+0x" in found["two"].places[0]
    text = str(error)
    assert text.startswith("3 undefined symbols:\n")
    assert "and 2 more places" in text


def test_names_are_demangled(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc.cpp("int foo(int); namespace n { struct S { void m(const char *) const; }; } "
                          'extern "C" int f() { n::S().m(""); return foo(1); }'))  # fmt: skip
    error = caught_by(jit, "f")
    assert {(symbol.name, symbol.demangled) for symbol in error.symbols} == {
        ("_Z3fooi", "foo(int)"),
        ("_ZNK1n1S1mEPKc", "n::S::m(char const*) const"),
    }
    assert "foo(int)  (_Z3fooi)" in str(error)


def test_the_hint_is_the_cure(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(
        cc("extern int omp_get_max_active_levels(void); int f(void) { return omp_get_max_active_levels(); }")
    )
    error = caught_by(jit, "f")
    assert error.symbols[0].hint == 'defined in libgomp.so.1: add -l gomp (add_library("gomp"))'
    assert "add -l gomp" in str(error)
    jit.add_library(":libgomp.so.1")
    assert jit.lookup("f").function("int(void)")() > 0


def test_a_name_that_is_only_looked_up(jit: uruk.LLJIT) -> None:
    error = caught_by(jit, "_Z3barv")
    assert str(error) == "undefined symbol: bar()  (_Z3barv) (requested by lookup)"
    assert error.symbols[0].places == ()


def test_a_hidden_name(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(
        cc('__attribute__((visibility("hidden"))) int inner(void) { return 3; } int outer(void) { return inner(); }')
    )
    jit.add_object(cc("extern int inner(void); int friend_(void) { return inner(); }"))
    assert jit.lookup("outer").function("int(void)")() == 3
    assert "hidden" in str(caught_by(jit, "inner"))
    assert jit.lookup("friend_").function("int(void)")() == 3


def test_a_long_list_is_shortened(cc: Compile, jit: uruk.LLJIT) -> None:
    names = [f"missing_{number:03}" for number in range(120)]
    declarations = "".join(f"extern int {name}(void);" for name in names)
    calls = "+".join(f"{name}()" for name in names)
    jit.add_object(cc(f"{declarations} int f(void) {{ return {calls}; }}"))
    error = caught_by(jit, "f")
    assert len(error.symbols) == 120
    assert "and 70 more" in str(error)


def test_dead_code_needs_nothing(cc: Compile, jit: uruk.LLJIT) -> None:
    template = (
        'template <class T> T twice(T x) {{ return x + {extra}; }} extern "C" int {name}(int x) {{ return twice(x); }}'
    )
    jit.add_object(cc.cpp(template.format(extra="x", name="one")))
    jit.add_object(cc.cpp("extern int nobody(int);" + template.format(extra="nobody(x)", name="two")))
    assert jit.lookup("two").function("int(int)")(4) == 8


# -- hints


def hint_of(jit: uruk.LLJIT, name: str) -> str:
    (symbol,) = caught_by(jit, name).symbols
    assert symbol.hint in str(caught_by(jit, name))
    return symbol.hint


def test_extern_c_was_forgotten(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc.cpp("int addx(int a, int b) { return a + b; } int n(int); struct s { int addx(); };", name="q"))
    hint = 'q.o defines addx(int, int)  (_Z4addxii): look up "addx(int, int)", or declare it extern "C" there'
    assert hint_of(jit, "addx").endswith(hint)
    assert jit.lookup("addx(int, int)").function("int(int, int)")(1, 2) == 3
    jit.add_object(cc("extern int addx(int, int); int use(void) { return addx(1, 2); }"))
    assert 'extern "C"' in hint_of(jit, "use")
    assert jit.lookup("_Z4addxii").function("int(int, int)")(1, 2) == 3


def test_extern_c_was_forgotten_in_an_archive(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_archive(cc.archive("libq.a", cc.cpp("namespace n { int addx(int a) { return a; } }")))
    assert "libq.a defines n::addx(int)" in hint_of(jit, "addx")


def test_extern_c_was_forgotten_by_the_user(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int addx(int a, int b) { return a + b; }", name="c"))
    jit.add_object(cc.cpp('int addx(int, int); extern "C" int use() { return addx(1, 2); }'))
    assert 'c.o defines `addx\', as a name of C: declare it extern "C" here' in hint_of(jit, "use")


def test_other_parameters(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc.cpp("namespace n { template <class T> T half(T x) { return x / 2; } template int half(int); }"))
    jit.add_object(cc.cpp('int half(double); extern "C" int use() { return half(4.0); }'))
    assert "did you mean int n::half<int>(int), in " in hint_of(jit, "use")


@pytest.mark.parametrize("flags", [("-O0",), ("-O0", "-ffunction-sections")])
def test_a_static_function(cc: Compile, jit: uruk.LLJIT, flags: tuple[str, ...]) -> None:
    text = "static int hid(int x) {{ return x; }} int {0}(int x) {{ return hid(x) + 1; }}"
    jit.add_object(cc(text.format("visible"), *flags, name="h"))
    hint = hint_of(jit, "hid")
    assert hint.startswith("it is static in ")
    assert "h.o, a local symbol" in hint
    jit.add_object(cc("extern int hid(int); int use(void) { return hid(1); }"))
    assert "it is static in " in hint_of(jit, "use")


def test_a_static_function_of_cplusplus(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc.cpp("static long variable_of_mine = 5; long *f() { return &variable_of_mine; }"))
    jit.add_object(cc.cpp('extern long variable_of_mine; extern "C" long g() { return variable_of_mine; }'))
    assert "it is static in " in hint_of(jit, "g")


def test_a_typing_error(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int visible(int x) { return x + 1; }", name="h"))
    jit.add_object(cc.cpp("namespace geometry { double area_of_circle(double r) { return r; } }"))
    assert hint_of(jit, "visibel").startswith("did you mean visible, in ")
    assert "geometry::area_of_circle(double)" in hint_of(jit, "_ZN8geometry14area_of_cirlceEd")
    assert hint_of(jit, "nothing_like_it") == ""
    assert hint_of(jit, "vi") == ""


def test_a_name_of_another_dylib(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int shared_thing(void) { return 1; }", name="p"), dylib=jit.create_dylib("plugin"))
    hint = hint_of(jit, "shared_thing")
    assert hint.startswith("dylib plugin defines it, in ")
    assert hint.endswith("but is not in the link order of main")


def test_many_names_of_one_library_are_one_line(cc: Compile, jit: uruk.LLJIT) -> None:
    source = """
        #include <iostream>
        #include <map>
        extern "C" int f() { std::map<int, int> m; m[1] = 2; std::cout << m[1] << std::endl; throw 1; }
    """
    jit.add_object(cc.cpp(source))
    error = caught_by(jit, "f")
    text = str(error)
    assert text.count("add -l stdc++") == 1
    assert len(error.symbols) > 10
    assert f" and {len(error.symbols) - 3} more  needed by " in text
    jit.add_library("stdc++")
    assert jit.lookup("f").address


def test_a_librarys_function_is_no_mistake_for_another(cc: Compile, jit: uruk.LLJIT) -> None:
    """Unoptimised code defines some constructors of strings itself, and refers to others."""
    source = """
        #include <stdexcept>
        #include <string>
        int f(int x) { if (x > 4) throw std::runtime_error("t" + std::to_string(x)); return x; }
    """
    jit.add_object(cc.cpp(source, "-O0"))
    text = str(caught_by(jit, "_Z1fi"))
    assert text.count("add -l stdc++") == 1
    assert "did you mean" not in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("__gcov_merge_add", "add -l gcov"),
        ("__ubsan_handle_add_overflow", "add -l ubsan"),
        ("__ubsan_handle_add_overflow_minimal", "libclang_rt.ubsan_minimal"),
        ("__ubsan_handle_add_overflow_minimal_abort", "libclang_rt.ubsan_minimal"),
        ("__asan_report_load4", "LD_PRELOAD"),
        ("__tsan_read4", "add -l tsan"),
        ("printNewline", "add -l mlir_c_runner_utils"),
        ("_mlir_ciface_printMemrefF32", "add -l mlir_runner_utils"),
        ("__llvm_profile_runtime", "libclang_rt.profile"),
    ],
)
def test_libraries_that_drivers_add(jit: uruk.LLJIT, name: str, text: str) -> None:
    assert text in hint_of(jit, name)


def test_the_hint_for_gcov_is_the_cure(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int f(int x) { return x + 1; }", "--coverage"))
    assert 'add -l gcov (add_library("gcov"))' in str(caught_by(jit, "f"))
    jit.add_library("gcov")
    assert jit.lookup("f").function("int(int)")(1) == 2


def test_bitcode_in_an_archive(cc: Compile, jit: uruk.LLJIT) -> None:
    """Names of a member that ``ar`` cannot read are in no index."""
    bitcode = cc("int wanted(void) { return 1; }", "-flto", family="clang", name="bitcode")
    jit.add_archive(cc.archive("libbitcode.a", cc("int f(void) { return 2; }"), bitcode))
    hint = hint_of(jit, "wanted")
    assert hint.startswith("perhaps ")
    assert "libbitcode.a(bitcode.o) should define it, which is LLVM bitcode: compile without -flto" in hint
    assert jit.lookup("f").function("int(void)")() == 2


def test_slim_objects_in_an_archive_without_names(cc: Compile, jit: uruk.LLJIT) -> None:
    slim = cc("int wanted(void) { return 1; }", "-flto", "-fno-fat-lto-objects", name="slim")
    data = cc.archive("libslim.a", slim).read_bytes()
    member = data.index(b"slim.o/")
    jit.add_archive(b"!<arch>\n" + data[member:], "libslim.a")
    assert "libslim.a(slim.o) should define it, which holds nothing but data for link-time" in hint_of(jit, "wanted")


def test_a_static_archive_of_glibc(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("double sin(double); double f(double x) { return sin(x); }"))
    jit.add_library(":libm.a")
    text = str(caught_by(jit, "f"))
    assert "is glibc's archive for static programs" in text
    assert "use the shared library, -l m" in text


def test_a_hundred_thousand_names(cc: Compile, jit: uruk.LLJIT) -> None:
    """The hints are looked for in bounded time, however many names there are, and however many are missing."""
    count = 100_000
    lines = [f".globl function_number_{number}\nfunction_number_{number}:" for number in range(count)]
    jit.add_object(cc(".text\n" + "\n".join(lines) + "\n ret\n", "-x", "assembler", language="asm"))
    lines = [f".quad functoin_number_{number}" for number in range(count)]
    jit.add_object(cc(".data\n.globl wants\nwants:\n" + "\n".join(lines) + "\n", "-x", "assembler", language="asm"))
    begin = time.perf_counter()
    error = caught_by(jit, "wants")
    text = str(error)
    assert time.perf_counter() - begin < 60
    assert len(error.symbols) == count
    assert "did you mean function_number_0, in " in text
    assert f"and {count - 50} more" in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_start", "start files .* define it"),
        ("_DYNAMIC", "ask dl_iterate_phdr"),
        ("__rela_iplt_start", "uruk resolves IFUNCs and stubs itself"),
    ],
)
def test_names_that_only_a_linked_program_has(cc: Compile, jit: uruk.LLJIT, name: str, text: str) -> None:
    """The interpreter's own are never meant: weak references are null, others an error."""
    jit.add_object(
        cc(f"extern char {name}[] __attribute__((weak)); int is_null(void) {{ return {name} == 0; }}", "-O1")
    )
    assert jit.lookup("is_null").function("int()")() == 1
    jit.add_object(cc(f"extern char {name}[]; char *get(void) {{ return {name}; }}"))
    with pytest.raises(uruk.UndefinedSymbols, match=text):
        jit.lookup("get")


def test_no_array_of_initialisers_that_run_backwards(cc: Compile, jit: uruk.LLJIT) -> None:
    code = """
    static void a(void) {}
    static void b(void) {}
    __attribute__((section(".ctors"), used)) static void (*both[])(void) = {a, b};
    extern void (*__init_array_start[])(void);
    void *get(void) { return __init_array_start; }
    """
    jit.add_object(cc(code))
    with pytest.raises(uruk.UndefinedSymbols, match="which run backwards"):
        jit.lookup("get")
