"""The code of docs/guides runs, and prints what the guides say; docs/guides/README.md has the convention."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from requirements import require_tool

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
NAMES = sorted(path.name for path in GUIDES.glob("*.md") if path.name != "README.md")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"/\* file: ([\w.]+) \*/\n")
COMPILERS = {"c": "gcc", "cpp": "g++"}
MARK = "---- end of block"


def blocks(name: str) -> list[tuple[str, str]]:
    """(language, text) of every fenced block of a guide."""
    return BLOCK.findall((GUIDES / name).read_text(encoding="utf-8"))


def compile_files(found: list[tuple[str, str]], folder: Path) -> None:
    for language, text in found:
        if language in COMPILERS:
            match = FILE.match(text)
            assert match, f"a block of {language} without a file's name:\n{text}"
            (folder / match[1]).write_text(text, encoding="utf-8")
            subprocess.run([require_tool(COMPILERS[language]), "-c", match[1]], cwd=folder, check=True)


def program(found: list[tuple[str, str]]) -> tuple[str, list[str]]:
    """The python blocks as one program that prints a mark behind each, and what each is to print."""
    texts: list[str] = []
    expected: list[str] = []
    for number, (language, text) in enumerate(found):
        if language == "python":
            texts.append(f"{text}\nprint({MARK!r}, flush=True)\n")
            follows = found[number + 1] if number + 1 < len(found) else ("", "")
            expected.append(follows[1] if follows[0] == "text" else "")
    return "".join(texts), expected


@pytest.mark.parametrize("name", NAMES)
def test_guide(name: str, tmp_path: Path) -> None:
    found = blocks(name)
    compile_files(found, tmp_path)
    text, expected = program(found)
    assert expected, "a guide without code"
    (tmp_path / "guide.py").write_text(text, encoding="utf-8")
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    environment["URUK_CACHE_DIR"] = str(tmp_path / "cache")
    ended = subprocess.run(
        [sys.executable, "guide.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    printed = ended.stdout.split(f"{MARK}\n")
    assert printed[:-1] == expected


def test_every_guide_is_listed() -> None:
    listed = (GUIDES / "README.md").read_text(encoding="utf-8")
    readme = (GUIDES.parents[1] / "README.md").read_text(encoding="utf-8")
    assert len(NAMES) >= 5
    for name in NAMES:
        assert f"]({name})" in listed
        assert f"](docs/guides/{name})" in readme
