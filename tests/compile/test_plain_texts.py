"""Texts whose preprocessing brings nothing: the compiler runs once for them, and their entries are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from uruk.compile.cache import ObjectCache
from uruk.compile.cacheable import stands_for_itself
from uruk.compile.compile_source import compile_text

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

HEAD = '#line 1 "<c>"\n'


@pytest.mark.parametrize(
    ("source", "flags", "plain"),
    [
        ("int f(void) { return 1; }", [], True),
        (HEAD + "int f(void) { return 1; }", ["-O2", "-Wall", "-fPIC"], True),
        ('#line 1 "a\\"b"\nint f;', [], True),
        (HEAD + '#include "x.h"\n', [], False),
        (HEAD + '%:include "x.h"\n', [], False),
        (HEAD + '??=include "x.h"\n', [], False),
        (HEAD + "int f = __LI\\\nNE__;", [], False),
        (HEAD + "const char *at = __TIME__;", [], False),
        (HEAD + "const char *on = __DATE__;", [], False),
        (HEAD + "const char *when = __TIMESTAMP__;", [], False),
        (HEAD + '_Pragma("GCC pch_preprocess \\"x\\"") int f;', [], False),
        (HEAD + "long f = __STDC_ISO_10646__;", [], False),
        (HEAD + 'asm(".incbin \\"x\\"");', [], False),
        (HEAD + 'asm(".include \\"x\\"");', [], False),
        (HEAD + "import x;", [], False),
        ("int f(void) { return N; }", ["-DN=1"], False),
        ("int f(void) { return 1; }", ["-include", "x.h"], False),
        ("int f(void) { return 1; }", ["-I", "."], False),
    ],
)
def test_which_texts_they_are(source: str, flags: list[str], plain: bool) -> None:
    assert stands_for_itself(source.encode(), flags) is plain


@pytest.mark.parametrize(
    ("text", "runs"), [("int f(void) { return 1; }", 1), ("#define N 1\nint f(void) { return N; }", 2)]
)
def test_the_compiler_runs_once(text: str, runs: int, tmp_path: Path) -> None:
    log, compiler = tmp_path / "log", tmp_path / "counting-gcc"
    compiler.write_text(
        f'#!/bin/sh\ncase "$*" in *"-x c -") echo "$*" >> {log};; esac\nexec {require_tool("gcc")} "$@"\n'
    )
    compiler.chmod(0o755)
    cache = ObjectCache(tmp_path / "cache")
    first = compile_text(text, compiler=[str(compiler)], cache=cache)
    assert not first.cached
    assert len(log.read_text().splitlines()) == runs
    again = compile_text(text, compiler=[str(compiler)], cache=cache)
    assert (again.cached, again.object) == (True, first.object)
    assert len(log.read_text().splitlines()) == 2 * runs - 1
