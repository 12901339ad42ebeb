"""Fixtures for tests of compiling: real compilers, a cache and a temporary folder of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from families import FAMILIES, Run, require_family

import uruk

_VARIABLES = "CC CXX CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH SOURCE_DATE_EPOCH COMPILER_PATH GCC_EXEC_PREFIX URUK_CACHE"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to be in, an empty cache, and no variables that choose compilers or headers."""
    for name in [*_VARIABLES.split(), "URUK_CACHE_SIZE", "XDG_CACHE_HOME"]:
        monkeypatch.delenv(name, raising=False)
    for name in ("here", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("URUK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture(scope="session")
def zig_cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where zig keeps what it made: the user's, else one of this run."""
    home = Path(os.environ.get("HOME") or "/dev/null") / ".cache"
    try:
        home.mkdir(parents=True, exist_ok=True)
        usable = os.access(home, os.W_OK)
    except OSError:
        usable = False
    return os.environ.get("ZIG_GLOBAL_CACHE_DIR") or str(home / "zig" if usable else tmp_path_factory.mktemp("zig"))


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest, zig_cache: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each compiler in turn, as a command."""
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", zig_cache)
    return require_family(request.param)


@pytest.fixture
def uruk_run(tmp_path: Path) -> Run:
    """``uruk run`` with words, and variables set (None: unset)."""

    def run(*words: object, **variables: str | None) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(Path(uruk.__file__).parents[1])}
        environment["TMPDIR"] = str(tmp_path / "temporary")
        changed = {name: value for name, value in {**environment, **variables}.items() if value is not None}
        command = [sys.executable, "-m", "uruk", "run", *map(str, words)]
        return subprocess.run(command, env=changed, capture_output=True, text=True, check=False, timeout=400)

    return run
