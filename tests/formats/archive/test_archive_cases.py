"""Archives with something wrong, asked for a symbol through a session: refused, and the session goes on."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from uruk import LLJIT
from uruk.errors import ObjectFormatError, UndefinedSymbols, UrukError
from uruk.orc.registry.tracker import ResourceTracker

from support import sample_objects
from support.elf_picture import Picture
from support.sample_objects import StillWorks

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

HEADER = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, objects: dict[str, bytes]) -> Path:
    """lib.a of two members, the second of which defines `entry`."""
    folder = tmp_path_factory.mktemp("archives")
    sample_objects.compiled(folder, "first", "gcc", "int first(void) { return 1; }")
    (folder / "member.o").write_bytes(objects["gcc"])
    sample_objects.run(folder, "ar", "rcs", "lib.a", "first.o", "member.o")
    return folder


def index_entry(data: bytes, name: bytes) -> int:
    """Where in a GNU archive the index says which member defines `name`."""
    count = struct.unpack_from(">I", data, 8 + HEADER)[0]
    names = data[8 + HEADER + 4 + 4 * count :].split(b"\0")[:count]
    return 8 + HEADER + 4 + 4 * names.index(name)


def member_at(data: bytes, name: bytes) -> int:
    """The header offset of the member that defines `name`."""
    return struct.unpack_from(">I", data, index_entry(data, name))[0]


def index_names(value: Callable[[bytes], int]) -> Callable[[bytearray], None]:
    """Let the index name another place for `entry`."""

    def apply(data: bytearray) -> None:
        struct.pack_into(">I", data, index_entry(bytes(data), b"entry"), value(bytes(data)) & 0xFFFFFFFF)

    return apply


def replace(offset: Callable[[bytes], int], text: bytes) -> Callable[[bytearray], None]:
    """Write over some bytes."""

    def apply(data: bytearray) -> None:
        at = offset(bytes(data))
        data[at : at + len(text)] = text

    return apply


def in_member(text: bytes, offset: int) -> Callable[[bytearray], None]:
    """Write into the member that defines `entry`."""
    return replace(lambda data: member_at(data, b"entry") + HEADER + offset, text)


CASES: list[tuple[str, str, str, Callable[[bytearray], None]]] = [
    ("index points to the index", "lib.a", "not a file", index_names(lambda _: 8)),
    ("index points into a member", "lib.a", "malformed", index_names(lambda data: member_at(data, b"entry") + 2)),
    ("index points outside", "lib.a", "outside the archive", index_names(len)),
    ("index points to 2^32-1", "lib.a", "outside the archive", index_names(lambda _: -1)),
    ("index points to 0", "lib.a", "outside the archive", index_names(lambda _: 0)),
    ("more names than there are", "lib.a", "do not fit", replace(lambda _: 8 + HEADER, b"\xff\xff\xff\xff")),
    ("member size", "lib.a", "more", replace(lambda data: member_at(data, b"entry") + 48, b"9999999999")),
    (
        "member size is no number",
        "lib.a",
        "malformed",
        replace(lambda data: member_at(data, b"entry") + 48, b"-1        "),
    ),
    ("member end mark", "lib.a", "malformed", replace(lambda data: member_at(data, b"entry") + 58, b"xx")),
    ("member is no object", "lib.a(member.o)", "not an ELF object", in_member(b"text", 0)),
    ("member of another machine", "lib.a(member.o)", "machine 183", in_member(b"\xb7", 18)),
    ("member without sections", "lib.a(member.o)", "no section header table", in_member(bytes(8), 40)),
    ("member with headers outside", "lib.a(member.o)", "outside", in_member(b"\xff" * 7, 40)),
]


@pytest.mark.parametrize(("file", "problem", "apply"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_refused(
    file: str,
    problem: str,
    apply: Callable[[bytearray], None],
    folder: Path,
    lasting_jit: LLJIT,
    still_works: StillWorks,
) -> None:
    data = bytearray((folder / "lib.a").read_bytes())
    apply(data)
    refused(lasting_jit, bytes(data), file, problem)
    still_works()


def refused(lasting_jit: LLJIT, data: bytes, file: str, problem: str) -> None:
    """Adding the archive, or the first lookup, fails; what was added is taken out again."""
    trackers: list[ResourceTracker] = []

    def link() -> None:
        trackers.append(lasting_jit.add_archive(data, "lib.a"))
        lasting_jit.lookup("entry")

    with pytest.raises(ObjectFormatError) as caught:
        link()
    for tracker in trackers:
        tracker.remove()
    assert caught.value.file == file
    assert problem in caught.value.problem
    assert caught.value.offset is not None
    assert str(caught.value).startswith(f"{file}: ")


def test_member_is_an_archive(folder: Path, lasting_jit: LLJIT, still_works: StillWorks) -> None:
    """An index entry that names an archive inside the archive."""
    data = bytearray((folder / "lib.a").read_bytes())
    in_member(b"!<arch>\n", 0)(data)
    refused(lasting_jit, bytes(data), "lib.a(member.o)", "not an ELF object")
    still_works()


def test_thin_archive_that_contains_itself(folder: Path, lasting_jit: LLJIT, still_works: StillWorks) -> None:
    sample_objects.run(folder, "ar", "rcsT", "thin.a", "first.o", "member.o")
    data = bytearray((folder / "thin.a").read_bytes())
    at = data.index(b"member.o/")
    data[at : at + 9] = b"thin.a/\n\n"
    (folder / "thin.a").write_bytes(data)
    tracker = lasting_jit.add_archive(folder / "thin.a")
    with pytest.raises(ObjectFormatError, match="contains itself"):
        lasting_jit.lookup("entry")
    tracker.remove()
    still_works()


def test_bad_member_that_nobody_needs(
    folder: Path, lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks
) -> None:
    """Only members that are linked are read."""
    data = bytearray((folder / "lib.a").read_bytes())
    in_member(b"text", 0)(data)
    tracker = lasting_jit.add_archive(bytes(data), "lib.a")
    assert lasting_jit.lookup("first").function("int(void)")() == 1
    tracker.remove()
    still_works()


def test_index_names_a_member_without_the_symbol(folder: Path, lasting_jit: LLJIT, still_works: StillWorks) -> None:
    data = bytearray((folder / "lib.a").read_bytes())
    index_names(lambda old: member_at(old, b"first"))(data)
    tracker = lasting_jit.add_archive(bytes(data), "lib.a")
    with pytest.raises(UndefinedSymbols, match="entry"):
        lasting_jit.lookup("entry")
    tracker.remove()
    still_works()


def test_bad_member_and_a_good_one_in_one_lookup(
    folder: Path, lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks
) -> None:
    """A failed lookup adds nothing: the good half links afterwards."""
    picture = Picture(objects["gcc"])
    picture.set(picture.find(".text"), size=1 << 50)
    data = (folder / "lib.a").read_bytes()
    broken = data.replace(objects["gcc"], picture.bytes())
    assert broken != data
    tracker = lasting_jit.add_archive(broken, "lib.a")
    with pytest.raises(ObjectFormatError, match=r"lib\.a\(member\.o\): section"):
        lasting_jit.lookup_all(["first", "entry"])
    assert lasting_jit.lookup("first").function("int(void)")() == 1
    with pytest.raises(UrukError):
        lasting_jit.lookup("entry")
    tracker.remove()
    still_works()
