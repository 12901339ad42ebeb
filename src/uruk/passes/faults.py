"""The faults that a pass finds, as rows: which objects are at fault, and the error that is raised for some of them.

A pass gathers all that it finds and raises it at its end, so that the driver can leave out every object at fault, and
what depends on it, and link the rest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from uruk.errors import UrukError
from uruk.formats.interface import MakeError
from uruk.graph.types import I64, AnyArray, Bool, true_rows, unique
from uruk.records import record


@record
class Fault:
    """One kind of thing wrong with some objects of a batch."""

    objects: I64
    """The objects at fault, ascending, each once."""
    error: Callable[[Bool], UrukError]
    """The error of the objects in the mask only (a row an object of the batch); one of them must be at fault."""


class LinkFaults(Exception):
    """The exception of `link` where objects are at fault; `faults` are those of one pass. No error of the API."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__(faults)

    @property
    def objects(self) -> I64:
        """All objects at fault, ascending."""
        return unique(np.concatenate([fault.objects for fault in self.faults]))


class Faults:
    """The faults that one pass gathers."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, rows: AnyArray, objects: AnyArray, make_error: MakeError) -> None:
        """Add rows at fault, each with its object.

        Where no row has one, nothing can be left out: the error is raised.
        """
        if rows.size == 0:
            return
        if (objects < 0).any():
            # Rows that a plug-in has added belong to no object; the fault of the others is enough to leave them out.
            known = true_rows(objects >= 0)
            if known.size == 0:
                raise make_error(rows)
            rows, objects = rows[known], objects[known]
        # The rows stay in order, so that the error of an object names its first place.
        self.found.append(Fault(unique(objects).astype(np.int64), lambda mask: make_error(rows[mask[objects]])))

    def add_error(self, objects: AnyArray, error: UrukError) -> None:
        """Add objects that share one error, whichever of them it is raised for."""
        self.add(objects, objects, lambda _: error)

    def raise_any(self) -> None:
        """Raise LinkFaults if there are any."""
        if self.found:
            raise LinkFaults(self.found)
