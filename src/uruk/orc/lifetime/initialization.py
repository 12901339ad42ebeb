"""Initialisers that linked code waits for, those and finalisers that run now, and the threads that wait for them.

They run without the session's lock. A lookup returns when what it found is initialised, by whichever thread; what a
thread's own initialisers look up they get as it is, as a constructor that calls dlsym does.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from uruk.errors import LookupTimeout
from uruk.orc.dispatch import waiting_threads
from uruk.orc.lifetime.callback_errors import led_to

if TYPE_CHECKING:
    from uruk.graph.types import I32
    from uruk.orc.registry.namespace import Namespace
    from uruk.orc.registry.registry import Registry
    from uruk.orc.registry.tracker import FunctionArray, ResourceTracker

_POLL_INTERVAL = 0.05
"""Seconds after which a waiting thread looks whether it is itself waited for by now."""


class Run:
    """Initialisers, or finalisers, that one thread is running, or is about to."""

    def __init__(self) -> None:
        self.final = False
        self.thread = threading.get_ident()
        self.arrays: list[FunctionArray] = []
        self.trackers: set[int] = set()
        """Numbers of trackers whose code is not to be used by others yet."""
        self.done = threading.Event()
        self.waits_for: Sequence[Run] = ()


class Query(Protocol):
    """A lookup, as far as it runs initialisers; see `uruk.orc.lookup.query.Query`."""

    @property
    def dylib(self) -> Namespace:
        """The dylib in which names are looked up."""
        ...

    @property
    def roots(self) -> bool:
        """True if initialisers run."""
        ...

    @property
    def bodies(self) -> bool:
        """True if it is the first call of a lazy function."""
        ...

    arrays: list[FunctionArray]
    turn: Run | None
    settled: bool

    def title(self) -> str:
        """Return the lookup, for errors."""
        ...

    def finals(self) -> I32:
        """Return the names whose definitions answer."""
        ...


class Initializers:
    """The initialisers of one session that are to run, and those that run."""

    def __init__(self, session: Registry) -> None:
        self.session = session
        self.waiting: list[FunctionArray] = []
        """Initialisers and finalisers of linked code that did not run yet."""
        self.running: list[Run] = []

    def begin(self, query: Query) -> None:
        """Take what a lookup is to run, under the hold of the lock in which it linked: nothing may use that before."""
        if not (query.arrays or (query.roots and self.waiting)):
            return
        dylibs = frozenset(query.dylib.dependencies() if query.roots else ())
        arrays = [array for array in self.waiting if array.tracker.dylib in dylibs]
        if query.roots or query.bodies:
            arrays += query.arrays
        if arrays:
            turn = self._turn_of(query)
            turn.arrays += arrays  # before they are taken away elsewhere, as Ctrl-C may come between
            turn.trackers.update(array.tracker.number for array in arrays)
            self.waiting = [array for array in self.waiting if array.tracker.dylib not in dylibs]
        if not (query.roots or query.bodies):  # the rest waits for a lookup that does
            self.waiting += query.arrays
        query.arrays = []

    def _turn_of(self, query: Query) -> Run:
        """Return the turn of a lookup, as one that runs."""
        if query.turn is None:
            query.turn = Run()
        if query.turn not in self.running:
            self.running.append(query.turn)
        return query.turn

    def settle(self, query: Query, deadline: float | None) -> None:
        """Run the initialisers of a lookup that has linked, and wait for those that other threads run."""
        session = self.session
        # Most lookups find nothing to run: they leave without taking the lock again.
        if not (query.turn or query.arrays or self.running or (query.roots and self.waiting)):
            query.settled = True
            return
        try:
            with session.lock:
                self.begin(query)
                # Most lookups that run something are the only ones.
                others = any(run is not query.turn for run in self.running)
                waits_for = self._needed(query, query.turn.trackers if query.turn else ()) if others else ()
                if waits_for:
                    self._turn_of(query).waits_for = waits_for
            turn = query.turn
            if turn is not None:
                if turn.waits_for:
                    self._wait(turn.waits_for, deadline, query.title())
                self._run(query.dylib, turn.arrays)
        finally:
            with session.lock:
                self._end_turn(query)

    def _end_turn(self, query: Query) -> None:
        """Note that a lookup runs no initialisers any more; those that it gave up wait for another lookup."""
        turn = query.turn
        # An array that has begun is not run again, even if it was interrupted (a constructor runs once).
        given_up = [array for array in (turn.arrays if turn is not None else ()) if not array.begun]
        for array in given_up:
            with contextlib.suppress(ValueError):
                array.tracker.resources.arrays.remove(array)
        self.waiting += given_up + query.arrays
        query.arrays = []
        if turn is not None:
            turn.arrays = []
            if turn in self.running:
                self.running.remove(turn)
            turn.done.set()
        query.settled = True

    def _needed(self, query: Query, trackers: Iterable[int]) -> list[Run]:
        """Return runs of other threads that initialise what a lookup found, or what that uses."""
        session = self.session
        owners = session.table.owner[query.finals()].tolist()
        queue = [*trackers, *(session.objects[number].tracker.number for number in owners if number >= 0)]
        seen: set[int] = set()
        for number in queue:  # grows on the way
            if number not in seen:
                seen.add(number)
                tracker = session.trackers.get(number)
                queue += [used.number for used in tracker.resources.uses] if tracker is not None else ()
        excluded = self._behind_me()
        foreign = (run for run in self.running if not run.final and run.thread not in excluded)
        return [run for run in foreign if not run.trackers.isdisjoint(seen)]

    def _behind_me(self) -> set[int]:
        """Return this thread, and those that wait for it, directly or not: waiting for them would never end."""
        waits = waiting_threads()
        for run in self.running:
            waits += [(run.thread, awaited.thread) for awaited in run.waits_for if not awaited.done.is_set()]
        behind = {threading.get_ident()}
        while True:
            more = {waiter for waiter, awaited in waits if awaited in behind} - behind
            if not more:
                return behind
            behind |= more

    def _wait(self, runs: Sequence[Run], deadline: float | None, waiter: str) -> None:
        """Wait for runs of other threads, unless one of these comes to wait for this thread. Raises LookupTimeout."""
        for run in runs:
            while not run.done.wait(_left(deadline)):
                if deadline is not None and time.monotonic() >= deadline:
                    raise LookupTimeout(waiter, ["initialisers that another thread runs"])
                # With the lock, as the table of waits must not change while it is followed. Another thread may hold it
                # for long, or wait for this one: hence the time limit.
                if self.session.lock.acquire(timeout=_left(deadline)):
                    circular = run.thread in self._behind_me()
                    self.session.lock.release()
                    if circular:
                        break

    def _run(self, dylib: Namespace, arrays: Sequence[FunctionArray]) -> None:
        """Run initialisers, those of dylibs first that others need."""
        platform = self.session.platform
        if platform is None or not arrays:
            return
        of_dylib: dict[Namespace, list[FunctionArray]] = {}
        for array in arrays:
            of_dylib.setdefault(array.tracker.dylib, []).append(array)
            # Noted before it runs, so that a finaliser runs even where an initialiser of the same module throws.
            array.tracker.resources.arrays.append(array)
        # The walk over dylibs is needed only where there is an order to keep.
        order = dylib.dependencies() if len(of_dylib) > 1 else []
        with led_to():
            for owner in [*(owner for owner in of_dylib if owner not in order), *order] if order else list(of_dylib):
                if owner in of_dylib:
                    platform.initialize(of_dylib[owner])

    @contextmanager
    def finalizing(self, trackers: Iterable[ResourceTracker]) -> Generator[None, None, None]:
        """Keep trackers while their finalisers run: none of them is removed.

        Enter it with the session's lock, leave it without.

        Lookups do not wait for them: a finaliser may end a thread that still looks names up.
        """
        run = Run()
        run.final = True
        run.trackers.update(tracker.number for tracker in trackers)
        self.running.append(run)
        try:
            yield
        finally:
            with self.session.lock:
                if run in self.running:  # not in a child that another thread has forked
                    self.running.remove(run)
            run.done.set()

    @contextmanager
    def at_rest(self, *trackers: ResourceTracker) -> Generator[bool, None, None]:
        """Hold the lock when no thread runs initialisers or finalisers of some trackers; yields False if we do."""
        numbers = {tracker.number for tracker in trackers}
        while True:
            with self.session.lock:
                runs = [run for run in self.running if not numbers.isdisjoint(run.trackers)]
                is_own = bool(runs) and not self._behind_me().isdisjoint(run.thread for run in runs)
                if is_own or not runs:
                    yield not is_own
                    return
            # Without the lock, which the thread that runs them may need; then everything is looked at again.
            runs[0].done.wait(_left(None))

    def wait_for_others(self, patience: float | None) -> None:
        """Wait until no other thread runs initialisers; at most `patience` seconds."""
        end = None if patience is None else time.monotonic() + patience
        if not self.session.lock.acquire(timeout=-1 if patience is None else patience):
            return
        excluded = self._behind_me()
        runs = [run for run in self.running if run.thread not in excluded]
        self.session.lock.release()
        with contextlib.suppress(LookupTimeout):
            self._wait(runs, end, "the end of a session")

    def forget(self, tracker: ResourceTracker) -> None:
        """Drop the initialisers of a tracker that is removed: they will not run any more."""
        self.waiting = [array for array in self.waiting if array.tracker is not tracker]

    def forget_threads(self) -> None:
        """Count, in a forked child, what threads that are gone had begun as done; the rest waits for a lookup."""
        this_thread = threading.get_ident()
        for run in self.running:
            if run.thread != this_thread:
                self.waiting += [array for array in run.arrays if not array.begun]
                run.done.set()
        self.running = [run for run in self.running if run.thread == this_thread]


def _left(deadline: float | None) -> float:
    """Return seconds until it is time to look which threads wait for one another."""
    return _POLL_INTERVAL if deadline is None else min(_POLL_INTERVAL, max(0.0, deadline - time.monotonic()))
