"""Shared libraries, names in archives and `uruk show` ask the format of the file, also one from outside of uruk."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from uruk.cli.show import input_facts
from uruk.errors import ObjectFormatError
from uruk.formats.archive import Archive
from uruk.formats.archive_index import Entries
from uruk.formats.byte_source import ByteSource
from uruk.formats.heads import is_shared_library, target_of_head
from uruk.formats.interface import LibraryDefinition, RelocationRow
from uruk.formats.registry import hidden_bases_of, open_library, register, unregister
from uruk.graph.graph import Graph
from uruk.graph.types import NONE, U8
from uruk.program.targets import runnable_name
from uruk.target import Target

from support.compiling import Compile
from support.line_format import LineFormat

pytestmark = pytest.mark.quick


class LineLibrary:
    """A library whose names are the words of its second line."""

    architecture = "x86_64"

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self.names = source.read(0, source.size, "library").split(b"\n")[1].split()
        self.soname: str | None = None
        self.needed: tuple[str, ...] = ()

    def definitions(self) -> list[LibraryDefinition]:
        return [LibraryDefinition(name, None, True, 0, 1, 0) for name in self.names]

    def defines(self, name: bytes) -> bool:
        return name in self.names

    def place_of(self, name: bytes) -> tuple[int, bool]:
        return (1 + self.names.index(name), False) if name in self.names else (0, False)

    def hidden_bases(self) -> dict[bytes, bytes]:
        return {self.names[0]: b""}

    def close(self) -> None:
        self.source.close()

    def __enter__(self) -> LineLibrary:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class LineFiles:
    """See `uruk.formats.interface.FormatFiles`."""

    def open_library(self, source: ByteSource) -> LineLibrary:
        return LineLibrary(source)

    def index_names(self, entries: Entries) -> Entries:
        names = [part for name in entries[0] for part in (name, name + b"!")]
        return names, np.repeat(entries[1], 2)

    def relocation_rows(self, graph: Graph) -> list[RelocationRow]:
        return [RelocationRow(0, 2, "CALL", None, NONE, True, 7, "is odd")]

    def debug_sections(self, file: str, data: U8, target: Target) -> dict[str, bytes]:
        return {}


@pytest.fixture
def lines() -> Iterator[LineFormat]:
    format = LineFormat()
    format.files = LineFiles()
    register(format)
    yield format
    unregister(format)


def test_a_library_of_a_registered_format(tmp_path: Path, lines: LineFormat) -> None:
    path = tmp_path / "lines.library"
    path.write_bytes(b"LINES x86_64\nfirst second\n")
    with open_library(str(path)) as library:
        assert library.defines(b"second")
        assert not library.defines(b"third")
    assert hidden_bases_of(str(path)) == {b"first": b""}


def test_a_library_of_no_format(tmp_path: Path) -> None:
    path = tmp_path / "none.library"
    path.write_bytes(b"LINES x86_64\nfirst second\n")
    with pytest.raises(ObjectFormatError, match=r"none\.library: this is not a shared library of a format"):
        open_library(str(path))
    assert hidden_bases_of(str(path)) == {}
    register(plain := LineFormat())  # it knows objects only
    try:
        with pytest.raises(ObjectFormatError, match="this is not a shared library of a format"):
            open_library(str(path))
    finally:
        unregister(plain)


def index_with(tmp_path: Path, member: bytes, name: bytes) -> set[bytes]:
    """Write an archive of one member, whose index says that it defines `name`, and return the names of the index."""
    return index_and_imports(tmp_path, member, name)[0]


def index_and_imports(tmp_path: Path, member: bytes, name: bytes) -> tuple[set[bytes], bool]:
    """Return what `index_with` does, and whether the archive has names of imports."""

    def header(title: bytes, size: int) -> bytes:
        return title.ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"644".ljust(8) + str(size).encode().ljust(10)

    names = name + b"\0" * (2 - len(name) % 2)
    table = (1).to_bytes(4, "big") + (8 + 60 + 8 + len(names)).to_bytes(4, "big") + names
    parts = [header(b"/", len(table)), b"`\n", table, header(b"m.o/", len(member)), b"`\n", member]
    (tmp_path / "a.a").write_bytes(b"!<arch>\n" + b"".join(parts) + b"\n" * (len(member) % 2))
    with Archive.open(tmp_path / "a.a") as archive:
        return set(archive.index()), archive.has_imports


def test_names_of_an_archive_are_those_of_its_members_format(tmp_path: Path, cc: Compile, lines: LineFormat) -> None:
    """A name of C++ as Microsoft's compilers mangle it is no version of ELF's."""
    mangled, versioned = b"?f@@YAHXZ", b"f@@V2"
    assert index_with(tmp_path, b"\x64\x86 of no known format", mangled) == {mangled}
    assert index_with(tmp_path, b"LINES x86_64\n", mangled) == {mangled, mangled + b"!"}
    member = Path(cc("int f(void) { return 1; }")).read_bytes()
    assert index_with(tmp_path, member, versioned) == {versioned, b"f", b"f@V2"}


def test_only_formats_with_imports_in_archives_have_names_of_them(
    tmp_path: Path, cc: Compile, lines: LineFormat
) -> None:
    """To ELF, `__imp_f` is a name as any other."""
    name = b"__imp_f"
    assert index_and_imports(tmp_path, Path(cc("int __imp_f;")).read_bytes(), name) == ({name}, False)
    assert index_and_imports(tmp_path, b"\x64\x86 of no known format", name)[1]
    assert index_and_imports(tmp_path, b"LINES x86_64\n", name)[1]


def test_show_prints_the_formats_own_tables(tmp_path: Path, lines: LineFormat) -> None:
    path = tmp_path / "inner.lines"
    path.write_bytes(b"LINES x86_64\ninner b829000000c3\n")
    facts = input_facts(str(path), edges=True)
    assert facts["target"] == "LINES x86-64"
    assert [(row["relocation"], row["offset"], row["addend"], row["target"]) for row in facts["edges"]] == [
        ("CALL", 2, 7, "")
    ]
    assert len(facts["problems"]) == 1
    assert "relocation CALL: is odd" in facts["problems"][0]
    lines.files = None
    assert input_facts(str(path), edges=True)["edges"] == []


def test_needs_of_a_format_without_a_system(tmp_path: Path, lines: LineFormat) -> None:
    """Nobody is asked for names of code whose system is not known."""
    path = tmp_path / "outer.lines"
    path.write_bytes(b"LINES x86_64\nouter 4883ec08e8000000004883c408ffc0c3 call 5 abort\n")
    assert [(need["name"], need["provider"]) for need in input_facts(str(path))["needs"]] == [("abort", None)]


def test_heads_tell_libraries_and_targets(tmp_path: Path, cc: Compile) -> None:
    object_file = Path(cc("int f(void) { return 1; }"))
    library = tmp_path / "libf.so"
    subprocess.run(["gcc", "-shared", "-o", library, object_file], check=True)
    heads = [path.read_bytes()[:64] for path in (object_file, library)]
    assert [is_shared_library(head) for head in heads] == [False, True]
    assert [target_of_head(head) for head in heads] == [Target("elf", "x86_64", "")] * 2
    assert target_of_head(b"\x64\x86") is None
    dll = b"MZ".ljust(60, b"\0") + struct.pack("<I4sH", 64, b"PE\0\0", 0x8664)
    assert is_shared_library(dll)
    assert [target_of_head(dll[:size]) for size in (2, 64, 70)] == [
        Target("coff", name, "windows") for name in ("", "", "x86_64")
    ]


def test_the_target_that_code_is_run_on() -> None:
    assert runnable_name(Target("elf", "aarch64", "")) == "aarch64-linux"
    assert runnable_name(Target("elf", "x86_64", "linux")) == "x86_64-linux"
    for nowhere in (Target("elf", "riscv64", ""), Target("coff", "riscv64", ""), Target("elf", "", ""), None):
        assert runnable_name(nowhere) == ""
