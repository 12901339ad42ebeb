"""Each fact of docs/facts.md says how it was tried, and the tests that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`((?:tests|benchmarks|build_support)/[\w./]*)`")
TRIED = re.compile(r"(?<![*\w])\*[^*\s]")


def facts() -> list[str]:
    text = (ROOT / "docs" / "facts.md").read_text(encoding="utf-8")
    return [part.split("\n\n")[0] for part in text.split("\n- ")[1:]]


def test_each_fact_says_how_it_was_tried() -> None:
    assert len(facts()) > 60
    for fact in facts():
        assert TRIED.search(fact) or NAMED.search(fact), f"docs/facts.md: how was this tried? {fact}"


def test_what_facts_name_is_there() -> None:
    named = {path for fact in facts() for path in NAMED.findall(fact)}
    assert len(named) > 15
    for path in named:
        assert (ROOT / path).exists(), f"docs/facts.md: {path} is not there"
