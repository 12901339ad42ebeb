"""Thread-locals of shared libraries: bound by name, std::call_once's included, and what a use before forbids."""

from __future__ import annotations

import ctypes
import os

import pytest

import uruk

from support.compiling import Compile, RunChild

ONCE = r"""
    #include <atomic>
    #include <mutex>
    #include <stdexcept>
    #include <thread>
    #include <vector>
    static std::once_flag flag, thrower;
    static std::atomic<int> runs, caught;
    static void once_in_each()
    {
        std::call_once(flag, [](int a) { runs += a; }, 1);
        try {
            std::call_once(thrower, [] {
                static std::atomic<int> attempts;
                if (attempts++ < 2)
                    throw std::runtime_error("not yet");
            });
        } catch (std::exception &) {
            caught++;
        }
    }
    extern "C" int once()
    {
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; i++)
            threads.emplace_back(once_in_each);
        for (auto &thread : threads)
            thread.join();
        std::once_flag outer;
        std::call_once(outer, [] {
            std::once_flag inner;
            std::call_once(inner, [] { runs += 10; });
            runs += 100;
        });
        return runs * 10 + caught;
    }
"""

ONCE_CHILD = """
    import ctypes, sys, uruk
    state, *objects = sys.argv[1:]
    if state != "fresh":
        library = ctypes.CDLL("libstdc++.so.6")
    if state == "used":  # dlsym of a thread-local fixes its library's storage as dynamic
        ctypes.c_void_p.in_dll(library, "_ZSt11__once_call")
    with uruk.LLJIT() as jit:
        jit.add_library("stdc++")
        for path in objects:
            code = jit.add_object(path)
            print(jit.lookup("once").function("int(void)")())
            code.remove()
"""


@pytest.mark.parametrize("state", ["fresh", "loaded", "used"])
def test_call_once(cc: Compile, child: RunChild, state: str) -> None:
    """The first objects are of dynamic models: what they bind must do for the later ones, too."""
    objects = [
        cc.cpp(ONCE, "-O1", *flags.split(), family=family)
        for flags in ("-fPIC", "", "-fPIC -mtls-dialect=gnu2", "-fPIC -fno-plt")
        for family in ("gcc", "clang")
    ]
    assert child.ok(ONCE_CHILD, state, *objects).split() == ["1112"] * len(objects)


LIBRARY = """
    __thread int shared = 77;
    __thread char room[100];
    int bump(void) { return ++shared; }
"""
USER = "extern __thread int shared; int get(void) { return shared; } long at(void) { return (long)&shared; }"
USER_CHILD = """
    import ctypes, sys, threading, uruk
    state, library, path = sys.argv[1:]
    if state != "fresh":
        loaded = ctypes.CDLL(library)
    if state == "used":
        loaded.bump()
    with uruk.LLJIT() as jit:
        jit.add_library(library)
        loaded = ctypes.CDLL(library)
        code = jit.add_object(path)
        try:
            get = jit.lookup("get").function("int(void)")
        except uruk.TLSError as error:
            print(error)
            sys.exit()
        def look():
            before = get()
            assert loaded.bump() == get() == before + 1
            print(before)
        look()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        code.remove()
"""
LINKED_CHILD = """
    import sys, uruk
    library, path, executes = sys.argv[1:]
    with uruk.LLJIT(options=uruk.Options(execute=bool(executes))) as jit:
        jit.add_library(library)
        jit.add_object(path)
        assert jit.lookup("get").address
        print("memfd:uruk" in open("/proc/self/maps").read())
"""


@pytest.mark.quick
@pytest.mark.parametrize(("executes", "is_told"), [("1", "True"), ("", "False")])
def test_the_loader_hears_nothing_of_code_that_is_not_run(
    cc: Compile, child: RunChild, executes: str, is_told: str
) -> None:
    """Its slabs are no objects of the loader, and no carrier asks that for a library's thread-locals."""
    library = cc.shared("libshared-tls.so", LIBRARY)
    assert child.ok(LINKED_CHILD, library, cc(USER, "-fPIC"), executes).split() == [is_told]


@pytest.mark.parametrize("flags", ["", "-fPIC", "-fPIC -mtls-dialect=gnu2", "-fno-pie", "-fPIC -fno-plt"])
@pytest.mark.parametrize("state", ["fresh", "loaded", "used"])
def test_the_variable_of_a_library(cc: Compile, child: RunChild, state: str, flags: str) -> None:
    library = cc.shared("libshared-tls.so", LIBRARY)
    found = child.ok(USER_CHILD, state, library, cc(USER, *flags.split()))
    if state == "used" and "-fPIC" not in flags:
        assert found.startswith(f"{library}: a thread has already used its thread-locals"), found
        assert "before anything uses them, or compile with -fPIC" in found
    else:
        assert found.split() == [str(77 + (state == "used")), "77"]


def test_a_library_with_too_much(cc: Compile, jit: uruk.LLJIT) -> None:
    library = cc.shared("liblarge-tls.so", "__thread int shared = 5; __thread char room[100000];")
    jit.add_library(library)
    code = jit.add_object(cc(USER))
    with pytest.raises(uruk.TLSError, match=r"(?s)liblarge-tls\.so: 1000\d\d bytes.*optional_static_tls=\d+"):
        jit.lookup("get")
    code.remove()
    jit.add_object(cc(USER, "-fPIC"))
    assert jit.lookup("get").function("int(void)")() == 5


def test_errno(cc: Compile, jit: uruk.LLJIT) -> None:
    source = """
        #include <errno.h>
        #include <unistd.h>
        int through_function(void) { close(-1); return errno; }
    """
    jit.add_object(cc(source))
    assert jit.lookup("through_function").function("int(void)")() == 9


@pytest.mark.parametrize("flags", ["", "-fPIC"])
def test_errno_as_it_was_declared_once(cc: Compile, jit: uruk.LLJIT, flags: str) -> None:
    jit.add_object(cc("extern int errno; int get(void) { return errno; }", *flags.split()))
    with pytest.raises(uruk.TLSError, match=r"(?s)^`errno': is thread-local in libc\.so\.6.*header"):
        jit.lookup("get")


def test_a_library_loaded_at_another_path(cc: Compile, jit: uruk.LLJIT) -> None:
    """A soname that is not the file's name: the carrier finds the loaded object by it."""
    library = cc.shared("libfile-name.so", "__thread int shared = 6;", "-Wl,-soname,libother-name.so.3")
    jit.add_library(os.fspath(library))
    jit.add_object(cc(USER))
    assert jit.lookup("get").function("int(void)")() == 6


def test_the_added_library_comes_before_others_of_the_process(cc: Compile) -> None:
    paths = [cc.shared(f"libsame-{n}.so", f"__thread int shared = {n};") for n in (1, 2)]
    kept = [ctypes.CDLL(str(path)) for path in paths]
    for path, expected in zip([*paths, *paths[::-1]], [1, 2, 2, 1], strict=True):
        with uruk.LLJIT() as jit:
            jit.add_library(path)
            jit.add_object(cc(USER))
            assert jit.lookup("get").function("int(void)")() == expected
    assert len(kept) == 2


def test_a_library_that_comes_after_the_question(cc: Compile, jit: uruk.LLJIT) -> None:
    source = "extern __thread int late_one; int get(void) { return late_one; }"
    jit.add_object(cc(source))
    with pytest.raises(uruk.UndefinedSymbols, match="late_one"):
        jit.lookup("get")
    jit.add_library(cc.shared("liblate.so", "__thread int late_one = 9;"))
    assert jit.lookup("get").function("int(void)")() == 9
