"""The projects whose link lines are kept: what is built, the line that linked it, and the runs that are compared."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import source_packages

FOLDER = Path(__file__).parent / "projects"
BUILD_TIMEOUT = 600


@dataclass(frozen=True)
class Run:
    """One run of the program, in the folder of the link line."""

    arguments: list[str]
    stdin: str | None
    """A file's path from that folder."""


@dataclass(frozen=True)
class Project:
    """What a file of `FOLDER` says; the README there describes its keys."""

    name: str
    package: str
    quick: bool
    tools: list[str]
    build: list[str]
    folder: str
    program: str
    line: list[str]
    runs: list[Run]

    def words(self, folder: Path) -> list[str]:
        """The line in `folder`: a pattern stands for the file there whose name has a version or a hash in it."""
        return [word for part in self.line for word in (_matching(folder, part) if "*" in part else [part])]


def path_of(name: str) -> Path:
    """The file of a project."""
    return FOLDER / f"{name}.json"


def load(name: str) -> Project:
    """A project by its name."""
    facts: dict[str, Any] = json.loads(path_of(name).read_text("utf-8"))
    runs = [Run(run["arguments"], run.get("stdin")) for run in facts.pop("runs")]
    return Project(name=name, runs=runs, **facts)


def names(*, quick: bool) -> list[str]:
    """The projects, or those that take seconds."""
    every = sorted(path.stem for path in FOLDER.glob("*.json"))
    return [name for name in every if load(name).quick or not quick]


def build(project: Project, folder: Path, environment: dict[str, str] | None = None) -> Path:
    """Build the project in a new `folder` as its own build system does; the folder in which its program was linked."""
    root = folder / "source"
    shutil.copytree(source_packages.unpacked(project.package), root, symlinks=True)
    for command in project.build:
        done = subprocess.run(
            ["sh", "-ec", command],
            cwd=root, env=environment, capture_output=True, text=True, timeout=BUILD_TIMEOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return root / project.folder


def _matching(folder: Path, pattern: str) -> list[str]:
    """The files that a word with stars stands for; a star is no dot, which ends a part of rustc's names."""
    dots = pattern.count(".")
    paths = [str(path.relative_to(folder)) for path in sorted(folder.glob(pattern))]
    paths = [path for path in paths if path.count(".") == dots]
    assert paths, f"nothing is called {pattern} in {folder}"
    return paths
