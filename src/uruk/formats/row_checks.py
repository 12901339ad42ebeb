"""Checks of columns whose rows stand for parts of files, with the error of the first bad row."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.graph.types import I64, Bool, count_true


class CheckedRows(ABC):
    """A table of rows that were read from files, such as section headers."""

    @abstractmethod
    def error(self, row: int, problem: str) -> ObjectFormatError:
        """Return the error of one row; it names the file, the row and its place there."""

    def check(self, rows: I64, *checks: tuple[Bool, str]) -> None:
        """Raise ObjectFormatError for the first of `rows` that is bad; a check is (which are bad, problem)."""
        for bad, problem in checks:
            if count_true(bad):
                # argmax of a mask is its first True row.
                raise self.error(int(rows[int(np.argmax(bad))]), problem)
