"""Thread-locals between modules that are linked and removed apart, and what cannot be."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import uruk
from uruk.platforms.linux.loader_here import static_bytes_left, unrecovered_bytes

from support.compiling import Compile

DEFINES = "__thread long x = 4; long g(void) { return x; }"
USES = "extern __thread long x; long f(void) { return x++; }"


def value(jit: uruk.LLJIT, name: str) -> int:
    """Call a function without arguments."""
    return int(jit.lookup(name).function("long(void)")())


def in_thread(action: Callable[[], int]) -> int:
    """The result of an action in a new thread."""
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(action()))
    thread.start()
    thread.join()
    return results[0]


@pytest.mark.parametrize("user", ["", "-fPIC", "-fPIC -mtls-dialect=gnu2", "-fno-pie", "-fPIC -mcmodel=large"])
@pytest.mark.parametrize("definer", ["", "-fPIC", "-fPIC -mtls-dialect=gnu2"])
def test_a_later_batch_uses_it(cc: Compile, jit: uruk.LLJIT, definer: str, user: str) -> None:
    go, found = threading.Event(), list[int]()

    def wait() -> None:
        go.wait()
        found.append(value(jit, "f"))

    running = threading.Thread(target=wait)
    running.start()
    jit.add_object(cc(DEFINES, *definer.split()))
    jit.lookup("g")
    jit.add_object(cc(USES, *user.split()))
    assert [value(jit, name) for name in "ffg"] == [4, 5, 6]
    go.set()
    running.join()
    assert found == [4]
    assert in_thread(lambda: value(jit, "f")) == 4


@pytest.mark.parametrize("align", [8, 32, 64])
def test_unused_dynamic_storage_becomes_static_for_it(cc: Compile, align: int) -> None:
    left, waiting = static_bytes_left(), unrecovered_bytes()
    with uruk.LLJIT() as jit:
        variables = f"__thread long x __attribute__((aligned({align}))) = 4; __thread long *self;"
        one = jit.add_object(cc(f"{variables} long *at(void) {{ return &x; }}", "-fPIC"))
        odd = jit.add_object(cc("__thread char c = 1; long k(void) { return c; }"))
        jit.lookup("at")
        assert value(jit, "k") == 1
        before = static_bytes_left()
        two = jit.add_object(cc(USES))
        jit.lookup("f")
        assert static_bytes_left() < before
        assert [value(jit, "f"), value(jit, "at") % align] == [4, 0]
        assert [in_thread(lambda: value(jit, "f")), in_thread(lambda: value(jit, "at") % align)] == [4, 0]
        assert [code.remove().tls_not_recovered for code in (two, one, odd)] == [0, 0, 0]
    assert (static_bytes_left(), unrecovered_bytes()) == (left, waiting)


def test_used_dynamic_storage_stays_dynamic(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(DEFINES, "-fPIC"))
    assert value(jit, "g") == 4
    user = jit.add_object(cc(USES))
    with pytest.raises(uruk.TLSError, match=r"(?s)^`x': a thread has already used.*link both objects in one step, or"):
        jit.lookup("f")
    user.remove()
    jit.add_object(cc(USES, "-fPIC"))
    assert value(jit, "f") == 4  # and the session goes on


def test_large_dynamic_storage_stays_dynamic(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("__thread char room[50000]; " + DEFINES, "-fPIC"))
    jit.lookup("g")
    jit.add_object(cc(USES))
    with pytest.raises(uruk.TLSError, match=r"(?s)^`x': 500\d\d bytes.*do not fit.*optional_static_tls=\d+, or"):
        jit.lookup("f")


def test_local_dynamic_code_cannot_reach_another_module(cc: Compile, jit: uruk.LLJIT) -> None:
    hidden = '__attribute__((visibility("hidden")))'
    jit.add_object(cc(f"__thread long x {hidden} = 4; long g(void) {{ return x; }}", "-fPIC"))
    assert value(jit, "g") == 4
    user = f"extern __thread long x {hidden}; long f(void) {{ return x; }}"
    jit.add_object(cc(user, "-fPIC", "-ftls-model=local-dynamic", name="user"))
    with pytest.raises(uruk.UrukError, match=r"(?s)user\.o:\(\.text.*`?x'?"):
        jit.lookup("f")


def sized(count: int, number: int) -> str:
    variable = f"__thread char b{number}[{count}] __attribute__((aligned(1))) = {{{number}}};"
    return f"{variable} long f{number}(void) {{ return b{number}[0]; }}"


def test_static_storage_comes_back_from_the_end_only(cc: Compile) -> None:
    left, waiting = static_bytes_left(), unrecovered_bytes()
    with uruk.LLJIT() as jit:
        codes = [jit.add_object(cc(sized(200, n))) for n in range(1, 5)]
        assert [value(jit, f"f{n}") for n in range(1, 5)] == [1, 2, 3, 4]
        after = static_bytes_left()
        assert after == left - 800
        assert codes[0].remove().tls_not_recovered == 200
        assert codes[2].remove().tls_not_recovered == 200
        assert (static_bytes_left(), unrecovered_bytes()) == (after, waiting + 400)
        assert codes[3].remove().tls_not_recovered == 0
        assert (static_bytes_left(), unrecovered_bytes()) == (after + 400, waiting + 200)
        assert value(jit, "f2") == 2
        again = jit.add_object(cc(sized(300, 5)))
        assert value(jit, "f5") == 5
        assert again.remove().tls_not_recovered == 0
        assert codes[1].remove().tls_not_recovered == 0
        assert (static_bytes_left(), unrecovered_bytes()) == (left, waiting)


def test_no_order_of_removal_uses_it_up(cc: Compile) -> None:
    """Neither order of removal uses anything up."""
    left, waiting = static_bytes_left(), unrecovered_bytes()
    paths = [cc(sized(200, n)) for n in (1, 2)]
    with uruk.LLJIT() as jit:
        for turn in range(200):
            codes = [jit.add_object(path) for path in paths]
            assert [value(jit, "f1"), value(jit, "f2")] == [1, 2]
            for code in codes if turn % 2 else codes[::-1]:
                code.remove()
    assert (static_bytes_left(), unrecovered_bytes()) == (left, waiting)


CHILD = """
    import sys, uruk
    with uruk.LLJIT() as jit:
        jit.add_object(sys.argv[1])
        try:
            print(jit.lookup("f").function("long(void)")())
        except uruk.TLSError as error:
            print(error)
"""


@pytest.mark.parametrize("align", [1, 64])
@pytest.mark.parametrize("size", [1700, 2000, 9000, 100_000])
def test_the_setting_that_the_error_names_helps(cc: Compile, tmp_path: Path, size: int, align: int) -> None:
    path = cc(f"""
        __thread char b[{size}] __attribute__((aligned({align}))) = {{3}};
        static __thread int q = 4;
        long f(void) {{ volatile int i = 0; return b[i] + q; }}
    """)
    script = tmp_path / "child.py"
    script.write_text("\n".join(line[4:] for line in CHILD.splitlines()))
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(one for one in sys.path if one))

    def run() -> str:
        command = [sys.executable, str(script), str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    first = run()
    setting = re.search(r"GLIBC_TUNABLES=(glibc\.rtld\.optional_static_tls=\d+), or compile with -fPIC", first)
    assert setting or (first == "7\n" and size == 1700)
    if setting:
        environment["GLIBC_TUNABLES"] = setting.group(1)
        assert run() == "7\n"


def test_alignment_that_no_thread_pointer_has(cc: Compile, jit: uruk.LLJIT) -> None:
    source = """
        __thread char b[90] __attribute__((aligned(128)));
        long f(void) { char *p = b; __asm__("" : "+r"(p)); return (long)p & 127; }
    """
    code = jit.add_object(cc(source, name="wide"))
    pattern = r"(?s)wide\.o:\(\.text.*local-exec code.*`b'.*aligned to 128.*-fPIC"
    with pytest.raises(uruk.TLSError, match=pattern):
        jit.lookup("f")
    code.remove()
    jit.add_object(cc(source, "-fPIC"))
    assert value(jit, "f") == 0


@pytest.mark.parametrize("flags", ["", "-fPIC", "-fPIC -mtls-dialect=gnu2"])
def test_undefined_ones_are_listed(cc: Compile, jit: uruk.LLJIT, flags: str) -> None:
    source = "extern __thread int nobody, neither; long f(void) { return nobody + neither; }"
    jit.add_object(cc(source, *flags.split(), name="user"))
    with pytest.raises(uruk.UndefinedSymbols, match=r"(?s)2 undefined symbols.*n\w+  needed by .*user\.o:\(\.text"):
        jit.lookup("f")


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_weak_undefined_ones_of_initial_exec_code(cc: Compile, jit: uruk.LLJIT, family: str) -> None:
    """As ld.so has it: they are where the thread pointer points."""
    source = """
        extern __thread int nobody __attribute__((weak));
        long f(void) { char *tp; __asm__("movq %%fs:0, %0" : "=r"(tp)); return (char *)&nobody - tp; }
    """
    jit.add_object(cc(source, "-ftls-model=initial-exec", family=family))
    assert value(jit, "f") == 0


PLAIN = [
    "extern int x; long f(void) { return x; }",
    "extern int x; int *p = &x; long f(void) { return *p; }",
    "extern int x(void); long f(void) { return x(); }",
]


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("flags", ["", "-fPIC", "-fno-pie", "-fPIC -mcmodel=large"])
@pytest.mark.parametrize("source", PLAIN)
def test_a_thread_local_taken_for_ordinary(cc: Compile, source: str, flags: str, apart: bool) -> None:
    owner = cc(DEFINES, name="owner")
    user = cc(source, *flags.split(), name="user")
    with uruk.LLJIT() as jit:
        jit.add_object(owner)
        if apart:
            jit.lookup("g")
        jit.add_object(user)
        where = "" if apart else r" in .*owner\.o"
        with pytest.raises(uruk.LinkError, match=rf"user\.o:\(\..*`x' is thread-local{where}, but this code takes it"):
            jit.lookup("f")
        assert value(jit, "g") == 4


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("flags", ["", "-fPIC", "-fPIC -mtls-dialect=gnu2"])
def test_an_ordinary_one_taken_for_thread_local(cc: Compile, flags: str, apart: bool) -> None:
    owner = cc("long x = 4; long g(void) { return x; }", name="owner")
    user = cc(USES, *flags.split(), name="user")
    with uruk.LLJIT() as jit:
        jit.add_object(owner)
        if apart:
            jit.lookup("g")
        jit.add_object(user)
        where = "" if apart else r" in .*owner\.o"
        with pytest.raises(
            uruk.LinkError, match=rf"user\.o:\(\..*`x' is not thread-local{where}, but this code takes it"
        ):
            jit.lookup("f")
        assert value(jit, "g") == 4


def test_it_has_no_address_to_look_up(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(DEFINES))
    with pytest.raises(uruk.TLSError, match=r"(?s)^`x': is thread-local.*function that returns its address"):
        jit.lookup("x")
    assert value(jit, "g") == 4


def test_a_library_still_finds_static_storage(cc: Compile) -> None:
    """What uruk does not need it does not take: dynamic models leave the surplus to libraries."""
    left = static_bytes_left()
    with uruk.LLJIT() as jit:
        jit.add_object(cc("__thread char room[1000]; " + DEFINES, "-fPIC"))
        assert value(jit, "g") == 4
        assert static_bytes_left() == left
        source = "__thread char mine[1000] = {5}; int get(void) { return mine[0]; }"
        library = cc.shared("libstatic.so", source, "-ftls-model=initial-exec")
        assert ctypes.CDLL(str(library)).get() == 5
