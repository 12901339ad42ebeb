"""Names of functions that a new version does not define: code that is linked from now on finds them undefined.

Their stubs stay, for code that has the address of one, and are theirs again when a later version defines them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime

_COLUMNS = ("owner", "rank", "ready", "flags", "address")


class Withdrawn:
    """The public names of one replaceable tracker that were taken out of the session's table."""

    def __init__(self, session: Lifetime) -> None:
        self.session = session
        self.rows: dict[int, list[int]] = {}
        """Name -> what each column of the table had for it."""

    def withdraw(self, names: Iterable[int]) -> None:
        """Make names undefined, those of them that are stubs' still. Under the session's lock."""
        table = self.session.table
        chosen = [name for name in names if name not in self.rows and table.owner[name] >= 0]
        for name in chosen:
            self.rows[name] = [int(getattr(table, column)[name]) for column in _COLUMNS]
        self._changed(chosen)
        table.forget(np.array(chosen, np.int64))

    def show(self, names: Iterable[int]) -> None:
        """Have stubs define names again. Under the session's lock."""
        table = self.session.table
        chosen = [name for name in names if name in self.rows]
        for name in chosen:
            for column, value in zip(_COLUMNS, self.rows.pop(name), strict=True):
                getattr(table, column)[name] = value
        self._changed(chosen)

    def set(self, names: set[int]) -> None:
        """Have just these names withdrawn. Under the session's lock."""
        now = set(self.rows)
        self.show(now - names)
        self.withdraw(names - now)

    def _changed(self, names: list[int]) -> None:
        if names:
            self.session.changed()
