"""Removing code: memory, names, unwind data, atexit entries and finalisers go, and nothing else does."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

import uruk
from uruk.errors import InUse

from support.compiling import Compile

LOG = """
    #include <string.h>
    static char text[256];
    void note(const char *what) { strcat(text, what); }
    const char *log_text(void) { return text; }
    void log_clear(void) { text[0] = 0; }
"""


class Log:
    """The log that test objects write: C code in a JIT of its own, so that it outlives theirs."""

    def __init__(self, cc: Compile) -> None:
        self._jit = uruk.LLJIT(slab_size=64 << 20)
        self._jit.add_object(cc(LOG))
        found = self._jit.lookup_all(["note", "log_text", "log_clear"])
        self.note = found["note"].address
        self._text = found["log_text"].function(ctypes.CFUNCTYPE(ctypes.c_char_p))
        self.clear = found["log_clear"].function(ctypes.CFUNCTYPE(None))

    @property
    def text(self) -> str:
        return self._text().decode()

    def jit(self) -> uruk.LLJIT:
        one = uruk.LLJIT()
        one.define("note", self.note)
        return one


@pytest.fixture
def log(cc: Compile) -> Log:
    return Log(cc)


def used(jit: uruk.LLJIT) -> int:
    return sum(slab.used for slab in jit.session.executor.memory.slabs)


def test_memory_is_reported_and_used_again(cc: Compile, jit: uruk.LLJIT) -> None:
    big = cc("char zeros[1 << 20]; int values[1000] = {1}; int f(void) { return values[0] + zeros[5]; }")
    seen: set[int] = set()
    for _ in range(20):
        code = jit.add_object(big)
        symbol = jit.lookup("f")
        assert symbol.function("int(void)")() == 1
        seen.add(symbol.address)
        released = code.remove()
        assert released.memory >= (1 << 20) + 4000
        assert (released.objects, released.symbols, released.deferred) == (1, 3, False)
        assert used(jit) == 0
    assert len(seen) == 1


def test_freed_data_reads_as_zero_for_the_next(cc: Compile, jit: uruk.LLJIT) -> None:
    dirty = cc("unsigned char data[3000] = {[0 ... 2999] = 255}; unsigned char *get(void) { return data; }")
    clean = cc("""
        unsigned char zeros[3000];
        long sum(void) { long s = 0; for (int i = 0; i < 3000; i++) s += zeros[i]; return s; }
    """)
    for _ in range(3):
        code = jit.add_object(dirty)
        jit.lookup("get")
        code.remove()
        code = jit.add_object(clean)
        assert jit.lookup("sum").function("long(void)")() == 0
        code.remove()


def test_names_are_gone_and_may_come_again(cc: Compile, jit: uruk.LLJIT) -> None:
    for value in range(5):
        code = jit.add_object(cc(f"int value(void) {{ return {value}; }} int other = {value};"))
        assert jit.lookup("value").function("int(void)")() == value
        code.remove()
        with pytest.raises(uruk.UndefinedSymbols, match="value"):
            jit.lookup("value")
        with pytest.raises(uruk.UndefinedSymbols, match="other"):
            jit.lookup("other")


def test_removing_what_was_never_linked(cc: Compile, jit: uruk.LLJIT) -> None:
    code = jit.add_object(cc("int f(void) { return 1; }"))
    released = code.remove()
    assert (released.memory, released.objects, released.symbols) == (0, 1, 1)
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f")


def test_removing_twice_does_nothing(cc: Compile, jit: uruk.LLJIT) -> None:
    code = jit.add_object(cc("int f(void) { return 1; }"))
    jit.lookup("f")
    assert code.remove().memory > 0
    assert code.removed
    assert "removed" in repr(code)
    again = code.remove()
    assert (again.memory, again.objects, again.symbols) == (0, 0, 0)


def test_removing_after_close_does_nothing(cc: Compile) -> None:
    with uruk.LLJIT() as jit:
        code = jit.add_object(cc("int f(void) { return 1; }"))
        jit.lookup("f")
    assert code.removed
    assert code.remove().memory == 0


def test_code_in_use_stays_until_its_users_are_gone(cc: Compile, jit: uruk.LLJIT) -> None:
    lower = jit.add_object(cc("int low(void) { return 5; } int word = 3;", name="lower"))
    upper = jit.add_object(cc("extern int low(void); int up(void) { return low() + 1; }", name="upper"))
    data = jit.add_object(cc("extern int word; int *where = &word;", name="pointer"))
    assert jit.lookup("up").function("int(void)")() == 6
    jit.lookup("where")
    with pytest.raises(uruk.InUse) as caught:
        lower.remove()
    assert [Path(user).name for user in caught.value.users] == ["upper.o", "pointer.o"]
    assert "lower.o" in caught.value.what
    assert jit.lookup("up").function("int(void)")() == 6
    upper.remove()
    with pytest.raises(uruk.InUse, match=r"pointer\.o"):
        lower.remove()
    data.remove()
    assert lower.remove().memory > 0


def test_users_linked_later_count_too(cc: Compile, jit: uruk.LLJIT) -> None:
    lower = jit.add_object(cc("int low(void) { return 5; }", name="lower"))
    jit.lookup("low")
    upper = jit.add_object(cc("extern int low(void); int up(void) { return low() + 1; }", name="upper"))
    jit.lookup("up")
    with pytest.raises(uruk.InUse):
        lower.remove()
    upper.remove()
    lower.remove()


def test_pending_users_do_not_count(cc: Compile, jit: uruk.LLJIT) -> None:
    lower = jit.add_object(cc("int low(void) { return 5; }"))
    jit.add_object(cc("extern int low(void); int up(void) { return low() + 1; }"))
    jit.lookup("low")
    lower.remove()
    with pytest.raises(uruk.UndefinedSymbols, match="low"):
        jit.lookup("up")
    jit.add_object(cc("int low(void) { return 50; }"))
    assert jit.lookup("up").function("int(void)")() == 51


def test_mutual_users_need_force(cc: Compile, jit: uruk.LLJIT) -> None:
    a = jit.add_object(cc("extern int b(int); int a(int x) { return x ? b(x - 1) + 1 : 0; }", name="a"))
    b = jit.add_object(cc("extern int a(int); int b(int x) { return x ? a(x - 1) + 1 : 0; }", name="b"))
    assert jit.lookup("a").function("int(int)")(9) == 9
    with pytest.raises(uruk.InUse):
        a.remove()
    with pytest.raises(uruk.InUse):
        b.remove()
    assert a.remove(force=True).memory > 0
    assert b.remove().memory > 0
    assert used(jit) == 0


def test_a_pending_weak_definition_takes_over(cc: Compile, jit: uruk.LLJIT) -> None:
    strong = jit.add_object(cc("int which(void) { return 1; }"))
    jit.add_object(cc("__attribute__((weak)) int which(void) { return 2; }"))
    strong.remove()
    assert jit.lookup("which").function("int(void)")() == 2


def test_the_first_pending_weak_definition_takes_over(cc: Compile, jit: uruk.LLJIT) -> None:
    strong = jit.add_object(cc("int which(void) { return 1; }"))
    for value in (2, 3):
        jit.add_object(cc(f"__attribute__((weak)) int which(void) {{ return {value}; }}"))
    strong.remove()
    assert jit.lookup("which").function("int(void)")() == 2


def test_a_weak_definition_takes_over_from_linked_code(cc: Compile, jit: uruk.LLJIT) -> None:
    strong = jit.add_object(cc("int which(void) { return 1; }"))
    weak = jit.add_object(cc("__attribute__((weak)) int which(void) { return 2; } int mine(void) { return 3; }"))
    assert jit.lookup("which").function("int(void)")() == 1
    strong.remove()
    assert jit.lookup("which").function("int(void)")() == 2
    assert jit.lookup("mine").function("int(void)")() == 3
    weak.remove()


def test_a_comdat_group_passes_to_the_next(cc: Compile, jit: uruk.LLJIT) -> None:
    inline = 'template <class T> T twice(T x) {{ return x + x; }} extern "C" int {name}(int x) {{ return twice(x); }}'
    first = jit.add_object(cc.cpp(inline.format(name="one")))
    jit.add_object(cc.cpp(inline.format(name="two")))
    first.remove()
    assert jit.lookup("two").function("int(int)")(21) == 42


def test_linked_users_of_a_shared_group_hold_it(cc: Compile, jit: uruk.LLJIT) -> None:
    inline = 'template <class T> T twice(T x) {{ return x + x; }} extern "C" int {name}(int x) {{ return twice(x); }}'
    first = jit.add_object(cc.cpp(inline.format(name="one")))
    second = jit.add_object(cc.cpp(inline.format(name="two")))
    assert jit.lookup("two").function("int(int)")(21) == 42
    with pytest.raises(uruk.InUse):
        first.remove()
    second.remove()
    first.remove()


ATEXIT = """
    #include <stdlib.h>
    extern void note(const char *);
    static void last(void) { note("LETTER"); }
    int start(void) { return atexit(last); }
"""


def test_atexit_runs_when_its_code_goes(cc: Compile, log: Log) -> None:
    with log.jit() as jit:
        codes = {
            letter: jit.add_object(cc(ATEXIT.replace("LETTER", letter).replace("start", f"start_{letter}")))
            for letter in "abc"
        }
        for letter in "abc":
            assert jit.lookup(f"start_{letter}").function("int(void)")() == 0
        assert log.text == ""
        codes["b"].remove()
        assert log.text == "b"
        codes["a"].remove()
        assert log.text == "ba"
    assert log.text == "bac"


def test_cxa_atexit_with_the_modules_handle(cc: Compile, log: Log) -> None:
    source = """
        extern void note(const char *);
        extern int __cxa_atexit(void (*)(void *), void *, void *);
        extern void *__dso_handle;
        #define AT_END(text) __cxa_atexit((void (*)(void *))note, text, &__dso_handle)
        int start(void) { return AT_END("x") | AT_END("y"); }
    """
    with log.jit() as jit:
        code = jit.add_object(cc(source))
        assert jit.lookup("start").function("int(void)")() == 0
        code.remove()
        assert log.text == "yx"
    assert log.text == "yx"


def test_static_objects_are_destroyed_when_their_code_goes(cc: Compile, log: Log) -> None:
    source = """
        extern "C" void note(const char *);
        struct Noted {
            const char *in, *out;
            Noted(const char *i, const char *o) : in(i), out(o) { note(in); }
            ~Noted() { note(out); }
        };
        Noted first("1", "-1"), second("2", "-2");
        extern "C" void touch() { static Noted local("3", "-3"); }
    """
    with log.jit() as jit:
        jit.add_library("stdc++")
        code = jit.add_object(cc.cpp(source))
        touch = jit.lookup("touch").function("void(void)")
        assert log.text == "12"
        touch()
        touch()
        assert log.text == "123"
        code.remove()
        assert log.text == "123-3-2-1"
        log.clear()
    assert log.text == ""


def test_finalizers_run_in_native_order(cc: Compile, log: Log) -> None:
    source = """
        #include <stdlib.h>
        extern void note(const char *);
        static void registered(void) { note("r"); }
        __attribute__((constructor)) static void begin(void) { note("B"); atexit(registered); }
        __attribute__((constructor(200))) static void early(void) { note("E"); }
        __attribute__((constructor(100 + 50))) static void earlier(void) { note("D"); }
        __attribute__((destructor)) static void one(void) { note("1"); }
        __attribute__((destructor)) static void two(void) { note("2"); }
        __attribute__((destructor(200))) static void late(void) { note("e"); }
        __attribute__((destructor(150))) static void later(void) { note("d"); }
        int f(void) { return 0; }
    """
    with log.jit() as jit:
        code = jit.add_object(cc(source))
        jit.lookup("f")
        assert log.text == "DEB"
        code.remove()
    assert log.text == "DEBr21ed"


def test_what_a_finalizer_registers_runs_too(cc: Compile, log: Log) -> None:
    source = """
        #include <stdlib.h>
        extern void note(const char *);
        static void second(void) { note("2"); }
        static void first(void) { note("1"); atexit(second); }
        int start(void) { return atexit(first); }
    """
    with log.jit() as jit:
        code = jit.add_object(cc(source))
        jit.lookup("start").function("int(void)")()
        code.remove()
        assert log.text == "12"


def test_closing_removes_the_newest_first(cc: Compile, log: Log) -> None:
    jit = log.jit()
    for letter in "abc":
        source = ATEXIT.replace("LETTER", letter).replace(
            "int start", f"__attribute__((constructor)) int start_{letter}"
        )
        jit.add_object(cc(source))
    jit.initialize()
    jit.close()
    assert log.text == "cba"


def test_closing_keeps_code_until_all_finalisers_ran(cc: Compile, log: Log) -> None:
    """Code that was added first may call code that was added later, also when it ends."""
    user = """
        void note(const char *);
        const char *helper(void);
        __attribute__((destructor)) static void end(void) { note(helper()); }
    """
    with log.jit() as jit:
        jit.add_object(cc(user, "-fPIC"))
        jit.add_object(cc('const char *helper(void) { return "helped"; }', "-fPIC"))
        jit.initialize()
    assert log.text.split() == ["helped"]


def test_storage_of_threads_is_closed(cc: Compile, jit: uruk.LLJIT) -> None:
    source = "static __thread int mine = 7; int bump(void) { return ++mine; }"
    for flags in ((), ("-fPIC",), ("-fPIC", "-mtls-dialect=gnu2")):
        for _ in range(40):
            code = jit.add_object(cc(source, *flags))
            assert jit.lookup("bump").function("int(void)")() == 8
            released = code.remove()
            assert released.tls_not_recovered == 0


def test_static_storage_that_waits_is_reported(cc: Compile, jit: uruk.LLJIT) -> None:
    first = jit.add_object(cc("static __thread int mine[4] = {7}; int a(void) { return ++mine[0]; }"))
    second = jit.add_object(cc("static __thread int mine[4] = {9}; int b(void) { return ++mine[0]; }"))
    jit.lookup("a")
    jit.lookup("b")
    assert first.remove().tls_not_recovered >= 16
    assert second.remove().tls_not_recovered == 0
    again = jit.add_object(cc("static __thread int mine[4] = {7}; int a(void) { return ++mine[0]; }"))
    assert jit.lookup("a").function("int(void)")() == 8
    assert again.remove().tls_not_recovered == 0


def test_an_archive_goes_with_its_members(cc: Compile, jit: uruk.LLJIT) -> None:
    archive = cc.archive("libpair.a", cc("int left(void) { return 1; }"), cc("int right(void) { return 2; }"))
    code = jit.add_archive(archive)
    assert jit.lookup("left").function("int(void)")() == 1
    released = code.remove()
    assert released.objects == 1
    for name in ("left", "right"):
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup(name)
    jit.add_archive(archive)
    assert jit.lookup("right").function("int(void)")() == 2


def test_code_whose_stub_is_a_functions_address_is_in_use(cc: Compile) -> None:
    """`-fno-pie` code has one address for a library's function: a stub, which is code of one of the modules."""
    text = "#include <unistd.h>\nint (*{name}_where(void))(void) {{ return getpid; }}\n"
    objects = [cc(text.format(name=name), "-fno-pie", "-O1", name=name) for name in ("first", "second")]
    with uruk.LLJIT() as jit:
        trackers = [jit.add_object(path) for path in objects]
        symbols = jit.lookup_all(["first_where", "second_where"]).values()
        assert len({symbol.function("size_t(void)")() for symbol in symbols}) == 1
        with pytest.raises(InUse, match=r"first.*\.o"):
            trackers[1].remove()  # the last one has the stub
        for tracker in trackers:
            tracker.remove()
