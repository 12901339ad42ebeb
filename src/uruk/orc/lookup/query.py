"""One lookup, from names to addresses: gather what they need, wait for what must be made, link it as one batch.

The one core behind the blocking, the Future-returning and the async form. The session's lock is held while names are
searched and the batch is linked, never while a unit, a generator or an initialiser runs.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import UrukError
from uruk.orc.dispatch import Task, wait_for
from uruk.orc.lookup import failures
from uruk.orc.lookup.answers import Answer, Outcome, Question, checked, ready_answer
from uruk.orc.lookup.closure import Closure
from uruk.orc.lookup.one_object import OneObject, one_object
from uruk.orc.registry.entries import Contents, ObjectEntry, ObjectState, UnitEntry
from uruk.orc.registry.search import LookupKind
from uruk.passes.faults import LinkFaults
from uruk.records import record

if TYPE_CHECKING:
    from uruk.graph.types import I32, Bool
    from uruk.orc.lifetime.initialization import Run
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.tracker import FunctionArray


@record
class Query:
    """The names of one lookup, and how they are looked for.

    `roots`: objects with initialisers are linked, too, and initialisers run; `again` includes those that have failed
    before. `everything` links every added object, as ld does with the objects that it is given, and finds hidden names,
    too. `bodies`: the names are those behind lazy stubs, and `objects`, by number, are linked with them. `timeout` in
    seconds. `linked` is called, under the lock, when all is linked without an error, if there are initialisers, and
    none has run.
    """

    session: Lifetime
    dylib: Contents
    ids: I32
    weak: Bool | None = None
    kind: LookupKind = LookupKind.STATIC
    roots: bool = False
    again: bool = False
    everything: bool = False
    bodies: bool = False
    objects: Sequence[int] = ()
    timeout: float | None = None
    linked: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self.failed: dict[int, BaseException] = {}
        self.errors: list[UrukError] = []
        self.arrays: list[FunctionArray] = []
        self.turn: Run | None = None
        """The initialisers that it runs."""
        self.settled = False
        """True when these have run, or wait for another lookup."""
        self._closure: Closure | OneObject | None = None
        self._asked: set[tuple[int, int]] = set()
        """See `NameSearch.asked`."""
        self._seen = -1
        self._roots: list[ObjectEntry] = []

    def run(self) -> list[Answer | None]:
        """Return addresses and flags, in order; None for a weakly referenced name that nothing defines.

        Raises UndefinedSymbols for others, and whatever materialization and linking raise.
        """
        # One deadline for all waits of the lookup, which may be many.
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        try:
            outcomes = self._run(deadline)
            self.session.initializers.settle(self, deadline)
        except BaseException:
            if not self.settled:
                self.session.initializers.settle(self, deadline)
            raise
        if self.errors:
            raise failures.first_of(self.errors)
        return checked(outcomes)

    def _run(self, deadline: float | None) -> list[Outcome]:
        """Plan, wait and link, until all is linked that can be."""
        while True:
            with self.session.lock:
                self.session.check_dylib(self.dylib)
                with self.session.spending("find names"):
                    tasks = self._plan()
                if not tasks:
                    # In one hold of the lock: no other thread may see what is linked and not initialised as ready.
                    self._link()
                    if self.linked is not None and self.arrays and not self.errors:
                        self.linked()
                    self.session.initializers.begin(self)
                    return self._outcomes()
            for task in tasks:
                # All tasks start before the first is waited for, so that units run at the same time.
                self.session.dispatcher.dispatch(task)
            wait_for(tasks, deadline, self.title())

    def title(self) -> str:
        """Return the lookup, for errors."""
        names = [self.dylib.text(number) for number in self.ids[:3].tolist()]
        return f"lookup of {', '.join(names) or 'initialisers'} in {self.dylib.name}"

    # -- planning

    def _plan(self) -> list[Task]:
        """Bring the closure up to date; returns what must be done before it is complete."""
        closure = self._closure
        if closure is not None:
            self._note_failures(closure)
        # After changes the search begins afresh: half of it would be of definitions that have other owners now.
        if closure is None or self._seen != self.session.changes:
            self._roots, needed = [], list[int]()
            if self.everything or self.dylib.has_roots():
                announced = self.dylib.announcements()
                if announced:  # sources whose symbols are not known before they are compiled
                    self._closure = None
                    return announced
                needed = self._needed_anyway(first=closure is None)
            if self.ids.size == 1 and not (self.bodies or self.failed):
                self._closure = one_object(self.session, self.dylib, self.ids.item(), needed)
                if self._closure is not None:
                    self._seen = self.session.changes
                    return []
            closure = self._closure = Closure(self.session, self.kind, self.failed, self._asked)
            if self.bodies:
                closure.want_bodies(self.ids, self.objects)
            else:
                weak = np.zeros(self.ids.size, np.bool_) if self.weak is None else self.weak
                closure.want(self.dylib, self.ids, weak, needed)
        else:
            closure.proceed()
        self._seen = self.session.changes
        return list(closure.tasks.values())

    def _needed_anyway(self, *, first: bool) -> list[int]:
        """Return numbers of the entries that are linked whether or not a name needs them."""
        if first:
            self._retry_roots_alone()
        self._take_source_errors()
        self._roots = self._wanted_roots()
        return [entry.number for entry in (*self._roots, *self._wanted_units())]

    def _note_failures(self, closure: Closure | OneObject) -> None:
        """Do not ask units that failed again in this lookup; a generator that failed fails all of it."""
        for task in closure.tasks.values():
            if task.error is None:
                continue
            number, error = task.number, failures.error_of(task)
            if number is None or not isinstance(error, UrukError):
                raise error
            if number not in self.failed:
                self.failed[number] = error
                entry = self.session.objects.get(number)
                if isinstance(entry, UnitEntry):
                    entry.failed = True
                # A unit's failure fails its dependents only: the lookup goes on with all others.
                self.errors.append(error)

    def _wanted_roots(self) -> list[ObjectEntry]:
        if self.everything:
            return [entry for entry in self.session.pending.values() if entry.dylib is self.dylib]
        if not self.roots:
            return []
        return [entry for dylib in self.dylib.dependencies() for entry in dylib.pending_roots(again=self.again)]

    def _wanted_units(self) -> list[UnitEntry]:
        """Return units with initialisers that are to be made."""
        if not (self.roots or self.everything):
            return []
        units: list[UnitEntry] = []
        for dylib in self.dylib.dependencies():
            # Units that were made or removed are dropped here, where the list is read anyway.
            dylib.root_units = [unit for unit in dylib.root_units if self.session.objects.get(unit.number) is unit]
            units += [unit for unit in dylib.root_units if self.again or not unit.failed]
        return units

    def _take_source_errors(self) -> None:
        """Take the errors of sources that could not be compiled: the first lookup that might need them raises them."""
        for dylib in self.dylib.dependencies():
            self.errors += dylib.source_errors
            # Taken out of the dylib: the error is raised once, and not by every later lookup.
            dylib.source_errors = []

    def _retry_roots_alone(self) -> None:
        """Link roots alone that were in a batch that failed for no object's fault: that shows whose it was.

        The error was raised then, so that it is not raised again.
        """
        if not self.roots or self.again or self.everything:
            return
        roots = [root for dylib in self.dylib.dependencies() for root in dylib.roots if root.retry_alone]
        for entry in roots:
            if entry.state is ObjectState.PENDING:
                with contextlib.suppress(UrukError):
                    self._link_alone(entry)

    def _link_alone(self, entry: ObjectEntry) -> None:
        closure = Closure(self.session, self.kind, {}, set())
        closure.want(self.dylib, np.empty(0, np.int32), np.empty(0, np.bool_), [entry.number])
        if closure.tasks:
            # It needs a unit or a generator first: the lookup itself links it with those.
            entry.retry_alone = False
            return
        try:
            chosen = self._in_order(closure.chosen)
            self._link_batch(chosen)
            self.session.initializers.begin(self)
        except (UrukError, LinkFaults):
            entry.failed = True

    # -- linking

    def _link_batch(self, batch: list[ObjectEntry]) -> None:
        """See `uruk.orc.lookup.linking.link_batch`."""
        from uruk.orc.lookup.linking import link_batch  # all of the linker, with the first objects

        link_batch(self.session, batch, self.ids, self.arrays)

    def _link(self) -> None:
        """Link what was chosen, less what is faulty and what depends on that; the rest goes on."""
        closure = self._closure
        assert closure is not None
        chosen = closure.chosen
        while True:
            chosen = self._without_poisoned(chosen)
            if not chosen:
                return
            with self.session.spending("order members"):
                batch = self._in_order(chosen)
            try:
                self._link_batch(batch)
                return
            except LinkFaults as faults:
                errors = failures.errors_of(faults, len(batch))
                self.errors += errors
                rows: set[int] = {row for fault in faults.faults for row in fault.objects.tolist()}
                guilty = {batch[row].number for row in rows}
                if not guilty:  # nothing can be left out, so that a second link would fail in the same way
                    raise errors[0] from None
                self.failed.update(dict.fromkeys(guilty, errors[0]))
            except Exception:
                # No object is named: the next lookup links the roots one by one, so that lookups of other names do
                # not fail for the same reason again. A root that was linked alone is known to be the cause.
                for entry in self._roots:
                    entry.retry_alone = True
                    entry.failed = len(self._roots) == 1 and self.ids.size == 0
                raise

    def _in_order(self, chosen: dict[int, ObjectEntry]) -> list[ObjectEntry]:
        """Return objects as a linker has them on its line, members of archives where these stand."""
        if any(entry.archive is not None for entry in chosen.values()):
            from uruk.orc.lookup.archive_order import place_members  # a session without archives starts without it

            place_members(self.session, chosen.values(), self.finals().tolist())
        return sorted(chosen.values(), key=attrgetter("order", "place")) if len(chosen) > 1 else list(chosen.values())

    def _without_poisoned(self, chosen: dict[int, ObjectEntry]) -> dict[int, ObjectEntry]:
        """Return `chosen` less what failed or needs that, as far as other wanted names need it."""
        if not self.failed:
            return chosen
        poisoned = failures.poisoned(self.session.table, chosen, set(self.failed))
        # Of what failed an error of its own tells; the rest is listed as its consequence.
        names = [self._title(chosen[number]) for number in poisoned if number not in self.failed]
        for error in self.errors:
            error.poisoned = tuple(dict.fromkeys([*error.poisoned, *names]))
        for root in self._roots:
            if root.number in poisoned:
                root.failed = True
        # Of the rest only what is still wanted is linked: what failed objects alone needed is not.
        healthy = {number: entry for number, entry in chosen.items() if number not in poisoned}
        starts = [int(owner) for owner in self.session.table.owner[self.finals()].tolist()]
        starts += [root.number for root in self._roots]
        return failures.reachable(self.session.table, healthy, starts)

    def _title(self, entry: ObjectEntry) -> str:
        """Return an object, and the first symbol that it would have defined."""
        definitions = entry.added.definitions
        names = definitions.name[definitions.object == entry.index]
        return (
            f"{entry.file} ({self.session.ids.text(int(names[0])).decode('utf-8', 'replace')})"
            if names.size
            else entry.file
        )

    def finals(self) -> I32:
        """Return the names whose definitions answer."""
        final = self.session.stands_for(self.ids)
        if self.bodies:  # code behind a lazy name sees that one's stub; here what is behind it is wanted
            owner = self.session.table.owner[self.ids]
            kinds = [self.session.objects[number].kind if number >= 0 else "" for number in owner.tolist()]
            final = np.where([kind in ("", "alias") for kind in kinds], final, self.ids)
        return final

    def _outcomes(self) -> list[Outcome]:
        """Return the outcome for each name, when all is linked that can be."""
        self._closure = None
        if self.errors:
            return []
        # Both ask for the program's own definitions, which hidden visibility does not keep from it.
        own = self.everything or self.bodies
        if self.ids.size == 1 and not own:
            answer = ready_answer(self.session, self.ids.item())
            if answer is not None:
                return [answer]
        question = Question(
            self.session, self.dylib, self.ids, self.finals(), self.weak, own=own, of_program=self.everything
        )
        return question.outcomes()
