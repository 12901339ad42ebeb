"""The commands of a test of LLVM's, as its lines with ``RUN:`` have them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

RUN = re.compile(r"^\s*(?:#|//|;)\s*RUN:\s?(.*?)\s*$")
DEADLINE = 120


def text_of(path: Path) -> str:
    return path.read_text(errors="replace")


def commands_of(path: Path) -> list[str]:
    """The commands of a test, with lines joined at backslashes."""
    commands: list[str] = []
    joined = ""
    for line in text_of(path).splitlines():
        match = RUN.match(line)
        if match is None:
            continue
        joined += match.group(1)
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        commands.append(joined)
        joined = ""
    return [command for command in commands if command]


def run(
    path: Path, source: Path, folder: Path, tools: Path, words: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the commands of a test, `source` in the place of its own file; `words` are what further words mean."""
    # Whole words come before the short ones, with which some of them begin.
    meanings = {**(words or {}), "%S": str(path.parent), "%s": str(source), "%t": str(folder / "made")}
    script = "\n".join(commands_of(path))
    for word, meaning in meanings.items():
        script = script.replace(word, meaning)
    environment = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}")
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
