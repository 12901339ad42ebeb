"""The front: what the README shows, every way to give an object and every way to call or define a function."""

from __future__ import annotations

import ctypes
import mmap
import re
import subprocess
from pathlib import Path

import cffi
import numpy as np
import pytest

import uruk

from support.compiling import Compile

ADD = "int add(int a, int b) { return a + b; }"


def test_the_example_of_the_readme(cc: Compile) -> None:
    path = cc(ADD, name="add")
    with uruk.LLJIT() as jit:
        code = jit.add_object(path)
        add = jit.lookup("add")
        assert add.name == "add"
        assert add.address > 0
        assert add.function("int(int, int)")(2, 3) == 5
        jit.define("log2_calls", 0x7F0000001000)
        assert jit.lookup("log2_calls").address == 0x7F0000001000
        assert code.remove().memory > 0
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup("add")


@pytest.mark.parametrize("form", ["path", "text", "bytes", "bytearray", "memoryview", "mmap", "array"])
def test_every_form_of_an_object(cc: Compile, jit: uruk.LLJIT, form: str) -> None:
    path = cc(ADD)
    data = path.read_bytes()
    if form == "mmap":
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            jit.add_object(mapped)  # pyright: ignore[reportArgumentType]
    else:
        forms = {
            "path": path,
            "text": str(path),
            "bytes": data,
            "bytearray": bytearray(data),
            "memoryview": memoryview(data),
            "array": (ctypes.c_char * len(data)).from_buffer_copy(data),
        }
        jit.add_object(forms[form])  # pyright: ignore[reportArgumentType]
    assert jit.lookup("add").function("int(int, int)")(40, 2) == 42


def test_the_bytes_may_change_after_they_were_added(cc: Compile, jit: uruk.LLJIT) -> None:
    data = bytearray(cc(ADD).read_bytes())
    jit.add_object(data)
    data[:] = bytes(len(data))
    assert jit.lookup("add").function("int(int, int)")(1, 1) == 2


def test_a_file_that_is_not_there(jit: uruk.LLJIT, tmp_path: Path) -> None:
    with pytest.raises(uruk.ObjectFormatError, match=r"nothing\.o.*No such file"):
        jit.add_object(tmp_path / "nothing.o")
    with pytest.raises(uruk.ObjectFormatError):
        jit.add_object(tmp_path)
    with pytest.raises(uruk.ObjectFormatError):
        jit.add_object(b"")
    with pytest.raises(uruk.ObjectFormatError, match="null byte"):
        jit.add_object("with\0nul.o")


def test_what_is_no_object_at_all(jit: uruk.LLJIT) -> None:
    with pytest.raises(TypeError):
        jit.add_object(3)  # pyright: ignore[reportArgumentType]


def test_calls_by_prototype(cc: Compile, jit: uruk.LLJIT) -> None:
    source = """
        #include <stdarg.h>
        #include <string.h>
        double mean(const double *v, unsigned long n) { double s = 0; for (unsigned long i = 0; i < n; i++) s += v[i]; return s / n; }
        const char *greet(void) { return "hello"; }
        unsigned long length(const char *text) { return strlen(text); }
        int *next(int *p) { return p + 1; }
        long sum(int count, ...) { va_list a; va_start(a, count); long s = 0; while (count--) s += va_arg(a, int); va_end(a); return s; }
        float half(float x) { return x / 2; }
        long long wide(signed char a, unsigned short b, long long c, _Bool d) { return a + b + c + d; }
        int apply(int (*f)(int), int x) { return f(x) + 1; }
    """  # noqa: E501
    jit.add_object(cc(source))
    found = jit.lookup_all(["mean", "greet", "length", "next", "sum", "half", "wide", "apply"])
    ffi = cffi.FFI()
    assert found["mean"].function("double(const double *, unsigned long)")([1.0, 2.0, 6.0], 3) == 3.0
    assert jit.string(found["greet"].function("const char *(void)")()) == "hello"
    assert found["length"].function("size_t(const char *)")(b"four") == 4
    numbers = ffi.new("int[2]", [7, 8])
    assert jit.array(found["next"].function("int *(int *)")(numbers), 1, "int32")[0] == 8
    sum_ = found["sum"].function("long(int, ...)")
    assert sum_(3, *(ffi.cast("int", value) for value in (1, 2, 3))) == 6
    assert found["half"].function("float(float)")(3.0) == 1.5
    assert (
        found["wide"].function("long long(signed char, unsigned short, long long, _Bool)")(-1, 65535, 1 << 40, True)
        == (1 << 40) + 65535
    )
    double = ffi.callback("int(int)", lambda x: 2 * x)
    assert found["apply"].function("int(int (*)(int), int)")(double, 20) == 41
    assert found["apply"].function("int(*)(int (*)(int), int)")(double, 20) == 41


def test_calls_by_ctypes(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("double scale(double x, int by) { return x * by; }"))
    scale = jit.lookup("scale").function(ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_int))
    assert scale(1.5, 4) == 6.0


@pytest.mark.parametrize(
    "text", ["int", "int(", "nonsense(int)", "", "int x; int y", "int(*)[3]", "int(int", "(", "int(int))"]
)
def test_a_bad_prototype_is_an_error_that_quotes_it(cc: Compile, jit: uruk.LLJIT, text: str) -> None:
    jit.add_object(cc(ADD))
    with pytest.raises(uruk.UrukError) as caught:
        jit.lookup("add").function(text)
    assert f"`{text}'" in str(caught.value)


def test_errors_of_declarations_are_for_users_of_uruk(jit: uruk.LLJIT) -> None:
    jit.cdef("typedef struct { int a; } pair;")
    wrong = [
        (jit.callback, ("int(unknown)", abs), "but `int': `unknown' is no type that is declared"),
        (jit.callback, ("", abs), "`' is not a C function type: it cannot be read"),
        (jit.callback, ("#define X 1\nint(int)", abs), "it cannot be read"),
        (jit.callback, ("int(__int128)", abs), "Unsupported type: '__int128'"),
        (jit.cdef, ("typedef struct { long a; } pair;",), "multiple declarations of anonymous pair"),
    ]
    for call, arguments, text in wrong:
        with pytest.raises(uruk.InvalidValue) as caught:
            call(*arguments)
        assert text in str(caught.value)
        assert not re.search("override|readthedocs|NoneType|AssertionError", str(caught.value))
    with pytest.raises(uruk.InvalidValue) as caught:
        jit.cdef("x;" * 5000)
    assert len(str(caught.value)) < 1000


def test_prototypes_that_are_no_type_at_all(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(ADD))
    for wrong in (None, 3, [int]):
        with pytest.raises((uruk.UrukError, TypeError)):
            jit.lookup("add").function(wrong)


def test_the_repr_of_a_symbol(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(ADD))
    add = jit.lookup("add")
    assert repr(add) == f"<Symbol add at {add.address:#x}>"


CALLER = "extern int given(int); int ask(int x) { return given(x) + 1; }"


@pytest.mark.parametrize("flags", [(), ("-fPIC",), ("-fno-pie",), ("-mcmodel=large",), ("-fno-plt",)])
def test_define_a_ctypes_callback(cc: Compile, jit: uruk.LLJIT, flags: tuple[str, ...]) -> None:
    given = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x * 10)
    jit.add_object(cc(CALLER, *flags))
    jit.define("given", given)
    assert jit.lookup("ask").function("int(int)")(4) == 41


def test_define_a_cffi_callback(cc: Compile, jit: uruk.LLJIT) -> None:
    given = cffi.FFI().callback("int(int)", lambda x: x * 100)
    jit.define("given", given)
    jit.add_object(cc(CALLER))
    assert jit.lookup("ask").function("int(int)")(4) == 401


def test_define_an_address(cc: Compile, jit: uruk.LLJIT) -> None:
    number = ctypes.c_int(77)
    jit.define("number", ctypes.addressof(number))
    jit.add_object(cc("extern int number; int get(void) { return number; }", "-fPIC"))
    assert jit.lookup("get").function("int(void)")() == 77
    assert jit.lookup("number").address == ctypes.addressof(number)


def test_a_defined_name_keeps_its_value(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.define("top", (1 << 64) - 1)
    assert jit.lookup("top").address == (1 << 64) - 1
    with pytest.raises(uruk.DuplicateDefinition):
        jit.define("top", 1)
    with pytest.raises(uruk.DuplicateDefinition, match=r"top.*top\.o|top\.o.*top"):
        jit.add_object(cc("int top(void) { return 1; }", name="top"))
    assert jit.lookup("top").address == (1 << 64) - 1


@pytest.mark.parametrize("value", [-1, 1 << 64, "text", None, 1.5, object()])
def test_a_value_that_is_no_address(jit: uruk.LLJIT, value: object) -> None:
    with pytest.raises(uruk.UrukError):
        jit.define("wrong", value)
    jit.define("wrong", 5)


def test_lookup_all_finds_what_is_where(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int one(void) { return 1; }"))
    jit.add_object(cc("int two(void) { return 2; }"))
    found = jit.lookup_all(["two", "one", "two"])
    assert [found[name].function("int(void)")() for name in ("one", "two")] == [1, 2]
    assert jit.lookup_all([]) == {}


def test_names_that_no_object_can_have(jit: uruk.LLJIT) -> None:
    for name in ("", "with\0nul", "\udc80\udcff", "naïve"):
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup(name)
    for use in (jit.lookup, lambda name: jit.define(name, 1)):
        with pytest.raises(uruk.UrukError, match="not a symbol's name"):
            use("\ud800")


@pytest.mark.parametrize("size", [-1, 0, 1, 1 << 46, (1 << 63) - 1, 1 << 70])
def test_any_slab_size(cc: Compile, size: int) -> None:
    with uruk.LLJIT(slab_size=size) as jit:
        jit.add_object(cc("static const int table[] = {1, 2, 3}; int at(int i) { return table[i]; }"))
        assert jit.lookup("at").function("int(int)")(2) == 3


def test_buffers_of_any_layout(cc: Compile, jit: uruk.LLJIT) -> None:
    data = cc(ADD).read_bytes()
    data += bytes(-len(data) % 8)
    wide = np.zeros((len(data), 2), np.uint8)
    wide[:, 0] = np.frombuffer(data, np.uint8)
    for buffer in (wide[:, 0], np.frombuffer(data, "<u8").reshape(-1, 1)):
        tracker = jit.add_object(buffer.data)
        assert jit.lookup("add").function("int(int, int)")(1, 1) == 2
        tracker.remove()
    with pytest.raises(uruk.ObjectFormatError):
        jit.add_object(np.empty((0, 2), np.uint8).data)


def test_objects_added_as_one_batch(cc: Compile, jit: uruk.LLJIT) -> None:
    first = cc("extern int b(void); int a(void) { return b() + 1; }")
    second = cc("int b(void) { return 10; }")
    code = jit.add_objects([first, second.read_bytes()])
    assert jit.lookup("a").function("int(void)")() == 11
    assert code.remove().objects == 2


def test_an_object_with_nothing_but_a_number(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    path, bare = cc('__asm__(".globl answer; answer = 42");'), tmp_path / "bare.o"
    unwanted = [f"--remove-section={name}" for name in (".text", ".data", ".bss", ".note.gnu.property", ".eh_frame")]
    subprocess.run(["objcopy", *unwanted, str(path), str(bare)], check=True)
    jit.add_object(bare)
    assert jit.lookup("answer").address == 42
