"""Runs what versions that go have registered: destructors of variables that are made anew, or whose making failed.

They are code of the version that made the variables, and so is all that they call: the stubs lead there meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from uruk.executor.interruption import deferred
from uruk.orc.replacing.stubs import Leads, Linked, lead_to_old

if TYPE_CHECKING:
    from uruk.orc.registry.tracker import ResourceTracker
    from uruk.orc.replacing.versions import OldVersion, Versions


def finalize_versions(versions: Versions, trackers: Sequence[ResourceTracker], linked: Linked) -> None:
    """Run the finalisers of versions that were retired, with the stubs led to their code, and back to the newest."""
    session = versions.session
    with session.lock:
        old: list[OldVersion] = [version for version in session.replaced if version.tracker in trackers]
        if not any(version.finalizing for version in old):
            return
        leads = Leads.of(session, versions)
    try:
        if session.executor.lost is None:
            with ExitStack() as running:
                with session.lock:
                    running.enter_context(session.initializers.finalizing([versions.tracker, *trackers]))
                    lead_to_old(versions, linked)
                session.finalize(trackers)
    finally:
        with session.lock, deferred(once=True):
            if not session.closed:
                leads.restore(session)
            for version in old:
                version.finalizing = False


def finalize_handles(versions: Versions, handles: Sequence[int]) -> None:
    """Run the finalisers that were registered under some handles, by a version whose initialisers failed."""
    session = versions.session
    if session.executor.lost is not None:
        return
    with ExitStack() as running:
        with session.lock:
            tracker = session.create_tracker(versions.bodies, f"{versions.tracker.name} (failed)")
            tracker.resources.module_handles[:] = handles
            running.enter_context(session.initializers.finalizing([versions.tracker]))
        try:
            session.finalize([tracker])
        finally:
            tracker.removed = True
            session.trackers.pop(tracker.number, None)
