"""Initialising and deinitialising dylibs, as dlopen and dlclose do: counted, and with what they depend on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.entries import Contents


def initialize(session: Lifetime, dylib: Contents, link_roots: Callable[[], object]) -> None:
    """See `JITDylib.initialize`. `link_roots` links and initialises what it and its link order have by now."""
    with session.lock:
        session.check_dylib(dylib)
        opened = dylib.dependencies()
        for dependency in opened:
            # Counted before linking: an initialiser that closes the dylib finds it open.
            dependency.opened += 1
    try:
        link_roots()
    except BaseException:
        with session.lock:
            for dependency in opened:
                dependency.opened -= 1
        raise


def deinitialize(session: Lifetime, dylib: Contents) -> bool:
    """See `JITDylib.deinitialize`."""
    closed: list[Contents] = []
    with ExitStack() as running:
        with session.lock:
            session.check_dylib(dylib)
            for dependency in reversed(dylib.dependencies()):
                was_open = dependency.opened > 0
                dependency.opened -= was_open
                # A dylib that was never opened has finalisers only if the caller names it itself.
                if not dependency.opened and (was_open or dependency is dylib):
                    closed.append(dependency)
            trackers = [
                [tracker for tracker in session.trackers.values() if tracker.dylib is dependency]
                for dependency in closed
            ]
            running.enter_context(session.initializers.finalizing(tracker for group in trackers for tracker in group))
        # Without the lock, as finalisers may call back; `finalizing` keeps the trackers from being removed meanwhile.
        for group in trackers:
            session.finalize(group)
    with session.lock:
        for tracker in (tracker for group in trackers for tracker in group if not tracker.removed):
            for array in tracker.resources.arrays:
                array.begun = False
            session.initializers.waiting += tracker.resources.arrays
            tracker.resources.arrays.clear()
    return dylib in closed
