"""Sections called `.gnu.linkonce.*`: the first one of a name stays, as with COMDAT groups, which replaced them."""

from __future__ import annotations

import numpy as np

from uruk.formats.elf.sections import Sections
from uruk.formats.gather import NAME_SHARING
from uruk.graph.arena import Arena
from uruk.graph.graph import Blocks, Groups, first_wins
from uruk.graph.names import Names
from uruk.graph.types import I64, Bool, count_true, true_rows

_BEGIN, _REST = (int.from_bytes(part, "little") for part in (b".gnu.lin", b"konce."))
_SIX_BYTES = (1 << 48) - 1


def named_linkonce(first: I64, second: I64) -> Bool:
    """Return a mask of the sections with such a name; the first 16 bytes of each are two words."""
    linkonce = first == _BEGIN
    # Hardly any object has one: the second comparison is seldom made.
    if count_true(linkonce):
        linkonce &= second & _SIX_BYTES == _REST
    return linkonce


def with_linkonce(
    sections: Sections, blocks: Blocks, linkonce: Bool, groups: Groups, arena: Arena, names: Names
) -> tuple[Blocks, Groups]:
    """Make each `linkonce` block outside groups a group of its own, whose signature is the section's name.

    Return the blocks and the groups. Raises ObjectFormatError for names that overlap more than those of sound objects.
    """
    rows = true_rows(linkonce & (blocks.group < 0))
    # Section names may share bytes: without a bound, a small file could ask for any amount of text.
    room = NAME_SHARING * sections.buffer.size
    signatures: list[int] = []
    for row in rows.tolist():
        text = arena.string_at(int(blocks.text[row]))
        room -= len(text)
        at = sections.loaded[row : row + 1]
        sections.check(at, (np.array([room < 0]), "the names of sections overlap"))
        signatures.append(names[text])
    group = blocks.group.copy()
    group[rows] = len(groups) + np.arange(rows.size)
    name = np.concatenate([groups.name, np.array(signatures, np.int32)])
    owner = np.concatenate([groups.object, blocks.object[rows]])
    # Groups are ordered by object. `place` is the inverse permutation: the new row of each old one.
    order = owner.argsort(kind="stable")
    place = np.empty(order.size, np.int32)
    place[order] = np.arange(order.size)
    member = group >= 0
    group[member] = place[group[member]]
    return blocks.replaced(group=group), first_wins(name[order], owner[order])
