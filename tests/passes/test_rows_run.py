"""One small object that was linked row by row runs: in this process, in a child, and beside what columns linked."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk
from uruk import LLJIT, Options
from uruk.errors import InUse
from uruk.platforms.linux.runtime_here import process_runtime

from support.compiling import Compile, require_tool

pytestmark = pytest.mark.quick

BY_ROWS = "one object, row by row"
SOURCE = """
extern unsigned long strlen(const char *);
extern int later(int) __attribute__((weak));
static int started;
int common[4];
int (*const functions[])(int) = {later};
__attribute__((constructor)) static void begin(void) { started = 40; }
int first(int x) { return started + x + (int)strlen("ab") + (functions[0] != 0) + common[x & 3]; }
"""
USER = "int first(int); int second(int x) { return first(x) + 1; }"


@pytest.fixture(params=["here", "child"])
def jit(request: pytest.FixtureRequest) -> Iterator[LLJIT]:
    """A session that links row by row, in this process or in a child."""
    options = Options(rows=True)
    if request.param == "here":
        with LLJIT(options=options) as session:
            yield session
        return
    with uruk.spawn() as executor, LLJIT(executor=executor, options=options) as session:
        yield session


@pytest.mark.parametrize("flags", [("-O1", "-fPIC"), ("-O0", "-fcommon", "-ffunction-sections")], ids=" ".join)
def test_an_object_runs(jit: LLJIT, cc: Compile, flags: tuple[str, ...]) -> None:
    tracker = jit.add_object(cc(SOURCE, *flags))
    first = jit.lookup("first").function("int(int)")
    assert jit.session.times[0][0] == BY_ROWS
    assert first(3) == 45
    user = jit.add_object(cc(USER, *flags))
    assert jit.lookup("second").function("int(int)")(1) == 44
    assert jit.session.times[0][0] == BY_ROWS
    with pytest.raises(InUse):
        tracker.remove()
    user.remove()
    assert tracker.remove().memory > 0


def test_a_batch_and_an_undefined_name_go_by_columns(jit: LLJIT, cc: Compile) -> None:
    jit.add_object(cc(USER))
    with pytest.raises(uruk.UndefinedSymbols, match="first"):
        jit.lookup("second")
    jit.add_object(cc(SOURCE))
    assert jit.lookup("second").function("int(int)")(1) == 44
    assert jit.session.times[0][0] != BY_ROWS


def test_the_switch_holds(cc: Compile) -> None:
    with LLJIT(options=Options(rows=False)) as jit:
        for source in (SOURCE, USER):
            jit.add_object(cc(source))
            jit.lookup("first")
            assert jit.session.times[0][0] != BY_ROWS


def test_a_name_of_the_process_is_looked_up_anew_when_libraries_change(tmp_path: Path, cc: Compile) -> None:
    compiler, libraries = require_tool("gcc"), list[str]()
    # The function lies elsewhere in the second library, and another one in its place.
    for number, before in ((1, ""), (2, "int other(void) { return 7; } int another(void) { return 8; }")):
        source, library = tmp_path / f"{number}.c", tmp_path / f"lib{number}.so"
        source.write_text(f"{before} int of_a_library(void) {{ return {number}; }}")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
        libraries.append(str(library))
    close = ctypes.CDLL(None).dlclose
    close.argtypes = [ctypes.c_void_p]
    user = cc("int of_a_library(void); int user(void) { return of_a_library(); }")
    process_runtime()
    with LLJIT(options=Options(rows=True)) as jit:
        jit.add_object(cc(SOURCE))
        jit.lookup("first")  # the object of its slab keeps all libraries that are loaded by then
        for number, path in enumerate([*libraries, *libraries], 1):
            library = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
            for _ in range(2):  # the second time by what is known
                tracker = jit.add_object(user)
                assert jit.lookup("user").function("int()")() == 2 - number % 2
                assert jit.session.times[0][0] == BY_ROWS
                tracker.remove()
            close(library._handle)
            tracker = jit.add_object(user)
            with pytest.raises(uruk.UndefinedSymbols, match="of_a_library"):
                jit.lookup("user")
            tracker.remove()


def test_initialisers_of_an_object_that_is_linked_at_once_wait(cc: Compile) -> None:
    text = "int ready = 1; __attribute__((constructor)) void f(void) { ready = 2; } int value(void) { return ready; }"
    with LLJIT(auto_initialize=False, options=Options(rows=True)) as jit:
        jit.add_object(cc(text))
        value = jit.lookup("value").function("int(void)")
        assert jit.session.times[0][0] == BY_ROWS
        assert value() == 1
        jit.initialize()
        assert value() == 2
