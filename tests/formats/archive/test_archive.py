"""Archives in every layout that llvm-ar and GNU ar write, against `ar t` and `nm -s`; and hostile ones."""

from __future__ import annotations

import os
import random
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from uruk.errors import ObjectFormatError, SessionClosed
from uruk.formats.archive import Archive
from uruk.formats.byte_source import ByteSource

from support.leaks import open_descriptors

pytestmark = pytest.mark.quick

LLVM_AR = "llvm-ar-19"
FORMATS = ["gnu", "bsd", "darwin", "coff"]
SOURCES = {
    "one.o": "int one(void) { return 1; } int shared_name(void) { return 1; }",
    "a_member_with_a_name_past_sixteen.o": "int long_named; int shared_name(void) { return 2; }",
    "with space.o": "int spaced = 3; static int hidden_one; int *address(void) { return &hidden_one; }",
}


def run(*command: str | Path, cwd: Path | None = None) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("objects")
    for name, text in SOURCES.items():
        (folder / "source.c").write_text(text)
        run("gcc", "-c", "-ffunction-sections", "source.c", "-o", name, cwd=folder)
    return folder


def make(objects: Path, target: Path, *flags: str, tool: str = LLVM_AR) -> Path:
    run(tool, *flags, target, *SOURCES, cwd=objects)
    return target


def index_by_nm(archive: Path) -> dict[str, str]:
    """Symbol -> first member, from nm's print of the archive's index."""
    found: dict[str, str] = {}
    for line in run("nm", "-s", archive).splitlines():
        name, middle, member = line.partition(" in ")
        if middle:
            found.setdefault(name, member)
    return found


def check_against_ar(path: Path, objects: Path) -> None:
    with Archive.open(path) as archive:
        members = list(archive.members())
        listed = [os.path.basename(line) for line in run(LLVM_AR, "t", path).splitlines()]
        assert [member.name for member in members] == listed == list(SOURCES)
        for member in members:
            expected = (objects / member.name).read_bytes()
            assert archive.read(member).rstrip(b"\0") == expected.rstrip(b"\0")
            target = bytearray(member.size)
            archive.read_into(member, memoryview(target))
            assert bytes(target) == archive.read(member)
            assert archive.member(member.header_offset) == member
        found = {name.decode(): archive.member(place).name for name, place in archive.index().items()}
        assert found["shared_name"] == "one.o"
        assert found["long_named"] == "a_member_with_a_name_past_sixteen.o"
        assert set(found) == {"one", "shared_name", "long_named", "spaced", "address"}


@pytest.mark.parametrize("layout", FORMATS)
def test_llvm_layouts(layout: str, objects: Path, tmp_path: Path) -> None:
    check_against_ar(make(objects, tmp_path / "lib.a", f"--format={layout}", "rcs"), objects)


@pytest.mark.parametrize("tool", ["ar", LLVM_AR])
def test_thin(tool: str, objects: Path) -> None:
    target = objects / f"thin-{tool}.a"
    flags = ["--thin", "-rcs"] if tool == LLVM_AR else ["-rcsT"]
    check_against_ar(make(objects, target, *flags, tool=tool), objects)


def test_gnu_ar_index_is_that_of_nm(objects: Path, tmp_path: Path) -> None:
    path = make(objects, tmp_path / "lib.a", "rcs", tool="ar")
    check_against_ar(path, objects)
    with Archive.open(path) as archive:
        found = {name.decode(): archive.member(place).name for name, place in archive.index().items()}
    assert found == index_by_nm(path)


def test_system_libraries_match_nm() -> None:
    for name in ("libstdc++.a", "libgcc.a", "libgfortran.a"):
        path = Path(run("gcc", f"-print-file-name={name}").strip())
        with Archive.open(path) as archive:
            found = {key.decode(): archive.member(at).name for key, at in archive.index().items()}
            assert found == index_by_nm(path)
            assert [member.name for member in archive.members()] == run("ar", "t", path).splitlines()


def test_without_index(objects: Path, tmp_path: Path) -> None:
    path = make(objects, tmp_path / "lib.a", "rcS")
    with Archive.open(path) as archive:
        assert not archive.has_index
        assert archive.index() == {}
        assert [member.name for member in archive.members()] == list(SOURCES)


def test_64_bit_index(objects: Path, tmp_path: Path) -> None:
    """`/SYM64/` made by widening a 32-bit index: tools write it only past 4 GiB."""
    data = make(objects, tmp_path / "lib.a", "--format=gnu", "rcs").read_bytes()
    size = int(data[56:66])
    count = int.from_bytes(data[68:72], "big")
    shift = 4 + 4 * count
    offsets = [value + shift for value in struct.unpack_from(f">{count}I", data, 72)]
    wide = struct.pack(f">{count + 1}Q", count, *offsets)
    header = b"/SYM64/".ljust(48) + str(size + shift).encode().ljust(10) + b"`\n"
    with Archive.open(data[:8] + header + wide + data[72 + 4 * count :]) as archive:
        names = {name.decode(): archive.member(place).name for name, place in archive.index().items()}
    assert names["one"] == names["shared_name"] == "one.o"
    assert names["spaced"] == "with space.o"


def test_symdef_sorted_still_gives_the_first_member(tmp_path: Path) -> None:
    """A sorted index may list a later member of the same name first."""
    strings = b"twice\0"
    body = bytearray(struct.pack("<6I", 16, 0, 0, 0, 0, len(strings)) + strings)
    first = 8 + 60 + len(body)
    second = first + 60 + 2
    struct.pack_into("<4I", body, 4, 0, second, 0, first)

    def member(name: bytes, content: bytes) -> bytes:
        return name.ljust(48) + str(len(content)).encode().ljust(10) + b"`\n" + content

    data = b"!<arch>\n" + member(b"__.SYMDEF SORTED", bytes(body)) + member(b"a.o", b"AA") + member(b"b.o", b"BB")
    with Archive.open(data) as archive:
        assert archive.member(archive.index()[b"twice"]).name == "a.o"


def test_thin_archive_of_an_archive(objects: Path) -> None:
    make(objects, objects / "inner.a", "rcs", tool="ar")
    run("ar", "rcsT", "outer.a", "inner.a", cwd=objects)
    with Archive.open(objects / "outer.a") as archive:
        contents = [archive.read(member) for member in archive.members()]
        place = archive.index()[b"spaced"]
        assert archive.read(archive.member(place)) == (objects / "with space.o").read_bytes()
    assert contents == [(objects / name).read_bytes() for name in SOURCES]


def thin_of(path: Path, name: str, size: int) -> None:
    table = f"{name}/\n".encode()
    table += b"\n" * (len(table) % 2)
    text = b"!<thin>\n" + b"//".ljust(48) + str(len(table)).encode().ljust(10) + b"`\n" + table
    path.write_bytes(text + b"/0".ljust(48) + str(size).encode().ljust(10) + b"`\n")


def test_thin_archive_that_contains_itself(tmp_path: Path) -> None:
    path = tmp_path / "self.a"
    thin_of(path, "self.a", 0)
    thin_of(path, "self.a", path.stat().st_size)
    with Archive.open(path) as archive, pytest.raises(ObjectFormatError, match="contains itself"):
        archive.read(next(archive.members()))


def test_thin_archives_that_contain_each_other(tmp_path: Path) -> None:
    def thin(name: str, other: str) -> Path:
        path = tmp_path / name
        table = f"{other}/\n".encode()
        table += b"\n" * (len(table) % 2)
        text = b"!<thin>\n" + b"//".ljust(48) + str(len(table)).encode().ljust(10) + b"`\n" + table
        path.write_bytes(text + f"/0:{len(text)}".encode().ljust(48) + b"7".ljust(10) + b"`\n")
        return path

    thin("b.a", "a.a")
    with Archive.open(thin("a.a", "b.a")) as archive, pytest.raises(ObjectFormatError, match="nested"):
        archive.read(next(archive.members()))


def test_thin_member_that_changed_or_is_gone(objects: Path, tmp_path: Path) -> None:
    (tmp_path / "one.o").write_bytes((objects / "one.o").read_bytes())
    run("ar", "rcsT", "lib.a", "one.o", cwd=tmp_path)
    with Archive.open(tmp_path / "lib.a") as archive:
        member = next(archive.members())
        (tmp_path / "one.o").write_bytes(b"changed")
        with pytest.raises(ObjectFormatError, match="anew"):
            archive.read(member)
        (tmp_path / "one.o").unlink()
        with pytest.raises(ObjectFormatError, match="cannot be opened"):
            archive.read(member)


def test_not_an_archive(tmp_path: Path) -> None:
    for data in (b"", b"!<arch>", b"\x7fELF", b"<bigaf>\n"):
        with pytest.raises(ObjectFormatError, match="not an archive"):
            Archive.open(data, "input")
    for path in (tmp_path / "missing.a", tmp_path, Path("/dev/null"), Path("nul\0.a")):
        with pytest.raises(ObjectFormatError):
            Archive.open(path)


def test_empty() -> None:
    with Archive.open(bytearray(b"!<arch>\n")) as archive:
        assert list(archive.members()) == []
        assert archive.index() == {}


def test_index_entry_outside_the_archive(objects: Path, tmp_path: Path) -> None:
    data = bytearray(make(objects, tmp_path / "lib.a", "--format=gnu", "rcs").read_bytes())
    data[72:76] = b"\xff\xff\xff\xff"
    with Archive.open(data, "lib.a") as archive, pytest.raises(ObjectFormatError, match="outside") as caught:
        archive.index()
    assert caught.value.file == "lib.a"
    assert caught.value.offset == 68


def test_long_name_must_begin_where_one_begins(objects: Path, tmp_path: Path) -> None:
    data = make(objects, tmp_path / "lib.a", "--format=gnu", "rcs").read_bytes()
    assert b"/0      " in data
    damaged = data.replace(b"/0      ", b"/3      ")
    with Archive.open(damaged) as archive, pytest.raises(ObjectFormatError, match="no name begins at 3"):
        list(archive.members())


def exercise(data: bytes, name: str) -> None:
    """Do everything that an archive offers; only ObjectFormatError may come out."""
    try:
        with Archive.open(data, name) as archive:
            for place in list(archive.index().values())[:8]:
                with suppress(ObjectFormatError):
                    archive.read(archive.member(place))
            for member in archive.members():
                archive.read(member)
    except ObjectFormatError as error:
        if not error.file.startswith(name):
            raise


@pytest.mark.parametrize("layout", [*FORMATS, "thin"])
def test_hostile(layout: str, objects: Path, tmp_path: Path) -> None:
    """Every truncation of the tables, and 1,500 seeded damages: bytes flipped, set, and digits changed."""
    flags = ["--thin", "-rcs"] if layout == "thin" else [f"--format={layout}", "rcs"]
    path = objects / "hostile-thin.a" if layout == "thin" else tmp_path / "lib.a"
    data = make(objects, path, *flags).read_bytes()
    name = str(objects / "hostile.a")
    for end in [*range(min(700, len(data))), *range(700, len(data), 97)]:
        exercise(data[:end], name)
    rng = random.Random(19)
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(min(len(data), 600))
            damaged[at] = rng.choice([damaged[at] ^ 1 << rng.randrange(8), 0, 0xFF, 0x39, 0x2F, rng.randrange(256)])
        exercise(bytes(damaged), name)


def test_a_source_that_is_not_kept_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a quarter of the descriptors a file is opened for each read; another one in its place is an error."""
    path = tmp_path / "large"
    path.write_bytes(bytes(range(250)) * 40)
    monkeypatch.setattr(os, "sysconf", {"SC_OPEN_MAX": 0}.__getitem__)
    before = open_descriptors()
    with ByteSource(path) as source:
        assert source.read(9000, 3, "file") == bytes([0, 1, 2])
        assert source.identity() == (path.stat().st_dev, path.stat().st_ino)
        assert open_descriptors() <= before
        path.rename(tmp_path / "moved")
        path.write_bytes(bytes(10000))
        with pytest.raises(ObjectFormatError, match="was replaced by another one"):
            source.read(9000, 3, "file")
        assert open_descriptors() <= before
    with pytest.raises(SessionClosed):
        source.read(9000, 3, "file")
