"""C++ programs that zig compiles, with libc++ and libunwind linked in: they do what zig's own programs of them do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from c_compilers import ZIG, environment
from native_programs import compile_parts, names_of, run, run_linked

pytestmark = pytest.mark.any_interpreter

COMPILER = [*("c++" if word == "cc" else word for word in ZIG), "-std=c++20", "-O1", "-w"]
FIRST_LINK = 900
"""Seconds that zig may take when it first links a program of C++ for Windows, as it builds its libraries then."""

NOT_OF_ZIG = {"library_errors.cc"}
"""Programs that take more than a minute as zig links them natively, under this wine."""
CASES = [(kind, name) for kind in ("gnu", "zig") for name in names_of(kind, ["cc"]) if name not in NOT_OF_ZIG]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have zig build its libraries, in the cache that all tests share."""
    folder = tmp_path_factory.mktemp("zig")
    source = folder / "main.cc"
    source.write_text("int main() {}")
    command = [*COMPILER, "-o", folder / "main.exe", source]
    subprocess.run(command, check=True, env=environment(), timeout=FIRST_LINK, capture_output=True)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_program_is_as_natively(
    wine: Path, tmp_path: Path, kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", environment()["ZIG_GLOBAL_CACHE_DIR"])
    objects = compile_parts(kind, name, tmp_path, COMPILER)
    native = tmp_path / "native.exe"
    subprocess.run([*COMPILER, "-o", native, *objects], check=True, timeout=FIRST_LINK)
    words = [str(tmp_path / "file.txt"), "two words", 'a"b\\']
    expected = run(["wine", native, *words])
    assert expected.stdout, expected
    assert run_linked(objects, words) == expected
