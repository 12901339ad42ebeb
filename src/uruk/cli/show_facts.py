"""The facts of an object or an archive for ``uruk show``, as a JSON-able dict; `uruk.cli.show_text` prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np

from uruk.demangle import demangle
from uruk.errors import ObjectFormatError
from uruk.formats.archive import Archive, Member
from uruk.formats.interface import HEAD_SIZE, ImportLibrary, RelocationRow, Span
from uruk.formats.registry import format_named, import_library, read_objects, target_of_file
from uruk.graph.arena import Arena
from uruk.graph.dump import block_labels, dump_object, target_name
from uruk.graph.graph import Graph, Role, SymbolKind, SymbolType, Zone
from uruk.graph.kinds import Operand
from uruk.graph.names import Names
from uruk.graph.types import NONE
from uruk.graph.views import ROLES, GraphView
from uruk.link_rules import rules_of
from uruk.machines import MACHINES
from uruk.platforms.systems import definers_of
from uruk.target import HERE, Target

Facts = dict[str, Any]
TLS_MODELS = {
    Operand.TLS_GD: "general-dynamic",
    Operand.TLS_LD: "local-dynamic",
    Operand.TLS_DESC: "descriptors",
    Operand.TLS_IE: "initial-exec",
    Operand.TP_OFFSET: "local-exec",
}

_LINK = "made by the link"
ORDER = tuple(ROLES[role] for role in (Role.PREINIT, Role.INIT, Role.CTORS, Role.FINI, Role.DTORS))


def object_facts(file: str, data: bytes, *, edges: bool = False) -> Facts:
    """Return all of one object. Raises ObjectFormatError for bytes that are none; relocations are never refused."""
    return ShownObject(file, data).facts(edges)


def _target_of(data: bytes) -> Target:
    """Return the target of an object; this process's for one that uruk cannot link, which the reader then refuses."""
    target = target_of_file(data[:HEAD_SIZE]) or HERE
    machine = MACHINES.get(target.architecture)
    known = target.architecture if machine is None or machine.systems else ""
    return target._replace(architecture=known or HERE.architecture)


class ShownObject:
    """One object, its graph (without edges) and its relocation rows."""

    def __init__(self, file: str, data: bytes) -> None:
        arena, _ = Arena.join([data])
        self.names = Names()
        target = _target_of(data)
        self.graph = read_objects(arena, [Span(file, 0, len(data))], target, self.names)
        self.format = format_named(target.format)
        self.target = target
        self.view = GraphView(self.graph)
        self.labels = block_labels(self.view, 0, self.names)
        rows = self.format.files.relocation_rows(self.graph) if self.format.files else []
        place = {row: at for at, row in enumerate(self.labels)}
        self.rows = sorted(rows, key=lambda row: (place[row.block], row.offset))

    def facts(self, edges: bool) -> Facts:
        """See `object_facts`."""
        dumped = dump_object(self.view, 0, self.names)
        count = Counter(row.block for row in self.rows)
        for block, row in zip(dumped["blocks"], self.labels, strict=True):
            _name_readably(block["symbols"])
            block["relocations"] = count[row]
            del block["edges"]
        _name_readably(dumped["symbols"])
        facts: Facts = {
            "file": dumped["file"],
            "target": f"{self.format.title} {self.target.title}",
            "kind": "relocatable object",
            "blocks": dumped["blocks"],
            "symbols": dumped["symbols"],
            "groups": dumped["groups"],
            "initialisers": self.initialisers(),
            "thread_local": self.thread_local(),
            "needs": self._needs(),
            "problems": self.problems(),
        }
        if self.graph.linker_words:
            facts["linker_words"] = self.graph.linker_words[0]
        if edges:
            facts["edges"] = [self._edge(row) for row in self.rows]
        return facts

    def problems(self) -> list[str]:
        """Return what is wrong with relocations, a line each."""
        return [f"{self.place(row)}: relocation {row.relocation}: {row.problem}" for row in self.rows if row.problem]

    def place(self, row: RelocationRow) -> str:
        """Return the section and the offset in it: ``.text+0x1c``."""
        return f"{self.labels[row.block]}+{row.offset:#x}"

    def target_of(self, row: RelocationRow) -> str:
        """Return the name of a row's symbol; empty where it names none."""
        if row.target == NONE:
            return "" if row.has_target else "?"
        return target_name(self.view.symbols[row.target], self.labels)

    def _edge(self, row: RelocationRow) -> Facts:
        target = self.target_of(row)
        return {
            "block": self.labels[row.block],
            "offset": row.offset,
            "relocation": row.relocation,
            "kind": row.kind.name if row.kind else None,
            "formula": row.kind.text if row.kind and row.kind.width else None,
            "target": target,
            "demangled": demangle(target),
            "addend": row.addend,
            "problem": row.problem or None,
        }

    @cached_property
    def _functions(self) -> dict[tuple[int, int], str]:
        """Block and offset -> the function that begins there."""
        symbols = self.graph.symbols
        rows: list[int] = np.flatnonzero((symbols.type == SymbolType.FUNC) & (symbols.block >= 0)).tolist()
        return {(int(symbols.block[row]), int(symbols.value[row])): self.view.symbols[row].name for row in rows}

    def _function(self, row: RelocationRow) -> str:
        """Return the function that a field of an array of functions points to."""
        symbols = self.graph.symbols
        if row.target != NONE and symbols.type[row.target] == SymbolType.SECTION:
            at = int(symbols.block[row.target]), int(symbols.value[row.target]) + row.addend
            if at in self._functions:
                return demangle(self._functions[at])
        text = demangle(self.target_of(row))
        return f"{text}+{row.addend:#x}" if row.addend else text

    def initialisers(self) -> list[Facts]:
        """Return the arrays of functions that run before and after the program, with what is in them."""
        blocks = self.graph.blocks
        arrays: list[Facts] = []
        rows: dict[int, list[RelocationRow]] = {}
        for row in self.rows:
            rows.setdefault(row.block, []).append(row)
        for block, label in self.labels.items():
            role = int(blocks.role[block])
            if Role.PREINIT <= role <= Role.DTORS and blocks.size[block]:
                functions = [self._function(row) for row in rows.get(block, ())]
                entries = int(blocks.size[block]) // 8
                arrays.append({"block": label, "role": ROLES[role], "entries": entries, "functions": functions})
        return sorted(arrays, key=lambda array: ORDER.index(array["role"]))

    def thread_local(self) -> Facts | None:
        """Return the size of the object's thread-local storage, and the access models of its code."""
        blocks = self.graph.blocks
        rows = np.flatnonzero((blocks.zone == Zone.TLS) & (blocks.size > 0))
        operands = Counter(row.kind.operand for row in self.rows if row.kind and row.kind.width)
        models = {text: operands[operand] for operand, text in TLS_MODELS.items() if operands[operand]}
        if not rows.size and not models:
            return None
        stored = rows[blocks.content[rows] >= 0]
        return {
            "size": int(blocks.size[rows].sum()),
            "initialised": int(blocks.size[stored].sum()),
            "align": int(blocks.align[rows].max(initial=1)),
            "models": models,
        }

    def _needs(self) -> list[Facts]:
        """Return undefined names by name: whether weak only, where used first, and the likely definer of each."""
        symbols = self.graph.symbols
        rows: list[int] = np.flatnonzero((symbols.kind == SymbolKind.UNDEFINED) & (symbols.name >= 0)).tolist()
        texts = {row: self.names.text(int(symbols.name[row])) for row in rows}
        thread_local = frozenset(texts[row] for row in rows if symbols.type[row] == SymbolType.TLS)
        sections = frozenset(block.name.encode() for block in self.view.blocks)
        provider = _providers(self.graph, texts.values(), thread_local, sections)
        places: dict[int, list[str]] = {}
        for row in self.rows:
            places.setdefault(row.target, []).append(self.place(row))
        needs = [
            {
                "name": self.view.symbols[row].name,
                "demangled": demangle(self.view.symbols[row].name),
                "weak": self.view.symbols[row].binding == "weak",
                "visibility": self.view.symbols[row].visibility,
                "thread_local": texts[row] in thread_local,
                "used_at": places.get(row, [""])[0] or None,
                "uses": len(places.get(row, ())),
                "provider": provider[texts[row]] or None,
            }
            for row in rows
        ]
        return sorted(needs, key=lambda need: need["name"])


def _name_readably(symbols: list[Facts]) -> None:
    for symbol in symbols:
        symbol["demangled"] = demangle(symbol["name"])


def archive_facts(archive: Archive) -> Facts:
    """Return the members of an archive and the names that each defines, by the index (by reading without one)."""
    members: list[Facts] = []
    defined: dict[int, list[str]] = {}
    for name, offset in zip(*_index(archive), strict=True):
        defined.setdefault(offset, []).append(name)
    imports = _imports(archive)
    for member in archive.members():
        entry: Facts = {
            "name": member.name,
            "size": member.size,
            "offset": member.header_offset,
            "problem": None,
        }
        if archive.has_index:
            names = sorted(defined.get(member.header_offset, ()))
        else:
            names, entry["problem"] = _definitions(archive, member)
        entry["defines"] = [{"name": name, "demangled": demangle(name)} for name in names]
        if imports is not None:
            entry["imports"] = _imports_of(imports, member)
        members.append(entry)
    kind = "thin archive" if archive.thin else "archive"
    return {"file": archive.name, "kind": kind, "has_index": archive.has_index, "members": members}


def _imports(archive: Archive) -> ImportLibrary | None:
    """Return the imports of an archive from shared libraries; None where all members are objects."""
    first = next(archive.members(), None)
    if first is None or not archive.has_imports:
        return None
    return import_library(archive, _target_of(archive.start_of(first, HEAD_SIZE)))


def _imports_of(imports: ImportLibrary, member: Member) -> list[Facts]:
    """Return the imports of one member: where each name is to be had."""
    return [
        {
            "name": imported.name.decode("utf-8", "replace"),
            "library": imported.library,
            "export": imported.export.decode("utf-8", "replace") or None,
            "ordinal": imported.ordinal,
            "data": imported.is_data,
        }
        for imported in imports.imports_of(member.header_offset) or ()
    ]


def _index(archive: Archive) -> tuple[list[str], list[int]]:
    names, offsets = archive.entries()
    return [name.decode("utf-8", "replace") for name in names], offsets.tolist()


def _definitions(archive: Archive, member: Member) -> tuple[list[str], str | None]:
    """Return the names that a member defines for others, and what is wrong with it."""
    try:
        data = archive.read(member)
        names = Names()
        graph = read_objects(Arena.join([data])[0], [Span(member.name, 0, len(data))], _target_of(data), names)
    except ObjectFormatError as error:
        return [], f"{error.structure}: {error.problem}"
    symbols = graph.symbols
    outer = (symbols.name >= 0) & (symbols.kind != SymbolKind.UNDEFINED) & (symbols.kind != SymbolKind.DROPPED)
    return sorted({names.text(number).decode("utf-8", "replace") for number in symbols.name[outer].tolist()}), None


def _providers(
    graph: Graph, names: Iterable[bytes], thread_local: frozenset[bytes], sections: frozenset[bytes]
) -> dict[bytes, str]:
    """Return what defines each undefined name of a graph's objects; empty where nothing known does.

    `thread_local` are those of the names that are thread-locals, `sections` the names of the objects' own sections,
    between whose bounds some names lie.
    """
    rules = rules_of(graph)
    wanted = list(names)
    of_the_link = {name: _LINK for name in wanted if rules.makes(name, sections)}
    rest = [name for name in wanted if name not in of_the_link]
    return of_the_link | definers_of(rest, thread_local, graph.target or HERE)
