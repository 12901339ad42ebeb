"""Variables that views lead to. Once their code is removed the views raise RemovedCode, as other code may lie there."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakValueDictionary

from uruk.demangle import demangle
from uruk.errors import RemovedCode


class Presence:
    """A variable while its code is there; `removed` says what it was once that is gone."""

    __slots__ = ("__weakref__", "address", "name", "removed")

    def __init__(self, name: str, address: int) -> None:
        self.name = name
        self.address = address
        self.removed = ""

    def check(self) -> None:
        """Raise RemovedCode once the code was removed, also where other code lies at its address by then."""
        if self.removed:
            raise RemovedCode(self.removed, "used")


class Presences:
    """The variables of one session that views lead to."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[int, Presence] = WeakValueDictionary()

    def add(self, name: str, address: int) -> Presence:
        """Return what says whether a variable is there; it is kept up to date for as long as it is referred to."""
        presence = Presence(name, address)
        self._known[id(presence)] = presence
        return presence

    def remove(self, ranges: Sequence[tuple[int, int]], owner: str) -> None:
        """Note that memory from `start` to `end` goes, for each pair of `ranges`; `owner` is what it was of."""
        for reference in self._known.valuerefs():
            presence = reference()
            if presence is not None and any(start <= presence.address < end for start, end in ranges):
                presence.removed = presence.removed or f"`{demangle(presence.name)}' of {owner}"
