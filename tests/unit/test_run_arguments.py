"""The command line of `uruk run`: what is typed when a compiler links, and what only compilers take."""

from __future__ import annotations

import pytest

from uruk.cli.arguments import parse
from uruk.cli.usage import UsageError


def test_flags_of_a_link_line_change_nothing() -> None:
    plain = parse(["main.o", "-l", "m"])
    assert parse(["-pthread", "-pie", "main.o", "-s", "-no-pie", "-lm"]) == plain


def test_a_source_is_compiled_with_pthread() -> None:
    assert parse(["-pthread", "-no-pie", "-O2", "main.c"]).flags == ["-pthread", "-O2"]


@pytest.mark.parametrize("flag", ["-O2", "-fopenmp", "-DX"])
def test_flags_of_a_compiler_want_a_source(flag: str) -> None:
    with pytest.raises(UsageError, match="is for a compiler, and no input is a source"):
        parse([flag, "main.o"])


@pytest.mark.parametrize("word", ["-rdynamic", "-Wl,-E", "-Wl,--export-dynamic"])
def test_names_for_plugins(word: str) -> None:
    assert parse(["main.o", word]).rdynamic
    assert not parse(["main.o"]).rdynamic
