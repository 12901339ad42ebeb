"""A Python function that an initialiser or a finaliser calls raises: so does what ran these, when it is done."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import uruk

from support.compiling import Compile
from support.requirements import require_tool

SOURCE = """
extern int (*hook)(int);
static int steps;
int after(void) { return steps; }
static void __attribute__((constructor)) first(void) { hook(%d); steps++; }
static void __attribute__((constructor)) second(void) { hook(%d); steps++; }
static void __attribute__((destructor)) last(void) { hook(-%d); }
"""
HOOK = "int (*hook)(int); int set(int (*f)(int)) { hook = f; return 0; }"


class Failed(Exception):
    pass


def fail(x: int) -> int:
    raise Failed(x)


def nothing(x: int) -> int:
    return x


def hooked(jit: uruk.LLJIT, cc: Compile, family: str) -> None:
    jit.add_object(cc(HOOK, "-fPIC", family=family))
    jit.lookup("set").function("int(int (*)(int))", callbacks="session")(fail)


@pytest.mark.parametrize("place", ["here", "shared", "aarch64"])
def test_what_runs_them_raises(place: str, cc: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda facts: reported.append(facts.exc_value))
    family = "aarch64-gcc" if place == "aarch64" else "gcc"
    if place == "aarch64":
        require_tool("qemu-aarch64")
    target = {"target": "aarch64-linux"} if place == "aarch64" else {}
    with uruk.LLJIT() if place == "here" else uruk.LLJIT(executor=uruk.spawn(**target)) as jit:
        hooked(jit, cc, family)
        tracker = jit.add_object(cc(SOURCE % (7, 7, 7), "-fPIC", family=family))
        with pytest.raises(Failed, match="7"):
            jit.lookup("after")
        assert len(reported) == 1  # of the second one
        assert jit.lookup("after").function("int(void)")() == 2  # all of them ran, and once
        with pytest.raises(Failed, match="-7"):
            tracker.remove()
        assert len(reported) == 1
        assert tracker.removed
        plugin = jit.create_dylib("plugin", link_order=[jit.main])
        jit.add_object(cc(SOURCE % (8, 8, 8), "-fPIC", family=family), dylib=plugin)
        with pytest.raises(Failed, match="8"):
            jit.initialize(plugin)
        with pytest.raises(Failed, match="-8"):
            jit.deinitialize(plugin)
        plugin.remove()
        # What a callback itself runs is its own: it catches what that raises.
        caught: list[str] = []

        def outer(x: int) -> int:
            if x == 9:
                jit.lookup("set").function("int(int (*)(int))", callbacks="session")(fail)
                inner = jit.create_dylib(f"inner{len(caught)}", link_order=[jit.main])
                jit.add_object(cc(SOURCE % (5, 5, 5), "-fPIC", family=family), dylib=inner)
                try:
                    jit.lookup("after", dylib=inner)
                except Failed as error:
                    caught.append(str(error))
                jit.lookup("set").function("int(int (*)(int))", callbacks="session")(nothing)
            return x

        jit.lookup("set").function("int(int (*)(int))", callbacks="session")(outer)
        jit.add_object(cc(SOURCE % (9, 9, 9), "-fPIC", family=family))
        assert jit.lookup("after").function("int(void)")() == 2
        assert caught == ["5"]


def test_a_replacement_is_undone(cc: Compile, jit: uruk.LLJIT) -> None:
    hooked(jit, cc, "gcc")
    flags = ("-fPIC", "-O1", "-fno-exceptions", "-fno-asynchronous-unwind-tables")
    old = jit.add_object(cc.cpp('extern "C" int version() { return 1; }', *flags), replaceable=True)
    version = jit.lookup("version").function("int(void)")
    source = 'extern "C" { extern int (*hook)(int); int version() { return 2; } } int made = hook(3);'
    with pytest.raises(Failed, match="3"):
        old.replace(cc.cpp(source, *flags))
    assert version() == 1
    jit.lookup("set").function("int(int (*)(int))", callbacks="session")(nothing)
    old.replace(cc.cpp(source, *flags))
    assert version() == 2


def test_the_end_of_a_session_raises(cc: Compile, tmp_path: Path) -> None:
    jit = uruk.LLJIT()
    hooked(jit, cc, "gcc")
    jit.add_object(
        cc("extern int (*hook)(int); int f; void __attribute__((destructor)) go(void) { hook(4); }", "-fPIC")
    )
    assert jit.lookup("f")
    with pytest.raises(Failed, match="4"):
        jit.close()
    assert jit.session.closed
