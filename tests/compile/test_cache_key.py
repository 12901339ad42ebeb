"""Every input of a compilation decides about a cache hit: each is changed alone, and must miss."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from families import require_family

import uruk
from uruk.compile import identity
from uruk.compile.cache_key import host_cpu
from uruk.compile.compile_source import Compiled, compile_source, compile_text

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

Change = Callable[[pytest.MonkeyPatch], dict[str, object]]


def write(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def settle() -> None:
    """Wait until headers just written count as written before a compilation."""
    time.sleep(0.06)


def compiled(**how: object) -> Compiled:
    return compile_source(**{"path": "unit.c", "compiler": "gcc", **how})  # type: ignore[arg-type]


def source(_: pytest.MonkeyPatch) -> dict[str, object]:
    write("unit.c", Path("unit.c").read_text().replace("+ 1", "+ 2"))
    return {}


def comment(_: pytest.MonkeyPatch) -> dict[str, object]:
    write("unit.c", Path("unit.c").read_text().replace("/* falls through */", "/*               */"))
    return {}


def header(_: pytest.MonkeyPatch) -> dict[str, object]:
    write("a/value.h", "#define VALUE 8\n")
    return {}


def header_comment(_: pytest.MonkeyPatch) -> dict[str, object]:
    write("a/value.h", "/* seven */\n#define VALUE 7\n")
    return {}


def include_path(_: pytest.MonkeyPatch) -> dict[str, object]:
    return {"flags": ["-Ib", "-Ia"]}


def new_header(_: pytest.MonkeyPatch) -> dict[str, object]:
    write("a/maybe.h", "")
    return {}


def header_variable(patch: pytest.MonkeyPatch) -> dict[str, object]:
    patch.setenv("CPATH", "c")
    return {}


def optimisation(_: pytest.MonkeyPatch) -> dict[str, object]:
    return {"flags": ["-Ia", "-O2"]}


def definition(_: pytest.MonkeyPatch) -> dict[str, object]:
    return {"flags": ["-Ia", "-DUNUSED"]}


def architecture(_: pytest.MonkeyPatch) -> dict[str, object]:
    return {"flags": ["-Ia", "-march=native"]}


def language(_: pytest.MonkeyPatch) -> dict[str, object]:
    return {"language": "c++"}


def another_compiler(_: pytest.MonkeyPatch) -> dict[str, object]:
    return {"compiler": require_family("clang-19")}


def compiler_flag(_: pytest.MonkeyPatch) -> dict[str, object]:
    return {"compiler": "gcc -O1"}


def name(_: pytest.MonkeyPatch) -> dict[str, object]:
    os.rename("unit.c", "other.c")
    return {"path": "other.c"}


def path(_: pytest.MonkeyPatch) -> dict[str, object]:
    return {"path": "./unit.c"}


def epoch(patch: pytest.MonkeyPatch) -> dict[str, object]:
    patch.setenv("SOURCE_DATE_EPOCH", "86400")
    return {}


def programs_of_the_compiler(patch: pytest.MonkeyPatch) -> dict[str, object]:
    patch.setenv("COMPILER_PATH", "/nowhere")
    return {}


CHANGES = [
    source, comment, header, header_comment, include_path, new_header, header_variable, optimisation, definition,
    architecture, language, another_compiler, compiler_flag, name, path, epoch, programs_of_the_compiler,
]  # fmt: skip

UNIT = """
#include "value.h"
#if __has_include("maybe.h")
int maybe;
#endif
#if __has_include(<third.h>)
int third;
#endif
int f(int x) { switch (x) { case 1: x++; /* falls through */ case 2: x++; } return x + VALUE + 1; }
"""


@pytest.fixture
def unit(monkeypatch: pytest.MonkeyPatch) -> None:
    write("unit.c", UNIT)
    write("a/value.h", "#define VALUE 7\n")
    write("b/value.h", "#define VALUE 9\n")
    write("c/third.h", "")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    settle()


@pytest.mark.usefixtures("unit")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_an_input_that_changes_misses(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    how: dict[str, object] = {"flags": ["-Ia"]}
    before = compiled(**how)
    assert [before.cached, compiled(**how).cached] == [False, True]
    how |= change(monkeypatch)
    settle()
    after = compiled(**how)
    assert not after.cached
    assert after.object == compiled(**how, cache=False).object
    again = compiled(**how)
    assert (again.cached, again.object) == (True, after.object)


@pytest.mark.usefixtures("unit")
def test_what_changes_nothing_hits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not compiled(flags=["-Ia"]).cached
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("UNRELATED", "1")
    monkeypatch.setattr(identity, "_known", {})
    os.utime("a/value.h", (1, 1))
    settle()
    assert compiled(flags=["-Ia"]).cached


@pytest.mark.usefixtures("unit")
def test_the_folder_decides_with_debug_information(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("unit.c").resolve()
    flags = [f"-I{file.parent}/a"]
    for more, hit in (((), True), (("-g",), False)):
        monkeypatch.chdir(file.parent)
        first = compiled(path=file, flags=[*flags, *more])
        monkeypatch.chdir(tmp_path)
        second = compiled(path=file, flags=[*flags, *more])
        assert (first.cached, second.cached) == (False, hit)
        assert second.object == compiled(path=file, flags=[*flags, *more], cache=False).object


def test_a_compiler_that_was_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, hits in ((1, [False, True]), (2, [False, True]), (1, [False, True])):
        write("mycc", f'#!/bin/sh\nexec gcc -DNUMBER={number} "$@"\n')
        os.chmod("mycc", 0o700)
        monkeypatch.setattr(identity, "_known", {})  # as in a new process
        results = [compile_text("int number = NUMBER;", compiler="./mycc") for _ in range(2)]
        assert [one.cached for one in results] == hits
        assert results[1].object == compile_text("int number = NUMBER;", compiler="./mycc", cache=False).object


def test_the_identity_covers_the_assembler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity.identify([require_tool("gcc")])
    write("bin/as", f'#!/bin/sh\nexec {require_tool("as")} "$@"\n')
    os.chmod("bin/as", 0o700)
    monkeypatch.setenv("PATH", f"{tmp_path / 'here' / 'bin'}:{os.environ['PATH']}")
    assert identity.identify(before.words).identity != before.identity


def test_the_processor_is_known() -> None:
    assert "fpu" in host_cpu()  # every x86-64 processor's list of features has it


UNCACHED = {
    "response file": ["@flags"],
    "assembler flags": ["-Wa,--noexecstack"],
    "preprocessor flags": ["-Wp,-DX"],
    "dependency file": ["-MD", "-MFx.d"],
    "profile": ["-fprofile-use"],
    "profile of a name": ["-fprofile-use=unit.gcda"],
    "coverage": ["--coverage"],
    "temporaries": ["-save-temps=obj"],
    "specs": ["-specs=own.specs"],
    "stack usage": ["-fstack-usage"],
    "split debug information": ["-g", "-gsplit-dwarf"],
    "programs from a folder": ["-Bbin"],
    "a file named by a flag nobody knows": ["-fno-inline", "-frandom-seed=flags"],
    "a header that is compiled": ["-include", "stdio.h"],
    "a flag of the compiler proper": ["-Xassembler", "--noexecstack"],
}


@pytest.mark.usefixtures("unit")
@pytest.mark.parametrize("flags", UNCACHED.values(), ids=UNCACHED)
def test_flags_that_name_or_make_other_files_are_not_cached(flags: list[str]) -> None:
    write("flags", "-O1\n")
    write("own.specs", "")
    write("stdio.h.pch", "")
    results = [compiled(flags=["-Ia", "-Wno-missing-profile", *flags]) for _ in range(2)]
    assert [one.cached for one in results] == [False, False]


SOURCES = {
    "incbin": '__asm__(".incbin \\"data\\"");\n',
    "incbin in two literals": '__asm__(".inc" "bin \\"data\\"");\n',
    "include": '__asm__(".include \\"data\\"");\n',
}


@pytest.mark.parametrize("text", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("family", ["gcc", "clang-19"])
def test_assembly_that_takes_files_is_compiled_again(text: str, family: str) -> None:
    require_family(family)
    objects: list[bytes] = []
    for data in (".byte 1\n", ".byte 2\n"):
        write("data", data)
        objects.append(compile_text(text, compiler=family).object)
    assert objects[0] != objects[1]


def test_assembly_is_not_cached() -> None:
    write("unit.s", '.incbin "data"\n')
    for data in ("one", "two"):
        write("data", data)
        assert data.encode() in compile_source("unit.s", compiler="gcc").object


def test_embedded_files_are_in_the_key() -> None:
    compiler = require_family("clang-19")
    text = 'const unsigned char data[] = {\n#embed "data"\n};\n'
    for data, hits in (("one", [False, False, True]), ("two", [False, True])):
        write("data", data)
        settle()
        results = [compile_text(text, compiler=compiler, flags=["-std=c23"]) for _ in hits]
        assert [one.cached for one in results] == hits
        assert data.encode() in results[1].object


def test_a_compiled_header_keeps_it_out() -> None:
    """gcc takes what lies beside a header, unasked."""
    write("value.h", "int value = 1;\n")
    write("unit.c", '#include "value.h"\n')
    subprocess.run([require_tool("gcc"), "-c", "value.h", "-o", "value.h.gch"], check=True)
    settle()
    assert not any(compiled().cached for _ in range(2))


@pytest.mark.parametrize("late", ["unit.c", "a/value.h"])
@pytest.mark.usefixtures("unit")
def test_a_file_changed_while_compiling_is_not_kept(late: str) -> None:
    """The wrapper changes a file between preprocessing and compiling: what is compiled is not what the key says."""
    text = Path(late).read_text()
    write("change", "")
    write("mycc", f'#!/bin/sh\ncase "$*" in *-c*) test -f change && echo "int late;" >>{late};; esac\nexec gcc "$@"\n')
    os.chmod("mycc", 0o700)
    assert b"late" in compiled(compiler="./mycc", flags=["-Ia"]).object
    write(late, text)
    Path("change").unlink()
    settle()
    fresh = compiled(compiler="./mycc", flags=["-Ia"])
    assert (fresh.cached, b"late" in fresh.object) == (False, False)


def test_a_warning_that_is_an_error_is_not_hidden_by_the_cache() -> None:
    write(
        "unit.h",
        "static inline int g(int x) { switch (x) { case 1: x++; /* fall through */ case 2: x++; } return x; }\n",
    )
    write("unit.c", '#include "unit.h"\nint f(int x) { return g(x); }\n')
    settle()
    flags = ["-Werror=implicit-fallthrough"]
    assert [compiled(flags=flags).cached for _ in range(2)] == [False, True]
    write("unit.h", Path("unit.h").read_text().replace("/* fall through */", ""))
    settle()
    with pytest.raises(uruk.CompileError, match="fall through"):
        compiled(flags=flags)
