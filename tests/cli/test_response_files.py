"""Response files: words and quoting as GNU tools have them, and an end to whatever is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from uruk.cli import response_files
from uruk.cli.response_files import expand, split
from uruk.cli.show import parse as parse_show
from uruk.cli.usage import UsageError

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" a\tb\nc\r\n", ["a", "b", "c"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("a' 'b\"\"", ["a b"]),
        ("''", [""]),
        (r"a\ b \\ \"x\" '\''", ["a b", "\\", '"x"', "'"]),
        (r'"a\"b"', ['a"b']),
        ("'open", ["open"]),
        ("end\\", ["end"]),
        ("one\\\ntwo", ["one\ntwo"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert split(text) == words


def test_files_in_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("outer").write_text("a @inner d")
    Path("inner").write_text("b 'c c'")
    assert list(expand(["x", "@outer", "@", "@missing", "y", "--", "@outer"])) == [
        "x", "a", "b", "c c", "d", "@", "@missing", "y", "--", "@outer"
    ]  # fmt: skip


def test_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").write_text("@loop @loop")
    os.mkfifo("pipe")
    Path("zero").write_bytes(b"a\0b")
    Path("large").write_bytes(b"x" * 100)
    monkeypatch.setattr(response_files, "LARGEST", 99)
    for word, problem in (
        ("@loop", "nested"),
        ("@pipe", "not a regular file"),
        ("@.", "."),
        ("@/dev/zero", "not a regular file"),
        ("@zero", "not a text"),
        ("@large", "more than"),
    ):
        with pytest.raises(UsageError, match=problem):
            list(expand([word]))


def test_show_takes_response_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words").write_text("'a b.o' --json")
    arguments = parse_show(["@words", "c.o"])
    assert (arguments.inputs, arguments.json) == (["a b.o", "c.o"], True)
    with pytest.raises(UsageError, match=r"unknown option --jsno: did you mean --json\?"):
        parse_show(["--jsno", "c.o"])
