"""A lock that an interrupted thread can give back: its holder is known."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any


class Turn:
    """Something that one thread at a time does.

    A signal's handler may raise between any two steps of Python, also when a lock was just taken and nothing knows of
    that yet. Who lets such an exception through calls `recover` first.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def take(self, end: float | None = None) -> bool:
        """Wait for the turn, until `end` by time.monotonic() at most; whether this thread has it now."""
        if end is None:
            return self._lock.acquire()
        return self._lock.acquire(timeout=max(end - time.monotonic(), 0))

    def take_at_once(self) -> bool:
        """Take the turn if nobody has it."""
        return self._lock.acquire(blocking=False)

    @property
    def is_mine(self) -> bool:
        """True if this thread has the turn."""
        return is_owned(self._lock)

    def give(self) -> None:
        """Let others have it."""
        self._lock.release()

    def recover(self) -> None:
        """Let others have it if this thread does, whoever knows of that."""
        with contextlib.suppress(RuntimeError):  # which says that this thread does not have it
            # The lock counts how often it was taken: every one is given back, until the lock refuses.
            while True:
                self._lock.release()


def is_owned(lock: threading.RLock) -> bool:
    """Return True if this thread has a lock."""
    is_mine: Any = getattr(lock, "_is_owned")  # noqa: B009 - its type does not tell of it
    return bool(is_mine())
