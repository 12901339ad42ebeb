"""One small object is linked alike row by row and by columns: bytes, symbols and errors, at one address.

Sound objects of several compilers, and thousands that are broken. URUK_HOSTILE_CASES: how many mutations of each corpus
(300 by default; `make soak` has 200,000).
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from itertools import islice
from pathlib import Path
from zlib import crc32

import pytest
from sweep import cases

from uruk import LLJIT, FixedMemory, Options
from uruk.errors import InternalError, UrukError
from uruk.graph.graph import Graph, SymbolKind, SymbolType
from uruk.orc.registry.entries import ObjectEntry
from uruk.orc.registry.tracker import ResourceTracker

from support import sample_objects
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

CASES = int(os.environ.get("URUK_HOSTILE_CASES", "300"))
SEED = int(os.environ.get("URUK_HOSTILE_SEED", "1"))
MOST = 1 << 20
"""Bytes of a segment that are compared: more than any of the objects has."""
PROGRAMS = Path(__file__).resolve().parents[1] / "program" / "programs"
BASE, LOW_BASE, HIGH_BASE, SIZE = 0x7000_0000_0000, 0x1000_0000, 0xFFFF_FFFF_8000_0000, 1 << 22
BY_ROWS = "one object, row by row"
PLACES = (0x1000_0000_0000, 0x7001_0000, BASE + (1 << 24), 0x10_0000)
"""Where names that an object does not define lie, in turn."""
OWN = (b"__dso", b"_GLOBAL_", b"__start", b"__stop")
"""Beginnings of names that the linker provides."""
LARGE = ("lua", "sqlite", "zlib", "big_bss", "huge_bss", "huge_bss_fixed", "tls_large", "large_alignment", "big_output")


class Session:
    """A session that links at a fixed address, row by row or by columns."""

    def __init__(self, base: int, *, rows: bool, architecture: str) -> None:
        self.memory = FixedMemory(base, SIZE, 4096)
        self.jit = LLJIT(memory=self.memory, options=Options(execute=False, rows=rows, architecture=architecture))

    def link(self, data: bytes) -> tuple[str, str]:
        """Link an object; returns what came of it, and who has linked it."""
        others = self.jit.main.create_tracker("others")
        try:
            tracker = self.jit.add_object(data, "input.o")
        except InternalError:
            raise
        except UrukError as error:
            return f"not added: {error}", ""
        try:
            entry = self.jit.session.entries_of(tracker)[0]
            assert isinstance(entry, ObjectEntry)
            names = self.names_of(entry.added.graph, others)
            self.jit.session.times = []
            found = self.jit.session.lookup(self.jit.main, names, roots=True, everything=True)
            way = self.jit.session.times[0][0] if self.jit.session.times else ""
            parts = [part for memory, _ in tracker.resources.memory for part in memory.segments]
            # What an object stores comes first; zero-fill behind it may be as large as a mutated number says.
            content = [self.memory.read(at, min(size, MOST)).hex() for _, at, size in parts]
            facts = (parts, list(zip(names, found, strict=True)), tracker.resources.module_handles, content)
            return repr(facts), way
        except InternalError:
            raise
        except UrukError as error:
            return f"not linked: {type(error).__name__}: {error}", ""
        finally:
            tracker.remove(force=True)
            others.remove(force=True)

    def names_of(self, graph: Graph, others: ResourceTracker) -> list[bytes]:
        """Return the names that an object defines; most of those that it needs are defined with `others`."""
        names: list[bytes] = []
        symbols = graph.symbols
        for number, kind, type in zip(symbols.name.tolist(), symbols.kind.tolist(), symbols.type.tolist(), strict=True):
            text = self.jit.main.names.text(number) if number >= 0 else b""
            if kind != SymbolKind.UNDEFINED:
                names += [text] * (number >= 0 and type != SymbolType.TLS)
            elif text and not text.startswith(OWN) and crc32(text) % 16:
                place = PLACES[crc32(text) % len(PLACES)] + 64 * len(names)
                self.jit.main.define(text, place, function=crc32(text) % 5 != 4, tracker=others)
        return names


class Both:
    """Two sessions that get the same objects."""

    def __init__(self, architecture: str, base: int = BASE) -> None:
        self.sessions = [Session(base, rows=rows, architecture=architecture) for rows in (True, False)]

    def link(self, data: bytes) -> str:
        """Link both ways and compare; returns who linked it, or what the error was."""
        (by_rows, way), (by_columns, other) = (session.link(data) for session in self.sessions)
        assert by_rows == by_columns
        # What is left are parts of the runtime.
        assert self.sessions[0].memory.used == self.sessions[1].memory.used < 1 << 20
        assert other != BY_ROWS  # the switch holds
        if by_rows.startswith("not"):
            return by_rows[:20]
        return "rows" if way == BY_ROWS else "columns"


def compiled(folder: Path, compiler: str, sources: list[Path], *flags: str) -> dict[str, bytes]:
    """Compile all sources by one command; those that need more than that are left out."""
    folder.mkdir()
    command = [require_tool(compiler), "-c", "-w", *flags, *map(str, sources)]
    subprocess.run(command, cwd=folder, capture_output=True)
    return {f"{folder.name} {path.stem}": path.read_bytes() for path in sorted(folder.glob("*.o"))}


@pytest.mark.quick
def test_small_objects_are_linked_alike(objects: dict[str, bytes]) -> None:
    both = Both("x86_64")
    ways = {name: both.link(data) for name, data in objects.items()}
    assert ways["gcc"] == ways["rustc"] == ways["good"] == ways["clang"] == "rows", ways
    assert ways["cpp"] == ways["cpp-clang"] == "rows", ways
    assert ways["tls"] == ways["crel"] == "columns", ways


@pytest.mark.quick
def test_a_module_of_the_kernels_addresses_is_linked_alike(tmp_path: Path) -> None:
    (tmp_path / "begin.c").write_text("int n; __attribute__((constructor)) static void begin(void) { n = 1; }")
    for data in compiled(tmp_path / "objects", "gcc", [tmp_path / "begin.c"], "-fno-pic").values():
        assert Both("x86_64", HIGH_BASE).link(data) == "rows"


def test_programs_are_linked_alike(tmp_path: Path) -> None:
    sources = [path for path in sorted(PROGRAMS.glob("*.c")) if path.stem not in LARGE]
    ways: Counter[str] = Counter()
    for name, base, flags in (
        ("pic", BASE, ("-O1", "-fPIC")),
        ("static", LOW_BASE, ("-O0", "-fno-pie", "-fcommon", "-ffunction-sections")),
    ):
        both = Both("x86_64", base)
        for data in compiled(tmp_path / name, "gcc", sources, *flags).values():
            ways[f"{name}: {both.link(data)}"] += 1
    assert min(ways["pic: rows"], ways["static: rows"]) > len(sources) // 3, ways


def test_broken_objects_are_linked_alike(objects: dict[str, bytes]) -> None:
    check_broken(objects, "x86_64")


def test_broken_objects_of_aarch64_are_linked_alike(tmp_path: Path) -> None:
    check_broken(sample_objects.build_aarch64(tmp_path), "aarch64")


def check_broken(objects: dict[str, bytes], architecture: str) -> None:
    """Link mutations of objects both ways."""
    both, ways = Both(architecture), Counter[str]()
    for name, make in islice(cases(objects, {}, SEED), CASES):
        try:
            ways[both.link(make())] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {SEED}: {name}") from error
    assert ways["rows"] > CASES // 50, ways
