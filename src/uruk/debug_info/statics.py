"""Static functions and variables of linked objects, by name: their places follow from what lies beside them and others
see.

A session has no table of local symbols. Of their types debug information tells; only objects that were compiled without
optimisation have static functions that can be called by these, and static variables that can be set (see `signatures`
and `variables`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.debug_info.session_types import types_of
from uruk.debug_info.signatures import Refused
from uruk.graph.graph import Binding, SymbolType, Visibility
from uruk.graph.types import true_rows
from uruk.orc.lookup.local_names import statics_named
from uruk.orc.registry.entries import ObjectEntry, ObjectState

if TYPE_CHECKING:
    from uruk.debug_info.interface import Front
    from uruk.executor.remote import RemoteExecutor
    from uruk.graph.graph import Graph


def static_symbol(jit: Front, name: str) -> tuple[str, int, RemoteExecutor | None] | None:
    """Return a static function or variable of `main`: its symbol's name, its address, and where it runs.

    They are as symbols have them; None if no object has one of that name. Its object is linked. Raises Refused where
    several have one, or its address is not known; what linking raises.
    """
    found = _found(jit, name)
    if not found:
        return None
    if len(found) > 1:
        files = ", ".join(sorted({entry.file for entry, _, _ in found}))
        raise Refused(name, f"several static functions or variables have this name ({files})")
    entry, text, row = found[0]
    kind = "variable" if entry.added.graph.symbols.type[row] == SymbolType.OBJECT else "function"
    if entry.tracker.replaceable is not None:
        raise Refused(name, f"it is static in {entry.file}, which may be replaced: no stub leads to its newest code")
    session, symbols = jit.session, entry.added.graph.symbols
    beside = _beside(jit, entry, row)
    if beside is None:
        raise Refused(
            name,
            f"it is static in {entry.file}, and its address is not known: in its section is no {kind} that "
            f"others see (remove `static', or compile without -f{_SECTIONS[kind]}-sections)",
        )
    named = int(symbols.name[beside])
    # A lookup of a lazy function finds its stub.
    seen = session.ids.text(named).decode("utf-8", "surrogateescape")
    executor = jit.lookup(seen).executor
    if not session.table.ready[named] or session.table.owner[named] != entry.number:
        raise Refused(name, f"it is static in {entry.file}, which is linked when a function of it is first called")
    start = int(session.table.address[named]) - int(symbols.value[beside])
    address = (start + int(symbols.value[row])) % (1 << 64)
    types_of(session).statics[text, address] = entry.number
    return text, address, executor


_SECTIONS = {"function": "function", "variable": "data"}


def _found(jit: Front, name: str) -> list[tuple[ObjectEntry, str, int]]:
    """Return the objects that have a static function or variable of a name, each with its symbol's name and row."""
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
            for text, row in statics_named(graph, wanted):
                entry = entries.get((number, graph.object_of_symbol(row)))
                if entry is not None:
                    found.append((entry, text.decode("utf-8", "surrogateescape"), row))
    return found


def _beside(jit: Front, entry: ObjectEntry, row: int) -> int | None:
    """Return the row of a function or variable that the dylib has of an object, in the same section as `row`'s."""
    graph, owner = entry.added.graph, jit.session.table.owner
    symbols = graph.symbols
    first, end = graph.ranges.symbols[entry.index], graph.ranges.symbols[entry.index + 1]
    own = slice(int(first), int(end))
    visible = (symbols.visibility[own] == Visibility.DEFAULT) | (symbols.visibility[own] == Visibility.PROTECTED)
    beside = (symbols.block[own] == symbols.block[row]) & (symbols.binding[own] != Binding.LOCAL) & visible
    rows = true_rows(beside & (symbols.type[own] == symbols.type[row]) & (symbols.name[own] >= 0)) + own.start
    return next((each for each in rows.tolist() if owner[symbols.name[each]] == entry.number), None)
