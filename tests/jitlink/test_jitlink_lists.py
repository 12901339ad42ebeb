"""`-show-times` and `-write-symtab`: the table of LLVM's tool, and addresses that `-show-entry-es` has, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jitlink.running import llvm_jitlink, uruk_jitlink

from support.compiling import Compile

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]
SOURCE = "static int own(void) { return 3; } int counter = 1; int main(void) { return own() + counter; }"
SLAB = ("-noexec", "-slab-allocate=64Kb", "-slab-address=0x10000", "-slab-page-size=4096")


@pytest.fixture
def unit(cc: Compile) -> Path:
    return cc(SOURCE)


def shape(table: str) -> set[str]:
    """The lines of a table without its numbers. Rows but the last come in the order of their times, and LLVM's tool
    prints its table twice.

    Neither has a column for user or system time where no clock has ticked: all columns are one here, and their number
    in each row is that of the heading.
    """
    columns = re.sub(r"[ 0-9]+\.\d+ \([ 0-9.]+%\)", "#", table)
    lines = re.sub(r"[ 0-9]+\.\d+", " N", columns).splitlines()
    headings = {len(re.findall(r"-+[A-Z][A-Za-z+ ]+-+", line)) for line in lines if "--- Name ---" in line}
    assert {line.count("#") for line in lines if line.startswith("#")} == headings, table
    return {re.sub(r"#+", "#", re.sub(r" *-+(User|System|User\+System)( Time)?-+", "", line)) for line in lines}


def test_times_are_printed_as_by_the_tool(unit: Path) -> None:
    ours, theirs = (run("-noexec", "-show-times", unit) for run in (uruk_jitlink, llvm_jitlink))
    assert ours.status == theirs.status == 0
    assert ours.out == theirs.out == ""
    assert shape(ours.err) == shape(theirs.err)
    assert "time to link object files" in ours.err


def test_times_are_those_of_the_run(unit: Path) -> None:
    table = uruk_jitlink("-noexec", "-show-times", unit).err
    walls = {name: float(wall) for wall, name in re.findall(r"(\d+\.\d+) \( *[\d.]+%\)  (\w.*)", table)}
    assert walls["time to link object files"] > 0
    assert walls["Total"] == pytest.approx(sum(walls.values()) - walls["Total"], abs=2e-4)
    failed = uruk_jitlink("-noexec", "-show-times", "-entry=nobody", unit)
    assert failed.status == 1
    assert "Total Execution Time" in failed.err


def test_a_file_of_symbols(unit: Path, tmp_path: Path) -> None:
    path = tmp_path / "symbols.txt"
    done = uruk_jitlink(*SLAB, "-show-entry-es", f"-write-symtab={path}", unit)
    assert (done.status, done.err) == (0, "")
    first, *lines = path.read_text().splitlines()
    assert first == f'"{unit}"'
    found = {name: int(address, 16) for address, name in (line.split(" ") for line in lines)}
    shown = {name: int(address, 16) for name, address in re.findall(r'"(\w+)": (0x[0-9a-f]+) ', done.out)}
    assert found == {**shown, "own": found["own"]}
    assert 0x10000 <= found["own"] < 0x20000
    assert list(found.values()) == sorted(found.values())


def test_a_file_that_cannot_be_written(unit: Path, tmp_path: Path) -> None:
    path = tmp_path / "none" / "symbols.txt"
    done = uruk_jitlink("-noexec", "-write-symtab", path, unit)
    assert (done.status, done.err) == (1, f"uruk-jitlink: '{path}': No such file or directory\n")
