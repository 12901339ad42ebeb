"""Gives replaced code back when no thread can be in it: no address in it is in any thread's registers or on its stack.

Threads are looked through by the platform (`Platform.find_in_threads`), for whatever looks like an address: what only
looks so keeps code until another search. A call that was asking for a function when this was replaced may get the old
address and have it nowhere yet, so that nothing is given back while one is under way.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.executor.interruption import deferred
from uruk.graph.graph import Zone
from uruk.orc.registry.entries import ObjectEntry
from uruk.orc.registry.tracker import Released, ResourceTracker
from uruk.orc.replacing.versions import COLUMNS, OldVersion, Part, Versions

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime

_MOST_WAITING = 64
"""Versions that wait for a search, at most."""
_KEEP = 'it was added with replaceable="keep": its program may have stacks that are not looked through'
_ASKED = "a call was asking for a function; collect() looks again"
_IN_USE = "a thread is in it, or has an address in it on its stack"
_UNKNOWN = "the threads of this system, or process, are not looked through"


def retire(
    session: Lifetime,
    versions: Versions,
    gone: set[int],
    *,
    whole: bool,
    handles: Sequence[int] = (),
    finalizing: bool = False,
) -> list[ResourceTracker]:
    """Take replaced objects out, and what they have in memory to trackers of its own; returns these.

    `whole`: their variables go, too, and what was registered under `handles`. `finalizing`: that is to run first.
    """
    gone_arrays = set[tuple[int, int]]()
    for number in gone:
        entry = session.objects.get(number)
        if isinstance(entry, ObjectEntry):
            session.leave(entry)
            gone_arrays.add((entry.order, entry.place))
    owner, retired = versions.tracker, list[ResourceTracker]()
    for arrays in (session.initializers.waiting, owner.resources.arrays):
        # What finalisers are there for stays with its variables.
        arrays[:] = [
            array for array in arrays
            if array.tracker is not owner or array.order not in gone_arrays or (array.final and not whole)
        ]  # fmt: skip
    moves = whole or _looks_through_threads(session)
    if whole:  # earlier ones that were left to the owner go with the others now
        session.replaced[:] = [old for old in session.replaced if old.owner is not owner or not old.size_left]
    for part in versions.retire(gone, whole=whole) if moves else versions.leave(gone):
        tracker = session.create_tracker(versions.bodies, f"{owner.name} (version {versions.number})")
        reason = _reason(versions, part) if moves else _UNKNOWN
        version = OldVersion(tracker, owner, reason, finalizing=finalizing)
        if moves:
            _hand_over(part, owner, tracker)
            tracker.resources.module_handles[:] = handles if whole else []
            if session.platform is not None and not whole:
                session.platform.keep_finalizers(tracker, owner)
        else:  # it will never be given back: it goes with its owner, whose finalisers are noted by it
            version.size_left = part.size
        session.replaced.append(version)
        retired.append(tracker)
    return retired


def _looks_through_threads(session: Lifetime) -> bool:
    platform = session.platform
    return platform is None or platform.find_in_threads([]) is not None


def _hand_over(part: Part, owner: ResourceTracker, tracker: ResourceTracker) -> None:
    for column in COLUMNS:
        getattr(tracker.resources, column).extend(part.new[column])
    for used in owner.resources.uses:
        tracker.use(used)


def _reason(versions: Versions, part: Part) -> str:
    if versions.keep:
        return _KEEP
    if part.held:
        names = ", ".join(f"`{name}'" for name in part.held[:3])
        return f"the newest version does not define {names}, to which others may still have pointers"
    if part.lends:
        return "32-bit references have made stubs in it the addresses of functions: compile with -fPIC"
    if part.hidden:
        advice = "compile with -ffunction-sections, which shows it"
        return f"static `{part.hidden[0]}' shares a section, so that its address may have been handed out: {advice}"
    return ""


def collect_if_cheap(session: Lifetime) -> None:
    """Give back replaced code, unless the searches of busy threads would take more than a tenth of the time.

    A thread that does not get a processor keeps a search waiting, and the code of many versions costs one.
    """
    begun, took = session.last_search
    if len(session.replaced) >= _MOST_WAITING or time.monotonic() - begun >= 10 * took:
        collect(session)


def collect(session: Lifetime) -> Released:
    """Give back the replaced code that no thread is in; see `LLJIT.collect`."""
    released, begun = Released(), time.monotonic()
    with session.lock:
        waiting: list[OldVersion] = [
            version for version in session.replaced if not (version.reason or version.finalizing)
        ]
        if session.closed or session.closing or not waiting:
            return released
        reasons = _search(session, waiting)
        with deferred(once=True):
            for version, found in zip(waiting, reasons, strict=True):
                version.found = found
                if not found:
                    session.replaced.remove(version)
                    _give_back(session, version, released)
        session.last_search = begun, time.monotonic() - begun
    return released


def _search(session: Lifetime, versions: Sequence[OldVersion]) -> list[str]:
    """Return for each version why it must stay; empty texts for those that may go."""
    platform = session.platform
    if platform is None or not session.options.execute:
        return [""] * len(versions)
    if session.lazy.in_flight:
        return [_ASKED] * len(versions)
    ranges = [(number, piece) for number, version in enumerate(versions) for piece in _code_of(version.tracker)]
    marks = platform.find_in_threads([piece for _, piece in ranges])
    if marks is None:
        return [_UNKNOWN] * len(versions)
    used = {number for (number, _), mark in zip(ranges, marks, strict=True) if mark}
    found = [_IN_USE if number in used else "" for number in range(len(versions))]
    for number, version in enumerate(versions):
        if not found[number] and platform.pending(version.tracker):
            found[number] = "threads have yet to run destructors in it"
    return found


def _code_of(tracker: ResourceTracker) -> list[tuple[int, int]]:
    """Return addresses and sizes of a tracker's code."""
    return [(address, size) for zone, address, size in _segments_of(tracker) if zone == Zone.RX and size]


def _segments_of(tracker: ResourceTracker) -> list[tuple[int, int, int]]:
    """Return zones, addresses and sizes of a tracker's memory."""
    return [allocation.segments[index] for allocation, which in tracker.resources.memory for index in which]


def _give_back(session: Lifetime, version: OldVersion, released: Released) -> None:
    platform, tracker = session.platform, version.tracker
    if session.executor.lost is None:
        if session.calls is not None:
            session.calls.remove([(at, at + size) for at, size in _code_of(tracker)], tracker.name)
        if session.presences is not None:
            session.presences.remove([(at, at + size) for _, at, size in _segments_of(tracker)], tracker.name)
        if platform is not None:
            if not version.owner.removed:
                platform.keep_finalizers(tracker, version.owner)  # what calls under way have registered meanwhile
            platform.unload(tracker, released)
        for allocation, which in tracker.resources.memory:
            released.memory += allocation.free_segments(which)
    tracker.resources.forget()
    tracker.forget_uses()
    tracker.removed = True
    session.trackers.pop(tracker.number, None)
