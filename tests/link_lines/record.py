"""Record the link line of a project: build it with a wrapper in the place of each compiler.

    python tests/link_lines/record.py NAME...

Each NAME.json in ``projects`` has everything but ``line`` and ``folder``, or has old ones; they are filled in.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import projects

COMPILERS = ("cc", "c++", "gcc", "g++", "clang", "clang++")
_HASH = re.compile(r"(?<=/rustc)\w{6}(?=/)|(?<=\.)[a-z0-9]{13,}(?=\.)|(?<=[-.])[0-9a-f]{8,16}(?=[-.])")
"""What rustc puts into the names of its files, other for each compiler or run."""
_WRAPPER = """\
#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    print(json.dumps([os.getcwd(), {name!r}, *sys.argv[1:]]), file=log)
os.execv({real!r}, [{real!r}, *sys.argv[1:]])
"""


def wrap_compilers(folder: Path, log: Path) -> dict[str, str]:
    """Make the wrappers in `folder`; the environment in which they are found first."""
    folder.mkdir()
    for name in COMPILERS:
        real = shutil.which(name)
        if real is not None:
            wrapper = folder / name
            wrapper.write_text(_WRAPPER.format(python=sys.executable, log=str(log), name=name, real=real), "utf-8")
            wrapper.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def link_line(log: Path, program: str, root: Path) -> tuple[str, list[str]]:
    """The folder below `root` in which the program was linked, and the line, with paths from there."""
    lines: list[list[str]] = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    chosen = [words for words in lines if _output(words) == Path(program).name]
    assert chosen, f"no line links {program}"
    where, *line = chosen[-1]
    up = os.path.relpath(root, where)
    line = [word.replace(str(root), up) for word in line]
    for link in filter(Path.is_symlink, root.iterdir()):  # what the build linked to lies elsewhere on other machines
        line = [word.replace(str(link.resolve()), str(Path(up) / link.name)) for word in line]
    return os.path.relpath(where, root), [_HASH.sub("*", word.removeprefix("./")) for word in line]


def _output(words: list[str]) -> str:
    if "-o" not in words[:-1] or "-c" in words:
        return ""
    return Path(words[words.index("-o") + 1]).name


def record(name: str) -> None:
    """Build a project and write its line into its file."""
    facts: dict[str, Any] = json.loads(projects.path_of(name).read_text("utf-8"))
    write(name, {"folder": ".", "line": [], **facts})
    project = projects.load(name)
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch).resolve() / "lines"
        environment = wrap_compilers(log.with_name("compilers"), log)
        projects.build(project, log.parent, environment)
        folder, line = link_line(log, project.program, log.parent / "source")
    write(name, {**facts, "folder": folder, "line": line})


def write(name: str, facts: dict[str, Any]) -> None:
    """Write a project's file: a key and a run each on a line of its own."""
    runs = ",\n    ".join(map(json.dumps, facts["runs"]))
    keys = [f'  "{key}": {json.dumps(value)}' for key, value in facts.items() if key != "runs"]
    text = ",\n".join([*keys, f'  "runs": [\n    {runs}\n  ]'])
    projects.path_of(name).write_text(f"{{\n{text}\n}}\n", "utf-8")


if __name__ == "__main__":
    for each in sys.argv[1:]:
        record(each)
