"""C++ exceptions that leave functions which Python has called in a process of Windows: g++'s and Microsoft's kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from native_programs import gxx_folders, wine_path

import uruk
from uruk.executor.microsoft_exceptions import type_of

from support.coff_objects import compiled_text
from support.throwing import COUNTED, GNU

pytestmark = pytest.mark.any_interpreter

OWN = """
    extern "C" double saved(double x, int kind) {
        double a = x * 3, b = x * 5, c = x * 7;
        Counted local;
        if (kind) throws(kind);
        return a + b + c;
    }
    extern "C" void no_throw(void) noexcept { throws(2); }
"""
MICROSOFT = (
    """
    namespace std {
        class exception {
            const char *text;
        public:
            exception(const char *text) : text(text) {}
            virtual ~exception() {}
            virtual const char *what() const { return text; }
        };
        struct runtime_error : exception { using exception::exception; };
        struct out_of_range : exception { using exception::exception; };
    }
    struct Unrelated { virtual ~Unrelated() {} int x; };
    struct Second : Unrelated, std::runtime_error { Second() : std::runtime_error("the second base") {} };
    namespace shapes {
        struct Wrong : virtual std::runtime_error { Wrong() : std::runtime_error("a virtual base") {} };
    }
    extern "C" int __uncaught_exceptions(void);
    extern "C" int under_way(void) { return __uncaught_exceptions(); }
"""
    + COUNTED
    + OWN
    + """
    int throws(int kind) {
        static char text[507] = "it is ";
        Counted local;
        for (int i = 6; i < 506; i++) text[i] = 'a';
        switch (kind) {
        case 1: throw std::runtime_error(text);
        case 2: throw 5;
        case 3: throw shapes::Wrong();
        case 4: throw Second();
        case 5: try { throw std::out_of_range("again"); } catch (...) { Counted other; throw; }
        case 6: throw Counted();
        case 7: try { throw Counted(); } catch (...) { throw; }
        case 8: try { throw Counted(); } catch (...) { throw 5; }
        }
        return 100;
    }
"""
)
LIBRARIES = {
    "gcc-O2": ("libstdc++-6.dll", "libgcc_s_seh-1.dll", "msvcrt.dll"),
    "clang-msvc-O2": ("vcruntime140.dll", "ucrtbase.dll"),
}


FLAGS: dict[str, tuple[str, ...]] = {"gcc-O2": (), "clang-msvc-O2": ("-fcxx-exceptions", "-fexceptions")}
Made = tuple[str, Path]
"""A compiler and its object of the functions."""


@pytest.fixture(scope="module", params=LIBRARIES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    compiler: str = request.param
    source = GNU + OWN if compiler == "gcc-O2" else MICROSOFT
    folder = tmp_path_factory.mktemp("throwing")
    return compiler, compiled_text(folder, compiler, "throwing.cc", source, *FLAGS[compiler])


def session(made: Made) -> uruk.LLJIT:
    """Return a session in a process of Windows with the functions."""
    compiler, path = made
    environment = {**os.environ, "WINEPATH": wine_path(gxx_folders())}
    jit = uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows", environment=environment))
    for name in LIBRARIES[compiler]:
        jit.main.add_shared_library(name)
    jit.add_object(path)
    return jit


@pytest.fixture(scope="module")
def jit(wine: Path, made: Made) -> Iterator[uruk.LLJIT]:
    with session(made) as one:
        yield one


def function(jit: uruk.LLJIT, name: str, prototype: str = "int(int)") -> Callable[..., Any]:
    return jit.lookup(name).function(prototype)


@pytest.mark.parametrize(
    ("kind", "type_", "what"),
    [
        (1, "std::runtime_error", "it is " + 500 * "a"),
        (2, "int", ""),
        (3, "shapes::Wrong", "a virtual base"),
        (4, "Second", "the second base"),
        (5, "std::out_of_range", "again"),
        (6, "Counted", ""),
        (7, "Counted", ""),
        (8, "int", ""),
    ],
)
def test_type_and_text(jit: uruk.LLJIT, kind: int, type_: str, what: str) -> None:
    throws = function(jit, "throws")
    with pytest.raises(uruk.CppException) as caught:
        throws(kind)
    assert (caught.value.type, caught.value.what) == (type_, what)
    assert throws(0) == 100
    assert function(jit, "caught")(kind) == 42
    # destructors have run, the exception's own included
    assert function(jit, "alive", "int(void)")() == 0


def test_nested_calls(jit: uruk.LLJIT) -> None:
    """Each exception is that of the call that it left: callbacks are between them."""
    throws, through = function(jit, "throws"), function(jit, "through", "int(int (*)(int), int)")
    seen: list[str] = []

    def inner(kind: int) -> int:
        try:
            throws(kind)
        except uruk.CppException as error:
            seen.append(error.type)
        return 9

    assert through(jit.lookup("throws"), 1) == 77
    assert through(inner, 3) == 9
    assert seen == ["shapes::Wrong"]

    def again(kind: int) -> int:  # raises it again, after the C++ frames have returned
        return throws(kind)

    with pytest.raises(uruk.CppException, match="a virtual base"):
        through(again, 3)
    with pytest.raises(uruk.CppException, match=r"^int$"):
        through(jit.lookup("throws"), 2)
    assert function(jit, "alive", "int(void)")() == 0


def test_many_of_them_in_several_threads(jit: uruk.LLJIT) -> None:
    """Registers that a callee saves are the caller's again, and threads do not meet."""
    saved = function(jit, "saved", "double(double, int)")

    def some(start: int) -> None:
        for number in range(start, start + 60):
            with pytest.raises(uruk.CppException, match="the second base" if start % 2 else "a virtual base"):
                saved(number, 4 if start % 2 else 3)
            assert saved(number, 0) == number * 15

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(some, range(4)))


def test_none_is_under_way_afterwards(jit: uruk.LLJIT) -> None:
    with pytest.raises(uruk.CppException):
        function(jit, "throws")(1)
    assert function(jit, "under_way", "int(void)")() == 0


@pytest.mark.parametrize("way", ["noexcept", "initialiser", "initialiser in a callback"])
def test_what_may_not_throw_ends_the_process(wine: Path, made: Made, tmp_path: Path, way: str) -> None:
    """As natively, and as on Linux."""
    compiler, _ = made
    with session(made) as jit:
        if way == "noexcept":
            with pytest.raises(uruk.ExecutorLost):
                function(jit, "no_throw", "void(void)")()
            return
        text = "int throws(int); int begun = throws(2); int later(void) { return begun; }"
        text = 'extern "C" { ' + text + " }"
        jit.add_object(compiled_text(tmp_path, compiler, "begun.cc", text, *FLAGS[compiler]))

        def begin(x: int = 0) -> int:
            with pytest.raises(uruk.ExecutorLost):
                jit.lookup("later")
            return x

        if way == "initialiser":
            begin()
        else:
            with pytest.raises(uruk.ExecutorLost):
                function(jit, "through", "int(int (*)(int), int)")(begin, 0)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "type_"),
    [
        (".?AVexception@std@@", "std::exception"),
        (".?AW4Color@a@b@@", "b::a::Color"),
        (".N", "double"),
        (".P6AHH@Z", ".P6AHH@Z"),
    ],
)
def test_names_of_type_descriptors(name: str, type_: str) -> None:
    assert type_of(name) == type_
