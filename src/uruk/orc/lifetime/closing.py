"""The end of a session: when it is closed, and when the process ends with it open."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.entries import Contents

END_TIMEOUT = 3.5
"""Seconds that the end of another process may take, its finalisers included; then it is forced."""
EXIT_TIMEOUT = 1.0
"""Seconds that the end of the process waits for a thread at work in a session."""
NOTICE_TIME = 0.2
"""Seconds that a thread at work needs to see that its process was ended."""


def close(session: Lifetime) -> None:
    """See `Session.close`."""
    end, remote = session.end, not session.executor.process.is_here
    if remote:
        # Before the lock, so that a thread that holds it and waits for the process is let go in time.
        session.executor.end_within(END_TIMEOUT)
    # Another thread closes the session. Where a process is to end, this call waits, as its caller expects that gone.
    if not end.lock.acquire(blocking=False):
        if remote:
            end.done.wait(END_TIMEOUT + EXIT_TIMEOUT)
        return
    try:
        # The lock is reentrant, and a finaliser that closes the session comes here again.
        if end.running or session.closed:
            return
        try:
            end.running = True
            (_close_elsewhere if remote else _close_here)(session)
        finally:
            session.closing = session.closed
            end.running = False
    finally:
        end.lock.release()


def _close_here(session: Lifetime) -> None:
    from uruk.executor.interruption import deferred  # takes time to import
    from uruk.orc.lifetime import removal

    session.closing = True
    # Code of this process cannot be taken from a thread that runs in it, so that there is no limit.
    session.initializers.wait_for_others(None)
    session.finalize(list(session.trackers.values()))  # all of them before any code goes: they may call each other's
    with deferred():
        # Stubs first: from here on no call makes new code.
        session.lazy.close(session.executor.memory.holds)
        with session.lock:
            # Newest first, as C++ destroys in the reverse order of construction.
            for number in sorted(session.trackers, reverse=True):
                removal.remove_at_once(session, session.trackers[number])
            _end(session)
            removal.give_memory_back(session)


def _close_elsewhere(session: Lifetime) -> None:
    """Finalisers run, as far as there is time; then the process ends, and all goes with it, without further messages.

    Whatever waits for the process, here or in other threads, is let go when that is ended.
    """
    from uruk.executor.interruption import deferred  # takes time to import

    executor = session.executor
    limit = time.monotonic() + END_TIMEOUT
    lost_before = executor.lost is not None
    try:
        session.closing = True
        session.initializers.wait_for_others(END_TIMEOUT - EXIT_TIMEOUT)
        for _ in range(2):  # finalisers may register others
            session.finalize(list(session.trackers.values()))
        lost = executor.lost
        if lost is not None and not lost_before:
            # A process that was lost before the close has been reported already.
            raise lost.again()
    finally:
        with deferred():
            try:
                _let_go(session, limit + NOTICE_TIME)
            finally:
                executor.close()
                session.end.done.set()


def _let_go(session: Lifetime, limit: float) -> None:
    """Note that all is gone, when no thread is at work in the session, but at the time `limit` anyway."""
    locked = session.lock.acquire(timeout=max(limit - time.monotonic(), 0.0))
    try:
        session.lazy.leave()
        for tracker in session.trackers.values() if locked else ():
            tracker.removed = True
            tracker.resources.forget()
            tracker.forget_uses()
        session.closed = True
        if locked:
            session.trackers.clear()
            session.retired.clear()
            _end(session)
    finally:
        if locked:
            session.lock.release()


def finish(session: Lifetime) -> None:
    """See `Session.finish`.

    Threads may still be in the code, and libraries may call it while the process exits; so it stays, but nothing new is
    made for it. Finalisers are registered with the C library (``__cxa_atexit``), whose exit runs
    them when the interpreter is gone, as those of a library that ``dlopen`` has loaded.
    """
    if not session.lock.acquire(timeout=EXIT_TIMEOUT):
        session.lazy.end()
        return
    try:
        if session.closed or session.closing:
            return
        # Set under the lock and kept: threads that still run see that nothing new is made.
        session.closing = session.end.running = True
    finally:
        session.lock.release()
    session.initializers.wait_for_others(EXIT_TIMEOUT)
    session.lazy.end()
    if session.lock.acquire(timeout=EXIT_TIMEOUT):
        _end(session)
        session.lock.release()


def _end(session: Lifetime) -> None:
    session.closed = True
    session.dispatcher.close()
    dylibs: Iterable[Contents] = session.dylibs.values()
    for dylib in dylibs:
        dylib.search.close()
