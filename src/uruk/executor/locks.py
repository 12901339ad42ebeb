"""Locks, and threads, that a destructor may meet.

Python collects garbage in whichever thread makes an object at that moment, those of uruk's own included, and runs
destructors (``__del__``, callbacks of weakref) there. One that uses a session, in a thread that reads an executor's
line or has an inner lock, would wait for a session's lock whose holder waits for that very thread: for ever. So it does
not wait: it gets an error.

An inner lock is taken for a moment, also by threads that have a session's. Its holder never waits for a session's.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import weakref
from _thread import RLock
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from uruk.errors import ExecutorError

_inner: set[weakref.ref[threading.RLock]] = set()
_busy: set[int] = set()
"""Threads of uruk's own that others wait for."""
_looking = threading.RLock()
"""Held while a thread is looked at; a signal's handler may look at one in the middle."""


def inner_lock() -> threading.RLock:
    """Return a new inner lock."""
    lock = threading.RLock()
    _inner.add(weakref.ref(lock, _inner.discard))
    return lock


def keep_for_ever(lock: threading.RLock) -> None:
    """Leave an inner lock locked by this thread, which ends; a later one may get its number, and must not seem to have
    it."""
    _inner.discard(weakref.ref(lock))


def ownership(lock: threading.RLock) -> Callable[[], bool]:
    """Return a function that says whether the thread that calls it has a lock."""
    is_mine: Any = getattr(lock, "_is_owned")  # noqa: B009 - its type does not tell of it
    return is_mine


def is_owned(lock: threading.RLock) -> bool:
    """Return True if this thread has a lock."""
    return ownership(lock)()


@contextmanager
def awaited_thread() -> Generator[None]:
    """Note that others wait for this thread, which runs nothing of the user's but destructors; also a decorator."""
    me = threading.get_ident()
    _busy.add(me)
    try:
        yield
    finally:
        _busy.discard(me)


def _forget_threads() -> None:
    """Forget the threads that a fork's child has not, and their locks: its own new ones may get their numbers."""
    global _looking
    _looking = threading.RLock()
    _busy.intersection_update({threading.get_ident()})
    for reference in list(_inner):
        lock = reference()
        if lock is not None and lock.acquire(blocking=False):
            lock.release()
        elif lock is not None:
            keep_for_ever(lock)


os.register_at_fork(after_in_child=_forget_threads)


def is_awaited() -> bool:
    """Return True where this thread is one that others wait for, or has what they wait for."""
    inner = [reference() for reference in list(_inner)]  # a copy first: other threads make locks meanwhile
    return threading.get_ident() in _busy or any(lock is not None and is_owned(lock) for lock in inner)


def frame_of(thread: int) -> FrameType | None:
    """Return the frame in which a thread is now; None for one that has ended.

    Python before 3.12 makes frame objects under a lock that the end of a `threading.local` takes as well: a collection
    of garbage in the middle may wait for its own thread, for ever.
    """
    with _looking:  # else one thread could enable what another one has just disabled
        collects = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames().get(thread)  # pyright: ignore[reportPrivateUsage]
        finally:
            if collects:
                gc.enable()


class SessionLock(RLock):  # pyright: ignore[reportGeneralTypeIssues] - final in its description only
    """A session's lock, which is waited for only where that can end."""

    def __enter__(self) -> bool:
        """Take the lock. Raises ExecutorError where another thread has it that may wait for this one."""
        if not self.acquire(blocking=False):
            if is_awaited():
                raise ExecutorError(in_the_middle("waits for a session that another thread is using"))
            self.acquire()
        return True


def in_the_middle(what: str) -> str:
    """Return the text of an error: `what` a signal's handler or a destructor does, in the middle of uruk's own work."""
    return (
        f"a signal's handler or a destructor {what}, in the middle of a call that its thread is making there, or of "
        "work that other threads wait for: have another thread do it, or do it later"
    )
