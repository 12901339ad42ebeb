"""Moves functions and variables from one replaceable object to another that is replaced with it.

A function's stub moves with its name, so that all callers and pointers go on to the code in its new place. A variable
stays where it lies, in memory of the tracker that it was made for, which the other one uses from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import InvalidValue
from uruk.orc.registry.entries import AliasEntry, LazyEntry, ObjectState
from uruk.orc.replacing.checks import names_of
from uruk.orc.replacing.statics import Kept, Key, variables_of

if TYPE_CHECKING:
    from uruk.graph.graph import Graph
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.replacing.change import Order
    from uruk.orc.replacing.versions import Versions

_Definer = AliasEntry | LazyEntry


class Moves:
    """The names and variables that move in one replacement of several trackers."""

    def __init__(self, session: Lifetime) -> None:
        self._session = session
        self._entries: list[tuple[_Definer, list[int], Versions]] = []
        """Entries that defined names, these names in their public form, and the versions that define them now."""
        self._variables: list[tuple[Versions, Key, Kept, Versions]] = []
        self.names: set[int] = set()
        """The names of the functions and variables, as bodies have them."""
        self._undoing = ExitStack()

    def find(self, orders: Sequence[Order], graphs: Sequence[Sequence[Graph]]) -> None:
        """Find out what moves. Raises InvalidValue where the trackers are of several dylibs, or one is named twice."""
        if len(orders) < 2:
            return
        all_versions = [order.versions for order in orders]
        if len({id(versions) for versions in all_versions}) < len(orders):
            raise InvalidValue("a tracker is named twice: it is replaced once, by one object")
        if len({id(versions.public) for versions in all_versions}) > 1:
            raise InvalidValue("what is replaced together belongs to one dylib: replace others one after the other")
        defined = [{name for graph in own for name in names_of(graph)} for own in graphs]
        for versions, kept in zip(all_versions, defined, strict=True):
            others = {
                name: other
                for other, names in reversed(list(zip(all_versions, defined, strict=True)))
                for name in names - kept
                if other is not versions
            }
            self._find_entries(versions, others)
        self._find_variables(all_versions, graphs)

    def _find_entries(self, versions: Versions, others: Mapping[int, Versions]) -> None:
        """Find the names that one loses and others define now."""
        owner = self._session.table.owner
        for entry in self._session.entries_of(versions.tracker):
            if not isinstance(entry, AliasEntry | LazyEntry):
                continue
            to: dict[int, tuple[Versions, list[int]]] = {}
            for public, name in entry.targets.items():
                if name in others and owner[public] == entry.number:
                    to.setdefault(id(others[name]), (others[name], []))[1].append(public)
                    self.names.add(name)
            self._entries += [(entry, publics, other) for other, publics in to.values()]

    def _find_variables(self, all_versions: Sequence[Versions], graphs: Sequence[Sequence[Graph]]) -> None:
        keys = [{variable.key: variable for graph in own for variable in variables_of(graph)} for own in graphs]
        for versions, new in zip(all_versions, keys, strict=True):
            for key, variable in new.items():
                if key in versions.statics.variables:
                    continue
                homes = [
                    other
                    for other, names in zip(all_versions, keys, strict=True)
                    if other is not versions and key in other.keys - names.keys() and key in other.statics.variables
                ]
                if len(homes) != 1:
                    continue
                kept = homes[0].statics.variables[key]
                # Of static ones a namesake of another kind is another variable.
                if not key[1] or (kept.size, kept.type) == (variable.size, variable.type):
                    self._variables.append((homes[0], key, kept, versions))

    def begin(self, *, variables: bool) -> None:
        """Move all of it. Under the session's lock."""
        for entry, publics, other in self._entries:
            self._move_names(entry, publics, other)
        for versions, key, kept, other in self._variables if variables else ():
            self._undoing.callback(setattr, versions, "statics", versions.statics)
            self._undoing.callback(setattr, other, "statics", other.statics)
            versions.statics, other.statics = versions.statics.copy(), other.statics.copy()
            del versions.statics.variables[key]
            other.statics.variables[key] = kept
            other.tracker.use(versions.tracker)

    def _move_names(self, entry: _Definer, publics: Sequence[int], other: Versions) -> None:
        session = self._session
        targets = {public: name for public, name in entry.targets.items() if public in publics}  # in the stubs' order
        facts = (session.next_number, entry.dylib, other.tracker, session.next_order(), ObjectState.LINKED)
        new: _Definer
        if isinstance(entry, LazyEntry):
            stubs = entry.stubs[np.isin(list(entry.targets), publics)]
            new = LazyEntry(*facts, targets=targets, stubs=stubs, origin=entry.origin)
        else:
            new = AliasEntry(*facts, targets=targets, origin=entry.origin)
        self._undoing.callback(self._own, entry, publics)
        self._undoing.callback(session.leave, new)
        self._undoing.callback(setattr, entry, "targets", entry.targets)
        if isinstance(entry, LazyEntry):
            self._undoing.callback(setattr, entry, "stubs", entry.stubs)
            entry.stubs = entry.stubs[~np.isin(list(entry.targets), publics)]
        entry.targets = {public: name for public, name in entry.targets.items() if public not in targets}
        session.enter(new)
        self._undoing.callback(partial(other.withdrawn.rows.update, other.withdrawn.rows.copy()))
        for public in publics:
            other.withdrawn.rows.pop(public, None)
        self._own(new, publics)

    def _own(self, entry: _Definer, publics: Sequence[int]) -> None:
        """Have an entry own names, and its stubs mean them."""
        self._session.table.owner[list(publics)] = entry.number
        if isinstance(entry, LazyEntry):
            self._session.lazy.point(entry)
        self._session.changed()

    def undo(self) -> None:
        """Take all of it back. Under the session's lock."""
        self._undoing.close()
