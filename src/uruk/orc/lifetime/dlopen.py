"""Initialising and deinitialising dylibs, as dlopen and dlclose do: counted, and with what they depend on."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uruk.orc.dylib import JITDylib
    from uruk.orc.session import Session


def initialize(session: Session, dylib: JITDylib) -> None:
    """See `JITDylib.initialize`."""
    with session.lock:
        dylib.check_open()
        opened = dylib.dependencies()
        for one in opened:
            one.opened += 1
    try:
        session.query(dylib, [], roots=True, again=True).run()
    except BaseException:
        with session.lock:
            for one in opened:
                one.opened -= 1
        raise


def deinitialize(session: Session, dylib: JITDylib) -> bool:
    """See `JITDylib.deinitialize`."""
    ending: list[JITDylib] = []
    with ExitStack() as running:
        with session.lock:
            dylib.check_open()
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
