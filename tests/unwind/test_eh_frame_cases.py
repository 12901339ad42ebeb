"""Unwind data with one thing wrong, and with terminators where partial links leave them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from uruk import LLJIT
from uruk.errors import ObjectFormatError
from uruk.orc.registry.options import Options
from uruk.passes.state import State

from support import sample_objects
from support.elf_picture import Picture
from support.sample_objects import StillWorks

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]


def records(picture: Picture) -> list[int]:
    """Offsets in `.eh_frame` of its records."""
    index = picture.find(".eh_frame")
    base, size, at = picture.offset(index), picture.get(index, "size"), 0
    found: list[int] = []
    while at < size:
        found.append(at)
        at += 4 + struct.unpack_from("<I", picture.data, base + at)[0]
    return found


def word(record: int, which: int, value: int) -> Callable[[Picture], int]:
    """Write word `which` of a record; the error names the record."""

    def apply(picture: Picture) -> int:
        at = records(picture)[record]
        picture.put32(picture.offset(picture.find(".eh_frame")) + at + 4 * which, value)
        return at

    return apply


def field(record: int, where: int, *, from_end: bool = False) -> Callable[[Picture], int]:
    """Move the first relocation of `.eh_frame` to a byte of a record; the error names that place."""

    def apply(picture: Picture) -> int:
        at = [*records(picture), picture.get(picture.find(".eh_frame"), "size")][record + from_end] + where
        picture.set_entry(picture.find(".rela.eh_frame"), 0, offset=at)
        return at

    return apply


def half_a_length(picture: Picture) -> int:
    """Two bytes behind the last record."""
    index = picture.find(".eh_frame")
    size = picture.get(index, "size")
    start = picture.append(bytes(picture.data[picture.offset(index) : picture.offset(index) + size]) + b"\0\0")
    picture.set(index, offset=start, size=size + 2)
    return size


def odd_length(picture: Picture) -> int:
    """One byte less in the first record: what is taken for the second's length is 256 times that, and too much."""
    return word(0, 0, 0x13)(picture) + 4 + 0x13


def odd(pointer: int) -> Callable[[Picture], int]:
    """The last record a byte shorter, as is its section, with `pointer` to its CIE; the error names the record."""

    def apply(picture: Picture) -> int:
        index = picture.find(".eh_frame")
        end = picture.get(index, "size")
        at = word(-1, 1, pointer)(picture)
        picture.set(index, size=end - 1)
        return word(-1, 0, end - at - 5)(picture)

    return apply


CASES = [
    ("64-bit length", "frame record of 0xffffffff bytes", word(1, 0, 0xFFFFFFFF)),
    ("reserved length", "frame record of 0xfffffff0 bytes", word(1, 0, 0xFFFFFFF0)),
    ("length 1", "frame record of 0x1 bytes", word(1, 0, 1)),
    ("length 4", "frame record of 0x4 bytes", word(1, 0, 4)),
    ("odd length", "ends behind its section", odd_length),
    ("odd length past the end", "ends behind its section", word(-1, 0, 0x1003)),
    ("CIE pointer past the start, odd length", "names no CIE", odd(0x7FFFFFFF)),
    ("CIE pointer to itself, odd length", "names no CIE", odd(4)),
    ("length past the end", "ends behind its section", word(-1, 0, 0x1000)),
    ("length 2^31", "ends behind its section", word(-1, 0, 1 << 31)),
    ("CIE pointer past the start", "names no CIE", word(1, 1, 0x7FFFFFFF)),
    ("CIE pointer 2^32-4", "names no CIE", word(1, 1, 0xFFFFFFFC)),
    ("CIE pointer into a CIE", "names no CIE", word(1, 1, 8)),
    ("CIE pointer to an FDE", "names no CIE", word(1, 1, 4)),
    ("half a length at the end", "ends within the length of a frame record", half_a_length),
    ("field over the length", "not inside one frame record", field(1, 0)),
    ("field over the CIE pointer", "not inside one frame record", field(1, 4)),
    ("field across two records", "not inside one frame record", field(0, -2, from_end=True)),
]


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "behind another object"])
@pytest.mark.parametrize(("problem", "apply"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_refused(
    problem: str,
    apply: Callable[[Picture], int],
    beside: bool,
    lasting_jit: LLJIT,
    objects: dict[str, bytes],
    still_works: StillWorks,
) -> None:
    picture = Picture(objects["gcc-sections"])
    at = apply(picture)
    sound = [lasting_jit.add_object(objects["good"], "good.o")] if beside else []
    tracker = lasting_jit.add_object(picture.bytes(), "hostile.o")
    with pytest.raises(ObjectFormatError) as caught:
        lasting_jit.lookup_all(["answer", "entry"] if beside else ["entry"])
    assert (caught.value.file, caught.value.structure) == ("hostile.o", f"section `.eh_frame'+{at:#x}")
    assert problem in caught.value.problem
    for one in (tracker, *sound):
        one.remove()
    still_works()


def frames_of(data: bytes) -> list[tuple[int, int]]:
    """What is left of an object's unwind data: for each FDE the distance to its CIE, and its function's address."""
    found: list[tuple[int, int]] = []

    def look(state: State) -> None:
        row = int(state.synthetic["unwind"][0])
        base, size = int(state.position[row]), int(state.blocks.size[row])
        content, at = state.image[base : base + size].tobytes(), 0
        while length := struct.unpack_from("<I", content, at)[0]:
            cie, start = struct.unpack_from("<Ii", content, at + 4)
            if cie:
                assert struct.unpack_from("<I", content, at + 4 - cie + 4)[0] == 0
                found.append((cie, int(state.address[row]) + at + 8 + start))
            at += 4 + length
        assert at + 4 == size
        functions.update(int(one) for one in state.symbol_address[state.symbols.type == 2])

    functions: set[int] = set()
    with LLJIT(options=Options(execute=False, phony_externals=True)) as session:
        session.session.hooks["post-fixup"] = [look]
        session.add_object(data, "joined.o")
        session.lookup("entry")
    assert {start for _, start in found} <= functions
    return found


def test_terminators_in_front(tmp_path: Path) -> None:
    """Code behind a terminator, as partial links leave it, keeps its unwind data."""
    source = '__asm__(".section .eh_frame,\\"a\\",@progbits\\n.long 0\\n.long 0\\n.text");'
    source += "int entry(int x) { return x; } int second(int x) { return entry(x) + 1; }"
    data = sample_objects.compiled(tmp_path, "end", "gcc", source, "-O1", "-fasynchronous-unwind-tables")
    sections = Picture(data)
    start = sections.offset(sections.find(".eh_frame"))
    assert data[start : start + 8] == bytes(8)
    assert len(frames_of(data)) == 2


def test_terminator_only(lasting_jit: LLJIT, tmp_path: Path, still_works: StillWorks) -> None:
    """crtend.o's four zero bytes, and a function beside them."""
    source = 'int entry(void) { return 7; } __asm__(".section .eh_frame,\\"a\\"\\n.long 0\\n.text");'
    tracker = lasting_jit.add_object(
        sample_objects.compiled(tmp_path, "end", "gcc", source, "-fno-asynchronous-unwind-tables")
    )
    assert lasting_jit.lookup("entry").function("int(void)")() == 7
    tracker.remove()
    still_works()
