"""What the README's first screen shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from support.requirements import require_tool

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENVIRONMENT = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)
    return [text for name, text in found if name == language]


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)


def test_the_example_prints_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "add.c").write_text("int add(int a, int b) { return a + b; }\n", encoding="utf-8")
    subprocess.run([require_tool("gcc"), "-c", "add.c"], cwd=tmp_path, check=True)
    ended = run(sys.executable, "-c", blocks("python")[0], cwd=tmp_path)
    expected = blocks("")[0]
    assert ended.stderr == ""
    sizes = re.compile(r"^\d+ bytes", re.M)  # the compiler's padding is its own affair
    assert sizes.sub("N bytes", ended.stdout) == sizes.sub("N bytes", expected)


def test_the_error_looks_as_shown(tmp_path: Path) -> None:
    shape = "struct shape { int side; }; int area(shape const &);\n"
    (tmp_path / "main.cpp").write_text(
        shape + "int main() { shape s{1}; return area(s) + area(s) + area(s) + area(s); }\n", encoding="utf-8"
    )
    (tmp_path / "geo.cpp").write_text(
        'extern "C" int sqlite3_libversion_number();\nint version() { return sqlite3_libversion_number(); }\n',
        encoding="utf-8",
    )
    subprocess.run([require_tool("g++"), "-c", "-O0", "main.cpp", "geo.cpp"], cwd=tmp_path, check=True)
    ended = run(sys.executable, "-m", "uruk", "run", "main.o", "geo.o", cwd=tmp_path)
    assert ended.returncode == 1
    places = re.compile(r"\+0x[0-9a-f]+")
    (shown,) = (block for block in blocks("") if "UndefinedSymbols" in block)
    lines = places.sub("+0xN", ended.stderr).splitlines()
    assert [line.split("; ")[0] for line in lines] == [
        line.split("; ")[0] for line in places.sub("+0xN", shown).splitlines()
    ]
