"""The commands of `uruk` that need no object: its version, its usage, and words that are no command."""

from __future__ import annotations

import pytest

import uruk
from uruk.cli import main

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]


@pytest.mark.parametrize("words", [["version"], ["-V"], ["--version"]])
def test_version(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capsys.readouterr().out == f"uruk {uruk.__version__}\n"


@pytest.mark.parametrize("words", [[], ["help"], ["-h"], ["--help"]])
def test_usage_names_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    text = capsys.readouterr().out
    assert [name for name in ("run", "executor", "show", "doctor", "version") if f"  uruk {name} " not in text] == []


def test_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 2
    assert capsys.readouterr().err == "uruk: unknown command `runs'; see `uruk --help'\n"
