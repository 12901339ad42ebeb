"""Forks: the child has its own copy of every session, with all code linked so far, and goes on with it.

A fork waits until no thread holds a session's lock, so that the child's tables are whole. Threads of the parent are not
in the child: what they were making there fails with an error that says so, and a later lookup makes it again; their
initialisers count as done, as natively.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

from uruk.errors import MaterializationError
from uruk.executor.locks import SessionLock
from uruk.orc.dispatch import ThreadPoolDispatcher
from uruk.orc.registry.entries import ObjectState, UnitEntry

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime

LOCK_TIMEOUT = 5.0
"""Seconds that a fork waits for a session's lock; a thread that keeps it longer is not waited for."""
_sessions: weakref.WeakSet[Lifetime] = weakref.WeakSet()
_held: list[Lifetime] = []
_registered: list[bool] = []


def watch(session: Lifetime) -> None:
    """Have forks keep a session whole."""
    _sessions.add(session)
    if not _registered:
        # os.register_at_fork has no counterpart that takes hooks away: they are registered once.
        _registered.append(True)
        os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)


def _before() -> None:
    # A copy of the set, as another thread may open a session, or the collector take one, meanwhile.
    _held[:] = [session for session in list(_sessions) if session.lock.acquire(timeout=LOCK_TIMEOUT)]


def _in_parent() -> None:
    for session in _held:
        session.lock.release()
    _held.clear()


def _in_child() -> None:
    _held.clear()
    this_thread = threading.get_ident()
    for session in list(_sessions):
        # A lock that a thread of the parent holds would stay locked in the child for ever.
        session.lock = SessionLock()
        session.initializers.forget_threads()
        session.background.renew()
        if session.calls is not None:
            session.calls.forget_threads()
        if isinstance(session.dispatcher, ThreadPoolDispatcher):
            session.dispatcher.renew()
        for task in list(session.asking.values()):
            if task.thread != this_thread:
                task.abandon(
                    MaterializationError(task.title, (), "its thread is in the process that this one came from")
                )
        session.asking = {key: task for key, task in session.asking.items() if task.thread == this_thread}
        for entry in session.objects.values():
            task = entry.task if isinstance(entry, UnitEntry) else None
            if isinstance(entry, UnitEntry) and task is not None and task.thread != this_thread:
                entry.state, entry.task = ObjectState.PENDING, None
