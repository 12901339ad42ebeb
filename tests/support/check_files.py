"""Files of `tests/check/`: assembly with rules beside it, and addresses of its symbols; see the README there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from support.requirements import require_tool

FOLDER = Path(__file__).parents[1] / "check"
SLABS = (0, 0xFFF00000, 0x12345, 0x7654321000)
"""Addresses of slabs: 0, across 4 GiB, unaligned, and above 4 GiB."""
TRIPLES = {
    "x86_64-linux": "x86_64-linux-gnu",
    "aarch64-linux": "aarch64-linux-gnu",
    "x86_64-windows": "x86_64-windows-msvc",
    "aarch64-windows": "aarch64-windows-msvc",
}
"""Folder -> the triple that its files are assembled for."""
_WORD = re.compile(r"^\s*#\s*(abs|edge|llvm|jitlink-check):\s*(.*?)\s*$", re.MULTILINE)
_SUM = re.compile(r"(START|0x[0-9a-f]+|\d+)|([-+])")


class Edge(NamedTuple):
    """A symbol, the first and the last address that fit, the least difference of two, and JITLink's kind."""

    symbol: str
    low: str
    high: str
    step: int
    kind: str


class CheckFile(NamedTuple):
    """One file: `absolute` has (symbol, address), `refused` what LLVM's tool says where it has no such relocations."""

    path: Path
    absolute: tuple[tuple[str, str], ...]
    edges: tuple[Edge, ...]
    refused: str

    @property
    def name(self) -> str:
        """Folder and file."""
        return f"{self.path.parent.name}-{self.path.stem}"

    def addresses(self, slab: int, ends: Mapping[str, str]) -> list[str]:
        """Return options that define the symbols: edges at their lower or upper ends, or where `ends` says."""
        own = {edge.symbol: edge.high if ends.get("") == "high" else edge.low for edge in self.edges}
        own.update(self.absolute)
        own.update({name: text for name, text in ends.items() if name})
        return [f"-abs={name}={value(text, slab) % (1 << 64):#x}" for name, text in own.items()]


def value(text: str, slab: int) -> int:
    """Return a sum of numbers and START, the first multiple of 16 in the slab."""
    total, sign = 0, 1
    for number, operator in _SUM.findall(text):
        if operator:
            sign = -1 if operator == "-" else 1
        else:
            total, sign = total + sign * (-(-slab // 16) * 16 if number == "START" else int(number, 0)), 1
    return total


def all_files() -> list[CheckFile]:
    """Return the files of every target."""
    return [_read(path) for folder in TRIPLES for path in sorted((FOLDER / folder).glob("*.s"))]


def _read(path: Path) -> CheckFile:
    words = _WORD.findall(path.read_text(encoding="utf-8"))
    assert any(word == "jitlink-check" for word, _ in words), f"{path} has no rule"
    absolute = tuple((name, text) for word, line in words if word == "abs" for name, _, text in [line.partition("=")])
    edges = tuple(_edge(line) for word, line in words if word == "edge")
    return CheckFile(path, absolute, edges, next((line for word, line in words if word == "llvm"), ""))


def _edge(line: str) -> Edge:
    symbol, low, high, step, kind = line.split()
    return Edge(symbol, low, high, int(step), kind)


@cache
def assembled(path: Path, folder: Path) -> Path:
    """Return the object of a file, made in a folder under the file's own name."""
    output = folder / f"{path.stem}.o"
    command = [require_tool("llvm-mc-19"), f"--triple={TRIPLES[path.parent.name]}", "-filetype=obj", path, "-o", output]
    if path.parent.name == "x86_64-linux":
        command.insert(1, "--x86-relax-relocations")
    subprocess.run([str(word) for word in command], check=True)
    return output


def options(file: CheckFile, slab: int, ends: Mapping[str, str], output: Path) -> list[str]:
    """Return the command line of either tool."""
    place = ["-slab-allocate=64Kb", f"-slab-address={slab:#x}", "-slab-page-size=4096"]
    return ["-noexec", *place, *file.addresses(slab, ends), str(output), f"-check={file.path}"]


def beyond(edge: Edge) -> Iterator[str]:
    """Yield the last addresses that do not fit, below and above."""
    yield f"{edge.low} - {edge.step}"
    yield f"{edge.high} + {edge.step}"
