"""Addresses as LLVM's mappers give them, and blocks in them as JITLink lays them out; expected numbers by hand."""

from __future__ import annotations

import pytest

import uruk
from uruk.memory.mapper import Reach
from uruk.memory.segment_slab import SegmentSlab
from uruk.passes.layout import Segment

from support.assembly import assemble

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

TEXT = """
        .globl main, other, table, early, late, zeros, more, big
        .text
main:   call other
        ret
        .section .text.other, "ax"
        .p2align 4
other:  movl early(%rip), %eax
        movl late(%rip), %eax
        leaq zeros(%rip), %rax
        ret
        .section .rodata
        .byte 1
        .p2align 3
table:  .quad 7
        .data
early:  .long 1
        .bss
zeros:  .skip 24
        .section .data.rel.ro, "aw"
        .p2align 3
late:   .quad main
        .section .bss.more, "aw", @nobits
        .p2align 5
more:   .skip 4
        .comm big, 8, 16
        .section .rodata.unused
unused: .quad 3
"""


def addresses(base: int, text: str = TEXT, page: int = 4096) -> dict[str, int]:
    """The addresses of global symbols of an object that is linked as JITLink does it."""
    options = uruk.Options(execute=False, as_jitlink=True, architecture="x86_64-linux")
    with uruk.LLJIT(memory=SegmentSlab(base, 1 << 20, page), options=options) as jit:
        jit.add_object(assemble(text), "unit.o")
        names = ["main", "other", "table", "early", "late", "zeros", "more", "big"]
        return {name: symbol.address for name, symbol in jit.lookup_all(names).items()}


def test_order() -> None:
    """Constants, data, code; zero-fill behind data; sections in order; what only relocations write is data."""
    assert addresses(0) == {
        "table": 8, "early": 0x1000, "late": 0x1008, "zeros": 0x1010, "more": 0x1040, "big": 0x1050,
        "main": 0x2000, "other": 0x2010,
    }  # fmt: skip


def test_alignment_is_that_of_addresses() -> None:
    """A segment begins where it begins, and the next one whole pages behind it; blocks in it are aligned."""
    at = addresses(0x12345)
    assert at == {
        "table": 0x12348 + 8, "early": 0x13345, "late": 0x13350, "zeros": 0x13358, "more": 0x13380, "big": 0x13390,
        "main": 0x14345, "other": 0x14350,
    }  # fmt: skip
    assert at["table"] % 8 == at["late"] % 8 == at["more"] % 32 == at["big"] % 16 == at["other"] % 16 == 0


@pytest.mark.parametrize("size", [24, 4080])
def test_blocks_that_move_up_keep_their_bytes(size: int) -> None:
    """A block of `size` bytes that is aligned ends behind the segment's own size, and even behind its last page."""
    options = uruk.Options(execute=False, as_jitlink=True, architecture="x86_64-linux")
    memory = SegmentSlab(0x12345, 1 << 16)
    places: dict[str, int] = {}
    with uruk.LLJIT(memory=memory, options=options) as jit:
        for name in ("first", "second"):
            text = f".globl {name}\n .p2align 4\n{name}: .space {size - 16}\n .quad {name}, 0x123456789abcdef\n"
            jit.add_object(assemble(text), f"{name}.o")
            address = jit.lookup(name).address
            assert address % 16 == 0
            expected = bytes(size - 16) + address.to_bytes(8, "little") + (0x123456789ABCDEF).to_bytes(8, "little")
            assert memory.read(address, size) == expected
            places[name] = address
        assert places["second"] >= places["first"] + size


@pytest.mark.parametrize("base", [0xFFF00000, 1 << 44, (1 << 64) - (1 << 20)])
def test_bases(base: int) -> None:
    zero = addresses(0)
    assert addresses(base) == {name: base + address for name, address in zero.items()}


def test_dead_sections_take_no_room() -> None:
    """`.rodata.unused` is reached by no global symbol: all else lies as if it were not there."""
    assert addresses(0, TEXT.replace("unused: .quad 3", "unused: .skip 5000")) == addresses(0)
    moved = addresses(0, TEXT.replace("unused: .quad 3", ".globl unused\nunused: .skip 5000"))
    assert (moved["table"], moved["early"]) == (8, 0x2000)


def test_slab() -> None:
    """Segments keep their order, have whole pages, and a second link follows the first one's last page."""
    memory = SegmentSlab(0x105, 0x400, 0x100)
    first = memory.allocate([Segment(0, 1, 0x20, 64, 0x20), Segment(0, 0, 0x180, 1, 0x180)], Reach())
    # The first one has room for blocks that move up to multiples of 64.
    assert first.segments == [(1, 0x105, 0x20 + 63), (0, 0x205, 0x180)]
    second = memory.allocate([Segment(0, 2, 0x300, 1, 0x300)], Reach())
    assert second.segments == [(2, 0x405, 0x300)]
    assert memory.end == 0x105 + 0x800
    first.free()
    third = memory.allocate([Segment(0, 0, 0x10, 1, 0x10)], Reach())
    assert third.segments == [(0, 0x105, 0x10)]


def test_stubs_and_slots_stand_behind() -> None:
    """A call to a name from elsewhere: a stub of 6 bytes right behind the code, a slot behind the constants."""
    text = ".globl main\nmain: call far\n call far\n movq other@GOTPCREL(%rip), %rax\n ret\n"
    text += ".section .rodata\n .globl c\nc: .byte 1\n"
    options = uruk.Options(execute=False, as_jitlink=True, architecture="x86_64-linux")
    memory = SegmentSlab(0, 1 << 16)
    with uruk.LLJIT(memory=memory, options=options) as jit:
        jit.main.define("far", 1 << 40, function=True)
        jit.main.define("other", 1 << 41)
        jit.add_object(assemble(text), "unit.o")
        assert jit.lookup_all(["main", "c"])["main"].address == 0x1000
        code = memory.read(0x1000, 18 + 6)
        assert int.from_bytes(code[1:5], "little") == 0x1012 - 0x1005
        assert int.from_bytes(code[6:10], "little") == 0x1012 - 0x100A
        assert code[18:20] == b"\xff\x25"
        slot = 0x1018 + int.from_bytes(code[20:24], "little", signed=True)
        assert slot in (8, 16)  # aligned to a pointer, behind the constant at 0
        assert int.from_bytes(memory.read(slot, 8), "little") == 1 << 40
        other = 0x1011 + int.from_bytes(code[13:17], "little", signed=True)
        assert int.from_bytes(memory.read(other, 8), "little") == 1 << 41
