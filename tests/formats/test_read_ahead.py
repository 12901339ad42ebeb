"""Archives that are read before it is known what is needed of them: used in place while they are the same files."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

import uruk
from uruk.formats.archive import Archive
from uruk.formats.byte_source import ByteSource
from uruk.formats.read_ahead import ReadAhead
from uruk.orc.registry.entries import ObjectEntry
from uruk.program.likely_archives import likely_archives
from uruk.program.link_plan import Input, LinkPlan
from uruk.program.reading import Reader

from support.assembly import SLAB, assemble
from support.requirements import require_tool

pytestmark = pytest.mark.quick
VALUE = ".globl {name}\n.data\n{name}: .long {value}\n"


def archive(path: Path, **values: int) -> Path:
    """An archive with a member for each name, which defines it; the last members are large."""
    files: list[str] = []
    for name, value in values.items():
        file = path.with_name(f"{name}.o")
        file.write_bytes(assemble(VALUE.format(name=name, value=value) + f".zero {1 << 18 if value > 90 else 0}\n"))
        files.append(str(file))
    subprocess.run([require_tool("ar"), "qcs", str(path), *files], check=True)
    return path


def read_ahead(*paths: Path) -> ReadAhead:
    ahead = ReadAhead([str(path) for path in paths])
    ahead.run()
    ahead.stop()
    return ahead


def linked(ahead: ReadAhead, *paths: Path) -> tuple[dict[str, int], bool]:
    """The values that an object refers to, and whether members lie where they were read ahead."""
    root = assemble(".data\n.globl root\nroot: .quad one, two\n")
    with uruk.LLJIT(slab_size=SLAB) as jit:
        jit.session.take_ahead = lambda: ahead
        jit.add_object(root, "root.o")
        for path in paths:
            jit.add_archive(path)
        jit.lookup("root")
        values = {
            name: int.from_bytes(jit.executor.process.read(jit.lookup(name).address, 4), "little")
            for name in ("one", "two")
        }
        entries = [entry for entry in jit.session.objects.values() if isinstance(entry, ObjectEntry)]
        sizes = {entry.added.graph.arena.size for entry in entries if entry.archive is not None}
        return values, all(size >= ahead.end for size in sizes)


def test_members_are_used_where_they_were_read(tmp_path: Path) -> None:
    first = archive(tmp_path / "libfirst.a", one=1, other=2)
    second = archive(tmp_path / "libsecond.a", two=22, large=99)
    values, in_place = linked(read_ahead(first, second), first, second)
    assert values == {"one": 1, "two": 22}
    assert in_place


def test_members_of_an_archive_that_is_not_ahead_come_behind_the_others(tmp_path: Path) -> None:
    first, second = archive(tmp_path / "libfirst.a", one=1), archive(tmp_path / "libsecond.a", two=2)
    values, in_place = linked(read_ahead(first), first, second)
    assert values == {"one": 1, "two": 2}
    assert in_place


def test_an_archive_that_changed_since_is_read_again(tmp_path: Path) -> None:
    first = archive(tmp_path / "libfirst.a", one=1, two=2)
    ahead = read_ahead(first)
    before = first.stat()
    first.unlink()
    archive(first, one=5, two=6)
    os.utime(first, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert linked(ahead, first)[0] == {"one": 5, "two": 6}


def test_what_no_member_needs_is_given_back(tmp_path: Path) -> None:
    path = archive(tmp_path / "libfirst.a", one=1, large=99, larger=98, last=4)
    ahead = read_ahead(path)
    opened = Archive(ByteSource(path))
    content = path.read_bytes()
    index = opened.index()
    members = [opened.member(index[name]) for name in (b"one", b"last")]
    spans = [(member.data_offset, member.data_offset + member.size) for member in members]
    assert ahead.start_of(opened.state()) == 0
    assert ahead.buffer[: len(content)] == content
    assert len(ahead.buffer) < 3 * len(content) + (2 << 20), "small archives want few addresses, which may be limited"
    ahead.keep_only(spans)
    assert all(ahead.buffer[start:end] == content[start:end] for start, end in spans)
    assert ahead.buffer[: len(content)].count(0) > content.count(0)
    opened.close()


def test_nothing_is_read_after_a_stop_or_of_what_is_no_file(tmp_path: Path) -> None:
    path = archive(tmp_path / "libfirst.a", one=1)
    os.mkfifo(tmp_path / "libpipe.a")
    assert read_ahead(tmp_path / "libpipe.a", tmp_path / "none.a", path).end >= path.stat().st_size
    ahead = ReadAhead([str(path)])
    ahead.stop()
    ahead.run()
    assert ahead.end == 0
    assert ahead.start_of(None) is None


def test_archives_of_a_line_are_found_by_their_names(tmp_path: Path) -> None:
    for name in ("liba.a", "libb.a", "libb.so", "libc.a"):
        (tmp_path / name).touch()
    there = str(tmp_path)
    inputs = [Input("library", name) for name in ("a", "b", "c", "a", "none")]
    inputs += [Input("library", "b", static=True), Input("library", "c", whole=True), Input("input", "x.a")]
    plan = LinkPlan(inputs, [f"{there}/missing", "zero\0byte", "half\ud800", there, there])
    assert likely_archives(plan) == [f"{there}/liba.a", f"{there}/libc.a", f"{there}/libb.a", "x.a"]


def test_a_reader_reads_archives_until_they_are_taken(tmp_path: Path) -> None:
    path = archive(tmp_path / "libfirst.a", one=1)
    before = set(threading.enumerate())
    reader = Reader(LinkPlan([Input("input", str(path))]))
    reader.result()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    ahead = reader.take_ahead()
    assert ahead is not None
    assert ahead.end >= path.stat().st_size
    assert reader.take_ahead() is None
