"""`uruk show` of shared libraries: what `nm -D` and `readelf -d` say of the same files, and of broken ones errors."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from uruk.cli import main
from uruk.libraries.search import find_library

from support.requirements import require_tool

pytestmark = pytest.mark.quick
SOURCE = """
__thread int local = 3;
int counter = 5;
int twice(int x) { return 2 * x; }
int old(void) { return 1; }
int new(void) { return 2; }
__asm__(".symver old, f@V1\\n .symver new, f@@V2");
static int own(void) { return counter; }
extern double cos(double);
extern int puts(const char *);
double use(void) { return cos(own() + puts("")); }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    (folder / "lib.c").write_text(SOURCE)
    (folder / "lib.map").write_text("V1 { global: *; }; V2 { global: f; } V1;\n")
    flags = ["-shared", "-fPIC", "-Wl,-soname,libown.so.3", "-Wl,--version-script=lib.map"]
    subprocess.run([require_tool("gcc"), *flags, "lib.c", "-lm", "-o", "libown.so"], check=True, cwd=folder)
    return folder / "libown.so"


def facts(capsys: pytest.CaptureFixture[str], path: object) -> dict[str, Any]:
    assert main(["show", "--json", str(path)]) == 0
    return json.loads(capsys.readouterr().out)[0]


def names_by_nm(path: object) -> list[str]:
    command = [require_tool("nm"), "-D", "--defined-only", str(path)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    # nm lists the versions themselves, too, as absolute symbols.
    return sorted(line.split()[2] for line in lines if line.split()[1] != "A")


def names_of(found: dict[str, Any]) -> list[str]:
    return sorted(
        one["name"] + ("" if one["version"] is None else ("@@" if one["default"] else "@") + one["version"])
        for one in found["defines"]
    )


def test_a_library_of_gcc(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = facts(capsys, library)
    assert (found["kind"], found["soname"], found["target"]) == ("shared library", "libown.so.3", "ELF x86-64")
    assert found["needed"] == ["libm.so.6", "libc.so.6"]
    assert names_of(found) == names_by_nm(library)
    kinds = {(one["name"], one["version"]): (one["type"], one["binding"], one["size"]) for one in found["defines"]}
    assert kinds["local", "V1"] == ("thread-local", "global", 4)
    assert kinds["counter", "V1"] == ("object", "global", 4)
    assert kinds["f", "V2"][0] == "function"
    assert "own" not in {one["name"] for one in found["defines"]}


def test_text(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(library)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        f"{library}: ELF x86-64 shared library libown.so.3",
        "  needs libm.so.6",
        "  needs libc.so.6",
    ]
    assert any(line.split()[-2:] == ["@@V2", "f"] for line in lines)


def test_the_c_library(capsys: pytest.CaptureFixture[str]) -> None:
    path = find_library(":libc.so.6")[0].path
    assert {one["name"] for one in facts(capsys, path)["defines"]} >= {"puts", "memcpy", "environ", "errno"}


def test_cut_libraries_are_errors(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = library.read_bytes()
    cut = tmp_path / "cut.so"
    for size in range(20, len(data), 97):
        cut.write_bytes(data[:size])
        status = main(["show", "--json", str(cut)])
        captured = capsys.readouterr()
        assert (status, captured.err == "") in ((0, True), (1, False))
        assert "Traceback" not in captured.err
        assert captured.err == "" or captured.err.startswith(f"uruk: ObjectFormatError: {cut}: ")
    cut.write_bytes(data[:64])
    assert main(["show", str(cut)]) == 1
    assert "program headers" in capsys.readouterr().err
