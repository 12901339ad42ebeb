"""What lies in the first block of a batch is treated as in any other: its row number is 0."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from uruk import LLJIT
from uruk.errors import UnsupportedRelocation
from uruk.formats.elf import x86_64 as pair
from uruk.formats.elf.reader import read_objects
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.graph.graph import Zone
from uruk.graph.names import Names

from support.assembly import assemble
from support.compiling import Compile

pytestmark = pytest.mark.quick

INT = ctypes.CFUNCTYPE(ctypes.c_int)
THREAD_LOCAL = """
    .section .tdata,"awT",@progbits
    .globl counter
    .type counter, @object
counter: .long 7
    .size counter, 4
"""


def first(tmp_path: Path, cc: Compile, text: str) -> Path:
    """An object without the sections that assemblers write in front of all others."""
    path = tmp_path / "first.o"
    path.write_bytes(assemble(text))
    cc.tool("objcopy", "-R", ".text", "-R", ".data", "-R", ".bss", str(path))
    return path


def section_of_first_block(path: Path) -> str:
    arena, [start] = Arena.join([path.read_bytes()])
    graph = read_objects(arena, [Span("first.o", start, path.stat().st_size)], pair, Names())
    return graph.section_name(0)


def test_a_thread_local(tmp_path: Path, cc: Compile, jit: LLJIT) -> None:
    text = f"""{THREAD_LOCAL}
    .section .code,"ax",@progbits
    .globl get
get: movq counter@gottpoff(%rip), %rax
    movl %fs:(%rax), %eax
    ret
    """
    path = first(tmp_path, cc, text)
    assert section_of_first_block(path) == ".tdata"
    jit.add_object(path)
    assert jit.lookup("get").function(INT)() == 7


@pytest.mark.parametrize("place", [".quad counter", ".long counter - .", "movq counter@GOTPCREL(%rip), %rax"])
def test_a_thread_local_that_is_taken_for_an_ordinary_variable(
    place: str, tmp_path: Path, cc: Compile, jit: LLJIT
) -> None:
    path = first(tmp_path, cc, f'{THREAD_LOCAL}\n.section .code,"ax",@progbits\n.globl get\nget: {place}\n')
    jit.add_object(path)
    with pytest.raises(UnsupportedRelocation, match="thread-local"):
        jit.lookup("get")


def test_an_ordinary_variable_that_is_taken_for_a_thread_local(tmp_path: Path, cc: Compile, jit: LLJIT) -> None:
    code = ".globl get\nget: .long 0\n.reloc get, R_X86_64_GOTTPOFF, plain\n"
    text = f'.section .first,"aw"\nplain: .long 1\n.section .code,"ax"\n{code}'
    path = first(tmp_path, cc, text)
    assert section_of_first_block(path) == ".first"
    jit.add_object(path)
    with pytest.raises(UnsupportedRelocation, match="thread-local"):
        jit.lookup("get")


@pytest.mark.parametrize("array", [".init_array", ".ctors", ".preinit_array"])
def test_an_initialiser(array: str, tmp_path: Path, cc: Compile, jit: LLJIT) -> None:
    text = f"""
    .section {array},"aw",@{"progbits" if array == ".ctors" else array[1:]}
    .quad start
    .section .code,"ax",@progbits
    .globl get
start: movl $5, seen(%rip)
    ret
get: movl seen(%rip), %eax
    ret
    .section .later,"aw",@progbits
seen: .long 0
    """
    path = first(tmp_path, cc, text)
    assert section_of_first_block(path) == array
    jit.add_object(path)
    assert jit.lookup("get").function(INT)() == 5


def test_bounds_of_a_section(tmp_path: Path, cc: Compile, jit: LLJIT) -> None:
    text = """
    .section uruk_set,"aw",@progbits
    .quad 1, 2, 3
    .section .code,"ax",@progbits
    .globl get
get: leaq __start_uruk_set(%rip), %rdx
    leaq __stop_uruk_set(%rip), %rax
    subq %rdx, %rax
    ret
    """
    path = first(tmp_path, cc, text)
    assert section_of_first_block(path) == "uruk_set"
    jit.add_object(path)
    assert jit.lookup("get").function(INT)() == 24


def test_a_group(tmp_path: Path, cc: Compile, jit: LLJIT) -> None:
    text = """
    .section .text.once,"axG",@progbits,once,comdat
    .weak once
    .type once, @function
once: movl ${}, %eax
    ret
    .section .text.get,"ax",@progbits
    .globl {}
    .type {}, @function
{}: jmp once
    """
    (tmp_path / "other").mkdir()
    paths = [
        first(folder, cc, text.format(value, name, name, name))
        for folder, value, name in ((tmp_path, 3, "one"), (tmp_path / "other", 4, "two"))
    ]
    assert section_of_first_block(paths[0]) == ".text.once"
    jit.add_objects(paths)
    one, two = (jit.lookup(name).function(INT)() for name in ("one", "two"))
    assert one == two == 3


def test_zero_fill(tmp_path: Path, cc: Compile, jit: LLJIT) -> None:
    text = """
    .section .room,"aw",@nobits
    .balign 64
    .globl room
room: .zero 200
    .section .code,"ax",@progbits
    .globl get
get: leaq room(%rip), %rax
    ret
    """
    path = first(tmp_path, cc, text)
    assert section_of_first_block(path) == ".room"
    jit.add_object(path)
    found = jit.lookup("get").function(ctypes.CFUNCTYPE(ctypes.c_size_t))()
    assert found == jit.lookup("room").address
    assert found % 64 == 0
    assert ctypes.string_at(found, 200) == bytes(200)


def test_zones(tmp_path: Path, cc: Compile) -> None:
    path = first(tmp_path, cc, '.section .only,"a"\n.globl x\nx: .quad x\n')
    arena, [start] = Arena.join([path.read_bytes()])
    graph = read_objects(arena, [Span("first.o", start, path.stat().st_size)], pair, Names())
    assert graph.blocks.zone[0] == Zone.R
