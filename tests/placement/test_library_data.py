"""Data of libraries that 32-bit references cannot reach: what is copied, how, and where the names are then."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

import uruk
from uruk.graph.graph import Zone

from support.assembly import assemble
from support.linking import batch

pytestmark = pytest.mark.quick

POINTER = ctypes.CFUNCTYPE(ctypes.c_size_t)
LIBC = ctypes.CDLL(None)


def address_of(jit: uruk.LLJIT, name: str, function: str) -> int:
    """The address of a name by a 32-bit reference, which is in a module of its own."""
    text = f".globl {function}\n{function}: movl ${name}, %eax\n ret\n.type {function}, @function\n"
    jit.add_object(assemble(text), f"{function}.o")
    return jit.lookup(function).function(POINTER)()


def test_a_stream_is_copied_once(jit: uruk.LLJIT) -> None:
    """All modules of a batch have the same copy, with the pointer that is in the library."""
    text = ".globl {0}\n{0}: movl ${1}, %eax\n ret\n.type {0}, @function\n"
    jit.add_objects(
        [assemble(text.format(f"get_{row}", name)) for row, name in enumerate(("stdin", "stdout", "stdin"))]
    )
    jit.lookup_all([f"get_{row}" for row in range(3)])
    places = [jit.lookup(f"get_{row}").function(POINTER)() for row in range(3)]
    assert places[0] == places[2] != places[1]
    for place, name in zip(places, ("stdin", "stdout"), strict=False):
        original = ctypes.c_size_t.in_dll(LIBC, name)
        assert ctypes.c_size_t.from_address(place).value == original.value
        assert place % 8 == 0
        assert place < 1 << 32
        # An interpreter at a fixed address has copies of its own, which 32-bit references reach: all use those.
        assert (place == ctypes.addressof(original)) == (ctypes.addressof(original) < 1 << 32)


def protection(address: int) -> str:
    """The protection of the page at an address, as `/proc/self/maps` has it."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, _, end = line.split()[0].partition("-")
        if int(begin, 16) <= address < int(end, 16):
            return line.split()[1]
    raise AssertionError(f"nothing at {address:#x}")


def test_constant_data_stays_constant(jit: uruk.LLJIT) -> None:
    """Type information of `int`: two pointers, which nobody writes to once they are relocated."""
    jit.add_library("stdc++")
    original = ctypes.addressof(ctypes.c_size_t.in_dll(ctypes.CDLL("libstdc++.so.6"), "_ZTIi"))
    copy = address_of(jit, "_ZTIi", "type_of_int")
    assert copy != original
    assert ctypes.string_at(copy, 16) == ctypes.string_at(original, 16)
    assert protection(copy)[:3] == "r--"


def test_all_data_of_a_program_of_its_own(tmp_path: Path) -> None:
    """Names of one address have one copy, aligned as the original is, in the first module that refers to it."""
    text = "movl optind, %eax\n movl environ, %eax\n movl __environ, %eax\n movq optarg@GOTPCREL(%rip), %rax\n"
    paths = [tmp_path / name for name in ("none.o", "user.o")]
    paths[0].write_bytes(assemble(".globl none\nnone: ret\n"))
    paths[1].write_bytes(assemble(f".globl user\nuser: {text}"))
    with batch(*paths) as program:
        program.copy_data = True
        state = program.link().state
        names = [state.graph.symbol_name(int(state.undefined[copy.row])) for copy in state.copies]
        blocks = [copy.block for copy in state.copies]
    assert sorted(names) == ["__environ", "environ", "optind"]
    by_name = dict(zip(names, blocks, strict=True))
    assert by_name["environ"] == by_name["__environ"] != by_name["optind"]
    for copy in state.copies:
        row, original = copy.block, ctypes.addressof(ctypes.c_int.in_dll(LIBC, names[state.copies.index(copy)]))
        assert copy.content == ctypes.string_at(original, len(copy.content))
        assert (copy.address, len(copy.content)) == (original, 4 if row == by_name["optind"] else 8)
        assert state.blocks.align[row] == min(original & -original, 4096)
        assert (state.blocks.zone[row], state.block_module[row], copy.constant) == (Zone.RW, 1, False)
    assert state.external is not None
    for copy in state.copies:
        assert state.external.address[copy.row] == state.address[copy.block]
        assert not state.external.is_data[copy.row]
