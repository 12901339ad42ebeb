"""`make docs`: the pages of the API and of the guides are made without a warning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_interpreter

ROOT = Path(__file__).parents[2]


def test_pages_are_made_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build_support.docs", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    api = (tmp_path / "uruk.html").read_text(encoding="utf-8")
    for name in ("LLJIT.add_object", "LLJIT.lookup", "Program.run", "ResourceTracker.replace"):
        assert f'id="{name}"' in api, name
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    for guide in (ROOT / "docs" / "guides").glob("*.md"):
        assert (tmp_path / "guides" / f"{guide.stem}.html").is_file()
        assert guide.stem == "README" or f"guides/{guide.stem}.html" in index
