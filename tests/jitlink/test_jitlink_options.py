"""The command line of uruk-jitlink: spellings, values, places, and texts for what is wrong."""

from __future__ import annotations

import pytest

from uruk.jitlink.arguments import check, definition, slab_size
from uruk.jitlink.failures import ToolError
from uruk.jitlink.made_sections import parts
from uruk.jitlink.options import NO_INPUT, CommandLine, OptionErrors, Placed, number, parse

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]


def problems(*words: str) -> tuple[str, ...]:
    """The problems of a command line."""
    with pytest.raises(OptionErrors) as caught:
        parse(words)
    return caught.value.problems


def test_dashes_and_values() -> None:
    """One dash or two, joined or next; inputs and options in any order, the last of single values wins."""
    line = parse(["-entry=a", "x.o", "--entry", "b", "-abs", "n=1", "--abs=m=2", "y.o", "-noexec"])
    assert [placed.text for placed in line.inputs] == ["x.o", "y.o"]
    assert line.last("entry") == "b"
    assert line.all("abs") == [Placed(4, "n=1"), Placed(6, "m=2")]
    assert line.is_on("noexec")
    assert not line.given("check")


@pytest.mark.parametrize(("word", "name", "value"), [
    ("-Lfolder", "L", "folder"), ("-lm", "l", "m"), ("-hidden-lfoo", "hidden-l", "foo"), ("-l=m", "l", "m"),
    ("--L=a=b", "L", "a=b"), ("-lentry", "l", "entry"),
])  # fmt: skip
def test_joined(word: str, name: str, value: str) -> None:
    assert parse(["x.o", word]).all(name) == [Placed(1, value)]


@pytest.mark.parametrize(("word", "on"), [
    ("-noexec", True), ("--noexec=true", True), ("-noexec=1", True), ("-noexec=TRUE", True),
    ("-noexec=false", False), ("-noexec=0", False), ("-noexec=False", False),
])  # fmt: skip
def test_flags(word: str, on: bool) -> None:
    assert parse(["x.o", word]).is_on("noexec") is on


def test_optional_value() -> None:
    """The next word is an input, not the executor's path."""
    line = parse(["-oop-executor", "x.o"])
    assert line.given("oop-executor")
    assert line.last("oop-executor") == ""
    assert [placed.text for placed in line.inputs] == ["x.o"]
    assert parse(["x.o", "-oop-executor=e"]).last("oop-executor") == "e"


def test_words_behind() -> None:
    """-args takes all that follows, options too; -harness all up to the next option; behind -- all are inputs."""
    line = parse(["x.o", "-harness", "h.o", "k.o", "-noexec", "y.o", "-args", "-a", "b", "--", "-entry=c"])
    assert [placed.text for placed in line.inputs] == ["x.o", "y.o"]
    assert line.texts("harness") == ["h.o", "k.o"]
    assert line.texts("args") == ["-a", "b", "--", "-entry=c"]
    assert [placed.text for placed in parse(["--", "-x.o"]).inputs] == ["-x.o"]


def test_problems() -> None:
    unknown = problems("-foo", "x.o")
    assert unknown[0] == "Unknown command line argument '-foo'.  Try: 'llvm-jitlink --help'"
    assert unknown[1].startswith("Did you mean '")
    assert problems("-show-graph=.", "x.o")[1] == "Did you mean '--show-graphs'?"
    assert problems("-noexec", "-check") == ("for the --check option: requires a value!", NO_INPUT)
    assert problems("x.o", "-L") == ("for the -L option: requires a value!",)
    assert problems("x.o", "-noexec=foo") == (
        "for the --noexec option: 'foo' is invalid value for boolean argument! Try 0 or 1",
    )
    assert problems("x.o", "-slab-address=zz") == (
        "for the --slab-address option: 'zz' value invalid for ulong argument!",
    )
    assert problems() == (NO_INPUT,)
    assert parse(["-help"]).given("help")


@pytest.mark.parametrize(("text", "value"), [
    ("0", 0), ("10", 10), ("0x10", 16), ("0XfF", 255), ("010", 8), ("0b11", 3), ("0o17", 15),
    (str((1 << 64) - 1), (1 << 64) - 1),
    ("", None), ("0x", None), ("-1", None), ("1_0", None), ("0x1_0", None), ("08", None), ("x", None), (" 1", None),
    ("٣", None), (str(1 << 64), None),
])  # fmt: skip
def test_numbers(text: str, value: int | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(("text", "size"), [
    ("1", 1024), ("1Kb", 1024), ("3 kb", 3072), ("2Mb", 2 << 20), ("1GB", 1 << 30), (" 5 ", 5120), ("0", 0),
])  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    assert slab_size(text) == size


@pytest.mark.parametrize("text", ["3x", "Kb", "", "-1", "0x10", "1.5Mb"])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(ToolError, match="Invalid numeric format for slab size"):
        slab_size(text)


def refused(*words: str) -> str:
    with pytest.raises(ToolError) as caught:
        check(parse(words), 4096)
    return str(caught.value)


def test_contradictions() -> None:
    assert refused("x.o", "-slab-address=5") == "-slab-address requires -slab-allocate and -noexec"
    assert refused("x.o", "-slab-address=5", "-slab-allocate=1") == "-slab-address requires -slab-allocate and -noexec"
    assert refused("x.o", "-noexec", "-slab-page-size=64") == "-slab-page-size requires -slab-allocate"
    assert refused("x.o", "-slab-allocate=1", "-slab-page-size=64").startswith("-slab-page-size must be a multiple of")
    assert "power of two" in refused("x.o", "-noexec", "-slab-allocate=1", "-slab-page-size=3")
    assert refused("x.o", "-oop-executor", "-oop-executor-connect=h:1").startswith("Only one of -oop-executor")
    assert refused("x.o", "-orc-runtime=r", "-no-process-syms") == "-orc-runtime requires process symbols"


def test_warnings() -> None:
    def warnings(*words: str) -> list[str]:
        return check(parse(words), 4096)

    assert warnings("x.o", "-noexec", "-args", "a") == ["Warning: --args passed to -noexec run will be ignored."]
    assert warnings("x.o", "-noexec", "-slab-allocate=1", "-slab-address=0") == [
        "Warning: -slab-address used without -slab-page-size."
    ]
    assert warnings("x.o", "-noexec", "-slab-allocate=1", "-slab-address=0", "-slab-page-size=4096") == []


def test_definitions() -> None:
    assert definition("a=0x10") == ("a", 16)
    assert definition(" a = 7 ") == ("a", 7)
    for text, problem in (("x", 'Invalid absolute define "x"'), ("x=y", 'Invalid address expression "y"')):
        with pytest.raises(ToolError, match=problem):
            definition(text)


def test_made_sections() -> None:
    """The last comma before the symbols separates; a section of another format has one in its name."""
    assert parts("__data,f.txt@foo=0") == ("__data", "f.txt", {"foo": 0})
    assert parts("__DATA,__data,f.txt") == ("__DATA,__data", "f.txt", {})
    assert parts("s,f@a=0,b=0x10") == ("s", "f", {"a": 0, "b": 16})
    for text in ("s", ",f", "s,", "s,f@a", "s,f@a=x"):
        with pytest.raises(ToolError, match="In -sectcreate="):
            parts(text)


def test_defaults() -> None:
    line = CommandLine()
    assert line.last("entry", "main") == "main"
    assert line.texts("check") == []
