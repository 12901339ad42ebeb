"""Thread-locals of COFF as they are linked: one template and one index for the objects of a program."""

from __future__ import annotations

from pathlib import Path

import pytest

import uruk
from uruk.errors import TLSError
from uruk.memory.fixed import FixedMemory

from support.coff_objects import assembled
from support.windows_links import BASE, windows_session, word_at

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

FIRST = """
    .section .tls$,"dw"
    .globl first
    first: .long 11
    .data
    .globl first_from_first, index_of_first
    first_from_first: .secrel32 first
    .balign 8
    index_of_first: .quad _tls_index
"""
SECOND = """
    .section .tls$b,"dw"
    .balign 8
    .globl second
    second: .long 22
    .data
    .globl first_from_second, second_from_second, index_of_second
    first_from_second: .secrel32 first
    second_from_second: .secrel32 second
    .balign 8
    index_of_second: .quad _tls_index
"""


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_program_has_one_template_and_one_index(tmp_path: Path, order: tuple[int, int]) -> None:
    objects = [assembled(tmp_path, "first", FIRST), assembled(tmp_path, "second", SECOND)]
    with windows_session() as jit:
        jit.add_objects([objects[row] for row in order])
        jit.lookup_all(["index_of_first", "index_of_second"])
        distances = [word_at(jit, name, 4) for name in ("first_from_first", "first_from_second", "second_from_second")]
        assert distances == [0, 0, 8]  # by suffix, whatever the order of the objects
        first, second = jit.lookup("first").address, jit.lookup("second").address
        assert second - first == 8
        index = word_at(jit, "index_of_first")
        assert index == word_at(jit, "index_of_second")
        assert not first <= index < second + 4
        assert index % 4 == 0


def test_objects_of_one_lookup_share_them(tmp_path: Path) -> None:
    """Each is removed by itself, and none while another one's code counts from its template."""
    with windows_session() as jit:
        one = jit.add_object(assembled(tmp_path, "first", FIRST))
        jit.add_object(assembled(tmp_path, "second", SECOND))
        assert word_at(jit, "first_from_second", 4) == 0  # linking it links what it refers to
        assert word_at(jit, "index_of_first") == word_at(jit, "index_of_second")
        with pytest.raises(uruk.InUse):
            one.remove()


def test_programs_are_apart(tmp_path: Path) -> None:
    first = assembled(tmp_path, "first", FIRST)
    with windows_session() as jit:
        other = jit.create_dylib("other")
        other.add_object(first, "other.obj")
        jit.add_object(first, "first.obj")
        memory = jit.executor.memory
        assert isinstance(memory, FixedMemory)
        indexes = [memory.read(jit.lookup("index_of_first", dylib).address, 8) for dylib in (None, other)]
        assert indexes[0] != indexes[1]


def test_what_was_linked_apart_has_another_index(tmp_path: Path) -> None:
    with windows_session() as jit:
        jit.add_object(assembled(tmp_path, "first", FIRST))
        assert word_at(jit, "first_from_first", 4) == 0
        jit.add_object(assembled(tmp_path, "second", SECOND), "second.obj")
        with pytest.raises(TLSError, match=r"second\.obj.*refers to the thread-local `first'(?s:.*)lookup_all"):
            jit.lookup("first_from_second")


def test_names_of_imports_that_only_dead_code_needs(tmp_path: Path) -> None:
    """Such a name becomes undefined again when a slot for it is made, in front of the index."""
    comdat = '.section .text$picked,"xr",discard,picked\n.globl picked\npicked: ret\n'
    slot = ".data\n.balign 8\n.globl slot, index\nslot: .quad __imp_target\nindex: .quad _tls_index\n"
    objects = [
        assembled(tmp_path, "first", comdat),
        assembled(tmp_path, "loser", comdat + "call target\n.data\n.globl other\nother: .long 5\n"),
        assembled(tmp_path, "user", slot + '.section .tls$,"dw"\n.long 1\n'),
    ]
    with windows_session() as jit:
        jit.define("target", 0x1234)
        jit.add_objects(objects)
        jit.lookup_all(["picked", "other", "slot"])
        memory = jit.executor.memory
        assert isinstance(memory, FixedMemory)
        held = memory.read(word_at(jit, "slot"), 8)
        assert int.from_bytes(held, "little") == 0x1234
        index = word_at(jit, "index")
        assert BASE < index < BASE + (1 << 20)
        assert memory.read(index, 4) == bytes(4)
        assert index != word_at(jit, "slot")
