"""The glossary points to code that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).resolve().parents[2]
PLACE = re.compile(r"\(`([\w/]+\.py)`: `(\w+)`\)$")


def entries() -> list[str]:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    return [part.split("\n\n")[0].strip() for part in text.split("\n- ")[1:]]


def test_every_entry_says_where_it_lives() -> None:
    assert len(entries()) > 50
    for entry in entries():
        found = PLACE.search(entry)
        assert found, f"no place at the end of: {entry}"
        path = ROOT / "src" / "uruk" / found[1]
        assert path.is_file(), f"{found[1]} is not there: {entry}"
        name = found[2]
        defines = rf"(?:class|def) {name}\b|^\s*{name}\b.*="
        assert re.search(defines, path.read_text(encoding="utf-8"), re.MULTILINE), f"no {name} in {found[1]}"
