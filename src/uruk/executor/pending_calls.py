"""The calls into an executor whose results have not come yet.

Each change ends with the step that makes it known, so that what a signal's handler interrupts is done again as a whole.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

from uruk.errors import ExecutorLost, ProtocolError
from uruk.executor.locks import inner_lock, ownership


class WaitingCall:
    """A call that waits for its result. `events`: requests that came out of it, and None to look at the rest again.

    `requests` has those until they are served: what a queue gives out is lost where a signal's handler raises.
    """

    __slots__ = ("end", "events", "failure", "most", "requests", "result")

    def __init__(self, most: int, end: float | None) -> None:
        self.most = most  # bytes that the result may have
        self.end = end  # when it stops waiting, by time.monotonic()
        self.events: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.requests: deque[Callable[[], None]] = deque()
        self.result: bytes | None = None
        self.failure: ExecutorLost | None = None

    @property
    def idle(self) -> bool:
        """True while there is nothing for its thread to do but to wait."""
        return self.result is None and self.failure is None and self.events.empty()


class PendingCalls:
    """The calls of one line by their numbers. `failure` is why the line is of no use any more, None while it is."""

    def __init__(self) -> None:
        self.failure: ExecutorLost | None = None
        lock = self._lock = inner_lock()  # reentrant: a signal's handler or a destructor may make calls in the middle
        self._numbers = itertools.count()
        self._waiting: dict[int, WaitingCall] = {}
        self._given_up: dict[int, int] = {}  # calls whose result may still come, with the bytes that it may have
        self.is_mine = ownership(lock)
        """Says whether the thread that calls it is in the middle of a change."""

    def begin(self, most: int, end: float | None) -> tuple[int, WaitingCall]:
        """Return a new call and its number; from now on `fail` fails it."""
        waiting = WaitingCall(most, end)
        number = next(self._numbers)
        with self._lock:
            # A call that begins after the end is never answered; its caller looks at `failure` next.
            if self.failure is None:
                self._waiting[number] = waiting
        return number, waiting

    def give_up(self, number: int, waiting: WaitingCall) -> None:
        """Have the result of a call dropped when it comes."""
        with self._lock:
            if number in self._waiting:
                self._given_up[number] = waiting.most
                del self._waiting[number]

    def is_pending(self, number: int) -> bool:
        """Return True for a call whose result may still come, whether anything waits for it or not."""
        with self._lock:
            return number in self._waiting or number in self._given_up

    def of(self, number: int) -> WaitingCall | None:
        """Return the call with this number, if it waits for its result."""
        with self._lock:
            return self._waiting.get(number)

    def hand_over(self, number: int, work: Callable[[], None]) -> bool:
        """Have the thread of a call do the work of a request that came out of it; False where no thread waits."""
        with self._lock:  # from here on the call's thread sees the request when it stops waiting
            waiting = self._waiting.get(number)
            if waiting is not None:
                waiting.requests.append(work)
                waiting.events.put(work)
        return waiting is not None

    def wake_another(self, done: WaitingCall) -> None:
        """Wake a call other than `done`, if there is one: it is to read the line."""
        # Without the lock at first: most calls are alone, and a thread that is missed here is found by the listener.
        if len(self._waiting) > (done.failure is None and done.result is None):
            with self._lock:
                waiter = next((call for call in self._waiting.values() if call is not done), None)
            if waiter is not None:
                waiter.events.put(None)

    def largest_result(self, number: int) -> int:
        """Return how many bytes the result of a call may have. Raises ProtocolError if none is expected."""
        with self._lock:
            waiting = self._waiting.get(number)
            most = self._given_up.get(number) if waiting is None else waiting.most
        if most is None:
            raise ProtocolError(f"the executor answered call {number}, which nobody made")
        return most

    def take_result(self, number: int, tag: int, payload: bytes, again: bool) -> None:
        """Give a call its result; `again` where a thread that was interrupted may have done so already."""
        with self._lock:
            waiting = self._waiting.get(number) if not tag else None
            if waiting is not None:
                waiting.result = payload
                waiting.events.put(None)
                self._waiting.pop(number, None)  # last, so that what was interrupted is done again
            elif tag or (self._given_up.pop(number, None) is None and not again):
                raise ProtocolError(f"the executor answered call {number}, which nobody made")

    def fail(self, lost: ExecutorLost) -> None:
        """Fail the calls that wait, with the first failure that there was; later ones do not begin."""
        with self._lock:
            self.failure = lost = self.failure or lost
            for waiting in self._waiting.values():
                waiting.failure = lost
                waiting.events.put(None)
            self._waiting.clear()  # last, so that what was interrupted is done again
            self._given_up.clear()
