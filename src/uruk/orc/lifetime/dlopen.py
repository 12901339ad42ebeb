"""Initialising and deinitialising dylibs, as dlopen and dlclose do: counted, and with what they depend on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from uruk.orc.lifetime.lifetime import Lifetime
from uruk.orc.registry.entries import Contents


def initialize(session: Lifetime, dylib: Contents, link_roots: Callable[[], object]) -> None:
    """See `JITDylib.initialize`. `link_roots` links and initialises what it and its link order have by now."""
    with session.lock:
        session.check_dylib(dylib)
        opened = dylib.dependencies()
        for one in opened:
            one.opened += 1
    try:
        link_roots()
    except BaseException:
        with session.lock:
            for one in opened:
                one.opened -= 1
        raise


def deinitialize(session: Lifetime, dylib: Contents) -> bool:
    """See `JITDylib.deinitialize`."""
    ending: list[Contents] = []
    with ExitStack() as running:
        with session.lock:
            session.check_dylib(dylib)
            for one in reversed(dylib.dependencies()):
                was_open = one.opened > 0
                one.opened -= was_open
                if not one.opened and (was_open or one is dylib):
                    ending.append(one)
            trackers = [[one for one in session.trackers.values() if one.dylib is other] for other in ending]
            running.enter_context(session.initializers.finalizing(one for some in trackers for one in some))
        for some in trackers:
            session.finalize(some)
    with session.lock:
        for tracker in (one for some in trackers for one in some if not one.removed):
            for array in tracker.resources.arrays:
                array.begun = False
            session.initializers.waiting += tracker.resources.arrays
            tracker.resources.arrays.clear()
    return dylib in ending
