"""Names that each program has for itself are never the interpreter's."""

from __future__ import annotations

import pytest

import uruk

from support.compiling import Compile

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("name", ["main", "_start", "_end", "edata", "__bss_start", "_init"])
def test_the_interpreters_own_are_not_found(jit: uruk.LLJIT, name: str) -> None:
    with pytest.raises(uruk.UndefinedSymbols, match=name):
        jit.lookup(name)


def test_a_reference_to_one_says_why(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("extern char _DYNAMIC[]; char *dynamic(void) { return _DYNAMIC; }"))
    with pytest.raises(uruk.UndefinedSymbols, match="linked code has no file with headers of its own"):
        jit.lookup("dynamic")


PLACES = """
    extern char __executable_start[], etext[], __data_start[], edata[], __bss_start[], end[], _end[];
    int counter = COUNTER, empty[100];
    int in_order(void) { return __executable_start < (char *)in_order && (char *)in_order < etext
        && __data_start <= (char *)&counter && (char *)(&counter + 1) <= edata && edata == __bss_start
        && __bss_start <= (char *)empty && (char *)(empty + 100) <= end && end == _end; }
"""


@pytest.mark.parametrize("flags", [(), ("-fPIC",), ("-fno-pie", "-mcmodel=large")])
def test_where_code_and_data_begin_and_end(cc: Compile, jit: uruk.LLJIT, flags: tuple[str, ...]) -> None:
    for number in (1, 2):  # each lookup has modules of its own
        text = PLACES.replace("COUNTER", str(number)).replace("in_order", f"order_{number}")
        jit.add_object(cc(text.replace("counter", f"counter_{number}").replace("empty", f"empty_{number}"), *flags))
        assert jit.lookup(f"order_{number}").function("int(void)")() == 1


def test_a_module_without_data_or_code(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("extern char __data_start[], end[]; long size(void) { return end - __data_start; }"))
    assert jit.lookup("size").function("long(void)")() >= 0
    jit.add_object(cc("extern char etext[], end[]; char *const places[] = {etext, end};"))
    assert jit.lookup("places").address


def test_an_input_defines_one(cc: Compile, jit: uruk.LLJIT) -> None:
    """Before the link does, in this lookup or an earlier one, in an object or an archive; a library does not."""
    jit.add_library(cc.shared("libnames.so", "int edata = 5;"))
    jit.add_object(cc("int end = 3;"))
    jit.add_archive(cc.archive("libetext.a", cc("int etext = 4;")))
    jit.add_object(cc("extern int end, etext; int both(void) { return 10 * end + etext; }"))
    assert jit.lookup("both").function("int(void)")() == 34
    jit.add_object(cc("extern int end; extern char edata[]; int again(void) { return end + (*(int *)edata == 5); }"))
    assert jit.lookup("again").function("int(void)")() == 3


ARRAYS = """
    typedef void (*function)(void);
    extern function __init_array_start[], __init_array_end[], __fini_array_start[], __fini_array_end[];
    extern function __preinit_array_start[], __preinit_array_end[];
    int sum;
    static void first(void) { sum = 10 * sum + 1; }
    static void second(void) { sum = 10 * sum + 2; }
    static void third(void) { sum = 10 * sum + 3; }
    __attribute__((section(".init_array"), used)) static function last = third;
    __attribute__((section(".init_array.00007"), used)) static function early = first;
    __attribute__((section(".init_array.00300"), used)) static function middle = second;
    int again(void) {
        sum = 0;
        for (function *place = __init_array_start; place < __init_array_end; place++) (*place)();
        return sum;
    }
    int fini_size(void) { return __fini_array_end - __fini_array_start; }
    int preinit_size(void) { return __preinit_array_end - __preinit_array_start; }
"""
CTORS = """
    .section .ctors.65500, "aw", @progbits
    .quad zero
    .text
zero: movl sum(%rip), %eax
    imull $10, %eax
    addl $4, %eax
    movl %eax, sum(%rip)
    ret
"""


def test_arrays_of_functions_in_their_order(cc: Compile, jit: uruk.LLJIT) -> None:
    """By priority, without one last; of `.ctors` the number is 65535 minus the priority. Arrays may be empty."""
    jit.add_objects([cc(ARRAYS), cc(CTORS, language="s")])
    assert jit.lookup("again").function("int()")() == 1423
    assert [jit.lookup(name).function("int()")() for name in ("fini_size", "preinit_size")] == [0, 0]


def test_an_array_without_an_order(cc: Compile, jit: uruk.LLJIT) -> None:
    """Several functions of one `.ctors` section run backwards, which no array of pointers can show."""
    two = CTORS.replace(".quad zero", ".quad zero, zero")
    jit.add_objects([cc(ARRAYS), cc(two, language="s")])
    with pytest.raises(uruk.UndefinedSymbols, match="__init_array_start"):
        jit.lookup("again")


def test_a_weak_reference_is_null(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("extern int main(void) __attribute__((weak)); int has(void) { return main != 0; }", "-fPIC"))
    assert jit.lookup("has").function("int(void)")() == 0


def test_pieces_of_init_are_refused(cc: Compile, jit: uruk.LLJIT) -> None:
    text = '__asm__(".section .init,\\"ax\\",@progbits\\n nop\\n .text"); int f(void) { return 1; }'
    with pytest.raises(uruk.ObjectFormatError, match=r"\.init_array"):
        jit.add_object(cc(text))
