"""Every benchmark runs, at its smallest size; nothing is timed here."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import pytest

import benchmarks
from benchmarks import inputs
from benchmarks.report import Report, Row, shares

from support.requirements import missing, require_tool

MODULES = sorted(path.stem for path in Path(benchmarks.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__init__"])
def test_imports(name: str) -> None:
    importlib.import_module(f"benchmarks.{name}")


def test_batch(tmp_path: Path) -> None:
    require_tool("llvm-jitlink-19")
    from benchmarks import batch

    report = Report()
    batch.measure(inputs.small_batch(tmp_path), 1, report)
    assert [row.name for row in report.rows][:2] == [
        "batch, against llvm-jitlink",
        "batch with --gc-sections",
    ]
    assert all(row.value > 0 for row in report.rows)
    assert abs(sum(share for _, share in report.passes) - 1) < 1e-6


def test_relocations_are_counted(tmp_path: Path) -> None:
    from benchmarks import batch

    work = inputs.small_batch(tmp_path)
    counts = batch.count_relocations("x86_64", work.entry, work.objects)
    assert counts["input"] >= counts["read"] >= counts["applied"] >= 5  # two calls, three unwind records


def test_growth(tmp_path: Path) -> None:
    from benchmarks import growth

    report = Report()
    growth.measure(inputs.small_batch(tmp_path).objects, 1, report)
    assert len(report.rows) == 1


def test_small(tmp_path: Path) -> None:
    if importlib.util.find_spec("llvmlite") is None:
        missing("llvmlite")
    from benchmarks import small

    report = Report()
    small.measure(inputs.varied_object(tmp_path), inputs.varied_cpp_object(tmp_path), 2, report)
    first, second = "one small object, against llvmlite", "one small C++ object, against llvmlite"
    assert [row.name for row in report.rows] == [first, "its removal", second, "the removal of that"]
    small.measure_shapes(inputs.shapes(tmp_path, 8), 1, report)
    assert report.rows[-1].value > 0


def test_many(tmp_path: Path) -> None:
    from benchmarks import many

    report = Report()
    many.measure(inputs.small_object(tmp_path), 10, report)
    flat = {row.name: row.value for row in report.rows[2:]}
    assert flat["mappings that a round leaves"] == 0
    assert flat["mappings while all are loaded"] <= 0  # pages that are free and kept may be a mapping of their own


def test_session(tmp_path: Path) -> None:
    from benchmarks import session

    report = Report()
    session.measure(tmp_path, 40, 1, report)
    assert len(report.rows) == 3
    assert all(row.value > 0 for row in report.rows)


def test_lazy(tmp_path: Path) -> None:
    from benchmarks import lazy

    report = Report()
    lazy.measure(tmp_path, 1, report)
    assert len(report.rows) == 2
    assert report.rows[1].value > 0


def test_names(tmp_path: Path) -> None:
    require_tool("llvm-jitlink-19")
    from benchmarks import names

    report = Report()
    names.measure(tmp_path, 10, 1, report)
    names.growth(tmp_path, 100, 1, report)
    assert len(report.rows) == 4
    assert report.rows[0].value > 0
    assert all(row.value > 0 for row in report.rows[2:])


def test_report() -> None:
    report = Report([Row("a", 0.4, 0.5), Row("b", 3.0), Row("c", 12.0, 11.0)], [("fixup", 0.25), ("rest", 0.75)])
    assert not report.passed
    text = report.markdown()
    assert "| a | 0.4x | ≤ 0.5x | pass |" in text
    assert "| c | 12x | ≤ 11x | FAIL |" in text
    assert "| fixup | 25.0% |" in text


def test_shares() -> None:
    printed = " pass        ms  share \n read, parse 30.00 75% \n fixup     10.00    25% \n total   40.00 \n"
    assert shares([printed, printed]) == [("read, parse", 0.75), ("fixup", 0.25)]
