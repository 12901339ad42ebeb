"""`uruk doctor`: facts are found by trying, each lack has its remedy, and only what uruk needs decides the status."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from uruk import runtime_files
from uruk.program.machine_report import findings

COMMAND = [sys.executable, "-c", "import sys; from uruk.cli import main; sys.exit(main())", "doctor"]


def doctor(*prefix: str, **variables: str) -> tuple[int, dict[str, str], dict[str, str]]:
    """The exit status, and by title what is well and what lacks, the latter with its remedy behind it."""
    done = subprocess.run(
        [*prefix, *COMMAND], capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **variables}
    )
    assert not done.stderr
    well: dict[str, str] = {}
    lacking: dict[str, str] = {}
    for line in done.stdout.replace("\n      -> ", " -> ").splitlines():
        title, _, text = line[6:].partition(": ")
        (well if line.startswith("ok ") else lacking)[title] = text
    assert all(" -> " in text for text in lacking.values())
    return done.returncode, well, lacking


def test_this_machine() -> None:
    status, well, _ = doctor()
    assert status == 0
    assert well["code in this process"].startswith("runs (")
    assert well["code in a child"] == "runs, in executable memory that both processes share"
    assert int(well["static thread-local storage"].split()[0]) > 0
    assert "compiler for C" in well


def test_a_machine_without_tools(tmp_path: Path) -> None:
    """Code that is compiled already runs without any of them."""
    status, _, lacking = doctor(PATH=str(tmp_path), CC="", CXX="nowhere++", URUK_CACHE="0")
    assert status == 0
    assert "qemu-user" in lacking["programs for aarch64-linux"]
    assert "wine" in lacking["programs for x86_64-windows"]
    assert "looked for nowhere++ (of CXX)" in lacking["compiler for C++"]
    assert "unset URUK_CACHE" in lacking["cache of compiled sources"]


def test_a_child_that_shares_no_memory() -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    status, well, lacking = doctor("prlimit", f"--fsize={1 << 20}:{limits[1]}")
    assert status == 0
    assert "File too large" in lacking["code in a child"]
    assert "code in this process" in well


def test_a_child_that_cannot_be_had() -> None:
    """Eight open files are too few for the pipes to another process."""
    status, well, lacking = doctor("prlimit", "--nofile=8")
    assert status == 1
    assert "Too many open files" in lacking["code in a child"]
    assert "code in this process" in well


def test_a_runtime_for_this_machine_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `pip install .` makes one where there is a C compiler."""
    for path in map(Path, (runtime_files.runtime_archive(), runtime_files.executor_program())):
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.setattr(runtime_files, "_FOLDERS", (str(tmp_path),))
    monkeypatch.delenv(runtime_files.VARIABLE, raising=False)
    found = {finding.title: finding for finding in findings()}
    for target in ("aarch64-linux", "x86_64-windows"):
        finding = found[f"programs for {target}"]
        assert finding.text == "do not run here: this uruk was built for x86_64-linux alone"
        assert finding.remedy.startswith("`URUK_TARGETS=all pip install .` in uruk's source tree")
    assert found["code in a child"].remedy == ""


@pytest.mark.quick
def test_words(capsys: pytest.CaptureFixture[str]) -> None:
    from uruk.cli import main

    assert main(["doctor", "--help"]) == 0
    assert "remedy" in capsys.readouterr().out
    assert main(["doctor", "now"]) == 2
    assert capsys.readouterr().err == "uruk doctor: unknown argument now; see `uruk doctor --help'\n"


def test_a_pipe_that_is_closed() -> None:
    shell = " ".join(f"'{word}'" for word in COMMAND)
    done = subprocess.run(f"{shell} | head -1", shell=True, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)
