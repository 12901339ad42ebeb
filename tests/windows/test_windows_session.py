"""Sessions whose code runs in a process of Windows: objects of gcc and clang, linked, called, and removed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from windows_processes import address_of, function

import uruk
from uruk.errors import ExecutorCrashed, InUse, LibraryError, UndefinedSymbols

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

GNU = ("x86_64-w64-mingw32-gcc-posix", "-O1", "-ffunction-sections")
MSVC = ("clang-19", "--target=x86_64-pc-windows-msvc", "-O1")
CLANG_GNU = ("clang-19", "--target=x86_64-w64-windows-gnu", "-O1")
COMPILERS = pytest.mark.parametrize("compiler", [GNU, MSVC, CLANG_GNU], ids=["gcc", "clang-msvc", "clang-gnu"])
CALLS = """
    __declspec(dllimport) unsigned GetCurrentProcessId(void);
    unsigned GetTickCount(void);
    int other(int);
    int counter = 5;
    static int zeros[1000];
    int *const last = &zeros[999];
    int sum(int a, double b, float c) { zeros[3]++; return other(a) + (int)(b * c) + counter++ + zeros[3] + *last; }
    unsigned process(void) { return GetCurrentProcessId(); }
    int ticks(void) { return GetTickCount() != 0; }
    double on_stack(int a, double b, int c, double d, int e, double f) { return a + b * c + d * e + f; }
"""


def compiled(folder: Path, compiler: tuple[str, ...], text: str, name: str = "unit") -> Path:
    source, target = folder / f"{name}.c", folder / f"{name}.obj"
    source.write_text(text)
    subprocess.run([require_tool(compiler[0]), *compiler[1:], "-w", "-c", "-o", target, source], check=True)
    return target


@pytest.fixture
def jit(wine: Path) -> Iterator[uruk.LLJIT]:
    """A session in a process of Windows."""
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as session:
        yield session


@COMPILERS
def test_calls_of_linked_functions(jit: uruk.LLJIT, tmp_path: Path, compiler: tuple[str, ...]) -> None:
    jit.add_object(compiled(tmp_path, compiler, CALLS))
    jit.add_object(compiled(tmp_path, compiler, "int other(int x) { return 10 * x; }", "other"))
    add = jit.lookup("sum").function("int(int, double, float)")
    assert (add(4, 2.5, 2.0), add(4, 2.5, 2.0)) == (40 + 5 + 5 + 1, 40 + 5 + 6 + 2)
    assert jit.lookup("ticks").function("int(void)")() == 1
    assert jit.lookup("process").function("unsigned(void)")() > 0
    text = "double(int, double, int, double, int, double)"
    assert jit.lookup("on_stack").function(text)(1, 2.5, 2, 0.5, 3, 0.25) == 7.75
    assert jit.platform.process.runtime.process.read(jit.lookup("counter").address, 4) == b"\7\0\0\0"


def test_code_comes_and_goes(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_object(compiled(tmp_path, GNU, "int other(void); int f(void) { return other() + 1; }", "f"), name="f")
    for number in range(3):
        path = compiled(tmp_path, GNU, f"int other(void) {{ return {number}; }}", "other")
        tracker = jit.add_object(path)
        assert jit.lookup("other").function("int(void)")() == number
        released = tracker.remove()
        assert released.memory > 0
        assert released.unwind_registrations == 1
        with pytest.raises(UndefinedSymbols):
            jit.lookup("other")
    tracker = jit.add_object(compiled(tmp_path, GNU, "int other(void) { return 41; }", "other"))
    assert jit.lookup("f").function("int(void)")() == 42
    with pytest.raises(InUse):
        tracker.remove()


@COMPILERS
def test_functions_of_a_dll(jit: uruk.LLJIT, tmp_path: Path, compiler: tuple[str, ...]) -> None:
    """Calls go through thunks; a pointer to a function is its address, and to a variable the variable's."""
    jit.main.add_shared_library("msvcrt.dll")
    jit.add_object(compiled(tmp_path, compiler, """
        int atoi(const char *);
        __declspec(dllimport) int toupper(int);
        __declspec(dllimport) extern int _fmode;
        int (*const pointer)(const char *) = atoi;
        int number(const char *text) { return atoi(text) + toupper('a'); }
        int *mode(void) { return &_fmode; }
    """))  # fmt: skip
    assert jit.lookup("number").function("int(const char *)")(b"41\0") == 41 + 65
    executor = jit.executor
    word = executor.process.read(jit.lookup("pointer").address, 8)
    assert (
        int.from_bytes(word, "little")
        == executor.libraries.find_symbol(executor.libraries.load("msvcrt.dll"), b"atoi")[0]
    )
    mode, is_data = executor.libraries.find_symbol(executor.libraries.load("msvcrt.dll"), b"_fmode")
    assert is_data
    assert jit.lookup("mode").function("size_t(void)")() == mode


def test_data_of_a_dll_without_a_slot(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """Code that refers to it by 32 bits is put close to it: no thunk stands for data."""
    jit.main.add_shared_library("msvcrt.dll")
    jit.add_object(compiled(tmp_path, MSVC, "extern int _fmode; int mode(int to) { _fmode = to; return _fmode + 1; }"))
    assert jit.lookup("mode").function("int(int)")(0x4000) == 0x4001
    libraries = jit.executor.libraries
    place, _ = libraries.find_symbol(libraries.load("msvcrt.dll"), b"_fmode")
    assert jit.executor.process.read(place, 4) == b"\0\x40\0\0"


def test_what_is_not_there_is_told(jit: uruk.LLJIT, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"nowhere\.dll, or a library that it needs, is not found"):
        jit.main.add_shared_library("nowhere.dll")
    jit.add_object(compiled(tmp_path, GNU, "int lost(void); int f(void) { return lost(); }"))
    with pytest.raises(UndefinedSymbols, match=r"lost +needed by unit\.obj|unit\.obj:\(\.text\$f"):
        jit.lookup("f")


def test_callbacks_into_python(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_object(compiled(tmp_path, GNU, "int twice(int (*f)(int, double), int x) { return f(x, 0.5) + f(x, 1.5); }"))
    callback = jit.platform.process.callback("int(int, double)", lambda x, y: int(10 * x * y))
    assert jit.lookup("twice").function("int(size_t, int)")(callback[0], 3) == 15 + 45


def test_dylibs_and_dlopen(jit: uruk.LLJIT, tmp_path: Path) -> None:
    plugin = jit.create_dylib("plugin")
    jit.add_object(compiled(tmp_path, GNU, "int answer(void) { return 42; }", "plugin"), dylib=plugin)
    jit.add_object(compiled(tmp_path, GNU, """
        void *uruk_jit_dlopen(const char *, int); void *uruk_jit_dlsym(void *, const char *);
        const char *uruk_jit_dlerror(void);
        int ask(void) { return ((int (*)(void))uruk_jit_dlsym(uruk_jit_dlopen("plugin", 0), "answer"))(); }
        int fails(void) { return !uruk_jit_dlopen("nothing", 0) && uruk_jit_dlerror()[0] == 't'; }
    """))  # fmt: skip
    assert jit.lookup("ask").function("int(void)")() == 42
    assert jit.lookup("fails").function("int(void)")() == 1


PLUGIN = """
    __attribute__((constructor)) static void begin(void) { ++*(int *)WORD; }
    __attribute__((destructor)) static void end(void) { *(int *)WORD += 10; }
    int answer(void) { return *(int *)WORD; }
"""
OPENS = """
    void *uruk_jit_dlopen(const char *, int); void *uruk_jit_dlsym(void *, const char *);
    int uruk_jit_dlclose(void *);
    int word;
    void *open_it(void) { return uruk_jit_dlopen("plugin", 0); }
    int ask(void *plugin) { return ((int (*)(void))uruk_jit_dlsym(plugin, "answer"))(); }
    int close_it(void *plugin) { return uruk_jit_dlclose(plugin); }
    int read_word(void) { return word; }
"""


def test_dlopen_initialises_and_the_last_dlclose_finalises(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """Its constructor and destructor write to a word of another dylib: once, and again when it is opened anew."""
    jit.add_object(compiled(tmp_path, CLANG_GNU, OPENS))
    plugin = jit.create_dylib("plugin")
    source = PLUGIN.replace("WORD", f"{jit.lookup('word').address:#x}ull")
    jit.add_object(compiled(tmp_path, CLANG_GNU, source, "plugin"), dylib=plugin)
    words = {"open_it": "size_t(void)", "ask": "int(size_t)", "close_it": "int(size_t)", "read_word": "int(void)"}
    opened, ask, close, word = (jit.lookup(name).function(kind) for name, kind in words.items())
    first, second = opened(), opened()
    assert (ask(first), ask(second)) == (1, 1)
    assert (close(first), word()) == (0, 1)
    assert (close(second), word()) == (0, 11)
    third = opened()
    assert ask(third) == 12
    assert (close(third), word()) == (0, 22)


def test_a_crash_names_the_function(wine: Path, tmp_path: Path) -> None:
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as jit:
        jit.add_object(compiled(tmp_path, GNU, "int fault(int *p) { return *p; }", "faulty"))
        with pytest.raises(ExecutorCrashed, match=r"access violation .* in fault\+0x\w+ \(.*faulty\.obj\)") as caught:
            jit.lookup("fault").function("int(size_t)")(0)
    assert caught.value.code == 0xC0000005


UNWINDS = """
    struct context { unsigned char bytes[1232]; } __attribute__((aligned(16)));
    void RtlCaptureContext(struct context *);
    void *RtlLookupFunctionEntry(unsigned long long, unsigned long long *, void *);
    unsigned short RtlCaptureStackBackTrace(unsigned, unsigned, void **, unsigned *);
    int known(unsigned long long at) { unsigned long long base; return RtlLookupFunctionEntry(at, &base, 0) != 0; }
    __attribute__((noinline)) int depth(void) { void *frames[60]; return RtlCaptureStackBackTrace(0, 60, frames, 0); }
    __attribute__((noinline)) int deeper(int n) { volatile int more = n ? deeper(n - 1) : depth(); return more; }
"""


@COMPILERS
def test_frames_are_unwound(jit: uruk.LLJIT, tmp_path: Path, compiler: tuple[str, ...]) -> None:
    jit.add_object(compiled(tmp_path, compiler, UNWINDS))
    deeper = jit.lookup("deeper").function("int(int)")
    assert deeper(20) - deeper(10) == 10
    assert deeper(0) > 3  # down to where the thread began


def test_unwind_data_comes_and_goes_with_code(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """What lies where removed code lay is found, too, whatever was loaded in between."""
    jit.add_object(compiled(tmp_path, GNU, UNWINDS, "unwinds"))
    known = jit.lookup("known").function("int(size_t)")
    bodies = [f"int f{n}(int n) {{ volatile char room[{100 + n}]; room[n] = 1; return room[n]; }}" for n in range(3)]
    paths = [compiled(tmp_path, GNU, body, f"f{n}") for n, body in enumerate(bodies)]
    first, _ = jit.add_object(paths[0]), jit.add_object(paths[1])
    places = [jit.lookup(f"f{n}").address for n in range(2)]
    assert [known(place) for place in places] == [1, 1]
    first.remove()
    assert [known(place) for place in places] == [0, 1]
    jit.add_object(paths[2])
    again = jit.lookup("f2").address
    assert again == places[0]  # or this tests nothing
    assert [known(place) for place in (again, places[1])] == [1, 1]


def test_longjmp_through_linked_frames(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """msvcrt's unwinds each frame on its way."""
    jit.main.add_shared_library("msvcrt.dll")
    jit.add_object(compiled(tmp_path, GNU, """
        #include <setjmp.h>
        static jmp_buf place;
        __attribute__((noinline)) int down(int n) {
            volatile int m = n;
            if (!n) longjmp(place, 7);
            return down(m - 1) + m;
        }
        int jumps(void) { int got = setjmp(place); return got ? 10 + got : down(5); }
    """))  # fmt: skip
    assert jit.lookup("jumps").function("int(void)")() == 17


def test_initialisers_and_finalisers(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """They run with the first lookup and with the removal, atexit's functions of that module among them."""
    jit.add_object(
        compiled(
            tmp_path,
            GNU,
            "int all; void note(int x) { all = 10 * all + x; } int seen(void) { return all; }",
            "log",
        )
    )
    tracker = jit.add_object(compiled(tmp_path, GNU, """
        void note(int); int atexit(void (*)(void));
        static void end(void) { note(3); }
        static void __attribute__((constructor)) begin(void) { note(1); atexit(end); }
        static void __attribute__((destructor)) last(void) { note(2); }
        int f(void) { return 5; }
    """))  # fmt: skip
    other = jit.add_object(compiled(tmp_path, GNU, """
        void note(int); int atexit(void (*)(void));
        static void end(void) { note(9); }
        int g(void) { return atexit(end); }
    """, "other"))  # fmt: skip
    seen = jit.lookup("seen").function("int(void)")
    assert seen() == 1
    assert jit.lookup("g").function("int(void)")() == 0
    tracker.remove()
    assert seen() == 123
    other.remove()
    assert seen() == 1239


def test_sessions_come_and_go(wine: Path, tmp_path: Path) -> None:
    path = compiled(tmp_path, GNU, "int f(void) { return 3; }")
    for _ in range(3):
        with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as jit:
            jit.add_object(path)
            assert jit.lookup("f").function("int(void)")() == 3


def test_the_address_of_an_executors_function(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """`define` takes addresses of the process."""
    executor = uruk.spawn(target="x86_64-windows")
    with uruk.LLJIT(executor=executor) as other:
        other.define("elsewhere", address_of(executor, "MulDiv"))
        other.add_object(
            compiled(tmp_path, GNU, "int elsewhere(int, int, int); int f(void) { return elsewhere(6, 35, 5); }")
        )
        assert other.lookup("f").function("int(void)")() == 42
        assert function(executor, "int(int, int, int)", "MulDiv")(2, 3, 1) == 6


def test_a_source_is_compiled_for_windows(jit: uruk.LLJIT) -> None:
    jit.add_source(
        text="""
        int digits(int a, int b, int c, int d, int e, double f) {
            return ((((a * 10 + b) * 10 + c) * 10 + d) * 10 + e) * 10 + (int)f;
        }
        int size_of_long(void) { return sizeof(long); }
        """,
        language="c",
    )
    digits = jit.lookup("digits").function("int(int, int, int, int, int, double)")
    assert digits(1, 2, 3, 4, 5, 6.0) == 123456
    assert jit.lookup("size_of_long").function("int(void)")() == 4
