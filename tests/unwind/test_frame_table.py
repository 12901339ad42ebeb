"""The table for unwinders, searched as libgcc and LLVM's libunwind do after every store: nothing live is missed."""

from __future__ import annotations

import random
import struct

import pytest

from uruk.memory.frame_table import COUNT_AT, ENTRIES_AT, ENTRY, FrameTable, Writes
from uruk.platforms.linux.frames import read_frames

from support.compiling import Compile
from support.linking import batch

HEADER, PAGE, CODE, ROOM = 0x10004, 0x1000, 0x20000, 4000
NOTHING, FIRST = HEADER - 64, HEADER - 32


class Memory:
    """The table's bytes, and what unwinders must find in them at any time."""

    def __init__(self) -> None:
        self.bytes = bytearray(ENTRIES_AT + ENTRY * ROOM)
        struct.pack_into("<Iii", self.bytes, COUNT_AT, 1, -4, FIRST - HEADER)
        self.live: dict[int, int] = {}
        """FDE by function."""

    def store(self, writes: Writes) -> None:
        """Store entry by entry, and look all functions up after each."""
        for address, data in writes:
            for at in range(0, len(data), ENTRY):
                place = address - HEADER + at
                unit = data[at : at + ENTRY]
                self.bytes[place : place + len(unit)] = unit
                self.check()

    def entry(self, index: int) -> tuple[int, int]:
        """Function and FDE."""
        function, frame = struct.unpack_from("<ii", self.bytes, ENTRIES_AT + ENTRY * index)
        return HEADER + function, HEADER + frame

    @property
    def count(self) -> int:
        """How many entries unwinders see."""
        return struct.unpack_from("<I", self.bytes, COUNT_AT)[0]

    def by_libgcc(self, pc: int) -> int:
        """The search of libgcc's find_fde_tail (unwind-dw2-fde-dip.c), which asserts."""
        low, middle = 0, self.count - 1
        if pc < self.entry(middle)[0]:
            high = middle
            while low < high:
                middle = (low + high) // 2
                if pc < self.entry(middle)[0]:
                    high = middle
                elif pc >= self.entry(middle + 1)[0]:
                    low = middle + 1
                else:
                    break
            assert low < high
        return self.entry(middle)[1]

    def by_libunwind(self, pc: int) -> int:
        """The search of LLVM's EHHeaderParser::findFDE."""
        low, length = 0, self.count
        while length > 1:
            middle = low + length // 2
            start = self.entry(middle)[0]
            if start == pc:
                low = middle
                break
            if start < pc:
                low = middle
                length -= length // 2
            else:
                length //= 2
        return self.entry(low)[1]

    def check(self) -> None:
        """Every live function is found, by its first and a later address."""
        for function, frame in self.live.items():
            for pc in (function, function + 7):
                assert self.by_libgcc(pc) == frame
                assert self.by_libunwind(pc) == frame


class World:
    """Modules that come and go: whole pages, the lowest free ones first, as slabs give them out."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.memory = Memory()
        self.table = FrameTable(HEADER, 1, ROOM, NOTHING, self.memory.store)
        self.pages: set[int] = set()
        self.modules: dict[int, tuple[int, list[int]]] = {}
        self.refused = self.published = 0
        self.next_frame = HEADER + 0x100000

    def add(self) -> None:
        """Take pages, and publish functions of some, all sizes; the last one may end with the page."""
        size, first = self.random.choice([1, 1, 1, 2, 5]), 0
        while any(page in self.pages for page in range(first, first + size)):
            first += 1
        self.pages |= set(range(first, first + size))
        start, end = CODE + first * PAGE, CODE + (first + size) * PAGE
        self.table.take(start, end)
        number = self.random.choice([0, 1, 2, 3, 7, 20])
        places = sorted(self.random.sample(range((end - start) // 8), number))
        functions = [start + 8 * place for place in places]
        frames = [self.next_frame + 24 * index for index in range(number)]
        self.next_frame += 24 * number
        seen: list[int] = []
        if functions:
            if self.table.publish(start, functions, frames):
                self.table.commit()
                self.memory.live.update(zip(functions, frames, strict=True))
                seen = functions
                self.published += 1
            else:
                self.refused += 1
        self.modules[start] = (end, seen)
        self.memory.check()

    def remove(self) -> None:
        """Take a module out, as a session does."""
        start = self.random.choice(list(self.modules))
        end, functions = self.modules.pop(start)
        for function in functions:
            del self.memory.live[function]
        self.table.retract(start)
        for function in functions:
            assert self.memory.by_libgcc(function) == NOTHING or function not in self.memory.live
        self.table.give(start)
        self.pages -= set(range((start - CODE) // PAGE, (end - CODE) // PAGE))
        self.memory.check()


@pytest.mark.parametrize("seed", range(5))
def test_modules_that_come_and_go(seed: int) -> None:
    world = World(seed)
    for _ in range(70):
        if world.modules and world.random.random() < 0.45:
            world.remove()
        else:
            world.add()
    assert world.published > 15
    assert world.refused < world.published


def test_a_full_table_refuses() -> None:
    memory = Memory()
    table = FrameTable(HEADER, 1, 8, NOTHING, memory.store)
    table.take(CODE, CODE + PAGE)
    table.take(CODE + PAGE, CODE + 2 * PAGE)
    assert table.publish(CODE, [CODE, CODE + 8], [HEADER + 100, HEADER + 200])
    table.commit()
    assert not table.publish(CODE + PAGE, [CODE + PAGE + 8 * n for n in range(6)], [HEADER + 300] * 6)
    assert memory.count == 5


def test_what_is_out_of_reach_or_outside_is_refused() -> None:
    table = FrameTable(HEADER, 1, ROOM, NOTHING, Memory().store)
    table.take(CODE, CODE + PAGE)
    assert not table.publish(CODE, [CODE + PAGE], [HEADER])
    assert not table.publish(CODE, [CODE], [HEADER + (1 << 31)])
    assert table.publish(CODE, [CODE], [HEADER + (1 << 31) - 1])


def test_the_same_code_again_takes_the_same_entries() -> None:
    """Loading and unloading for a day does not fill the table."""
    memory = Memory()
    table = FrameTable(HEADER, 1, ROOM, NOTHING, memory.store)
    for count in [5, 3, 1, 5] * 50:
        table.take(CODE, CODE + PAGE)
        assert table.publish(CODE, [CODE + 8 * n for n in range(count)], [HEADER + 100 + n for n in range(count)])
        table.commit()
        assert memory.count <= 9
        table.retract(CODE)
        table.give(CODE)


@pytest.mark.quick
@pytest.mark.parametrize("encoding", [0x1B, 0x10, 0x0B])
def test_many_records_are_read_as_few(encoding: int) -> None:
    """Records of a large `.eh_frame` are read as columns, and published as those of a small one are."""
    chance = random.Random(encoding)
    body = b"\1zR\0\1\x78\x10\1" + bytes([encoding]) + bytes(3)
    cie = struct.pack("<II", 4 + len(body), 0) + body
    count, content = 300, cie
    form, size = ("<q", 8) if encoding == 0x10 else ("<i", 4)
    functions = chance.sample(range(CODE, CODE + 16 * count), count)
    at = 0x8000
    for function in functions:
        place = at + len(content)
        value = function - (place + 8 if encoding & 0x10 else 0)
        content += struct.pack("<II", 4 + size + 8, len(content) + 4) + struct.pack(form, value) + bytes(8)
    read = read_frames(content, at)
    assert read is not None
    step = (len(content) - len(cie)) // count
    expected = sorted((function, at + len(cie) + step * row) for row, function in enumerate(functions))
    assert [list(map(int, column)) for column in read] == [list(column) for column in zip(*expected, strict=True)]
    tables: list[bytes] = []
    for pair in (read, (list(map(int, read[0])), list(map(int, read[1])))):  # as columns, and as lists
        memory = Memory()
        table = FrameTable(HEADER, 1, ROOM, NOTHING, memory.store)
        table.take(CODE, CODE + 16 * count)
        assert table.publish(CODE, *pair)
        table.commit()
        tables.append(bytes(memory.bytes))
    assert tables[0] == tables[1]


@pytest.mark.quick
@pytest.mark.parametrize("together", [False, True])
def test_the_link_knows_where_records_begin(cc: Compile, together: bool) -> None:
    """What it says of each module of a batch is what a walk over the records finds."""
    one, two, three = (
        cc("".join(f"int {name}{row}(void) {{ return {row}; }}\n" for row in range(count)))
        for name, count in (("f", 300), ("g", 3), ("h", 250))
    )
    with batch(one, two, three, together=together) as objects:
        state = objects.link().state
        blocks = state.synthetic["unwind"].tolist()
        assert sorted(state.frame_records) == sorted(blocks)
        found: list[int] = []
        for block in blocks:
            start, at = int(state.position[block]), int(state.address[block])
            data = state.image[start : start + int(state.blocks.size[block])].tobytes()
            known, walked = read_frames(data, at, state.frame_records[block]), read_frames(data, at)
            assert known is not None
            assert walked is not None
            assert [list(map(int, column)) for column in known] == [list(map(int, column)) for column in walked]
            found.append(len(known[0]))
            assert state.frame_records[block].tolist() == starts_of(data)
        assert found == ([553] if together else [300, 3, 250])


def starts_of(data: bytes) -> list[int]:
    """The words at which records begin, up to the terminator."""
    starts, at = list[int](), 0
    while length := int.from_bytes(data[at : at + 4], "little"):
        starts.append(at // 4)
        at += 4 + length
    return starts
