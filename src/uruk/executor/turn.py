"""A lock that an interrupted thread can give back, and that others take from one which has left it behind."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Container
from types import CodeType

from uruk.executor.locks import frame_of, inner_lock, keep_for_ever, ownership

PATIENCE = 0.5
"""Seconds after which a thread that waits for a turn looks whether it was left behind."""


class Turn:
    """Something that one thread at a time does.

    A signal's handler may raise between any two steps of Python, also when a lock was just taken and that is
    not noted yet. Code that lets such an exception through calls `recover` first. A second one may come before that:
    the turn is left behind then, and another thread gets it by `take_from_the_gone`. `holders` is the code in whose
    frames it is taken and given back.
    """

    def __init__(self, holders: Container[CodeType] = ()) -> None:
        self._holders = holders
        self._lock = inner_lock()
        self.is_mine = ownership(self._lock)
        """Says whether the thread that calls it has the turn."""
        self._replaced = self._lock
        """The lock that another one takes the place of, while it is not decided whether it stays there."""
        self._replacing = threading.Lock()
        self._looked = 0.0

    def take(self, end: float | None = None) -> bool:
        """Wait for the turn, until `end` by time.monotonic() at most. Returns True if this thread has it now."""
        while not self.take_at_once():
            lock = self._lock
            if not lock.acquire(timeout=PATIENCE if end is None else min(max(end - time.monotonic(), 0), PATIENCE)):
                if end is not None and time.monotonic() >= end:
                    return False
                self.take_from_the_gone()
            elif lock is self._lock:
                return True
            else:
                lock.release()
        return True

    def take_at_once(self) -> bool:
        """Take the turn if no thread has it. Returns True if this thread has it now."""
        lock = self._lock
        if not lock.acquire(blocking=False):
            return False
        if lock is self._lock:
            return True
        lock.release()  # it was replaced meanwhile
        return False

    def take_from_the_gone(self) -> None:
        """Let others have a turn that the main thread has, and is not in the code that holds it any more.

        Signals interrupt no other thread, and would interrupt this one's work on the main thread, which does nothing
        here. Looks once in `PATIENCE` seconds.
        """
        main = threading.main_thread()
        now = time.monotonic()
        if threading.current_thread() is main or now < self._looked + PATIENCE or not self._replacing.acquire(False):
            return
        try:
            self._looked = now
            old, new = self._lock, inner_lock()
            if f"owner={main.ident} " not in repr(old):  # the only place where a lock of Python's says so
                return
            with new:  # whoever sees the new lock waits until this is decided
                # First: who takes the old lock from here on gives it back, so that a holder is seen on the stack.
                self._replaced, self._lock = old, new
                if self._is_held_by(main.ident):
                    self._lock = old
                else:
                    self.is_mine = ownership(new)
        finally:
            self._replacing.release()

    def _is_held_by(self, thread: int | None) -> bool:
        frame = frame_of(thread or 0)
        while frame is not None:
            if frame.f_code in self._holders:
                return True
            frame = frame.f_back
        return False

    def give(self) -> None:
        """Let others have it."""
        try:
            self._lock.release()
        except RuntimeError:  # another thread looks at this moment whether this one has left it behind
            self._replaced.release()

    def keep(self) -> None:
        """Keep the turn, which this thread has, after the thread has ended: no other thread takes it again."""
        keep_for_ever(self._lock)

    def recover(self) -> None:
        """Let others have it if this thread has it, noted or not."""
        with contextlib.suppress(RuntimeError):  # which says that this thread does not have it
            # The lock counts how often it was taken: every one is given back, until the lock refuses.
            while True:
                self._lock.release()
