"""The functions of an object that have a copy of another one's code: compilers inline, clone and split functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from uruk.debug_info.reader import References, children, read, reading, text
from uruk.demangle import demangle
from uruk.formats.registry import debug_sections
from uruk.graph.graph import Graph, SymbolType
from uruk.graph.types import true_rows

if TYPE_CHECKING:
    from elftools.dwarf.die import DIE

_CLONE = re.compile(r"\.(constprop|isra|part|llvm|lto_priv)\b")
"""The clones that others call instead of a function; `.cold` is reached from the function itself only."""


def copies_of(graph: Graph, index: int, function: str) -> list[str]:
    """Return what of an object has code of one of its functions: clones by name, then the functions it is inlined in.

    The latter are known where the object has debug information. Raises UrukError where that cannot be read.
    """
    symbols, ranges = graph.symbols, graph.ranges.symbols
    first, last = int(ranges[index]), int(ranges[index + 1])
    code = true_rows((symbols.type[first:last] == SymbolType.FUNC) & (symbols.block[first:last] >= 0)) + first
    names = [graph.symbol_name(row) for row in code.tolist()]
    clones = [name for name in names if name.startswith(f"{function}.") and _CLONE.search(name)]
    sections = debug_sections(graph, index)
    if not any("debug_info" in section for section in sections):
        return clones
    file = graph.files[index]
    with reading(file):
        info = read(file, sections)
        references = References(info)
        # clang writes no names of symbols with -g1: then a namesake counts as the function.
        wanted = (function, plain_name(function))
        users = (name for unit in info.iter_CUs() for name in _users(unit.get_top_DIE(), references, wanted, ""))
        return [*clones, *dict.fromkeys(users)]


def _users(scope: DIE, references: References, wanted: tuple[str, str], around: str) -> Iterator[str]:
    """Yield the functions in which a function is inlined; `around` is the one that a scope is in.

    `wanted` is its symbol's name, and the name that it has in its source.
    """
    for die in children(scope):
        inside = around
        if die.tag == "DW_TAG_subprogram":
            inside = _name(die, references)
        elif die.tag == "DW_TAG_inlined_subroutine" and _name(die, references) in wanted:
            # Recursion that was inlined into the function itself is replaced with it.
            yield from [around] if around not in wanted else []
        if die.has_children:
            yield from _users(die, references, wanted, inside)


def plain_name(symbol: str) -> str:
    """Return a function's name in its source, without namespaces, parameters and arguments of templates."""
    shown = demangle(symbol)
    return re.sub(r"<.*>", "", shown.partition("(")[0]).rpartition("::")[2] if shown != symbol else symbol


def _name(die: DIE, references: References) -> str:
    """Return the name of a function's symbol."""
    chain = references.chain(die)
    linkage = next(filter(None, (text(each, "DW_AT_linkage_name") for each in chain)), "")
    return linkage or next(filter(None, (text(each, "DW_AT_name") for each in chain)), "")
