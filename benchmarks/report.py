"""What a benchmark found: rows with their budgets, printed as a table, and recorded as a dated block."""

from __future__ import annotations

import datetime
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

README = Path(__file__).with_name("README.md")


@dataclass(frozen=True)
class Row:
    """One figure: `value` must not exceed `budget` (None: just told). `unit` follows both (``x``)."""

    name: str
    value: float
    budget: float | None = None
    unit: str = "x"
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the figure is within its budget."""
        return self.budget is None or self.value <= self.budget

    def cells(self) -> tuple[str, str, str, str, str]:
        """The row as texts: name, result, budget, verdict, note."""
        budget = "" if self.budget is None else f"≤ {self.budget:g}{self.unit}"
        verdict = "" if self.budget is None else ("pass" if self.passed else "FAIL")
        return self.name, f"{self.value:.3g}{self.unit}", budget, verdict, self.note


@dataclass
class Report:
    """All rows of one run, and the share of each pass in a batch link."""

    rows: list[Row] = field(default_factory=list[Row])
    passes: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])

    @property
    def passed(self) -> bool:
        """Whether every figure is within its budget."""
        return all(row.passed for row in self.rows)

    def show(self) -> None:
        """Print the tables."""
        from rich.console import Console
        from rich.table import Table

        table = Table("benchmark", "result", "budget", "", "note", box=None)
        for row in self.rows:
            table.add_row(*row.cells(), style="" if row.passed else "bold red")
        console = Console()
        console.print(table)
        if self.passes:
            shares = Table("pass of the batch", "share", box=None)
            for name, share in self.passes:
                shares.add_row(name, f"{share:.1%}")
            console.print(shares)

    def markdown(self) -> str:
        """The dated block for the README: ratios and shares, no bare times."""
        lines = [f"## {datetime.date.today().isoformat()}", "", f"{machine()}. {versions()}.", ""]
        lines += ["| benchmark | result | budget | | note |", "| --- | --- | --- | --- | --- |"]
        lines += ["| " + " | ".join(row.cells()) + " |" for row in self.rows]
        if self.passes:
            lines += ["", "| pass of the batch | share |", "| --- | --- |"]
            lines += [f"| {name} | {share:.1%} |" for name, share in self.passes]
        return "\n".join(lines) + "\n"

    def record(self) -> None:
        """Append the block to the README."""
        with README.open("a", encoding="utf-8") as file:
            file.write("\n" + self.markdown())


def machine() -> str:
    """Processor, number of cores, memory, kernel."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {memory} GiB, {platform.system()} {platform.release()}"


def versions() -> str:
    """Versions of all that takes part."""
    found = [f"Python {platform.python_version()}"]
    for name in ("uruk", "numpy", "cffi", "llvmlite"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} from its source tree" if name == "uruk" else f"no {name}")
    return ", ".join([*found, _llvm_version()])


def _llvm_version() -> str:
    tool = shutil.which("llvm-jitlink-19")
    if tool is None:
        return "no llvm-jitlink"
    text = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"LLVM version (\S+)", text)
    return f"llvm-jitlink {match.group(1) if match else '19'}"


def shares(texts: Sequence[str]) -> list[tuple[str, float]]:
    """The share of each pass, from what `uruk run --time` printed in several runs."""
    totals: dict[str, float] = {}
    for text in texts:
        for line in text.splitlines():
            match = re.match(r"\s*(\S.*?)\s+([\d.]+)\s+\d+%\s*$", line)
            if match:
                totals[match.group(1)] = totals.get(match.group(1), 0.0) + float(match.group(2))
    whole = sum(totals.values())
    return [(name, amount / whole) for name, amount in totals.items()] if whole else []
