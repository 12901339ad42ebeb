"""Thread-locals of COFF as the loader is given them, by batches of objects that are written byte by byte."""

from __future__ import annotations

import pytest

from uruk.passes.tls.interface import StorageInPlace

from support.coff_linking import Batch, Image, Loader
from support.coff_writer import CODE, COMDAT, READ, WRITE, ZEROS, Named, Part, coff_object, section_symbol

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

POINTER, RELATIVE, OFFSET = 1, 4, 11
"""Relocations of x86-64: 8 bytes of an address, 4 bytes that count from the field's end, and SECREL."""
INDEX = b"_tls_index"


def data_part(*relocations: tuple[int, int, int], size: int = 16) -> Part:
    return Part(b".data", bytes(size), WRITE, relocations)


def user(name: bytes, *more: Named, content: bytes = b"12345678", section: bytes = b".tls$") -> bytes:
    """Data `name`: the address of the index, and the distance of the object's thread-local, called tls_NAME."""
    symbols = [Named(name, 1), Named(INDEX), Named(b"tls_" + name, 2, 4), *more]
    return coff_object([data_part((0, 1, POINTER), (8, 2, OFFSET)), Part(section, content, WRITE)], symbols)


def callback(name: bytes, suffix: bytes, *functions: int) -> bytes:
    """Functions called NAME0, NAME1, ..., eight bytes apart, and pointers to those of these numbers."""
    count = max(functions) + 1
    pointers = [(8 * row, number, POINTER) for row, number in enumerate(functions)]
    parts = [
        Part(b".text", bytes(8 * count), CODE),
        Part(b".CRT$XL" + suffix, bytes(8 * len(functions)), READ, pointers),
    ]
    return coff_object(parts, [Named(name + b"%d" % row, 1, 8 * row) for row in range(count)])


def storage(batch: Batch) -> tuple[Image, list[tuple[str, StorageInPlace]]]:
    image = batch.link()
    return image, batch.loader.loaded


def test_a_program_has_one_template() -> None:
    """In the module that first has content, by suffix; modules that only ask have the same index."""
    objects = [coff_object([data_part((0, 1, POINTER))], [Named(b"asks", 1), Named(INDEX)])]
    objects += [
        user(b"b", section=b".tls$b"),
        user(b"a", content=b"abcd" * 3, section=b".tls$a"),
        user(b"z", section=b".tls"),
    ]
    image, loaded = storage(Batch(objects))
    [(module, place)] = loaded
    assert module == "module 1"
    names = (b"asks", b"b", b"a", b"z")
    assert {image.word(name) for name in names} == {place.index_variable}
    assert place.index_variable % 4 == 0
    assert image.word_at(place.index_variable, 4) == 0
    # .tls (8 bytes), .tls$a (12), .tls$b (8), each to 16 bytes
    assert [image.word(name, 8, 4) for name in names[1:]] == [32 + 4, 16 + 4, 4]
    assert image.memory.read(place.template, 40) == b"12345678" + bytes(8) + b"abcd" * 3 + bytes(4) + b"12345678"
    assert (place.stored, place.zeros, place.align, place.callbacks) == (40, 0, 16, 0)
    uses = image.linked.state.module_uses
    assert {(2, 1), (3, 1)} <= uses
    assert (1, 1) not in uses


def test_sections_that_only_begin_alike_are_none() -> None:
    objects = [coff_object([Part(b".tlsfoo", b"1234", WRITE), Part(b".CRT$XCU", bytes(8), READ)], [])]
    assert storage(Batch(objects))[1] == []


def test_programs_have_storage_of_their_own() -> None:
    objects = [user(b"a"), user(b"b", content=b"87654321"), user(b"c")]
    image, loaded = storage(Batch(objects, programs=[0, 1, 0]))
    assert [module for module, _ in loaded] == ["module 0", "module 1"]
    first, second = (place for _, place in loaded)
    assert (first.stored, second.stored) == (24, 8)
    assert [image.word(name) for name in (b"a", b"b", b"c")] == [
        first.index_variable, second.index_variable, first.index_variable
    ]  # fmt: skip
    assert [image.word(name, 8, 4) for name in (b"a", b"b", b"c")] == [4, 4, 20]
    assert image.memory.read(second.template, 8) == b"87654321"
    assert first.index_variable != second.index_variable
    state = image.linked.state
    assert state.block_module.tolist() == [0, 0, 1, 1, 2, 0, 0, 1]  # the third template is the first's, and two indexes


def test_functions_for_threads_are_in_the_order_of_their_names() -> None:
    """Then in that of the objects and within a section; a null pointer ends the list."""
    objects = [callback(b"f", b"B", 0, 2, 1), callback(b"g", b"A", 0), callback(b"h", b"B", 1), callback(b"p", b"A", 0)]
    image, loaded = storage(Batch(objects, programs=[0, 0, 0, 7]))
    assert [module for module, _ in loaded] == ["module 0", "module 3"]
    place = loaded[0][1]
    expected = [(b"g0",), (b"f0",), (b"f2",), (b"f1",), (b"h1",)]
    words = [image.word_at(place.callbacks + 8 * row) for row in range(6)]
    assert words == [*(image.address(*name) for name in expected), 0]
    assert place[:4] == (0, 0, 0, 1)
    assert image.word_at(place.index_variable, 4) == 0
    other = loaded[1][1]
    assert [image.word_at(other.callbacks + 8 * row) for row in range(2)] == [image.address(b"p0"), 0]
    state = image.linked.state
    lists = [row for row in range(len(state.graph.blocks), len(state.blocks)) if state.blocks.size[row] > 4]
    assert [int(state.blocks.size[row]) for row in lists] == [48, 16]
    assert [int(state.blocks.object[row]) for row in lists] == [1, 3]


def test_a_template_and_functions() -> None:
    image, loaded = storage(Batch([user(b"a"), callback(b"f", b"B", 0)]))
    [(module, place)] = loaded
    assert (module, place.stored, place.align) == ("module 0", 8, 16)
    assert [image.word_at(place.callbacks + 8 * row) for row in range(2)] == [image.address(b"f0"), 0]


def test_nothing_is_loaded_where_nothing_runs() -> None:
    batch = Batch([user(b"a")], execute=False)
    image, loaded = storage(batch)
    assert loaded == []
    assert image.word(b"a", 8, 4) == 4


def test_zeros_are_part_of_the_template() -> None:
    parts = [data_part((0, 1, OFFSET)), Part(b".tls$ZZZ", b"", ZEROS, size=24), Part(b".tls$a", b"12345678", WRITE)]
    image, [(_, place)] = storage(Batch([coff_object(parts, [Named(b"a", 1), Named(b"zero", 2, 8)])]))
    assert image.word(b"a", 0, 4) == 8  # capitals come first
    assert place.stored == 40


@pytest.mark.parametrize("refused", [{"module 0"}, {"module 2"}, {"module 0", "module 2"}])
def test_what_the_loader_refuses(refused: set[str]) -> None:
    """All objects with content are at fault; without content those that have the functions, or ask for the index."""
    objects = [user(b"a"), user(b"b"), callback(b"f", b"B", 0), user(b"c")]
    batch = Batch(objects, programs=[0, 0, 1, 0], loader=Loader(frozenset(refused)))
    faults = batch.faults()
    at_fault = [row for row, module in enumerate([0, 0, 2, 0]) if f"module {module}" in refused]
    assert sorted(faults) == at_fault
    assert all("is refused" in error for error in faults.values())


BEFORE = StorageInPlace(0x150000000, 64, 0, 16, 0x150001000, 0)
LATER = StorageInPlace(0x150000100, 64, 0, 16, 0x150001004, 0)


def reader(name: bytes, *thread_locals: bytes, more: bytes = b"") -> bytes:
    """A function that takes the index, and then the distances of thread-locals."""
    relocations = [(0, 1, POINTER)] + [(8 + 4 * row, 2 + row, OFFSET) for row in range(len(thread_locals))]
    return coff_object(
        [data_part(*relocations, size=8 + 4 * len(thread_locals))],
        [Named(name, 1), Named(INDEX), *map(Named, thread_locals)],
    )


def test_what_was_linked_before_is_reached_by_its_index() -> None:
    """The distance counts from its template; each function takes one index, others keep their own."""
    addresses = {b"early": BEFORE.template + 12, b"late": LATER.template + 63}
    objects = [user(b"own"), reader(b"one", b"early"), reader(b"two", b"late", b"late"), reader(b"three", b"tls_own")]
    image, loaded = storage(Batch(objects, addresses=addresses, loader=Loader(before=[BEFORE, LATER])))
    assert (image.word(b"one"), image.word(b"one", 8, 4)) == (BEFORE.index_variable, 12)
    assert (image.word(b"two"), image.word(b"two", 8, 4), image.word(b"two", 12, 4)) == (LATER.index_variable, 63, 63)
    [(_, place)] = loaded
    assert (image.word(b"three"), image.word(b"three", 8, 4)) == (place.index_variable, 4)
    assert image.word(b"own") == place.index_variable


def test_addresses_of_the_upper_half() -> None:
    """Columns have them as negative numbers."""
    high = BEFORE._replace(template=0xFFFF800000000000)
    batch = Batch([reader(b"one", b"early")], addresses={b"early": high.template + 4 - (1 << 64)})
    batch.loader.before = [high]
    image, _ = storage(batch)
    assert (image.word(b"one"), image.word(b"one", 8, 4)) == (high.index_variable, 4)


def test_a_thread_local_that_only_others_refer_to() -> None:
    """It lies in the very first block of the batch."""
    parts = [Part(b".tls$", b"12345678", WRITE), Part(b".tls$dead", b"1234", WRITE | COMDAT)]
    first = coff_object(parts, [Named(b"tls_first", 1, 4), section_symbol(b".tls$dead", 2, 2), Named(b"once", 2)])
    objects = [first, first.replace(b"tls_first", b"tls_other"), reader(b"r", b"tls_first"), reader(b"s", b"tls_other")]
    image, loaded = storage(Batch(objects, programs=[0, 1, 1, 0]))
    first_place, other_place = (place for _, place in loaded)
    assert [image.word(name) for name in (b"r", b"s")] == [first_place.index_variable, other_place.index_variable]
    assert [image.word(name, 8, 4) for name in (b"r", b"s")] == [4, 4]
    assert (first_place.stored, other_place.stored) == (20, 8)


def test_a_program_that_reads_only_others_has_no_storage() -> None:
    addresses = {b"early": BEFORE.template}
    batch = Batch([reader(b"one", b"early")], addresses=addresses, loader=Loader(before=[LATER, BEFORE]))
    image, loaded = storage(batch)
    assert loaded == []
    assert (image.word(b"one"), image.word(b"one", 8, 4)) == (BEFORE.index_variable, 0)
    # One function reads another's index, and one its own: the storage is needed, though it is empty.
    plain = coff_object([data_part((0, 1, POINTER))], [Named(b"plain", 1), Named(INDEX)])
    batch = Batch([reader(b"one", b"early"), plain], addresses=addresses, loader=Loader(before=[BEFORE]))
    image, loaded = storage(batch)
    assert [place[:4] for _, place in loaded] == [(0, 0, 0, 1)]
    assert image.word(b"plain") == loaded[0][1].index_variable


def test_programs_of_a_batch_reach_each_other() -> None:
    objects = [user(b"a"), user(b"b"), reader(b"r", b"tls_a"), reader(b"s", b"tls_b"), reader(b"t", b"tls_a")]
    image, loaded = storage(Batch(objects, programs=[0, 1, 1, 0, 0]))
    first, second = (place.index_variable for _, place in loaded)
    assert [image.word(name) for name in (b"a", b"b", b"r", b"s", b"t")] == [first, second, first, second, first]
    assert [image.word(name, 8, 4) for name in (b"r", b"s", b"t")] == [4, 4, 4]
    assert {(2, 0), (3, 1)} <= image.linked.state.module_uses
    assert (4, 1) not in image.linked.state.module_uses


def test_functions_of_one_section() -> None:
    """A function begins at a symbol: each takes the index of what it refers to."""
    relocations = [(row * 16, 1, POINTER) for row in range(3)]
    relocations += [(8, 2, OFFSET), (24, 3, OFFSET), (40, 2, OFFSET), (44, 2, OFFSET)]
    symbols = [Named(b"f", 1), Named(INDEX), Named(b"early"), Named(b"tls_own"), Named(b"g", 1, 16), Named(b"h", 1, 32)]
    data = coff_object([data_part(*relocations, size=48)], symbols)
    addresses = {b"early": BEFORE.template + 8}
    image, loaded = storage(Batch([data, user(b"own")], addresses=addresses, loader=Loader(before=[BEFORE])))
    own = loaded[0][1].index_variable
    assert [image.word(name) for name in (b"f", b"g", b"h")] == [BEFORE.index_variable, own, BEFORE.index_variable]
    assert [image.word(name, 8, 4) for name in (b"f", b"g", b"h")] == [8, 4, 8]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ((b"early", b"tls_own"), "which was linked apart from it and has another index than `tls_own'"),
        ((b"tls_own", b"early"), "which was linked apart from it and has another index than `tls_own'"),
        ((b"early", b"late"), "which was linked apart from it and has another index than `late'"),
        ((b"nowhere",), "which was linked apart from it and has another index"),
    ],
)
def test_a_function_takes_one_index(names: tuple[bytes, ...], problem: str) -> None:
    addresses = {b"early": BEFORE.template, b"late": LATER.template, b"nowhere": 0x1234}
    objects = [user(b"own"), reader(b"bad", *names)]
    faults = Batch(objects, addresses=addresses, loader=Loader(before=[BEFORE, LATER])).faults()
    assert faults.keys() == {1}
    assert problem in faults[1]


def test_a_distance_without_an_index() -> None:
    """Where no read of an index is near, the whole section counts as one function."""
    relocations = [(0, 1, POINTER), (24, 2, OFFSET)]
    symbols = [Named(b"f", 1), Named(INDEX), Named(b"early"), Named(b"g", 1, 16)]
    data = coff_object([data_part(*relocations, size=32)], symbols)
    addresses = {b"early": BEFORE.template + 8}
    image, loaded = storage(Batch([data], addresses=addresses, loader=Loader(before=[BEFORE])))
    assert (image.word(b"f"), image.word(b"g", 8, 4), loaded) == (BEFORE.index_variable, 8, [])
    alone = coff_object([data_part((8, 1, OFFSET))], [Named(b"f", 1), Named(b"early")])
    batch = Batch([alone, user(b"own")], addresses=addresses, loader=Loader(before=[BEFORE]))
    assert batch.faults().keys() == {0}
