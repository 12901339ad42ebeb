"""Pruning: what the wanted names do not reach is dropped, with its unwind records; what unwinding needs is kept."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from test_linking import frame_records

from uruk import LLJIT
from uruk.errors import UndefinedSymbols
from uruk.memory.inprocess import InProcessMapper
from uruk.orc.registry.options import Options

from support.assembly import SLAB, assemble
from support.evaluate import Evaluator

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

CALL = ctypes.CFUNCTYPE(ctypes.c_int)
FUNCTION = """
        .section .text.{0}, "ax", @progbits
        .globl {0}
        .type {0}, @function
{0}:    .cfi_startproc
        .cfi_personality 0x9b, personality_{0}
        .cfi_lsda 0x1b, lsda_{0}
        {1}
        ret
        .cfi_endproc
        .section .gcc_except_table.{0}, "a", @progbits
lsda_{0}:
        .long   {2}
        .section .data.{0}, "aw", @progbits
personality_{0}:
        .quad   {3}
"""


@pytest.fixture
def jit() -> Iterator[LLJIT]:
    # The tests read whole blocks of unwind data, which are known where the dynamic loader does not know the slab.
    with LLJIT(slab_size=SLAB, mapper=InProcessMapper(), options=Options(prune=True)) as session:
        yield session


def test_only_what_is_reached_stays(jit: LLJIT) -> None:
    """Functions that are not reached go, and so does all that only they want, be it defined or not."""
    parts = [
        FUNCTION.format("kept", "call helper; incl %eax", 0x1111, "0"),
        FUNCTION.format("helper", "movl $6, %eax", 0x2222, "0"),
        FUNCTION.format("dropped", "call nobody_defines_this", 0x3333, "nobody_defines_that"),
    ]
    tracker = jit.add_object(assemble("\n".join(parts)), "parts.o")
    assert jit.lookup("kept").function(CALL)() == 7
    records = [record for address in tracker.resources.frames for record in frame_records(address)]
    functions = sorted(address for kind, address in records if kind == "FDE")
    assert functions == sorted([jit.lookup("kept").address, jit.lookup("helper").address])


def test_language_data_is_kept_with_its_function(jit: LLJIT) -> None:
    """An FDE's last field names the language-specific data: its address is relative to the field."""
    text = FUNCTION.format("kept", "nop", 0x1234, "0") + FUNCTION.format("dropped", "nop", 0x4321, "0")
    tracker = jit.add_object(assemble(text), "kept.o")
    jit.lookup("kept")
    (start,) = tracker.resources.frames
    read = Evaluator(lambda name: 0)
    fde = start + 4 + read.value(f"u32({start})")
    field = fde + 4 + 4 + 8 + 1  # length, CIE, function and size, size of the augmentation data
    assert read.value(f"u32({field} + i32({field}))") == 0x1234


def test_personality_is_kept_with_its_function(jit: LLJIT) -> None:
    """A CIE names the personality routine; two functions with one CIE each need it, whichever of them is reached."""
    text = FUNCTION.format("kept", "nop", 0x1234, "0x5678") + FUNCTION.format("dropped", "nop", 0x4321, "0x8765")
    tracker = jit.add_object(assemble(text), "kept.o")
    jit.lookup("kept")
    (start,) = tracker.resources.frames
    read = Evaluator(lambda name: 0)
    # Length, 0, version, "zPLR" with its zero, alignments, return register, size of the augmentation data, encoding.
    field = start + 4 + 4 + 1 + 5 + 3 + 1 + 1
    assert read.value(f"u64({field} + i32({field}))") == 0x5678


def test_empty_unwind_data_needs_nothing(jit: LLJIT) -> None:
    """An empty .eh_frame beside functions without unwind data is no record."""
    text = """
        .section .text.kept, "ax", @progbits
        .globl kept
        .type kept, @function
kept:   movl    $5, %eax
        ret
        .section .eh_frame, "a", @progbits
    """
    jit.add_object(assemble(text), "empty.o")
    assert jit.lookup("kept").function(CALL)() == 5


def test_what_is_reached_must_still_be_defined(jit: LLJIT) -> None:
    jit.add_object(assemble(FUNCTION.format("kept", "call nobody_defines_this", 1, "0")), "kept.o")
    with pytest.raises(UndefinedSymbols, match="nobody_defines_this"):
        jit.lookup("kept")
