"""The content of a session, for people and programs: dylibs, symbols, states, waiting threads, the memory map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uruk.orc.registry.entries import AliasEntry, Contents, Entry, LazyEntry, ObjectState, UnitEntry
from uruk.orc.registry.symbols import Flag, Rank

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime

_RANKS = {Rank.WEAK: "weak", Rank.COMMON: "common"}
_ZONES = ("RX", "R", "RW", "TLS")
_ADDRESS = (1 << 64) - 1


@dataclass(frozen=True)
class MappedRange:
    """A segment of linked code: `size` bytes at `address`, with protection ``RX``, ``R`` or ``RW``, of a tracker."""

    address: int
    size: int
    zone: str
    tracker: str
    dylib: str

    def __str__(self) -> str:
        return f"{self.address:#018x} {self.size:#10x} {self.zone:2} {self.dylib}: {self.tracker}"


def memory_map(session: Lifetime) -> list[MappedRange]:
    """Return segments of all linked code by address; code that was removed but waits for threads is marked so."""
    ranges: list[MappedRange] = []
    for tracker in (*session.trackers.values(), *session.retired):
        name = f"{tracker.name} (removed, waits for threads)" if tracker.removed else tracker.name
        for allocation, segments in tracker.resources.memory:
            for index in segments:
                zone, address, size = allocation.segments[index]
                if size:
                    ranges.append(MappedRange(address, size, _ZONES[zone], name, tracker.dylib.name))
    return sorted(ranges, key=lambda mapped: (mapped.address, mapped.size))


def describe(session: Lifetime) -> dict[str, Any]:
    """Return plain data; addresses are left out, so that two runs give the same."""
    return {
        "closed": session.closed,
        "dylibs": [_dylib(session, dylib) for dylib in session.dylibs.values()],
        "initialisers waiting": sorted({array.tracker.name for array in session.initializers.waiting}),
        "initialisers running": sorted(
            session.trackers[number].name
            for run in session.initializers.running
            for number in run.trackers
            if number in session.trackers
        ),
        "lazy errors": [{"name": name, "error": str(error)} for name, error in session.lazy.errors],
    }


def _dylib(session: Lifetime, dylib: Contents) -> dict[str, Any]:
    entries = {entry.number: entry for entry in session.objects.values() if entry.dylib is dylib}
    symbols: dict[int, list[dict[str, Any]]] = {number: [] for number in entries}
    owner = session.table.owner
    for text, number in dylib.names.items():
        if number < owner.size and int(owner[number]) in entries:
            symbols[int(owner[number])].append(_symbol(session, dylib, text, number))
    search = dylib.search
    return {
        "name": dylib.name,
        "bare": dylib.bare,
        "opened": dylib.opened,
        "link order": [neighbour.name for neighbour, _ in dylib.order],
        "archives": [entry.archive.name for entry in search.archives],
        "libraries": [entry.path for entry in search.libraries],
        "generators": [entry.generator.name for entry in search.generators],
        "compiling": [task.title for task in dylib.announced_tasks()],
        "entries": [_entry(session, entry, symbols[number]) for number, entry in entries.items()],
    }


def _symbol(session: Lifetime, dylib: Contents, text: bytes, number: int) -> dict[str, Any]:
    table = session.table
    flags, entry = int(table.flags[number]), session.objects[int(table.owner[number])]
    facts: dict[str, Any] = {
        "name": text.decode("utf-8", "replace"),
        "state": "ready" if table.ready[number] else entry.state.value if entry.kind != "alias" else "alias",
        "binding": _RANKS.get(int(table.rank[number]), "strong"),
        "kind": "thread-local" if flags & Flag.TLS else "function" if flags & Flag.FUNCTION else "data",
        "hidden": bool(flags & Flag.HIDDEN),
    }
    if isinstance(entry, AliasEntry):
        del facts["kind"]  # its target's
    if isinstance(entry, AliasEntry | LazyEntry) and number in entry.targets:
        target = entry.targets[number]
        home: Contents = session.ids.home(target).owner
        facts["stands for"] = {"dylib": home.name, "name": session.ids.text(target).decode("utf-8", "replace")}
    return facts


def _entry(session: Lifetime, entry: Entry, symbols: list[dict[str, Any]]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "kind": entry.kind,
        "name": entry.file,
        "state": entry.state.value,
        "tracker": entry.tracker.name,
        "symbols": symbols,
    }
    if isinstance(entry, UnitEntry) and entry.state is ObjectState.MATERIALIZING and entry.task is not None:
        facts["waits for"] = entry.task.waits_for()
    return facts


def text(facts: dict[str, Any]) -> str:
    """Return `describe` as text, stable for the same inputs."""
    lines: list[str] = []
    for dylib in facts["dylibs"]:
        marks = ", bare" * dylib["bare"] + f", opened {dylib['opened']} times" * bool(dylib["opened"])
        lines.append(f"dylib {dylib['name']}: link order {', '.join(dylib['link order'])}{marks}")
        for kind in ("archives", "libraries", "generators", "compiling"):
            lines += [f"  {kind}: {name}" for name in dylib[kind]]
        for entry in dylib["entries"]:
            lines.append(f"  {entry['kind']} {entry['name']}: {entry['state']}, tracker {entry['tracker']}")
            lines += [f"    waits for {task}" for task in entry.get("waits for", ())]
            lines += [f"    {_symbol_line(symbol)}" for symbol in entry["symbols"]]
    for key in ("initialisers waiting", "initialisers running"):
        lines += [f"{key}: {', '.join(facts[key])}"] if facts[key] else []
    lines += [f"lazy call of {failure['name']} failed: {failure['error']}" for failure in facts["lazy errors"]]
    return "\n".join(lines) + "\n"


def _symbol_line(symbol: dict[str, Any]) -> str:
    words = [symbol["state"], symbol["binding"], *([symbol["kind"]] if "kind" in symbol else [])]
    words += ["hidden"] * symbol["hidden"]
    target = symbol.get("stands for")
    return f"{symbol['name']}: {', '.join(words)}" + (f" -> {target['dylib']}:{target['name']}" if target else "")
