"""Sources and LLVM IR as definitions: compiled at once, when needed, or when called; in parallel by a pool."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk
from uruk import SymbolFlags

from support.requirements import require_tool
from support.small import call

IR = """
@state = global i32 5
define i32 @next() {
  %old = load i32, ptr @state
  %new = add i32 %old, 1
  store i32 %new, ptr @state
  ret i32 %new
}
define linkonce_odr hidden i32 @helper() { ret i32 1 }
"""
CTORS = """
@ready = global i32 0
@llvm.global_ctors = appending global [1 x { i32, ptr, ptr }] [{ i32, ptr, ptr } { i32 65535, ptr @begin, ptr null }]
define internal void @begin() {
  store i32 33, ptr @ready
  ret void
}
define i32 @get() {
  %value = load i32, ptr @ready
  ret i32 %value
}
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URUK_CACHE_DIR", str(tmp_path / "cache"))
    require_tool("gcc")
    require_tool("g++")


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(params=["inline", "pool"])
def jit(request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(2) if request.param == "pool" else None) as one:
        yield one


def test_a_file(jit: uruk.LLJIT, tmp_path: Path) -> None:
    write(tmp_path, "value.h", "#define VALUE 41\n")
    code = jit.add_source(
        write(tmp_path, "f.c", '#include "value.h"\nint f(void) { return VALUE + MORE; }'), flags=["-DMORE=1"]
    )
    assert call(jit, "f") == 42
    assert code.remove().objects == 1


def test_cpp_brings_its_library(jit: uruk.LLJIT, tmp_path: Path) -> None:
    body = 'try { throw std::string("abc"); } catch (std::string &s) { return s.size(); }'
    text = f'#include <string>\nextern "C" int f() {{ {body} }}'
    jit.add_source(write(tmp_path, "f.cpp", text))
    assert call(jit, "f") == 3
    jit.add_source(text=text.replace("f()", "g()").replace("abc", "abcd"), language="c++")
    assert call(jit, "g") == 4


def test_a_source_with_known_symbols_waits(jit: uruk.LLJIT, tmp_path: Path) -> None:
    path = write(tmp_path, "f.c", "this is no C")
    jit.add_source(path, symbols=["f"])
    jit.add_source(text="int other(void) { return 1; }")
    assert call(jit, "other") == 1  # nothing of f.c was compiled
    with pytest.raises(uruk.CompileError, match=r"f\.c"):
        jit.lookup("f")
    write(
        tmp_path,
        "f.c",
        "static int a(void) { return 5; } int helper(void) { return a(); } int f(void) { return helper(); }",
    )
    assert call(jit, "f") == 5
    assert call(jit, "helper") == 5  # it may define more than was named


def test_a_source_that_lacks_what_was_named(jit: uruk.LLJIT) -> None:
    jit.add_source(text="int g(void) { return 1; }", symbols=["f"])
    with pytest.raises(uruk.WrongDefinitions, match="announced f"):
        jit.lookup("f")


def test_lazily(jit: uruk.LLJIT, tmp_path: Path) -> None:
    path = write(tmp_path, "f.c", "not yet")
    jit.add_source(path, symbols=["f"], lazy=True)
    f = jit.lookup("f").function("int(void)")
    write(tmp_path, "f.c", "int f(void) { return 12; }")
    assert f() == 12
    with pytest.raises(uruk.UrukError, match="symbols"):
        jit.add_source(path, lazy=True)


def test_a_compile_error_is_the_first_lookups(tmp_path: Path) -> None:
    bad = write(tmp_path, "bad.c", "int f(void) { return undeclared; }")
    with uruk.LLJIT() as jit, pytest.raises(uruk.CompileError, match="undeclared"):
        jit.add_source(bad)
    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(2)) as jit:
        jit.add_source(bad)
        jit.add_source(text="int good(void) { return 7; }")
        with pytest.raises(uruk.CompileError, match=r"bad\.c(.|\n)*undeclared"):
            jit.lookup("good")
        assert call(jit, "good") == 7


def test_a_pool_compiles_in_parallel(tmp_path: Path) -> None:
    """Each compiler waits until the other one runs, too."""
    script = write(
        tmp_path,
        "both.sh",
        '#!/bin/sh\ncase " $* " in *" -c "*)\n  mkdir "$RENDEZVOUS/$$"\n'
        '  for i in $(seq 300); do [ "$(ls "$RENDEZVOUS" | wc -l)" -ge 2 ] && exec gcc "$@"; sleep 0.1; done\n'
        'exit 9;;\nesac\nexec gcc "$@"\n',
    )
    script.chmod(0o755)
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RENDEZVOUS", str(meeting))
        with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(2)) as jit:
            for name in ("left", "right"):
                jit.add_source(text=f"int {name}(void) {{ return 1; }}", compiler=str(script), cache=False)
            assert call(jit, "left") + call(jit, "right") == 2
    assert len(list(meeting.iterdir())) == 2


def test_a_source_that_is_removed_while_it_compiles(tmp_path: Path) -> None:
    slow = write(tmp_path, "slow.sh", '#!/bin/sh\ncase " $* " in *" -c "*) sleep 1;; esac\nexec gcc "$@"\n')
    slow.chmod(0o755)
    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(2)) as jit:
        code = jit.add_source(text="int f(void) { return 1; }", compiler=str(slow), cache=False)
        code.remove()
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup("f")


def test_warnings_are_told(jit: uruk.LLJIT) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        jit.add_source(text="int f(void) { int unused; return 1; }", flags=["-Wall"])
        assert call(jit, "f") == 1
    assert [one.category for one in caught] == [uruk.CompilerWarning]
    assert "unused" in str(caught[0].message)


def test_wrong_use(jit: uruk.LLJIT) -> None:
    for arguments in ({}, {"path": "f.c", "text": "int f;"}):
        with pytest.raises(uruk.UrukError, match="either"):
            jit.add_source(**arguments)
    jit.add_source(text="int f(void);", compiler="no_such_compiler", symbols=["f"])
    with pytest.raises(uruk.CompilerNotFound, match="no_such_compiler"):
        jit.lookup("f")


def test_ir(jit: uruk.LLJIT) -> None:
    code = jit.add_ir(IR, "counter")
    jit.add_source(text="extern int next(void), state; int two(void) { next(); return next() + state; }")
    assert call(jit, "two") == 14
    assert code.remove(force=True).objects == 1


def test_ir_waits_and_is_lazy(jit: uruk.LLJIT) -> None:
    jit.add_ir(IR, lazy=True)
    function = jit.lookup("next").function("int(void)")
    assert not [entry for entry in jit.session.objects.values() if entry.kind == "object"]
    assert function() == 6
    with pytest.raises(uruk.CompileError):
        jit.add_ir("define i32 @broken(")


def test_ir_with_initialisers(jit: uruk.LLJIT) -> None:
    jit.add_ir(CTORS)
    jit.add_source(text="int unrelated(void) { return 1; }")
    assert call(jit, "unrelated") == 1
    assert [entry.state.value for entry in jit.session.objects.values() if entry.kind == "object"] == ["linked"] * 2
    assert call(jit, "get") == 33


def test_many_sources_from_many_threads(tmp_path: Path) -> None:
    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(3)) as jit:
        problems: list[BaseException] = []

        def work(number: int) -> None:
            try:
                flags = {f"t_{number}": SymbolFlags.EXPORTED | SymbolFlags.CALLABLE}
                jit.add_source(text=f"int t_{number}(void) {{ return {number}; }}", symbols=flags)
                assert call(jit, f"t_{number}") == number
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
