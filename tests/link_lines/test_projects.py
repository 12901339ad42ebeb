"""Programs of real projects: linked by the project's own build, and with `uruk run` in front of the same link line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import projects
import pytest

from support import source_packages
from support.requirements import missing, require_tool

pytestmark = pytest.mark.any_interpreter

TIMEOUT = 120
EVERY = os.environ.get("URUK_LINK_LINES") == "all"


@pytest.mark.parametrize("name", projects.names(quick=not EVERY))
def test_link_line(name: str, tmp_path: Path) -> None:
    project = projects.load(name)
    for tool in (*source_packages.TOOLS, *project.tools):
        require_tool(tool)
    try:
        folder = projects.build(project, tmp_path)
    except source_packages.NoSources as error:
        missing(f"the source package {project.package}: {error}")
        raise
    line = project.words(folder)
    output = line[line.index("-o") + 1]
    linked = folder / project.program
    before = linked.stat().st_mtime_ns
    printed = 0
    for run in project.runs:
        expected = _result(folder, [output, *run.arguments], run.stdin, executable=linked)
        command = [sys.executable, "-m", "uruk", "run", *line, "--", *run.arguments]
        result = _result(folder, command, run.stdin)
        assert result[:2] == expected[:2], (run, result[2].decode(errors="replace"))
        printed += len(expected[1])
    assert printed, "the runs print nothing that could be compared"
    assert linked.stat().st_mtime_ns == before


def _result(
    folder: Path, command: list[str], stdin: str | None, executable: Path | None = None
) -> tuple[int, bytes, bytes]:
    with open(folder / stdin if stdin else os.devnull, "rb") as file:
        done = subprocess.run(
            command, executable=executable, cwd=folder, stdin=file, capture_output=True, timeout=TIMEOUT, check=False
        )
    return done.returncode, done.stdout, done.stderr
