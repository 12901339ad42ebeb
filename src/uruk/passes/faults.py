"""Errors of a link as rows: which objects are at fault, and the error to tell of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from uruk.errors import UrukError
from uruk.graph.types import I64, Bool


@dataclass(eq=False, repr=False)
class Fault:
    """One error: `objects` are the rows of those at fault; `error` makes it, told of the objects in a mask."""

    objects: I64
    error: Callable[[Bool], UrukError]


class LinkFaults(Exception):
    """What a link fails with, where that is some objects' fault; caught by who asked for it."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__(faults)
