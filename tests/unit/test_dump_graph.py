"""``uruk run --dump-graph``: the graph at points of the link, in files and on standard error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from requirements import require_tool


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a program of one object with options."""
    (folder / "main.c").write_text('int puts(const char *); int main(void) { puts("here"); return 3; }', "utf-8")
    subprocess.run([require_tool("gcc"), "-c", "main.c"], cwd=folder, check=True)
    command = [sys.executable, "-m", "uruk", "run", *options, "main.o"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_text_and_json(tmp_path: Path) -> None:
    options = ("--dump-graph", "after layout=plan.json", "--dump-graph=before got, stubs=graph.txt")
    ended = run(tmp_path, *options)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "here\n", "")
    first = (tmp_path / "plan.json").read_bytes(), (tmp_path / "graph.txt").read_bytes()
    facts = json.loads(first[0])
    assert facts["objects"][0]["file"] == "main.o"
    assert "edge +" in first[1].decode()
    run(tmp_path, *options)
    assert first == ((tmp_path / "plan.json").read_bytes(), (tmp_path / "graph.txt").read_bytes())


def test_on_standard_error(tmp_path: Path) -> None:
    ended = run(tmp_path, "--dump-graph", "post-prune")
    assert ended.returncode == 3
    assert ended.stderr.startswith("== post-prune\n")
    assert "symbol +0x0: main" in ended.stderr


def test_wrong_use(tmp_path: Path) -> None:
    ended = run(tmp_path, "--dump-graph", "after lunch")
    assert ended.returncode == 1
    assert "after lunch" in ended.stderr
    assert "layout" in ended.stderr
    ended = run(tmp_path, "--dump-graph", "after layout=no/such/folder")
    assert ended.returncode == 1
    assert "no/such/folder" in ended.stderr
