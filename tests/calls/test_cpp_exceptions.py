"""C++ exceptions that leave functions which Python has called, here and in children: types, texts, what goes on."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from places import compiled, session

import uruk

from support.compiling import Compile, RunChild
from support.requirements import require_tool
from support.throwing import GNU

SOURCE = (
    GNU
    + r"""
extern "C" {
long long saved(long long a, long long b) {
    register long long kept __asm__(REGISTER) = a;
    __asm__ volatile("" : "+r"(kept));
    if (b) throws(2);
    return kept;
}
void no_throw(void) noexcept { throws(1); }
}
"""
)


@pytest.fixture(scope="module", params=["here", "shared", "aarch64"])
def jit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[uruk.LLJIT]:
    with session(request.param) as one:
        source = SOURCE.replace("REGISTER", '"x20"' if request.param == "aarch64" else '"r13"')
        one.add_library("stdc++")
        one.add_object(compiled(request.param, tmp_path_factory.mktemp("exceptions"), source, "c++"))
        yield one


def function(jit: uruk.LLJIT, name: str, prototype: str) -> Callable[..., Any]:
    return jit.lookup(name).function(prototype, cpp_exceptions=True)


@pytest.mark.parametrize(
    ("kind", "type_", "what"),
    [
        (1, "std::runtime_error", "it is " + 500 * "a"),
        (2, "int", ""),
        (3, "shapes::Wrong", "a virtual base"),
        (4, "Second", "the second base"),
        (5, "std::out_of_range", "again"),
        (6, "Counted", ""),
    ],
)
def test_type_and_text(jit: uruk.LLJIT, kind: int, type_: str, what: str) -> None:
    throws = function(jit, "throws", "int(int)")
    with pytest.raises(uruk.CppException) as caught:
        throws(kind)
    assert (caught.value.type, caught.value.what) == (type_, what)
    assert str(caught.value) == (f"{type_}: {what}" if what else type_)
    assert throws(0) == 100
    # destructors have run, the exception's own included, and no exception is under way
    assert function(jit, "alive", "int(void)")() == 0
    assert function(jit, "under_way", "int(void)")() == 0


def test_thrown_again_by_llvms_library(tmp_path: Path) -> None:
    """Its exceptions of `std::rethrow_exception` have another layout."""
    source, made = tmp_path / "again.cc", tmp_path / "again.o"
    source.write_text("""
        #include <exception>
        #include <stdexcept>
        extern "C" void again(void) {
            std::exception_ptr kept;
            try { throw std::out_of_range("again"); } catch (...) { kept = std::current_exception(); }
            std::rethrow_exception(kept);
        }
    """)
    command = [require_tool("clang-19"), "-stdlib=libc++", "-O1", "-fPIC", "-c", source, "-o", made]
    subprocess.run(command, check=True, timeout=60)
    with session("shared") as jit:
        jit.add_library("c++")
        jit.add_object(made)
        with pytest.raises(uruk.CppException, match=r"^std::out_of_range: again$"):
            jit.lookup("again").function("void(void)")()


def test_what_is_caught_there_is_nobodys_business(jit: uruk.LLJIT) -> None:
    assert function(jit, "caught", "int(int)")(1) == 42
    through = function(jit, "through", "int(int (*)(int), int)")
    assert through(jit.lookup("throws"), 1) == 77


def test_nested_calls(jit: uruk.LLJIT) -> None:
    """Each exception is that of the call that it left: callbacks are between them."""
    throws = function(jit, "throws", "int(int)")
    through = function(jit, "through", "int(int (*)(int), int)")
    seen: list[str] = []

    def inner(kind: int) -> int:
        try:
            throws(kind)
        except uruk.CppException as error:
            seen.append(error.type)
        return 9

    assert through(inner, 3) == 9
    assert seen == ["shapes::Wrong"]
    with pytest.raises(uruk.CppException, match="a virtual base"):
        through(lambda kind: throws(kind), 3)  # Python's function raises it again, after the C++ frames have returned
    with pytest.raises(uruk.CppException, match=r"^int$"):
        through(jit.lookup("throws"), 2)
    assert function(jit, "alive", "int(void)")() == 0


def test_a_thousand_of_them(jit: uruk.LLJIT) -> None:
    """Registers that a callee saves are the caller's again, and nothing is left."""
    throws = function(jit, "saved", "long long(long long, long long)")
    for number in range(300):
        with pytest.raises(uruk.CppException):
            throws(number, 1)
        assert throws(number, 0) == number


def test_what_may_not_throw_ends_the_process(jit: uruk.LLJIT, cc: Compile, child: RunChild) -> None:
    """The last test of this session: terminate is called, as natively; in this process without the request, too."""
    if not jit.executor.process.is_here:
        with pytest.raises(uruk.ExecutorLost):
            jit.lookup("no_throw").function("void(void)")()
        return
    text = """
        import sys, uruk
        with uruk.LLJIT() as jit:
            jit.add_library("stdc++")
            jit.add_object(sys.argv[1])
            jit.lookup(sys.argv[2]).function("int(int)", cpp_exceptions=sys.argv[3] == "True")(1)
    """
    made = cc.cpp(SOURCE.replace("REGISTER", '"r13"'), "-fPIC")
    for name, catches in (("throws", False), ("no_throw", True)):
        done = child(text, made, name, str(catches))
        assert done.status == -signal.SIGABRT
        assert "terminate called after throwing" in done.err
