"""The command line of `uruk run`: what is typed when a compiler links, and what only compilers take."""

from __future__ import annotations

import pytest

from uruk.cli.arguments import parse

pytestmark = pytest.mark.quick


def test_flags_of_a_link_line_change_nothing() -> None:
    plain = parse(["main.o", "-l", "m"])
    assert parse(["-pthread", "-pie", "main.o", "-s", "-no-pie", "-lm"]) == plain


def test_a_source_is_compiled_with_pthread() -> None:
    assert parse(["-pthread", "-no-pie", "-O2", "main.c"]).flags == ["-pthread", "-O2"]


@pytest.mark.parametrize("flag", ["-O2", "-DX", "-march=native"])
def test_flags_of_a_compiler_are_for_sources(flag: str) -> None:
    assert parse([flag, "main.o"]) == parse(["main.o"])


@pytest.mark.parametrize("word", ["-rdynamic", "-Wl,-E", "-Wl,--export-dynamic"])
def test_names_for_plugins(word: str) -> None:
    assert parse(["main.o", word]).plan.rdynamic
    assert not parse(["main.o"]).plan.rdynamic
