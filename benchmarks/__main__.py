"""`python -m benchmarks [NAME ...]`: run them (all by default) and print ratios."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Report

NAMES = (
    "batch",
    "growth",
    "small",
    "many",
    "session",
    "lazy",
    "calls",
    "names",
    "archives",
    "executors",
    "aarch64",
    "coff",
    "jitlink",
    "start",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; returns 1 when over budget with `--strict`, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--runs", type=int, default=11, help="runs of each linker (default: 11)")
    parser.add_argument("--record", action="store_true", help="append the result to benchmarks/README.md")
    parser.add_argument("--strict", action="store_true", help="fail when over budget")
    chosen = parser.parse_args(arguments)
    names = chosen.names or NAMES
    if set(names) - set(NAMES):
        parser.error(f"no benchmark {', '.join(sorted(set(names) - set(NAMES)))}")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="uruk-bench-") as folder:
        run(names, Path(folder), chosen.runs, report)
    report.show()
    if chosen.record:
        report.record()
    return 1 if chosen.strict and not report.passed else 0


def run(names: Sequence[str], folder: Path, runs: int, report: Report) -> None:
    """Run the named benchmarks. The batch comes first, while this process is small: see `measure.Run`."""
    from benchmarks import batch, inputs

    if {"batch", "growth", "executors", "aarch64"} & set(names):
        work = inputs.llvm_batch(folder)
        if "batch" in names:
            batch.measure(work, runs, report)
        if "growth" in names:
            from benchmarks import growth

            growth.measure(work.objects, runs, report)
        if "aarch64" in names:
            from benchmarks import aarch64

            aarch64.measure(work, folder, runs, report)
        if "executors" in names:
            from benchmarks import executors

            executors.measure(work, folder, runs, report)
    if "jitlink" in names:
        from benchmarks import jitlink

        jitlink.measure(folder, 2 * runs, report)
    if "start" in names:
        from benchmarks import start

        start.measure(folder, 2 * runs, report)
    if "coff" in names:
        from benchmarks import coff

        coff.measure(folder, runs, report)
    if "small" in names or "many" in names:
        template = inputs.small_object(folder)
        if "small" in names:
            from benchmarks import small

            small.measure(inputs.varied_object(folder), inputs.varied_cpp_object(folder), 20 * runs, report)
            small.measure_shapes(inputs.shapes(folder, 40), 2 * runs, report)
        if "many" in names:
            from benchmarks import many

            many.measure(template, 1000, report)
    if "session" in names:
        from benchmarks import session

        session.measure(folder, 1000, 3 * runs, report)
    if "calls" in names:
        from benchmarks import calls

        calls.measure(folder, 3 * runs, report)
    if "lazy" in names:
        from benchmarks import lazy

        lazy.measure(folder, runs, report)
    if "archives" in names:
        from benchmarks import archives

        archives.measure(folder, runs, report)
    if "names" in names:
        from benchmarks import names as library_names

        library_names.measure(folder, 1000, runs, report)
        library_names.growth(folder, 50_000, max(runs // 2, 1), report)


if __name__ == "__main__":
    raise SystemExit(main())
