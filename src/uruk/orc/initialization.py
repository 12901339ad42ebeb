"""Initialisers that linked code waits for, those that run now, and who has to wait for them.

They run without the session's lock. A lookup returns when what it found is initialised, by whichever thread; what a
thread's own initialisers look up they get as it is, as a constructor that calls dlsym does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from uruk.errors import LookupTimeout
from uruk.orc.platform import FunctionArray
from uruk.orc.tracker import ResourceTracker

if TYPE_CHECKING:
    from uruk.orc.dylib import JITDylib
    from uruk.orc.query import Query
    from uruk.orc.session import Session


class Run:
    """Initialisers that one thread is running, or is about to."""

    def __init__(self, arrays: Sequence[FunctionArray]) -> None:
        self.thread = threading.get_ident()
        self.arrays = arrays
        self.trackers = {array.tracker.number for array in arrays}
        self.done = threading.Event()
        self.waits_for: Sequence[Run] = ()

    def leads_to(self, thread: int) -> bool:
        """Whether it is a thread's own, or waits for what is."""
        return self.thread == thread or any(one.leads_to(thread) for one in self.waits_for if not one.done.is_set())


class Initializers:
    """What is to run, and what runs, of one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.waiting: list[FunctionArray] = []
        """Initialisers and finalisers of linked code that did not run yet."""
        self.running: list[Run] = []

    def begin(self, query: Query) -> Run | None:
        """After a lookup has linked: note what it is to run, and for whom it waits; None if there is nothing to do.

        Under the lock under which it has linked: nobody finds code that is neither initialised nor known to wait for it.
        """
        if not (query.arrays or self.running or (query.roots and self.waiting)):
            return None
        run = Run(self._arrays_of(query))
        run.waits_for = self._needed(query, run.trackers) if self.running else ()
        if not (run.arrays or run.waits_for):
            return None
        self.running.append(run)
        return run

    def settle(self, query: Query, run: Run, deadline: float | None) -> None:
        """Run what a lookup is to run, and wait for what others run of what it found."""
        try:
            _wait(run.waits_for, deadline, query)
            self._run(query.dylib, run.arrays)
        finally:
            with self.session.lock:
                if run in self.running:
                    self.running.remove(run)
            run.done.set()

    def _arrays_of(self, query: Query) -> list[FunctionArray]:
        """What a lookup is to run; the rest waits for one that does."""
        arrays, query.arrays = query.arrays, []
        if not (query.roots or query.bodies):
            self.waiting += arrays
            return []
        if query.roots:
            mine = set(query.dylib.dependencies())
            arrays = [one for one in self.waiting if one.tracker.dylib in mine] + arrays
            self.waiting = [one for one in self.waiting if one.tracker.dylib not in mine]
        return arrays

    def _needed(self, query: Query, trackers: Iterable[int]) -> list[Run]:
        """Runs of other threads that initialise what a lookup found, or what that uses."""
        session = self.session
        owners = session.table.owner[query.finals()].tolist()
        queue = [*trackers, *(session.objects[one].tracker.number for one in owners if one >= 0)]
        seen: set[int] = set()
        for number in queue:  # grows on the way
            if number not in seen:
                seen.add(number)
                tracker = session.trackers.get(number)
                queue += [one.number for one in tracker.resources.uses] if tracker is not None else ()
        here = threading.get_ident()
        return [run for run in self.running if not run.trackers.isdisjoint(seen) and not run.leads_to(here)]

    def _run(self, dylib: JITDylib, arrays: Sequence[FunctionArray]) -> None:
        """Run initialisers, those of dylibs first that others need."""
        platform = self.session.platform
        if platform is None or not arrays:
            return
        of_dylib: dict[JITDylib, list[FunctionArray]] = {}
        for array in arrays:
            of_dylib.setdefault(array.tracker.dylib, []).append(array)
            array.tracker.resources.arrays.append(array)
        order = dylib.dependencies() if len(of_dylib) > 1 else []
        for one in [*(one for one in of_dylib if one not in order), *order] if order else list(of_dylib):
            if one in of_dylib:
                platform.initialize(of_dylib[one])

    @contextmanager
    def at_rest(self, tracker: ResourceTracker) -> Generator[bool, None, None]:
        """Under the session's lock, when no thread runs initialisers of a tracker; False if this thread does."""
        here = threading.get_ident()
        while True:
            with self.session.lock:
                runs = [run for run in self.running if tracker.number in run.trackers]
                mine = any(run.leads_to(here) for run in runs)
                if mine or not runs:
                    yield not mine
                    return
            for run in runs:
                run.done.wait()

    def wait_for_others(self, patience: float | None) -> None:
        """Wait until no other thread runs initialisers; at most `patience` seconds."""
        end = None if patience is None else time.monotonic() + patience
        here = threading.get_ident()
        for run in list(self.running):
            if not run.leads_to(here):
                run.done.wait(None if end is None else max(0.0, end - time.monotonic()))

    def forget(self, tracker: ResourceTracker) -> None:
        """A tracker is removed: its initialisers will not run any more."""
        self.waiting = [one for one in self.waiting if one.tracker is not tracker]

    def forget_threads(self) -> None:
        """In a forked child: other threads are gone, and what they ran will not end."""
        here = threading.get_ident()
        for run in self.running:
            if run.thread != here:
                run.done.set()
        self.running = [run for run in self.running if run.thread == here]


def _wait(runs: Sequence[Run], deadline: float | None, query: Query) -> None:
    for run in runs:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not run.done.wait(left):
            raise LookupTimeout(query.what(), ["initialisers that another thread runs"])
