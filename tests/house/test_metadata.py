"""Facts that a package index shows, against the files they are about."""

from __future__ import annotations

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

import uruk

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

ROOT = Path(__file__).parents[2]


def test_license() -> None:
    facts = metadata("uruk")
    assert facts["License-Expression"] == "Apache-2.0 WITH LLVM-exception"
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "LLVM Exceptions to the Apache 2.0 License" in text


def test_description_is_the_readme() -> None:
    facts = metadata("uruk")
    assert facts["Description-Content-Type"] == "text/markdown"
    assert facts["Summary"]
    assert facts["Author"]


def test_the_oldest_python_is_named() -> None:
    facts = metadata("uruk")
    oldest = facts["Requires-Python"].removeprefix(">=")
    versions = [name for name in facts.get_all("Classifier") or () if re.search(r":: 3\.\d+$", name)]
    assert versions[0].endswith(f":: {oldest}")


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"(?m)^## (\S+?),", (ROOT / "CHANGELOG.md").read_text())
    assert headings[0] == uruk.__version__
