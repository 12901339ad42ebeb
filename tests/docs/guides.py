"""Guides as programs: their sources compiled, their Python blocks run in order. docs/guides/README.md has the rules."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support.requirements import require_tool

FOLDER = Path(__file__).parents[2] / "docs" / "guides"
COMPILERS = {"c": "gcc", "cpp": "g++"}
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.M | re.S)
HEADING = re.compile(r"/\* file: (?P<name>[\w-]+\.\w+)(?: flags:(?P<flags>[^*]*))? \*/")
MARK = "\x1e end of block {0}"
TIMEOUT = 120


@dataclass
class Block:
    """A Python block: its text, its line in the guide, what it must print (or raise)."""

    text: str
    line: int
    expected: str
    raises: bool


@dataclass
class Guide:
    """The sources (name, flags, language, text) and Python blocks of one guide."""

    path: Path
    sources: list[tuple[str, list[str], str, str]]
    blocks: list[Block]


def read(path: Path) -> Guide:
    """Read a guide. Raises ValueError for output that belongs to no Python block."""
    text = path.read_text(encoding="utf-8")
    guide = Guide(path, [], [])
    end = -1
    for found in FENCE.finditer(text):
        language, body = found.group(1).strip(), found.group(2)
        line = text.count("\n", 0, found.start()) + 2
        close = end >= 0 and not text[end : found.start()].strip("\n") and text[end : found.start()].count("\n") <= 2
        end = -1
        if language in COMPILERS:
            heading = HEADING.match(body)
            if heading:
                guide.sources.append((heading["name"], (heading["flags"] or "").split(), language, body))
        elif language in ("python", "python raises"):
            guide.blocks.append(Block(body, line, "", language.endswith("raises")))
            end = found.end()
        elif language in ("", "text"):
            if not close:
                raise ValueError(f"{path.name}:{line}: output behind no Python block")
            guide.blocks[-1].expected = body
    return guide


def program(guide: Guide) -> str:
    """The blocks as one Python text that prints a mark behind each; tracebacks show the guide's lines."""
    name, text = guide.path.name, guide.path.read_text(encoding="utf-8")
    lines = [
        "import linecache, sys",
        f"linecache.cache[{name!r}] = ({len(text)}, None, {text.splitlines(keepends=True)!r}, {name!r})",
        "space = {'__name__': '__main__'}",
    ]
    for number, block in enumerate(guide.blocks):
        lines.append(f"code = compile({chr(10) * (block.line - 1) + block.text!r}, {name!r}, 'exec')")
        if block.raises:
            lines += [
                "try:",
                "    exec(code, space)",
                "except Exception as error:",
                "    print(f'{type(error).__name__}: {error}')",
                "else:",
                f"    sys.exit('{name}:{block.line}: nothing was raised')",
            ]
        else:
            lines.append("exec(code, space)")
        lines.append(f"print({MARK.format(number)!r}, flush=True)")
    return "\n".join(lines) + "\n"


def run(guide: Guide, folder: Path) -> list[str]:
    """Compile and run a guide in a folder; what each block printed. Raises AssertionError if it does not run."""
    for name, flags, language, text in guide.sources:
        (folder / name).write_text(text, encoding="utf-8")
        command = [require_tool(COMPILERS[language]), "-c", *flags, name, "-o", str(Path(name).with_suffix(".o"))]
        subprocess.run(command, cwd=folder, check=True, timeout=TIMEOUT)
    script = folder / "guide.py"
    script.write_text(program(guide), encoding="utf-8")
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, script], cwd=folder, env=dict(os.environ, PYTHONPATH=paths),
        capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{guide.path.name} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return re.split(re.escape(MARK.format("")).rstrip() + r" ?\d+\n", done.stdout)[: len(guide.blocks)]


def agrees(printed: str, expected: str) -> bool:
    """Whether output is what is expected, where a line ``...`` stands for any lines."""
    parts = [r"(?:.*\n)*?" if line == "...\n" else re.escape(line) for line in expected.splitlines(keepends=True)]
    return re.fullmatch("".join(parts), printed) is not None
