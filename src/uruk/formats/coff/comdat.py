"""COMDAT sections of many COFF objects: their leaders, selections and associations, as groups.

Source: the PE/COFF specification, "COMDAT Sections (Object Only)", "Auxiliary Format 5: Section Definitions".
"""

from __future__ import annotations

import numpy as np

from uruk.formats.coff import constants as coff
from uruk.formats.coff.sections import Sections
from uruk.formats.coff.symbols import Records, auxiliary_of
from uruk.formats.gather import strings_at
from uruk.graph.arena import Arena
from uruk.graph.graph import Groups, Selection
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, NONE, U8, AnyArray, Bool, filled, some, true_rows
from uruk.records import record

_SELECTIONS = np.full(256, NONE, np.int64)
"""By the selection in a file; -1 for those that mean nothing."""
_SELECTIONS[coff.COMDAT_NODUPLICATES] = Selection.SINGLE
_SELECTIONS[coff.COMDAT_ANY] = Selection.ANY
_SELECTIONS[coff.COMDAT_SAME_SIZE] = Selection.SAME_SIZE
_SELECTIONS[coff.COMDAT_EXACT_MATCH] = Selection.EXACT
_SELECTIONS[coff.COMDAT_LARGEST] = Selection.LARGEST
# An associated section is never chosen itself: it goes with its root, whose selection counts.
_SELECTIONS[coff.COMDAT_ASSOCIATIVE] = Selection.ANY
UNWIND_NAMES = (b".pdata$", b".xdata$")
"""The beginnings of the names of sections that GNU-style compilers make beside `.text$F`, with its suffix."""
CODE_NAME = b".text$"


@record
class Comdats:
    """The facts known of COMDAT sections before symbols are named."""

    definitions: I64
    """Section symbols, one a section at most."""
    root: I64
    """Section row -> the section that it stays or goes with; itself for all that are on their own."""
    leader: I64
    """Section row -> the record by whose name it is chosen; -1 for none."""
    selection: U8
    """Section row -> Selection."""
    is_comdat: Bool


def find_comdats(records: Records, arena: Arena) -> Comdats:
    """Leaders, selections and associations of all sections.

    Raises ObjectFormatError for unknown selections, and for associations with missing sections or in a circle.
    """
    sections = records.sections
    count = sections.size.size
    definitions, definition_of = _definitions(records)
    is_comdat = sections.flags & coff.SCN_LNK_COMDAT != 0
    comdats = Comdats(
        definitions, np.arange(count), filled(count, NONE, np.int64), filled(count, Selection.ANY, np.uint8), is_comdat
    )
    rows = true_rows(is_comdat)
    if not rows.size:
        return comdats
    # Leaders come before the rows are narrowed: a section without a symbol of its own may still have one.
    _find_leaders(records, comdats, rows)
    rows = rows[definition_of[rows] >= 0]  # GNU strip takes symbols that nothing refers to; then any one is as good
    described = auxiliary_of(records, definition_of[rows], coff.SECTION_DEFINITION)
    selection = described["selection"]
    # A selection is one byte, so that none lies outside the table.
    known = _SELECTIONS[selection]
    sections.check(
        rows,
        # Number 7 is in <winnt.h> only; the specification does not say what makes a section newer.
        (selection == coff.COMDAT_NEWEST, "is to be the newest of several (COMDAT selection 7), which nothing says"),
        (known < 0, "has a COMDAT selection that does not exist"),
    )
    comdats.selection[rows] = known
    associated = selection == coff.COMDAT_ASSOCIATIVE
    _associate(records, comdats, rows[associated], described[associated], arena)
    return comdats


def _definitions(records: Records) -> tuple[I64, I64]:
    """Return the records that stand for sections, the first one of each, and that of every section row (-1 for
    none)."""
    rows = true_rows(
        # A section's symbol is static, has the value 0 and is followed by a section definition (Format 5). A static
        # function may be followed by an auxiliary record, too (Format 1); its type tells it apart.
        (records.storage == coff.CLASS_STATIC)
        & (records.section > 0)
        & (records.auxiliary > 0)
        & (records.value == 0)
        & (records.type & 0xF0 != coff.TYPE_FUNCTION)
    )
    of_section = filled(records.sections.size.size, NONE, np.int64)
    home = records.home(rows)
    # Of repeated indexes the last assignment counts: backwards, that is the first row.
    of_section[home[::-1]] = rows[::-1]
    return rows[of_section[home] == rows], of_section


def _find_leaders(records: Records, comdats: Comdats, rows: I64) -> None:
    """Fill `leader`: the second symbol of a COMDAT section, behind its own (PE Format, "COMDAT Sections")."""
    # Auxiliary records have section 0 by now, and so lead nothing.
    placed = records.section > 0
    placed[comdats.definitions] = False
    symbols = true_rows(placed)
    home = records.home(symbols)
    first = filled(comdats.leader.size, NONE, np.int64)
    # Backwards, so that the first symbol of each section is what stays.
    first[home[::-1]] = symbols[::-1]
    comdats.leader[rows] = first[rows]


def _associate(records: Records, comdats: Comdats, rows: I64, described: AnyArray, arena: Arena) -> None:
    """Fill `root`: sections that are associated, directly or through others, with one that is not."""
    sections = records.sections
    owner = sections.object[rows]
    big = np.array([header.big for header in sections.headers], np.bool_)[owner]
    # `/bigobj` has 32 bits of the section's number, in two halves; in other objects the upper half is padding.
    number = described["number"].astype(np.int64) + (described["high_number"].astype(np.int64) << 16) * big
    sections.check(
        rows,
        ((number == 0) | (number > sections.counts[owner]), "is associated with a section that does not exist"),
    )
    parent = comdats.root
    # Section numbers count from 1.
    parent[rows] = sections.base[owner] + number - 1
    _follow_suffixes(records, comdats, arena)
    follows = parent != np.arange(parent.size)
    # A section that is associated with itself has itself as parent, and is a circle all the same.
    follows[rows] = True
    # Each round doubles how far a section looks: what has not come to an end behind all sections is in a circle.
    for _ in range(parent.size.bit_length()):
        parent = parent[parent]
    bad = true_rows(follows[parent])
    if bad.size:
        raise sections.error(int(bad[0]), "is associated with other sections in a circle")
    comdats.root = parent


def _follow_suffixes(records: Records, comdats: Comdats, arena: Arena) -> None:
    """Let `.pdata$F` and `.xdata$F` of GNU-style compilers go with `.text$F` of their object.

    They are COMDAT of their own in the file (any, without a symbol but the section's, and labels of exception tables),
    yet belong to the code.
    """
    sections = records.sections
    # A label of an exception table leads its section in the order of symbols, but gives it no name for other objects.
    named = comdats.leader >= 0
    named[named] = records.storage[comdats.leader[named]] == coff.CLASS_EXTERNAL
    alone = comdats.is_comdat & ~named & (comdats.root == np.arange(comdats.root.size))
    if not some(alone):
        return
    begins = sections.begins(UNWIND_NAMES[0]) | sections.begins(UNWIND_NAMES[1])
    rows = true_rows(alone & begins)
    code = true_rows(sections.begins(CODE_NAME))
    # Only the names of code in objects with such sections are read, as each name costs a step of Python.
    wanted = np.zeros(len(sections.files), np.bool_)
    wanted[sections.object[rows]] = True
    code = code[wanted[sections.object[code]]]
    suffixes = _texts(sections, code, arena, len(CODE_NAME))
    home = dict(zip(zip(sections.object[code].tolist(), suffixes, strict=True), code.tolist(), strict=True))
    suffixes = _texts(sections, rows, arena, len(UNWIND_NAMES[0]))
    for row, key in zip(rows.tolist(), zip(sections.object[rows].tolist(), suffixes, strict=True), strict=True):
        # Without such code in its object a section stands for itself.
        comdats.root[row] = home.get(key, row)


def _texts(sections: Sections, rows: I64, arena: Arena, skip: int = 0) -> list[bytes]:
    """Return the names of sections without their first `skip` bytes.

    Raises ObjectFormatError for names that overlap so much that a small file stands for any amount of text.
    """
    return strings_at(arena, (sections.text[rows] + skip).tolist(), lambda row: sections.crowded(int(rows[row])))


def make_groups(
    sections: Sections, comdats: Comdats, name: I32, block_of_section: I32, arena: Arena, names: Names
) -> tuple[Groups, I32]:
    """Return the groups, and the group of every section row (-1 for none).

    `name` has the interned name of every record.

    A section is chosen by its leader's name, or by its own where it has none; with a static leader it always stays.
    """
    count = sections.size.size
    group_of_section = filled(count, NONE, np.int32)
    own = comdats.root == np.arange(count)
    rows = true_rows(comdats.is_comdat & own)
    if not rows.size:
        return Groups.empty(), group_of_section
    leader = comdats.leader[rows]
    alone = leader < 0
    signature = filled(rows.size, NONE, np.int32)
    signature[~alone] = name[leader[~alone]]
    signature[alone] = names.intern(_texts(sections, rows[alone], arena))
    # A static leader has no interned name: no other object can have the same, and so its section is in no group.
    kept = signature >= 0
    rows, signature = rows[kept], signature[kept]
    group_of_section[rows] = np.arange(rows.size, dtype=np.int32)
    # What is associated with a section outside of all groups has -1 from it, and stays with it.
    group_of_section = group_of_section[comdats.root]
    selection = comdats.selection[rows]
    # Only selections by size or content look at a section; for the others none need be remembered.
    compares = (selection != Selection.ANY) & (selection != Selection.SINGLE)
    leading = np.where(compares, block_of_section[rows], NONE).astype(np.int32)
    return Groups(signature, sections.object[rows], selection, leading), group_of_section
