"""What linkers' options ask for, through the API: whole archives, wrapped names, libraries that wait until needed."""

from __future__ import annotations

from pathlib import Path

import pytest

import uruk

from support.compiling import Compile

pytestmark = pytest.mark.quick

LOGGED = """
extern int log_[8], logged;
__attribute__((constructor)) static void begin(void) {{ log_[logged++] = {number}; }}
int member{number}(void) {{ return {number}; }}
"""


def int_function(jit: uruk.LLJIT, name: str) -> int:
    return jit.lookup(name).function("int()")()


@pytest.mark.parametrize("whole", [False, True])
def test_a_whole_archive_is_linked_with_its_initialisers(jit: uruk.LLJIT, cc: Compile, whole: bool) -> None:
    members = [cc(LOGGED.format(number=number), name=f"member{number}") for number in (1, 2)]
    jit.add_object(cc("int log_[8], logged; int count(void) { return logged; }"))
    tracker = jit.add_archive(cc.archive("libmembers.a", *members), whole=whole)
    assert int_function(jit, "count") == (2 if whole else 0)
    tracker.remove()
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("member1")


def test_a_whole_archive_defines_names_twice(jit: uruk.LLJIT, cc: Compile) -> None:
    archive = cc.archive("libone.a", cc("int twice(void) { return 1; }", name="first"))
    jit.add_object(cc("int twice(void) { return 2; }", name="second"))
    with pytest.raises(uruk.DuplicateDefinition, match="twice"):
        jit.add_archive(archive, whole=True)
    assert int_function(jit, "twice") == 2


CALLER = """
int value(void); int __real_value(void);
int __wrap_value(void) { return 10 + __real_value(); }
int call(void) { return value(); }
"""


@pytest.mark.parametrize("lazy", [False, True])
def test_references_to_a_wrapped_name_go_to_the_wrapper(jit: uruk.LLJIT, cc: Compile, lazy: bool) -> None:
    jit.wrap("value")
    jit.add_object(cc("int value(void) { return 1; } int inner(void) { return value(); }"))
    jit.add_object(cc(CALLER), lazy=lazy)
    assert int_function(jit, "call") == 11
    assert int_function(jit, "inner") == 1, "within its own object a name means that definition"


def test_a_wrapped_name_of_a_library_and_of_an_archive(jit: uruk.LLJIT, cc: Compile) -> None:
    jit.wrap("abs")
    jit.wrap("value")
    caller = """
    int abs(int), __real_abs(int), value(void);
    int __wrap_abs(int x) { return 100 + __real_abs(x); }
    int both(void) { return abs(-5) + value(); }
    """
    wrapper = cc("int __wrap_value(void) { return 1000; }", name="wrapper")
    plain = cc("int value(void) { return 1; }", name="plain")
    jit.add_archive(cc.archive("libboth.a", plain, wrapper))
    jit.add_object(cc(caller, "-fno-builtin"))
    assert int_function(jit, "both") == 1105


def test_objects_added_before_are_not_concerned(jit: uruk.LLJIT, cc: Compile) -> None:
    jit.add_object(cc("int value(void); int early(void) { return value(); }"))
    jit.wrap("value")
    jit.add_object(cc("int value(void) { return 1; }"))
    assert int_function(jit, "early") == 1


LIBRARY = (
    '#include <stdlib.h>\n__attribute__((constructor)) static void b(void) {{ setenv("{name}", "1", 1); }}\n{more}'
)


def loaded(child_jit: uruk.LLJIT, name: str) -> bool:
    return bool(child_jit.lookup("was_loaded").function("int(const char *)")(name.encode() + b"\0"))


WAS_LOADED = "#include <stdlib.h>\nint was_loaded(const char *name) { return getenv(name) != 0; }"


@pytest.mark.parametrize(
    ("needs", "expected"),
    [("", False), ("int deep(void);", True), ("int deep(void) __attribute__((weak));", False)],
)
def test_a_library_is_loaded_as_needed(cc: Compile, needs: str, expected: bool) -> None:
    library = cc.shared("libdeep.so", LIBRARY.format(name="URUK_DEEP", more="int deep(void) { return 4; }"))
    body = "return deep ? deep() : 0;" if needs else "return 0;"
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_library(library, as_needed=True)
        jit.add_object(cc(WAS_LOADED, name="loaded"))
        jit.add_object(cc(f"{needs} int use(void) {{ {body} }}", "-fPIC"))
        assert int_function(jit, "use") == (4 if expected else 0)
        assert loaded(jit, "URUK_DEEP") == expected


def test_the_first_library_that_has_a_name_is_the_one_that_is_needed(cc: Compile) -> None:
    first = cc.shared("libfirst.so", LIBRARY.format(name="URUK_FIRST", more="int shared_(void) { return 1; }"))
    second = cc.shared("libsecond.so", LIBRARY.format(name="URUK_SECOND", more="int shared_(void) { return 2; }"))
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_library(first)
        jit.add_library(second, as_needed=True)
        jit.add_object(cc(WAS_LOADED, name="loaded"))
        jit.add_object(cc("int shared_(void); int use(void) { return shared_(); }"))
        assert int_function(jit, "use") == 1
        assert loaded(jit, "URUK_FIRST")
        assert not loaded(jit, "URUK_SECOND")


def test_a_needed_library_before_an_archive_has_the_name(jit: uruk.LLJIT, cc: Compile) -> None:
    library = cc.shared("libbefore.so", "int either(void) { return 1; }")
    jit.add_library(library, as_needed=True)
    jit.add_archive(cc.archive("libbehind.a", cc("int either(void) { return 2; }", name="behind")))
    jit.add_object(cc("int either(void); int use(void) { return either(); }"))
    assert int_function(jit, "use") == 1


def test_a_lookup_needs_a_library(jit: uruk.LLJIT, cc: Compile) -> None:
    jit.add_library(cc.shared("libasked.so", "int asked(void) { return 6; }"), as_needed=True)
    assert int_function(jit, "asked") == 6


def test_static_passes_over_shared_libraries(jit: uruk.LLJIT, cc: Compile, tmp_path: Path) -> None:
    (tmp_path / "libboth.so").write_bytes(cc.shared("libboth.so", "int which(void) { return 1; }").read_bytes())
    archive = cc.archive("libboth.a", cc("int which(void) { return 2; }", name="which"))
    (tmp_path / "libboth.a").write_bytes(archive.read_bytes())
    (tmp_path / "libshared.so").write_bytes(cc.shared("libshared.so", "int x;").read_bytes())
    jit.add_search_directory(tmp_path)
    jit.add_library("both", static=True)
    assert int_function(jit, "which") == 2
    with pytest.raises(uruk.LibraryNotFound):
        jit.add_library("shared", static=True)
    jit.add_library("m", static=True)  # the C library's own: the process's, whatever is asked for


def test_a_name_for_a_place_behind_another(jit: uruk.LLJIT, cc: Compile) -> None:
    jit.alias({"third": "numbers"}, offset=8)
    jit.add_object(cc("extern int third; int early(void) { return third; }"))
    jit.add_object(cc("int numbers[4] = {1, 2, 3, 4};"))
    assert int_function(jit, "early") == 3
    assert jit.lookup("third").address == jit.lookup("numbers").address + 8
    jit.add_object(cc("extern int third; int late(void) { return ++third; }"))
    assert int_function(jit, "late") == 4, "what it stands for is linked already"


def test_names_that_no_object_refers_to(jit: uruk.LLJIT, cc: Compile) -> None:
    drawn = cc("int drawn = 1; extern int found; __attribute__((constructor)) static void b(void) { found = 1; }")
    jit.add_archive(cc.archive("libdrawn.a", drawn))
    jit.add_object(cc("int found; int main(void) { return found; }"))
    main = jit.lookup_program("main", ["drawn", "nobody_has_this"])
    assert main.function("int()")() == 1


def test_own_split_stacks_are_left_alone(cc: Compile) -> None:
    """Objects with a `__morestack` of their own have no wrapper of pthread_create, and need none."""
    source = """
        #include <pthread.h>
        void __morestack(void) {}
        void *(*begin)(void *) = (void *(*)(void *))__morestack;
        int f(void) { return (void *)pthread_create != 0; }
    """
    with uruk.LLJIT() as jit:
        jit.add_objects([cc(source), cc("void __morestack(void); void *user = __morestack;")])
        assert jit.lookup("f").function("int(void)")() == 1


def test_a_weak_reference_is_no_split_stack(jit: uruk.LLJIT, cc: Compile) -> None:
    """Code that only asks whether `__morestack` is there, as LLVM's libraries do, begins threads as any other."""
    source = """
        #include <pthread.h>
        __attribute__((weak)) void __morestack(void);
        int f(void) { return __morestack != 0 ? 1 : (void *)pthread_create != 0 ? 2 : 3; }
    """
    jit.add_object(cc(source))
    assert jit.lookup("f").function("int(void)")() == 2
