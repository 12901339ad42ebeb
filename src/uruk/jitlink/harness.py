"""``-harness``: objects that test other objects, whose private functions they call, and whose functions they replace.

Names that the harness needs are made global in the tested objects, file-local ones included; names that it defines are
undefined there, so that the harness's definitions take their place. A weak definition is kept in the first tested
object that has it, and is a reference to that one in the others.
"""

from __future__ import annotations

from collections.abc import Mapping

from uruk.graph.graph import Binding, Graph, SymbolKind, Symbols, SymbolType, Visibility
from uruk.graph.types import NONE, true_rows

_FOUND = (SymbolKind.DEFINED, SymbolKind.ABSOLUTE, SymbolKind.COMMON)
_NO_NAME = (SymbolType.SECTION, SymbolType.FILE)


class Harness:
    """The names of a harness's objects, and the weak definitions of tested objects that were met so far."""

    def __init__(self) -> None:
        self._defined: set[bytes] = set()
        self._wanted: set[bytes] = set()
        self._weak: set[bytes] = set()

    def note(self, graph: Graph) -> None:
        """Note the names of one of the harness's objects. All must be noted before `promoted` is called."""
        for row in true_rows(graph.symbols.name >= 0).tolist():
            names = self._wanted if graph.symbols.kind[row] == SymbolKind.UNDEFINED else self._defined
            names.add(_text(graph, row))

    def promoted(self, graph: Graph, numbers: Mapping[bytes, int]) -> Symbols:
        """Return the symbols of a tested object as the harness wants them; `numbers` interns names."""
        symbols = graph.symbols
        columns = {name: getattr(symbols, name).copy() for name in ("name", "binding", "visibility", "kind", "block")}
        weak: set[bytes] = set()
        for row in true_rows(symbols.text >= 0).tolist():
            if symbols.kind[row] not in _FOUND or symbols.type[row] in _NO_NAME:
                continue
            text = _text(graph, row)
            is_weak = symbols.binding[row] in (Binding.WEAK, Binding.UNIQUE)
            if is_weak and text not in self._weak and text not in self._defined:
                weak.add(text)
                kind, visibility = symbols.kind[row], Visibility.DEFAULT if text in self._wanted else Visibility.HIDDEN
            elif is_weak or text in self._defined:
                kind, visibility = SymbolKind.UNDEFINED, Visibility.DEFAULT
                columns["block"][row] = NONE
            elif text in self._wanted:
                kind, visibility = symbols.kind[row], Visibility.DEFAULT
            else:
                continue
            columns["name"][row], columns["binding"][row] = numbers[text], Binding.GLOBAL
            columns["kind"][row], columns["visibility"][row] = kind, visibility
        self._weak |= weak
        return symbols.replaced(**columns)


def _text(graph: Graph, row: int) -> bytes:
    return graph.arena.string_at(int(graph.symbols.text[row]))
