"""The end of a session: when it is closed, and when the process ends with it open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.orc import removal
from uruk.orc.tracker import Released

if TYPE_CHECKING:
    from uruk.orc.session import Session

PATIENCE = 1.0
"""Seconds that the end of the process waits for a thread at work in a session."""


def close(session: Session) -> None:
    """See `Session.close`."""
    with session.lock:
        if session.closed or session.closing:
            return
        session.closing = True
    session.initializers.wait_for_others(None)
    session.finalize(list(session.trackers.values()))  # all of them before any code goes: they may call each other's
    session.lazy.close()
    with session.lock:
        for number in sorted(session.trackers, reverse=True):
            tracker = session.trackers[number]
            released = Released()
            removal.retract(session, tracker, released)
            session.finalize([tracker])  # what was registered meanwhile
            removal.free(session, tracker, released)
        _end(session)
        removal.give_memory_back(session)


def finish(session: Session) -> None:
    """See `Session.finish`.

    Threads may still be in the code, and libraries may call it while the process exits; so it stays, and is told only
    that nothing new is made for it. Finalisers are registered with the C library (``__cxa_atexit``), whose exit runs
    them when the interpreter is gone, as those of a library that ``dlopen`` has loaded.
    """
    if not session.lock.acquire(timeout=PATIENCE):
        session.lazy.end()
        return
    try:
        if session.closed or session.closing:
            return
        session.closing = True
    finally:
        session.lock.release()
    session.initializers.wait_for_others(PATIENCE)
    session.lazy.end()
    if session.lock.acquire(timeout=PATIENCE):
        _end(session)
        session.lock.release()


def _end(session: Session) -> None:
    session.closed = True
    session.dispatcher.close()
    for dylib in session.dylibs.values():
        dylib.search.close()
