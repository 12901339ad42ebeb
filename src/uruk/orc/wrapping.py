"""Wrapped names (ld's --wrap): what refers to ``f`` means ``__wrap_f``, and ``__real_f`` means ``f``.

Only names that an object leaves undefined are led elsewhere, as by GNU ld: a call within the object that defines `f`
stays there. Libraries are not concerned: the loader knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from uruk.graph.graph import Graph, SymbolKind
from uruk.graph.names import Names

WRAPPER, REAL = b"__wrap_", b"__real_"


def wrapped_names(name: bytes) -> dict[bytes, bytes]:
    """What references mean when `name` is wrapped."""
    return {name: WRAPPER + name, REAL + name: name}


def lead_references(graph: Graph, names: Names, meant: Mapping[bytes, bytes]) -> None:
    """Have undefined symbols of a graph stand for the names that are `meant`."""
    symbols = graph.symbols
    before = symbols.name.copy()  # __real_f becomes f, which is not to become __wrap_f
    undefined = symbols.kind == SymbolKind.UNDEFINED
    for name, other in meant.items():
        if name in names:
            symbols.name[undefined & (before == names[name])] = names[other]
