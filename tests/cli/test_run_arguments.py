"""The command line of `uruk run`: what is typed when a compiler links, and what only compilers take."""

from __future__ import annotations

import pytest

from uruk.cli.arguments import parse
from uruk.cli.usage import UsageError

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


@pytest.mark.parametrize("dashes", ["-", "--"])
def test_spellings_of_llvm_jitlink(dashes: str) -> None:
    """Where a program runs can be said as llvm-jitlink has it, with one dash or two."""
    spellings = {
        "oop-executor=/some/executor": "--executor=/some/executor",
        "oop-executor": "--oop",
        "oop-executor-connect=host:99": "--connect=host:99",
        "use-shared-memory": "--shared-memory",
        "slab-allocate=2Mb": "--slab-allocate=2Mb",
    }
    for theirs, ours in spellings.items():
        assert parse([dashes + theirs, "main.o"]) == parse([ours, "main.o"]) != parse(["main.o"])
    assert parse(["main.o", "--", f"{dashes}oop-executor"]).program == [f"{dashes}oop-executor"]


def test_the_spelling_of_an_output_file() -> None:
    """-oop alone is what compilers take it for: -o op."""
    assert parse(["main.o", "-oop"]).plan.output == "op"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--hlep"], "unknown option --hlep: did you mean --help?"),
        (["x.o", "--no-excec"], "unknown option --no-excec: did you mean --no-exec?"),
        (["x.o", "--tls-poool=1Mb"], "unknown option --tls-poool=1Mb: did you mean --tls-pool?"),
        (["x.o", "--qqqqqqqqqqqq"], "unknown option --qqqqqqqqqqqq"),
        (["x.o", "--tls-pool=large"], "--tls-pool wants a size, such as 64Mb, not `large'"),
        (["x.o", "--slab-allocate=0"], "--slab-allocate=0 holds nothing"),
    ],
)
def test_wrong_options_are_named(words: list[str], problem: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(words)
    assert str(raised.value) == problem
