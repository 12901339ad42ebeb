"""Compact relocation tables: they mean what SHT_RELA tables mean, and broken ones are refused with their place."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from compact import Entry, compacted, encode, first, put_table, rela_entries, sleb, table, uleb

from uruk import LLJIT
from uruk.errors import ObjectFormatError, UrukError
from uruk.formats.registry import read_relocations
from uruk.graph.graph import Graph

from support.elf_picture import CREL, Picture
from support.sample_objects import StillWorks

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

RELR, ANDROID_REL, ANDROID_RELA, ANDROID_RELR, UNKNOWN = 19, 0x60000001, 0x60000002, 0x6FFFFF00, 0x60001234
PLAIN: list[Entry] = [(8, 1, 1, 0), (16, 2, 1, -4), (16, 2, 1, 5), (0, 2, 2, 1 << 62), (24, 1, 1, -(1 << 63))]


def edges(lasting_jit: LLJIT, data: bytes) -> list[list[int]]:
    """All edges of an object, as rows of columns."""
    graph: Graph = lasting_jit.session.parse([("one.o", data)], lasting_jit.main)
    edges = read_relocations(graph) if graph.edges is None else graph.edges  # those of a small object are read late
    columns = (edges.block, edges.offset, edges.kind, edges.target, edges.addend)
    return [column.tolist() for column in columns]


@pytest.mark.parametrize("name", ["gcc", "gcc-sections", "clang", "rustc", "tls", "tls-descriptors", "cpp", "ld-r"])
def test_compact_tables_mean_the_same(name: str, lasting_jit: LLJIT, objects: dict[str, bytes]) -> None:
    assert edges(lasting_jit, compacted(objects[name])) == edges(lasting_jit, objects[name])


def test_some_compact_and_some_plain(lasting_jit: LLJIT, objects: dict[str, bytes]) -> None:
    mixed = Picture(objects["cpp"])
    for name in (".rela.eh_frame", ".rela.text"):
        put_table(mixed, name, encode(rela_entries(table(mixed, name))))
    assert edges(lasting_jit, mixed.bytes()) == edges(lasting_jit, objects["cpp"])
    both = [("a.o", objects["gcc"]), ("b.o", compacted(objects["gcc"])), ("c.o", objects["clang"])]
    plain = [("a.o", objects["gcc"]), ("b.o", objects["gcc"]), ("c.o", objects["clang"])]
    one, other = (lasting_jit.session.parse(sources, lasting_jit.main).edges for sources in (both, plain))
    assert one is not None
    assert other is not None
    assert np.array_equal(one.target, other.target)
    assert np.array_equal(one.offset, other.offset)


@pytest.mark.parametrize("shift", range(4))
def test_numbers(shift: int, lasting_jit: LLJIT, objects: dict[str, bytes]) -> None:
    """Offsets that go back, the largest addends, numbers longer than they need be."""
    picture = Picture(objects["gcc"])
    size = picture.get(picture.find(".data.rel.local"), "size")
    chance = random.Random(shift)
    wide = [0, 1, -1, 63, 64, -64, -65, (1 << 63) - 1, -(1 << 63), chance.getrandbits(62)]
    entries: list[Entry] = [(chance.randrange(0, size - 7, 8), 1 + n % 3, 1, one) for n, one in enumerate(wide)]
    put_table(picture, ".rela.data.rel.local", encode(entries, shift))
    columns = edges(lasting_jit, picture.bytes())
    rows = [row for row, block in enumerate(columns[0]) if block == home(lasting_jit, picture, ".data.rel.local")]
    assert [(columns[1][row], columns[4][row]) for row in rows] == [
        (offset, addend) for offset, _, _, addend in entries
    ]


def home(lasting_jit: LLJIT, picture: Picture, name: str) -> int:
    """The block of a section."""
    graph = lasting_jit.session.parse([("one.o", picture.bytes())], lasting_jit.main)
    return [graph.section_name(row) for row in range(len(graph.blocks))].index(name)


def test_padded_numbers(lasting_jit: LLJIT, objects: dict[str, bytes]) -> None:
    """Numbers may have more bytes than they need."""
    picture = Picture(objects["good"])
    ((offset, symbol, kind, addend),) = rela_entries(table(picture, ".rela.eh_frame"))
    entry = bytes([(offset << 3 | 7) & 0x7F | 0x80]) + uleb(offset >> 4, pad=3)
    entry += bytes([symbol | 0x80, 0x80, 0x00]) + sleb(kind) + sleb(addend)
    put_table(picture, ".rela.eh_frame", uleb(8 + 4, pad=2) + entry)
    assert edges(lasting_jit, picture.bytes()) == edges(lasting_jit, objects["good"])


def test_it_runs(lasting_jit: LLJIT, objects: dict[str, bytes]) -> None:
    tracker = lasting_jit.add_object(compacted(objects["good"]), "compact.o")
    assert lasting_jit.lookup("answer").function("int(int)")(1) == 43
    tracker.remove()


BROKEN = {
    "no header": (b"", "no header", None),
    "no end": (b"\x80", "cut off within", None),
    "a header of 11 bytes": (b"\x80" * 10 + b"\x00", "more than 64 bits", 0),
    "no addends": (encode(PLAIN, addends=False), "no addends", None),
    "one entry too few": (encode(PLAIN, count=6), "ends behind this", 0),
    "one entry too many": (encode(PLAIN, count=4), "more than 4 entries", 0),
    "entries without bytes": (encode([], count=1), "fewer entries", None),
    "2^61 entries": (uleb((1 << 64) - 4) + bytes(8), "fewer entries", None),
    "an entry cut off": (encode([], count=1) + bytes([7, 1]), "less than 1 entries", 0),
    "a long number": (encode([], count=1) + first(0, 1) + b"\x80" * 10 + b"\x01", "more than 64 bits", 2),
    "symbol -1": (encode([(0, -1, 1, 0)]), "symbol of a relocation is -1", 1),
    "symbol 2^32": (encode([(0, 1 << 32, 1, 0)]), "symbol of a relocation is 4294967296", 1),
    "type -1": (encode([(0, 1, -1, 0)]), "type of a relocation is -1", 1),
    "symbol that is not there": (encode([(0, 99999, 1, 0)]), "names a symbol that does not exist", None),
    "field outside": (encode([(1 << 40, 1, 1, 0)]), "outside", None),
    "field at -8": (encode([((1 << 64) - 8, 1, 1, 0)]), "outside", None),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_refused(what: str, lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks) -> None:
    content, problem, place = BROKEN[what]
    picture = Picture(objects["gcc"])
    start = put_table(picture, ".rela.text", content)
    with pytest.raises(ObjectFormatError) as caught:
        lasting_jit.add_object(picture.bytes(), "hostile.o")
    assert problem in caught.value.problem
    assert ".text'" in caught.value.structure
    if place is not None:
        assert caught.value.offset is not None
        assert start + place <= caught.value.offset < start + len(content)
    still_works()


def test_every_byte_changed(lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks) -> None:
    """No change of one byte does anything but link other code or be refused."""
    picture = Picture(objects["cpp"])
    content = encode(rela_entries(table(picture, ".rela.text")))
    start = put_table(picture, ".rela.text", content)
    refused = 0
    for place in range(len(content)):
        for value in (0, 1, 7, 0x3F, 0x40, 0x7F, 0x80, 0xFF, content[place] ^ 1):
            broken = picture.bytes()
            broken = broken[: start + place] + bytes([value]) + broken[start + place + 1 :]
            try:
                lasting_jit.add_object(broken, "hostile.o").remove()
            except UrukError:
                refused += 1
    assert refused > len(content)
    still_works()


def test_many_entries_take_linear_time(lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks) -> None:
    picture = Picture(objects["gcc"])
    put_table(picture, ".rela.text", encode([(0, 1, 1, 0)] * 300_000))
    begin = time.monotonic()
    lasting_jit.add_object(picture.bytes(), "hostile.o").remove()
    assert time.monotonic() - begin < 5
    still_works()


@pytest.mark.parametrize("kind", [RELR, ANDROID_REL, ANDROID_RELA, ANDROID_RELR, UNKNOWN])
def test_other_relocations_are_never_skipped(
    kind: int, lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks
) -> None:
    picture = Picture(objects["gcc"])
    index = picture.find(".rela.text")
    picture.set(index, type=kind)
    with pytest.raises(ObjectFormatError, match="relocations in a form that is not supported") as caught:
        lasting_jit.add_object(picture.bytes(), "hostile.o")
    assert caught.value.offset == picture.table + 64 * index
    still_works()


@pytest.mark.parametrize("kind", [CREL, ANDROID_RELA, UNKNOWN])
def test_relocations_of_what_is_not_loaded_do_not_matter(
    kind: int, lasting_jit: LLJIT, objects: dict[str, bytes]
) -> None:
    picture = Picture(objects["gcc"])
    picture.set(picture.find(".rela.eh_frame"), type=kind, info=picture.find(".comment"))
    lasting_jit.add_object(picture.bytes(), "odd.o").remove()
