"""Texts whose preprocessing brings nothing: the compiler runs once for them, and their entries are found."""

from __future__ import annotations

import time
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


DIRECTIVE = "#define N 1\nint f(void) { return N; }"


@pytest.mark.parametrize(
    ("text", "runs", "hits"),
    [
        ("int f(void) { return 1; }", [1, 0, 0], [False, True, True]),
        (DIRECTIVE, [1, 1, 1], [False, True, True]),  # preprocessed from the second time on
    ],
)
def test_how_often_the_compiler_runs(text: str, runs: list[int], hits: list[bool], tmp_path: Path) -> None:
    log, compiler = tmp_path / "log", tmp_path / "counting-gcc"
    compiler.write_text(
        f'#!/bin/sh\ncase "$*" in *"-x c -") echo "$*" >> {log};; esac\nexec {require_tool("gcc")} "$@"\n'
    )
    compiler.chmod(0o755)
    cache = ObjectCache(tmp_path / "cache")
    log.touch()
    objects: list[bytes] = []
    for run, hit in zip(runs, hits, strict=True):
        before = len(log.read_text().splitlines())
        compiled = compile_text(text, compiler=[str(compiler)], cache=cache)
        assert (len(log.read_text().splitlines()) - before, compiled.cached) == (run, hit)
        objects.append(compiled.object)
    assert len(set(objects)) == 1


def test_a_header_that_changes_between_the_first_and_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cache, text = ObjectCache(tmp_path / "cache"), '#include "n.h"\nint n = N;'
    results: list[tuple[bool, bytes]] = []
    for number in (1, 2, 2, 2, 1):
        if not results or (number != 2) or len(results) == 1:
            (tmp_path / "n.h").write_text(f"#define N {number}\n")
            time.sleep(0.06)  # a file changed this moment keeps an object out of the cache
        compiled = compile_text(text, compiler="gcc", cache=cache)
        results.append((compiled.cached, compiled.object))
    first, second, third, fourth, last = results
    assert [hit for hit, _ in results] == [False, False, True, True, False]
    assert second[1] == third[1] == fourth[1] != first[1] == last[1]
