"""The names that a new version of an object defines, and those that it may not define as it does."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from uruk.errors import DuplicateDefinition, InvalidValue
from uruk.orc.registry.definitions import definitions_of
from uruk.orc.registry.entries import AliasEntry, LazyEntry
from uruk.orc.registry.symbol_flags import SymbolFlags
from uruk.orc.replacing.functions import function_rows

if TYPE_CHECKING:
    from uruk.graph.graph import Graph
    from uruk.orc.replacing.versions import Versions


def names_of(graph: Graph) -> dict[int, SymbolFlags]:
    """Return the names that an object defines: whatever lies in its code is a function."""
    definitions = definitions_of(graph)
    functions = set(function_rows(graph).tolist())
    names: dict[int, SymbolFlags] = {}
    rows = zip(definitions.row.tolist(), definitions.name.tolist(), definitions.rank, definitions.flags, strict=True)
    for row, name, rank, bits in rows:
        flags = SymbolFlags.of(int(rank), int(bits))
        names[name] = flags | SymbolFlags.CALLABLE if row in functions else flags & ~SymbolFlags.CALLABLE
    return names


def check_names(versions: Versions, graphs: Sequence[Graph], function: str, moved: Container[int]) -> None:
    """Check what a new version defines, before anything is changed. With `function` it replaces that one alone.

    `moved` are names of functions and variables that move from one replaced object to another.

    Raises InvalidValue where it lacks that function, and where a function was a variable, or the other way round:
    others call, or read, what lies at its address.
    """
    session = versions.session
    entries = session.entries_of(versions.tracker)
    called = {name for entry in entries if isinstance(entry, LazyEntry) for name in entry.targets.values()}
    read = {name for entry in entries if isinstance(entry, AliasEntry) for name in entry.targets.values()}
    found = False
    for graph in graphs:
        for name, flags in names_of(graph).items():
            is_function = bool(flags & SymbolFlags.CALLABLE)
            text = session.ids.text(name).decode("utf-8", "replace")
            if name in (read if is_function else called):
                was, now = ("variable", "function") if is_function else ("function", "variable")
                problem = f"`{text}' is a {now}, and was a {was}, which others use as one: give it another name"
                raise InvalidValue(f"{graph.files[0]}: {problem}")
            if name not in moved:
                _check_other(versions, name, graph.files[0])
            found |= is_function and text == function
    if function and not found:
        raise InvalidValue(f"{graphs[0].files[0]} does not define the function `{function}', which it is to replace")


def _check_other(versions: Versions, name: int, file: str) -> None:
    """Raise DuplicateDefinition for a function that was gone, and that other code has defined meanwhile."""
    session, public = versions.session, versions.public
    number = public.names.get(versions.bodies.names.text(name)) if versions.withdrawn.rows else None
    if number in versions.withdrawn.rows and (owner := int(session.table.owner[number])) >= 0:
        raise DuplicateDefinition(public.text(number), session.objects[owner].file, file)
