"""Checks of relocation rows that the readers of all object formats share, with the errors that name a row's place."""

from __future__ import annotations

import numpy as np

from uruk.errors import ObjectFormatError, UnsupportedRelocation
from uruk.formats.interface import Report, Tell
from uruk.graph.graph import Graph
from uruk.graph.types import U8, AnyArray, Bool, count_true, true_rows

UNKNOWN = 255
"""Stands in a column of kinds for a relocation number that the architecture's map does not have."""


def refuse(rows: AnyArray, objects: AnyArray, tell: Tell) -> None:
    """Raise the error of the rows at fault: the `Report` of a reader that gathers no faults."""
    raise tell(rows)


def check_rows(graph: Graph, block: AnyArray, bad: Bool, problem: str, values: AnyArray, report: Report) -> None:
    """Report the `bad` rows as ObjectFormatError of the first; the text ends in that row's value."""
    if not count_true(bad):
        return

    def tell(rows: AnyArray) -> ObjectFormatError:
        row = int(rows[0])
        home = int(block[row])
        entry = row - int(np.argmax(block == home))
        owner = int(graph.blocks.object[home])
        structure = f"relocation {entry} of section `{graph.section_name(home)}'"
        return ObjectFormatError(graph.files[owner], structure, f"{problem} ({int(values[row]):#x})")

    rows = true_rows(bad)
    report(rows, graph.blocks.object[block[rows]], tell)


def check_kinds(
    graph: Graph, name: str, block: AnyArray, offset: AnyArray, kind: U8, number: AnyArray, report: Report
) -> None:
    """Report rows of an UNKNOWN kind as UnsupportedRelocation; they become None rows. `name` is the architecture's."""
    unknown = kind == UNKNOWN
    if not count_true(unknown):
        return

    def tell(rows: AnyArray) -> UnsupportedRelocation:
        row = int(rows[0])
        place = graph.place(int(block[row]), int(offset[row]))
        return UnsupportedRelocation(place, f"type {int(number[row])}", f"is not one that {name} objects have")

    rows = true_rows(unknown)
    kind[rows] = graph.kinds.number["None"]
    report(rows, graph.blocks.object[block[rows]], tell)
