"""What linking makes beyond single relocations: relaxed loads, stubs, GOT, own names, COMDAT, unwinding."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest

from uruk import LLJIT
from uruk.errors import OutOfRange
from uruk.memory.inprocess import InProcessMapper

from support.assembly import SLAB, assemble
from support.evaluate import Evaluator

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

GIB2 = 1 << 31
CALL = ctypes.CFUNCTYPE(ctypes.c_int)


@pytest.fixture
def jit() -> Iterator[LLJIT]:
    with LLJIT(slab_size=SLAB) as session:
        yield session


@pytest.fixture
def registering() -> Iterator[LLJIT]:
    """A session whose slabs the dynamic loader does not know, so that unwind data is registered, a block a module."""
    with LLJIT(slab_size=SLAB, mapper=InProcessMapper()) as session:
        yield session


def over(jit: LLJIT, **known: int) -> Evaluator:
    return Evaluator(lambda name: jit.lookup(name).address, known)


LOADS = {
    # form: (instruction, whose field is at site), relaxed bytes, bytes that are kept, each before the field
    "mov": ("movq target@GOTPCREL(%rip), %rdi", "u8(site - 2) == 0x8d", "u8(site - 2) == 0x8b"),
    "mov32": ("movl target@GOTPCREL(%rip), %eax", "u8(site - 2) == 0x8d", "u8(site - 2) == 0x8b"),
    "mov_r15": ("movq target@GOTPCREL(%rip), %r15", "u16(site - 3) == 0x8d4c", "u16(site - 3) == 0x8b4c"),
    "call": ("call *target@GOTPCREL(%rip)", "u16(site - 2) == 0xe867", "u16(site - 2) == 0x15ff"),
    "jmp": ("jmp *target@GOTPCREL(%rip)", "u8(site - 2) == 0xe9", "u16(site - 2) == 0x25ff"),
}
DIRECT = {"jmp": "site + 3 + i32(site - 1) == target and u8(site + 3) == 0x90"}
NEAR = "site + 4 + i32(site) == target"
FAR = "u64(site + 4 + i32(site)) == target"


def load(instruction: str) -> bytes:
    """The instruction with a 4-byte field at its end, which `site` names."""
    return assemble(f".text; .globl code, site; code: {instruction}; .set site, . - 4; ret")


@pytest.mark.parametrize(
    ("distance", "relaxed"),
    [(-GIB2 - 1, False), (-GIB2, True), (0, True), (GIB2 - 2, True), (GIB2, False), (GIB2 + 4096, False)],
)
@pytest.mark.parametrize("form", list(LOADS))
def test_got_loads_are_relaxed_exactly_in_reach(form: str, distance: int, relaxed: bool, jit: LLJIT) -> None:
    """Distances count from the end of the field. One byte beyond the last one, a jmp does not reach."""
    instruction, after, before = LOADS[form]
    probe = jit.add_object(load(instruction.replace("target", "code")), "probe.o")
    site = jit.lookup("site").address
    probe.remove()
    target = site + 4 + distance
    jit.define("target", target)
    jit.add_object(load(instruction), "load.o")
    found = over(jit, target=target)
    assert found.value("site") == site
    if relaxed:
        found.check(after)
        found.check(DIRECT.get(form, NEAR))
    else:
        found.check(before)
        found.check(FAR)


@pytest.mark.parametrize("form", list(LOADS))
def test_got_loads_far_below_four_gib_are_kept(form: str, jit: LLJIT) -> None:
    """A target in the low 4 GiB, code high: not within reach, though it fits 32 unsigned bits."""
    instruction, _, before = LOADS[form]
    jit.define("target", 0xFFFF_F000)
    jit.add_object(load(instruction), "load.o")
    found = over(jit, target=0xFFFF_F000)
    found.check(before)
    found.check(FAR)


def test_a_relaxed_call_and_a_kept_one_both_work(jit: LLJIT) -> None:
    function = CALL(lambda: 41)
    jit.define("far", ctypes.cast(function, ctypes.c_void_p).value)
    text = ".text; .globl {0}; {0}: subq $8, %rsp; call *{1}@GOTPCREL(%rip); incl %eax; addq $8, %rsp; ret"
    jit.add_object(assemble(text.format("call_far", "far")), "far.o")
    jit.add_object(assemble(text.format("call_near", "near") + "; .globl near; near: movl $6, %eax; ret"), "near.o")
    assert jit.lookup("call_far").function(CALL)() == 42
    assert jit.lookup("call_near").function(CALL)() == 7


@pytest.mark.parametrize("instruction", ["addq target@GOTPCREL(%rip), %rax", "pushq target@GOTPCREL(%rip)"])
def test_other_instructions_are_never_relaxed(instruction: str, jit: LLJIT) -> None:
    jit.add_object(assemble(f".text; .globl target, site; target: {instruction}; .set site, . - 4; ret"), "other.o")
    over(jit).check(FAR)


def test_got_load_of_a_weak_undefined_is_kept(jit: LLJIT) -> None:
    text = ".text; .weak no; .globl site; movq no@GOTPCREL(%rip), %rax; .set site, . - 4; ret"
    jit.add_object(assemble(text), "weak.o")
    over(jit).check("u8(site - 2) == 0x8b and u64(site + 4 + i32(site)) == 0")


@pytest.mark.parametrize(
    ("distance", "direct"), [(-GIB2 - 1, False), (-GIB2, True), (0, True), (GIB2 - 1, True), (GIB2, False)]
)
@pytest.mark.parametrize("opcode", [0xE8, 0xE9])
def test_stubs_exactly_out_of_reach(opcode: int, distance: int, direct: bool, jit: LLJIT) -> None:
    text = ".text; .globl site; .byte {}; site: .long 0; .reloc site, R_X86_64_PLT32, {} - 4; ret"
    jit.define("elsewhere", 1)  # the probe has a stub, too
    probe = jit.add_object(assemble(text.format(opcode, "elsewhere")), "probe.o")
    site = jit.lookup("site").address
    probe.remove()
    target = site + 4 + distance
    jit.define("target", target)
    jit.add_object(assemble(text.format(opcode, "target")), "branch.o")
    assert jit.lookup("site").address == site
    found = over(jit, target=target)
    found.check(f"u8(site - 1) == {opcode}")
    if direct:
        found.check("site + 4 + i32(site) == target")
        return
    stub = found.value("site + 4 + i32(site)")
    through = over(jit, target=target, stub=stub)
    through.check("u16(stub) == 0x25ff and u64(stub + 6 + i32(stub + 2)) == target")


def test_slots_and_stubs_are_shared_within_a_module(jit: LLJIT) -> None:
    far = 0x1234_5678
    jit.define("far", far)
    jit.define("other", far + 1)
    text = """
        .text
        .globl {one}, {two}, {three}, {four}
        .byte 0xe8; {one}: .long 0; .reloc {one}, R_X86_64_PLT32, far - 4
        .byte 0xe8; {two}: .long 0; .reloc {two}, R_X86_64_PLT32, far - 4
        .byte 0xe8; {three}: .long 0; .reloc {three}, R_X86_64_PLT32, other - 4
        {four}: .long 0; .reloc {four}, R_X86_64_GOTPCREL, far - 4
    """
    first = text.format(one="one", two="two", three="three", four="four")
    second = text.format(one="one2", two="two2", three="three2", four="four2")
    jit.add_objects([assemble(first), assemble(second)], "module")
    jit.lookup_all(["one", "one2"])
    found = over(jit, far=far)
    found.check("one + i32(one) == two + i32(two) == one2 + i32(one2) == two2 + i32(two2)")
    found.check("one + i32(one) != three + i32(three)")
    found.check("four + i32(four) == four2 + i32(four2)")
    stub = found.value("one + 4 + i32(one)")
    over(jit, stub=stub).check("stub + 6 + i32(stub + 2) == four + 4 + i32(four)")


def test_a_stub_is_the_address_of_its_function(jit: LLJIT) -> None:
    """Where a reference takes it for the function's, the GOT does so too, and the stub jumps by a slot of its own."""
    far = 0x1234_5678
    jit.define("far", far)
    text = """
        .text
        .globl called, taken, slot
        .byte 0xe8; called: .long 0; .reloc called, R_X86_64_PLT32, far - 4
        taken: .long 0; .reloc taken, R_X86_64_PC32, far - 4
        slot: .long 0; .reloc slot, R_X86_64_GOTPCREL, far - 4
    """
    jit.add_object(assemble(text), "module")
    found = over(jit, far=far)
    stub = found.value("taken + 4 + i32(taken)")
    assert stub != far
    through = over(jit, far=far, stub=stub)
    through.check("called + 4 + i32(called) == stub and u64(slot + 4 + i32(slot)) == stub")
    through.check("u64(stub + 6 + i32(stub + 2)) == far and stub + 6 + i32(stub + 2) != slot + 4 + i32(slot)")


def test_slots_are_not_shared_between_modules(jit: LLJIT) -> None:
    """Each module is removed on its own, so that it has its own GOT."""
    text = ".text; .globl {0}; {0}: .long 0; .reloc {0}, R_X86_64_GOTPCREL, common - 4"
    jit.add_object(assemble(".data; .globl common; common: .long 0"), "common.o")
    jit.add_object(assemble(text.format("one")), "one.o")
    jit.add_object(assemble(text.format("two")), "two.o")
    jit.lookup_all(["one", "two"])
    found = over(jit)
    found.check("one + i32(one) != two + i32(two)")
    found.check("u64(one + 4 + i32(one)) == u64(two + 4 + i32(two)) == common")


def test_global_offset_table_is_the_modules_own(jit: LLJIT) -> None:
    text = """
        .data
        .globl {0}_got, {0}_delta, {0}_slot
        {0}_got: .quad 0
        .reloc {0}_got, R_X86_64_64, _GLOBAL_OFFSET_TABLE_
        {0}_delta: .quad {0}_got@GOTOFF
        {0}_slot: .quad {0}_got@GOT
    """
    jit.add_object(assemble(text.format("one")), "one.o")
    jit.add_object(assemble(text.format("two")), "two.o")
    jit.lookup_all(["one_got", "two_got"])
    found = over(jit)
    found.check("u64(one_got) != u64(two_got)")
    for name in ("one", "two"):
        found.check(f"u64({name}_got) + i64({name}_delta) == {name}_got")
        found.check(f"u64(u64({name}_got) + i64({name}_slot)) == {name}_got")


def test_start_and_stop_enclose_a_section(jit: LLJIT) -> None:
    part = '.section plugins, "aw"; .globl {0}; {0}: .quad {1}; .text; .globl f_{0}; f_{0}: ret'
    user = ".data; .globl low, none; low: .quad __start_plugins, __stop_plugins; .weak __start_no, f_a, f_b"
    user += "; none: .quad __start_no; .quad f_a, f_b"
    sources = [assemble(part.format("a", 1)), assemble(part.format("b", 2)), assemble(user)]
    jit.add_objects(sources, "module")
    jit.lookup_all(["low", "a", "b"])
    found = over(jit)
    found.check("u64(low) == a and u64(low + 8) == b + 8 and b == a + 8")
    found.check("u64(a) == 1 and u64(b) == 2 and u64(none) == 0")


def test_weak_undefined_is_zero_everywhere(jit: LLJIT) -> None:
    text = """
        .data
        .weak nobody_has_this
        .globl wide, narrow, short, slot
        wide: .quad nobody_has_this + 3
        narrow: .long 0; .reloc narrow, R_X86_64_32S, nobody_has_this
        short: .long 0; .reloc short, R_X86_64_32, nobody_has_this
        slot: .long 0; .reloc slot, R_X86_64_GOTPCREL, nobody_has_this - 4
    """
    jit.add_object(assemble(text), "weak.o")
    found = over(jit)
    found.check("u64(wide) == 3 and i32(narrow) == 0 and u32(short) == 0")
    found.check("u64(slot + 4 + i32(slot)) == 0")


GROUP = """
        .section .text.shared,"axG",@progbits,shared,comdat
        .weak shared
        .type shared, @function
shared: .cfi_startproc
        movl ${value}, %eax
        ret
        .cfi_endproc
        .size shared, . - shared
        .section .rodata.shared,"aG",@progbits,shared,comdat
        .long {value}
        .text
        .globl {own}
        .type {own}, @function
{own}:  .cfi_startproc
        jmp shared
        .cfi_endproc
        .size {own}, . - {own}
"""


def frame_records(address: int) -> list[tuple[str, int]]:
    """The records of a linked .eh_frame: ("CIE", 0), or ("FDE", its function), pcrel | sdata4."""
    found: list[tuple[str, int]] = []
    read = Evaluator(lambda name: 0)
    while length := read.value(f"u32({address})"):
        is_cie = read.value(f"u32({address} + 4)") == 0
        where = address + 8
        found.append(("CIE", 0) if is_cie else ("FDE", where + read.value(f"i32({where})")))
        address += 4 + length
    return found


@pytest.mark.parametrize("together", [True, False], ids=["one module", "two modules"])
def test_first_comdat_group_wins_and_its_unwind_records_stay(registering: LLJIT, together: bool) -> None:
    jit = registering
    sources = [assemble(GROUP.format(value=value, own=f"own{value}")) for value in (1, 2)]
    if together:
        trackers = [jit.add_objects(sources, "both")]
    else:
        trackers = [jit.add_object(source, f"{number}.o") for number, source in enumerate(sources)]
    symbols = jit.lookup_all(["shared", "own1", "own2"])
    assert [symbols[name].function(CALL)() for name in symbols] == [1, 1, 1]
    frames = [address for tracker in trackers for address in tracker.resources.frames]
    assert len(frames) == len(trackers)
    records = [record for address in frames for record in frame_records(address)]
    functions = sorted(address for kind, address in records if kind == "FDE")
    assert functions == sorted(symbol.address for symbol in symbols.values()), (
        "two groups, three functions, three records"
    )
    assert sum(kind == "CIE" for kind, _ in records) == 2


def test_a_module_whose_code_is_all_discarded_registers_nothing(registering: LLJIT) -> None:
    jit = registering
    group = GROUP.split("        .text\n")[0]
    jit.add_object(assemble(group.format(value=1) + "\n.data\n.globl first\nfirst: .quad 1"), "first.o")
    second = jit.add_object(
        assemble(group.format(value=2) + "\n.data\n.globl second\nsecond: .quad shared"), "second.o"
    )
    found = over(jit)
    found.check("u64(second) == shared")
    assert [record for address in second.resources.frames for record in frame_records(address)] == []


def test_a_field_at_the_start_of_its_section_is_not_relaxed(jit: LLJIT) -> None:
    """The bytes in front belong to another section, whatever they look like."""
    text = """
        .section .text.a, "ax"; .globl before; before: .byte 0x90, 0x48, 0x8b, 0x05
        .section .text.b, "ax"; .globl site; site: .long 0; .reloc site, R_X86_64_REX_GOTPCRELX, before - 4
        ret
    """
    jit.add_object(assemble(text), "start.o")
    found = over(jit)
    found.check("site == before + 4")
    found.check("u8(site - 2) == 0x8b and u64(site + 4 + i32(site)) == before")


def test_data_out_of_reach_brings_the_code_to_it(jit: LLJIT) -> None:
    """There is no stub for data: the code goes where it reaches the data directly."""
    jit.define("far_data", 0x1000_0000)
    text = ".text; .globl {0}; {0}: .long 0; .reloc {0}, R_X86_64_PC32, {1}; .globl code_{0}; code_{0}: ret"
    jit.add_object(assemble(text.format("high", "high")), "high.o")
    jit.add_object(assemble(text.format("low", "far_data")), "low.o")
    found = over(jit)
    found.check("i32(high) == 0 and low + i32(low) == 0x10000000")
    found.check("low < 0x10000000 + 0x80000000")


def test_data_in_opposite_directions_is_an_error_that_names_both(jit: LLJIT) -> None:
    jit.define("down", 0x1000_0000)
    jit.define("up", 0x7000_0000_0000)
    text = ".data; .globl site; site: .long down - ., up - ."
    jit.add_object(assemble(text), "torn.o")
    with pytest.raises(OutOfRange, match=r"torn\.o:\(\.data\+0x4\).*`up'") as caught:
        jit.lookup("site")
    assert "down" in str(caught.value)


def test_every_place_out_of_range_is_counted(jit: LLJIT) -> None:
    jit.define("large", 0x1_0000_0000)
    jit.add_object(assemble(".data; .globl site; site: .long 0, large, large, large"), "many.o")
    with pytest.raises(OutOfRange) as caught:
        jit.lookup("site")
    assert caught.value.place == "many.o:(.data+0x4)"
    assert (caught.value.more, caught.value.value) == (2, 0x1_0000_0000)
    assert "and 2 more places" in str(caught.value)


def test_sections_addends_and_locals(jit: LLJIT) -> None:
    """Section symbols with addends, and locals of one name in two objects, each its own."""
    text = """
        .section .rodata.{0}, "a"; .quad {1}; mine: .quad {1} + 1
        .data; .globl {0}, {0}_2; {0}: .quad mine; {0}_2: .quad .rodata.{0} + 8
    """
    jit.add_objects([assemble(text.format("one", 10)), assemble(text.format("two", 20))], "locals")
    jit.lookup_all(["one", "two"])
    found = over(jit)
    found.check("u64(u64(one)) == 11 and u64(u64(two)) == 21")
    found.check("u64(one) == u64(one_2) and u64(two) == u64(two_2)")


@pytest.mark.parametrize("align", [1 << power for power in range(17)])
def test_alignment(jit: LLJIT, align: int) -> None:
    text = f'.section .rodata, "a"; .globl odd; odd: .byte 1; .text; .byte 1; .section .t, "ax"; .balign {align}'
    text += f"; .globl code; code: ret; .data; .byte 1; .balign {align}; .globl data; data: .quad code, odd"
    text += f'; .section .r, "a"; .balign {align}; .globl constant; constant: .quad 3; .bss; .balign {align}'
    text += "; .globl zero; zero: .quad 0; .comm common, 24, " + str(align)
    jit.add_object(assemble(text), "aligned.o")
    found = over(jit)
    for name in ("code", "data", "constant", "zero"):
        found.check(f"{name} % {align} == 0")
    found.check("u64(data) == code and u64(data + 8) == odd and u64(constant) == 3 and u64(zero) == 0")
