"""Checks of relocation rows, with errors that name the place of a row; the readers of all object formats use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import ObjectFormatError, UnsupportedRelocation
from uruk.graph.types import U8, AnyArray, Bool, count_true, true_rows

if TYPE_CHECKING:
    from uruk.formats.interface import MakeError, Report
    from uruk.graph.graph import Graph

UNKNOWN = 255
"""Stands in a column of kinds for a relocation number that the architecture's map does not have."""


def refuse(rows: AnyArray, objects: AnyArray, make_error: MakeError) -> None:
    """Raise the error for rows at fault. It is the `Report` of a reader that stops at the first fault."""
    raise make_error(rows)


def check_rows(graph: Graph, block: AnyArray, bad: Bool, problem: str, values: AnyArray, report: Report) -> None:
    """Report the `bad` rows: the error is an ObjectFormatError for the first, whose text ends in that row's value."""
    if not count_true(bad):
        return

    def make_error(rows: AnyArray) -> ObjectFormatError:
        row = int(rows[0])
        home = int(block[row])
        # Rows are ordered by block. The first row of this block (argmax finds the first True) is the section's entry 0.
        entry = row - int(np.argmax(block == home))
        owner = int(graph.blocks.object[home])
        structure = f"relocation {entry} of section `{graph.section_name(home)}'"
        return ObjectFormatError(graph.files[owner], structure, f"{problem} ({int(values[row]):#x})")

    rows = true_rows(bad)
    report(rows, graph.blocks.object[block[rows]], make_error)


def check_kinds(
    graph: Graph, name: str, block: AnyArray, offset: AnyArray, kind: U8, number: AnyArray, report: Report
) -> None:
    """Report rows of an UNKNOWN kind as UnsupportedRelocation. `name` is the architecture's."""
    unknown = kind == UNKNOWN
    if not count_true(unknown):
        return

    def make_error(rows: AnyArray) -> UnsupportedRelocation:
        row = int(rows[0])
        place = graph.place(int(block[row]), int(offset[row]))
        return UnsupportedRelocation(place, f"type {int(number[row])}", f"is not one that {name} objects have")

    rows = true_rows(unknown)
    # A report may return. UNKNOWN is not a row of the table of kinds: later steps would look it up, so that the rows
    # become None, which has no field and fails no further check.
    kind[rows] = graph.kinds.number["None"]
    report(rows, graph.blocks.object[block[rows]], make_error)
