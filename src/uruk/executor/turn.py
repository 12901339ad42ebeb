"""A lock that an interrupted thread can give back, as it knows which thread holds it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from uruk.executor.locks import inner_lock, keep_for_ever, ownership


class Turn:
    """Something that one thread at a time does.

    A signal's handler may raise between any two steps of Python, also when a lock was just taken and that is
    not noted yet. Code that lets such an exception through calls `recover` first.
    """

    def __init__(self) -> None:
        self._lock = inner_lock()

    def take(self, end: float | None = None) -> bool:
        """Wait for the turn, until `end` by time.monotonic() at most. Returns True if this thread has it now."""
        if end is None:
            return self._lock.acquire()
        return self._lock.acquire(timeout=max(end - time.monotonic(), 0))

    def take_at_once(self) -> bool:
        """Take the turn if no thread has it. Returns True if this thread has it now."""
        return self._lock.acquire(blocking=False)

    @property
    def is_mine(self) -> Callable[[], bool]:
        """A function that says whether the thread that calls it has the turn."""
        return ownership(self._lock)

    def give(self) -> None:
        """Let others have it."""
        self._lock.release()

    def keep(self) -> None:
        """Keep the turn, which this thread has, after the thread has ended: no other thread takes it again."""
        keep_for_ever(self._lock)

    def recover(self) -> None:
        """Let others have it if this thread has it, noted or not."""
        with contextlib.suppress(RuntimeError):  # which says that this thread does not have it
            # The lock counts how often it was taken: every one is given back, until the lock refuses.
            while True:
                self._lock.release()
