"""Objects of a few graphs in another order: by columns as piece by piece."""

from __future__ import annotations

import random

import numpy as np
import pytest

from uruk.formats.interface import Span
from uruk.formats.registry import read_objects, read_relocations
from uruk.graph.arena import Arena
from uruk.graph.graph import Graph, assemble
from uruk.graph.names import Names
from uruk.graph.reordering import reorder
from uruk.target import HERE

from support.assembly import assemble as assembled

TEXT = """
.section .text.f{0}, "axG", @progbits, f{0}, comdat
.weak f{0}
f{0}: call f{1}
.text
.globl g{0}
g{0}: lea f{1}(%rip), %rax
 ret
.comm c{0}, 8, 8
"""


def graph(first: int, names: Names, *, edges: bool) -> Graph:
    contents = [assembled("".join(TEXT.format(n, n + 1) for n in range(first, first + 1 + step))) for step in range(6)]
    arena, starts = Arena.join(contents)
    spans = [Span(f"{first}-{n}.o", at, len(data)) for n, (at, data) in enumerate(zip(starts, contents, strict=True))]
    made = read_objects(arena, spans, HERE, names)
    if edges:
        made.edges = read_relocations(made)
    return made


@pytest.mark.quick
@pytest.mark.parametrize("edges", [False, True])
def test_columns_are_those_of_the_pieces(edges: bool) -> None:
    names = Names()
    first, second = graph(0, names, edges=edges), graph(10, names, edges=edges)
    pieces = [(made, n, n + 1) for made in (first, second) for n in range(6)]
    random.Random(1).shuffle(pieces)
    slowly, fast = assemble(pieces[:-1]), reorder(pieces[:-1])
    assert fast is not None
    assert (fast.files, fast.target) == (slowly.files, slowly.target)
    assert [vars(span) for span in fast.spans] == [vars(span) for span in slowly.spans]
    for name in ("blocks", "symbols", "relocations", "groups", "ranges", *(["edges"] if edges else [])):
        one, other = getattr(fast, name), getattr(slowly, name)
        for column in vars(other):
            ours, theirs = getattr(one, column), getattr(other, column)
            assert np.array_equal(ours, theirs), (name, column)
            assert ours.dtype == theirs.dtype, (name, column)


@pytest.mark.quick
def test_an_object_that_is_there_twice_goes_piece_by_piece() -> None:
    made = graph(0, Names(), edges=False)
    assert reorder([(made, n % 6, n % 6 + 1) for n in range(7)]) is None
