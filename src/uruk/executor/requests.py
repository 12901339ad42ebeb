"""Requests of an executor that come out of no call that waits here: served in threads, in bounded number."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from uruk.errors import ProtocolError
from uruk.executor.locks import inner_lock, ownership

MOST_THREADS = 256
"""Requests that are served at a time; others wait for one of these to end."""
MOST_WAITING = 10_000
"""Requests that may wait, those for threads which wait for the result of a call included."""
LARGEST = 1 << 16
"""Bytes that a request may carry: callbacks take arguments in registers and at most 16 words."""


class Requests:
    """The requests of one executor: `serve` does their work, `count` keeps their number in bounds."""

    def __init__(self) -> None:
        lock = self._lock = inner_lock()  # reentrant: a signal's handler or a destructor may make calls in the middle
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads = 0
        self._open: set[object] = set()
        self.is_mine = ownership(lock)
        """Says whether the thread that calls it is in the middle of a change."""

    def count(self, request: object, work: Callable[[], None], answered: Sequence[object]) -> Callable[[], None]:
        """Return the work of a request that has come, which is over when there is something in `answered`.

        It is done once, however often it is called; where a signal's handler ended it in the middle, the next call goes
        on with it. Raises ProtocolError where too many have come.
        """
        with self._lock:
            if request not in self._open and len(self._open) >= MOST_WAITING:
                raise ProtocolError(f"the executor sent more than {MOST_WAITING} requests before they were answered")
            self._open.add(request)
        tickets: list[object] = [request]

        def counted() -> None:
            taken: list[object] = []
            try:
                try:
                    taken.extend(map(tickets.pop, (-1,)))  # in one step of Python's: the first alone finds it
                except IndexError:
                    return
                work()
            finally:
                if answered:
                    with self._lock:
                        self._open.discard(request)
                else:
                    tickets.extend(taken)

        return counted

    def serve(self, work: Callable[[], None]) -> None:
        """Do the work in a thread, at once or when one of `MOST_THREADS` is free."""
        with self._lock:
            self._waiting.append(work)
            if self._threads >= MOST_THREADS:
                return
            # Counted before it starts, as other requests look at the number meanwhile.
            self._threads += 1
        try:
            threading.Thread(target=self._run, name="uruk request", daemon=True).start()
        except RuntimeError:  # the system has no more threads
            with self._lock:
                self._threads -= 1
                # Running threads take what waits, one request after the other: only without any is one missing.
                if not self._threads:
                    raise

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                work = self._waiting.popleft()
            work()
