"""The tables of link options: every spelling is read, takes its value and nothing else, and means what it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from uruk.cli import linker_options
from uruk.cli.arguments import Arguments, parse
from uruk.cli.driver_options import DRIVER
from uruk.cli.linker_options import KEYWORDS, LONG, SHORT
from uruk.cli.options import Meaning, Option, Takes
from uruk.cli.usage import UsageError

from support.requirements import require_tool

pytestmark = pytest.mark.quick

SCRIPT = "script.ld"
VALUES = {
    Meaning.DEFSYM: "a=b",
    Meaning.UNRESOLVED: "ignore-all",
    Meaning.LINKER: "-s",
    Meaning.POP_STATE: "",
    Meaning.SCRIPT: SCRIPT,
}


@pytest.fixture(autouse=True)
def _script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / SCRIPT).write_text("INPUT(x.o)")
    monkeypatch.chdir(tmp_path)


def spellings(option: Option, name: str) -> list[list[str]]:
    """The ways in which an option can be written, as words."""
    value = VALUES.get(option.meaning, "v")
    return {
        Takes.NOTHING: [[name]],
        Takes.REST: [[name + value]],
        Takes.WORD: [[name, value]],
        Takes.EITHER: [[name + value], [name, value]],
        Takes.EQUALS: [[f"{name}={value}"], [name, value]],
        Takes.MAYBE: [[name], [f"{name}={value}"]],
    }[option.takes]


LINKER_WORDS = [
    (option, words)
    for table, starts in ((LONG, ("-", "--")), (SHORT, ("",)))
    for option in table.options
    for start in starts
    if not (start == "-" and option.name.startswith("o"))
    for words in spellings(option, start + option.name)
]
DRIVER_WORDS = [(option, words) for option in DRIVER.options for words in spellings(option, option.name)]


def check(option: Option, line: list[str]) -> Arguments | None:
    """A line with an option and an input behind it: the input stays one, whatever the option takes."""
    if option.meaning is Meaning.REFUSED:
        with pytest.raises(UsageError, match="cannot be honoured: ") as caught:
            parse(line)
        assert str(caught.value).endswith(option.why)
        return None
    if option.meaning is Meaning.POP_STATE:
        line = ["-Wl,--push-state", *line]
    arguments = parse(line)
    inputs = [SCRIPT, "main.o"] if option.meaning is Meaning.SCRIPT else ["main.o"]
    assert [one.value for one in arguments.plan.inputs if one.kind == "input"] == inputs, line
    return arguments


def test_the_linker_takes_each() -> None:
    for option, words in LINKER_WORDS:
        first = check(option, [f"-Wl,{','.join(words)}", "main.o"])
        assert check(option, [*(part for word in words for part in ("-Xlinker", word)), "main.o"]) == first, words
        if len(words) == 2:  # the value may stand in a later word
            assert check(option, [*(f"-Wl,{word}" for word in words), "main.o"]) == first, words


def test_the_driver_takes_each() -> None:
    for option, words in DRIVER_WORDS:
        check(option, [*words, "main.o"])


def test_no_spelling_has_two_meanings() -> None:
    for table in (LONG, SHORT, DRIVER):
        names = [option.name for option in table.options]
        assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("linker", ["ld.bfd", "ld.lld-19"])
def test_what_linkers_list_is_known(linker: str) -> None:
    """Their general options; those of other architectures and formats come behind, or are left out by name."""
    text = subprocess.run([require_tool(linker), "--help"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^  (--?[a-zA-Z][\w-]*)", text.partition("@FILE")[0], re.MULTILINE))
    foreign = re.compile(r"--(be8|cmse-.*|fix-cortex-a8|in-implib|merge-exidx.*|no-merge-exidx.*|.*pcrel-.*|rsp-quoting"
                         r"|pic-veneer|target[12].*|(no-)?(toc-optimize|relax-gp)|android-memtag-mode)")  # fmt: skip
    unknown = [name for name in names if linker_options.find(name) is None and not foreign.fullmatch(name)]
    assert len(names) > 100
    assert unknown == []


def test_keywords() -> None:
    parse(["main.o", "-z", "now", "-Wl,-z,relro,-znow,-z,max-page-size=4096"])
    for keyword in KEYWORDS:
        with pytest.raises(UsageError, match=f"-z {keyword} cannot be honoured"):
            parse(["main.o", "-z", keyword])


def test_state_applies_to_what_follows() -> None:
    line = (
        "a.o -Wl,--whole-archive b.a -lc -Wl,--push-state,--no-whole-archive,-Bstatic -ld -Wl,--pop-state e.a -Wl,-dy"
    )
    inputs = parse([*line.split(), "-Wl,--no-whole-archive,--as-needed", "-lf"]).plan.inputs
    assert [one.value for one in inputs if one.whole] == ["b.a", "c", "e.a"]
    assert [one.value for one in inputs if one.static] == ["d"]
    assert [one.value for one in inputs if one.as_needed] == ["f"]
    assert all(one.static for one in parse("-la -static -lb".split()).plan.inputs)


def test_flags_go_to_the_compiler_and_words_for_the_linker_do_not() -> None:
    line = "-O2 main.c -I inc -DX=1 -include y.h -Wl,--wrap=f -Wall -Xlinker -E -flto -lm -o prog -MF main.d"
    arguments = parse(line.split())
    assert arguments.flags == ["-O2", "-Iinc", "-DX=1", "-include", "y.h", "-Wall", "-MF", "main.d"]
    assert (arguments.plan.wrapped, arguments.plan.rdynamic, arguments.plan.output) == (["f"], True, "prog")
    assert parse([*line.replace("main.c", "main.o").split()]).flags == []


@pytest.mark.parametrize(
    ("text", "aliases", "defines"),
    [
        ("a=b", [("a", "b", 0)], []),
        ("a=b+0x10", [("a", "b", 16)], []),
        ("a = b - 8", [("a", "b", -8)], []),
        ("a=b-8", [("a", "b", -8)], []),
        ("a=16", [], [("a", 16)]),
        ("a=010", [], [("a", 8)]),
        ("a=0x1F", [], [("a", 31)]),
        ("a=0x10+8", [], [("a", 24)]),
        ("a=4-8", [], [("a", (1 << 64) - 4)]),
        ("a=4 + b - 0x10 + 1", [("a", "b", -11)], []),
        ("a=b+c", None, None),
        ("a=8-b", None, None),
        ("a=8 8", None, None),
        ("a=8+", None, None),
        ("a=1+09", None, None),
        ("a=", None, None),
        ("=b", None, None),
        ("a=b*2", None, None),
        ("a=09", None, None),
    ],
)
def test_defined_names(
    text: str, aliases: list[tuple[str, str, int]] | None, defines: list[tuple[str, int]] | None
) -> None:
    if aliases is None:
        with pytest.raises(UsageError):
            parse(["main.o", f"-Wl,--defsym={text}"])
        return
    plan = parse(["main.o", f"-Wl,--defsym={text}"]).plan
    assert (plan.aliases, plan.defines) == (aliases, defines)


@pytest.mark.parametrize(
    ("line", "driver"),
    [
        ("gcc x.o", "gcc"),
        ("/usr/bin/aarch64-linux-gnu-g++-12 x.o", "/usr/bin/aarch64-linux-gnu-g++-12"),
        ("ccache gcc x.o", "ccache gcc"),
        ("/usr/bin/ccache /usr/bin/c++ -O2 x.o", "/usr/bin/ccache /usr/bin/c++"),
        ("zig cc x.o", "zig cc"),
        ("ccache zig c++ x.o", "ccache zig c++"),
        ("-O2 x.o", ""),
    ],
)
def test_words_of_a_driver(line: str, driver: str) -> None:
    arguments = parse(line.split())
    assert arguments.driver == arguments.compiler == driver
    assert [one.value for one in arguments.plan.inputs] == ["x.o"]


def test_files_are_no_drivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gcc").touch()
    (tmp_path / "ccache").touch()
    for line in (["gcc", "x.o"], ["ccache", "x.o"], ["x.o", "gcc"], ["zig.o", "cc"]):
        assert [one.value for one in parse(line).plan.inputs] == line
    with pytest.raises(UsageError, match="`zig cc' or `zig c\\+\\+'"):
        parse(["zig", "build-exe"])


def test_letters_that_begin_other_words() -> None:
    """gcc gives ``-export-dynamic`` to the linker as it is; ``-B`` may have its folder in the next word."""
    plan = parse("x.o -export-dynamic -B folder".split()).plan
    assert (plan.rdynamic, plan.entry) == (True, "")
    assert [one.value for one in plan.inputs] == ["x.o"]
