"""``-show-init-es`` and ``-show-entry-es``: the dylibs of a session with their symbols, as LLVM's ORC prints them."""

from __future__ import annotations

from collections.abc import Mapping

from uruk.graph.types import unsigned
from uruk.jitlink.linked_files import LinkedFiles
from uruk.orc.dylib import JITDylib
from uruk.orc.registry.symbols import Flag, Rank, decode_name
from uruk.orc.session import Session

PROCESS = "Process"
"""The dylib that stands for the process's own symbols."""


def session_text(session: Session, dylibs: list[JITDylib], linked: LinkedFiles, *, process: bool) -> str:
    """Return the text; `process`: code sees symbols of the process."""
    text = ""
    if process:
        text += _head(session, PROCESS, f'("{PROCESS}", MatchAllSymbols)')
        text += "".join(
            f'    "{name}": {_address(at)} [Data] Ready\n' for name, at in sorted(linked.of_process.items())
        )
    for dylib in dylibs:
        order = ", ".join(
            f'("{neighbour.name}", {"MatchAllSymbols" if hidden else "MatchExportedSymbolsOnly"})'
            for neighbour, hidden in dylib.link_order
        )
        order += f', ("{PROCESS}", MatchExportedSymbolsOnly)' if process else ""
        text += _head(session, dylib.name, order)
        lines = _symbols(session, dylib)
        text += "".join(lines[name] for name in sorted(lines))
    return text


def _head(session: Session, name: str, order: str) -> str:
    return f'JITDylib "{name}" (ES: {id(session):#018x}, State = Open)\nLink order: [ {order} ]\nSymbol table:\n'


def _symbols(session: Session, dylib: JITDylib) -> Mapping[str, str]:
    """Return a line a symbol, by name."""
    table = session.table
    lines: dict[str, str] = {}
    for text, number in dylib.names.items():
        # The table grows when names are defined: one that was only asked for may have no row yet.
        if number >= table.owner.size or table.owner[number] < 0:
            continue
        name = decode_name(text)
        flags, ready = int(table.flags[number]), bool(table.ready[number])
        address = unsigned(int(table.address[number])) if ready else 0
        marks = "[Callable]" if flags & Flag.FUNCTION else "[Data]"
        marks += _RANKS.get(int(table.rank[number]), "")
        marks += "[Hidden]" if flags & Flag.HIDDEN else ""
        entry = session.objects.get(int(table.owner[number]))
        # LLVM prints the address of its materializer: here the object that is to be linked has that part.
        state = "Ready" if ready else f"Never-Searched (Materializer {id(entry):#018x}, {getattr(entry, 'file', '')})"
        lines[name] = f'    "{name}": {_address(address)} {marks} {state}\n'
    return lines


_RANKS = {Rank.WEAK: "[Weak]", Rank.COMMON: "[Common]"}


def _address(address: int) -> str:
    """Return an address as the tool prints it: one of 0 looks like none."""
    return f"{address:#x}" if address else "<not resolved> "
