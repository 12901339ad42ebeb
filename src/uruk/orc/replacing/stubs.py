"""Leads the stubs of a replaceable object's functions to its new code, and back to the old where that fails."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from uruk.errors import ExecutorCrashed
from uruk.graph.types import NONE
from uruk.orc.registry.symbols import Flag, Rank
from uruk.records import record

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.replacing.versions import Part, Versions

_ADDRESS = (1 << 64) - 1

Linked = Mapping[int, tuple[int, int, int, int]]
"""Name -> address, rank, flags and owner of old code that was linked."""


@record
class Leads:
    """The places to which the stubs of an object's functions lead at some moment."""

    stubs: dict[int, int]
    """Address of a stub -> where it goes, 0 while it is lazy."""
    gone: dict[int, tuple[str, str] | None]
    """Name -> what `LazyFunctions.gone` has for it."""
    held: list[tuple[Part, int]]
    """The number of functions of each part that are still reached, though they were replaced."""

    @classmethod
    def of(cls, session: Lifetime, versions: Versions) -> Leads:
        """Return the places to which the stubs lead now."""
        stubs, gone = dict[int, int](), dict[int, tuple[str, str] | None]()
        for _, name, stub in versions.stubs():
            stubs[stub] = session.lazy.target_of(stub)
            gone[name] = session.lazy.gone.get(name)
        return cls(stubs, gone, [(part, len(part.held)) for part in versions.parts])

    def restore(self, session: Lifetime) -> None:
        """Lead all stubs there again."""
        for name, text in self.gone.items():
            if text is None:
                session.lazy.gone.pop(name, None)
            else:
                session.lazy.gone[name] = text
        for part, count in self.held:
            del part.held[count:]
        if self.stubs and session.executor.lost is None:
            with contextlib.suppress(ExecutorCrashed):  # with the process the stubs are gone, too
                session.lazy.lead(list(self.stubs), list(self.stubs.values()))


def lead_to_new(versions: Versions, owners: set[int], taken: set[int], linked: Linked, file: str) -> None:
    """Lead the stubs of all functions to the code of objects, `owners`; those of functions that are gone to an error.

    `taken` are the names that were the old code's, `linked` those of them that were linked, `file` what replaces it.
    """
    session = versions.session
    table, lead = session.table, dict[int, int]()
    for _, name, stub in versions.stubs():
        if table.ready[name] and int(table.owner[name]) in owners:
            session.lazy.gone.pop(name, None)
            lead[stub] = int(table.address[name]) & _ADDRESS
        elif name in taken and table.owner[name] < 0:
            text = session.ids.text(name).decode("utf-8", "replace").partition(" [static")[0]
            session.lazy.gone[name] = text, file
            lead[stub] = _held(versions, linked, name, text)
    if lead:
        session.lazy.lead(list(lead), list(lead.values()))


def set_names(versions: Versions, owners: set[int], taken: set[int], linked: Linked) -> None:
    """Have stubs define the public names of functions that objects, `owners`, define, and not those that are gone.

    See `lead_to_new`. It comes before these objects are linked, which may refer to both.
    """
    owner = versions.session.table.owner
    names = [(public, name) for public, name, _ in versions.stubs()]
    versions.withdrawn.show(public for public, name in names if int(owner[name]) in owners)
    gone = (pair for pair in names if pair[1] in taken and owner[pair[1]] < 0)
    versions.withdrawn.withdraw(public for public, name in gone if not _is_reached(linked, name))


def lead_to_old(versions: Versions, linked: Linked) -> None:
    """Lead the stubs of functions back to old code that was linked: destructors of its variables are to run."""
    lead = {stub: linked[name][0] & _ADDRESS for _, name, stub in versions.stubs() if name in linked}
    if lead:
        versions.session.lazy.lead(list(lead), list(lead.values()))


def _is_reached(linked: Linked, name: int) -> bool:
    """Return True if the old code of a function that is gone is to be reached on."""
    _, rank, flags, _ = linked.get(name, (0, 0, 0, NONE))
    return name in linked and (rank != Rank.STRONG or bool(flags & Flag.HIDDEN))


def _held(versions: Versions, linked: Linked, name: int, text: str) -> int:
    """Return the old address of a function that is gone if its stub must go on leading there; 0 for an error instead.

    Other objects may have left their copies of inline functions to this one; static ones have been handed out.
    """
    if not _is_reached(linked, name):
        return 0
    address, _, _, owner = linked[name]
    for part in versions.parts:
        if owner in part.objects:
            part.held.append(text)
    return address & _ADDRESS
