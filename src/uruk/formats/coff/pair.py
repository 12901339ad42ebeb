"""The contents of a map of COFF's relocations: a file an architecture (`uruk.formats.coff.x86_64`)."""

from __future__ import annotations

from typing import Protocol

from uruk.graph.kinds import KindTable
from uruk.isa.interface import InstructionSet
from uruk.named_tuples import NamedTuple


class Form(NamedTuple):
    """An instruction by which a field of one kind is one of another kind. COFF numbers both alike.

    The instruction is looked at as a little-endian word of 4 bytes that begins `back` bytes in front of the field.
    """

    kind: str
    other: str
    back: int
    mask: int
    pattern: int


class Pair(Protocol):
    """A format × ISA file: Machine number, ISA, edge kinds, and what relocation numbers mean."""

    MACHINE: int
    NAME: str
    ISA: InstructionSet
    KINDS: KindTable
    RELOCATIONS: dict[int, tuple[str, str, int]]
    """Relocation number -> (name, edge kind, what is added to the addend)."""
    FORMS: tuple[Form, ...]
    """Kinds that depend on the instruction; only looked for in code."""
    SCALED: dict[str, int]
    """Kinds whose addend in the field is shifted to the right by so many bits: it counts bytes, the field does not."""
