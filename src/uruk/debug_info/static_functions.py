"""Static functions of linked objects, by name: their places follow from functions beside them that others see.

A session has no table of local symbols. Of their types debug information tells; only objects that were compiled without
optimisation have static functions that can be called by these (see `signatures`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.debug_info.session_types import types_of
from uruk.debug_info.signatures import Refused
from uruk.graph.graph import Binding, SymbolType, Visibility
from uruk.graph.types import true_rows
from uruk.orc.lookup.local_names import static_functions_named
from uruk.orc.registry.entries import ObjectEntry, ObjectState

if TYPE_CHECKING:
    from uruk.debug_info.interface import Front
    from uruk.executor.remote import RemoteExecutor
    from uruk.graph.graph import Graph


def static_function(jit: Front, name: str) -> tuple[str, int, RemoteExecutor | None] | None:
    """Return a static function of `main`: its symbol's name, its address, and where it runs, as symbols have it.

    None if no object has one of that name. Its object is linked. Raises Refused where several have one, or its address
    is not known; what linking raises.
    """
    found = _found(jit, name)
    if not found:
        return None
    if len(found) > 1:
        files = ", ".join(sorted({entry.file for entry, _, _ in found}))
        raise Refused(name, f"several static functions have this name ({files})")
    entry, text, row = found[0]
    if entry.tracker.replaceable is not None:
        raise Refused(name, f"it is static in {entry.file}, which may be replaced: no stub leads to its newest code")
    session, symbols = jit.session, entry.added.graph.symbols
    beside = _beside(jit, entry, row)
    if beside is None:
        raise Refused(
            name,
            f"it is static in {entry.file}, and its address is not known: in its section is no function that others "
            "see (remove `static', or compile without -ffunction-sections)",
        )
    named = int(symbols.name[beside])
    # A lookup of a lazy function finds its stub.
    seen = session.ids.text(named).decode("utf-8", "surrogateescape")
    executor = jit.lookup(seen).executor
    if not session.table.ready[named] or session.table.owner[named] != entry.number:
        raise Refused(name, f"it is static in {entry.file}, which is linked when a function of it is first called")
    start = int(session.table.address[named]) - int(symbols.value[beside])
    address = (start + int(symbols.value[row])) % (1 << 64)
    types_of(session).static_functions[text, address] = entry.number
    return text, address, executor


def _found(jit: Front, name: str) -> list[tuple[ObjectEntry, str, int]]:
    """Return the objects that have a static function of a name, each with its symbol's name and row."""
    session = jit.session
    wanted = name.encode("utf-8", "surrogateescape")
    found: list[tuple[ObjectEntry, str, int]] = []
    with session.lock:
        entries = {
            (id(entry.added.graph), entry.index): entry
            for entry in session.objects.values()
            if isinstance(entry, ObjectEntry)
            and entry.state is not ObjectState.REMOVED
            and jit.main in (entry.dylib, entry.dylib.implements)
        }
        graphs: dict[int, Graph] = {id(entry.added.graph): entry.added.graph for entry in entries.values()}
        for number, graph in graphs.items():
            for text, row in static_functions_named(graph, wanted):
                entry = entries.get((number, graph.object_of_symbol(row)))
                if entry is not None:
                    found.append((entry, text.decode("utf-8", "surrogateescape"), row))
    return found


def _beside(jit: Front, entry: ObjectEntry, row: int) -> int | None:
    """Return the row of a function that the dylib has of an object, in the same section as the one of `row`."""
    graph, owner = entry.added.graph, jit.session.table.owner
    symbols = graph.symbols
    first, end = graph.ranges.symbols[entry.index], graph.ranges.symbols[entry.index + 1]
    own = slice(int(first), int(end))
    visible = (symbols.visibility[own] == Visibility.DEFAULT) | (symbols.visibility[own] == Visibility.PROTECTED)
    beside = (symbols.block[own] == symbols.block[row]) & (symbols.binding[own] != Binding.LOCAL) & visible
    rows = true_rows(beside & (symbols.type[own] == SymbolType.FUNC) & (symbols.name[own] >= 0)) + own.start
    return next((each for each in rows.tolist() if owner[symbols.name[each]] == entry.number), None)
