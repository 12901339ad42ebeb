"""Sections called `.gnu.linkonce.*`: of those with one name the first stays, as of COMDAT groups, which came later."""

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
    """Return which sections have such a name, by its first 16 bytes as two words."""
    found = first == _BEGIN
    if count_true(found):
        found &= second & _SIX_BYTES == _REST
    return found


def with_linkonce(
    sections: Sections, blocks: Blocks, linkonce: Bool, groups: Groups, arena: Arena, names: Names
) -> tuple[Blocks, Groups]:
    """Blocks and groups, where each `linkonce` block outside groups is its own group, signed by the section's name.

    Raises ObjectFormatError for names that overlap so much that a small file stands for any amount of text.
    """
    rows = true_rows(linkonce & (blocks.group < 0))
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
    order = owner.argsort(kind="stable")
    place = np.empty(order.size, np.int32)
    place[order] = np.arange(order.size)
    member = group >= 0
    group[member] = place[group[member]]
    return blocks.replaced(group=group), first_wins(name[order], owner[order])
