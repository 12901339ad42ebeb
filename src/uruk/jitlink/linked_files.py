"""The symbols, sections, GOT slots and stubs of linked files, as rules ask for them."""

from __future__ import annotations

import os

import numpy as np

from uruk.graph.graph import Role, SymbolKind
from uruk.graph.kinds import Operand
from uruk.graph.types import I64, NONE, Bool, true_rows, unsigned
from uruk.jitlink.graph_view import stub_size, used_symbols
from uruk.named_tuples import NamedTuple
from uruk.passes.fixup import slot_addresses, stub_addresses
from uruk.passes.state import State


class Symbol(NamedTuple):
    """A symbol's address, and the bytes from there to its end, or to that of its section; -1 for an absolute one."""

    address: int
    size: int
    room: int


class LinkedFile:
    """One object of a link: names of sections, slots and stubs -> their addresses."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.sections: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.slots: dict[str, int] = {}
        self.stubs: dict[str, int] = {}
        self.slot_size = self.stub_size = 0
        """The bytes of a slot and of a stub."""


class LinkedFiles:
    """Gathers the files of all links of a session; `note` is a plug-in of the point ``post-fixup``."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self.symbols: dict[str, Symbol] = {}
        self.files: dict[str, LinkedFile] = {}
        self.of_process: dict[str, int] = {}
        """Names that the process had, and their addresses."""
        self.duplicate = ""
        """A file's name that two linked files share."""

    def note(self, state: State) -> None:
        """Note what one link has made."""
        self.states.append(state)

    def gather(self) -> None:
        """Fill `symbols` and `files` from the links that were noted."""
        for state in self.states:
            self._add(state)

    def _add(self, state: State) -> None:
        graph = state.graph
        files = [self._file(path) for path in graph.files]
        rows = true_rows(_known(state))
        sections: dict[tuple[int, int], int] = {}
        # A loop over symbols is affordable here: states are noted only for lists and rules, which people read.
        owner = state.symbol_objects(rows)
        for row, file in zip(rows.tolist(), owner.tolist(), strict=True):
            block, address = int(state.symbols.block[row]), unsigned(int(state.symbol_address[row]))
            if block >= 0 and file >= 0:
                key = file, block
                # LLVM's checker takes the lowest symbol of a section for its begin, not the section's own address.
                sections[key] = min(sections.get(key, address), address)
            if state.symbols.name[row] >= 0 or _has_text(state, row):
                self.symbols[graph.symbol_name(row)] = _symbol(state, row, block, address)
        for (file, block), address in sections.items():
            names = files[file].sections
            name = graph.section_name(block) if block < len(graph.blocks) else "(made by the link)"
            names[name] = min(names.get(name, address), address)
            end = unsigned(int(state.address[block])) + int(state.blocks.size[block])
            files[file].sizes[name] = max(files[file].sizes.get(name, 0), end - names[name])
        # Merged unwind data and the tables come last: they replace what symbols said of sections of those names.
        self._add_unwind_data(state, files)
        self._add_tables(state, files)
        self._add_externals(state)

    def _add_unwind_data(self, state: State, files: list[LinkedFile]) -> None:
        """Note where the unwind data of files is, whose records count as symbols there."""
        graph = state.graph
        for row in true_rows(graph.blocks.role == Role.UNWIND).tolist():
            block = int(state.synthetic["unwind"][state.block_module[row]])
            if block >= 0:
                file, name = files[int(graph.blocks.object[row])], graph.section_name(row)
                file.sections[name] = unsigned(int(state.address[block]))
                file.sizes[name] = int(state.blocks.size[block])

    def _add_externals(self, state: State) -> None:
        """Note names that no file and no definition of the session has."""
        external = state.external
        if external is None:
            return
        for index in true_rows(external.found & ~external.own).tolist():
            row = int(state.undefined[index])
            # Names that the session itself defines are listed with its dylibs.
            if external.origin(int(state.symbols.name[row])) == "library":
                self.of_process[state.graph.symbol_name(row)] = unsigned(int(external.address[index]))

    def _file(self, path: str) -> LinkedFile:
        # Rules name files without folders, which is why two of one name cannot both be asked about.
        name = os.path.basename(path)
        if name in self.files:
            self.duplicate = name
        file = self.files[name] = LinkedFile(path)
        return file

    def _add_tables(self, state: State, files: list[LinkedFile]) -> None:
        """Note slots and stubs, and the GOT, with the files of their modules."""
        graph = state.graph
        of_module: dict[int, list[LinkedFile]] = {}
        for index, file in enumerate(files):
            file.slot_size, file.stub_size = graph.kinds.pointer, stub_size(state)
            of_module.setdefault(int(state.module_of_object[index]), []).append(file)
        slots = state.slots
        if slots.row.size:
            # Slots of thread-locals hold offsets or descriptors, and the language has no word for those.
            held = np.isin(slots.operand, (Operand.GOT, Operand.NOTHING))
            addresses = slot_addresses(state)
            for slot in true_rows(held).tolist():
                for file in of_module[int(slots.module[slot])]:
                    file.slots[graph.symbol_name(int(slots.row[slot]))] = unsigned(int(addresses[slot]))
        if state.stubs.row.size:
            addresses = stub_addresses(state)
            for stub in range(state.stubs.row.size):
                for file in of_module[int(state.stubs.module[stub])]:
                    file.stubs[graph.symbol_name(int(state.stubs.row[stub]))] = unsigned(int(addresses[stub]))
        for module, block in enumerate(state.synthetic["got"].tolist()):
            if block != NONE:
                address = unsigned(int(state.address[block]))
                self.symbols["_GLOBAL_OFFSET_TABLE_"] = Symbol(address, 0, int(state.blocks.size[block]))
                for file in of_module.get(module, ()):
                    file.sections["$__GOT"] = address


def _has_text(state: State, row: int) -> bool:
    """Return True for a local symbol with a name of its own."""
    offset = int(state.symbols.text[row])
    # Two bytes tell an empty text from one that is not, and do not read all of a long name.
    return offset >= 0 and bool(state.graph.arena.string_at(offset, 2))


def _known(state: State) -> Bool:
    """Select the symbols that a linked graph has: those that stand for their names, and locals that something uses."""
    symbols = state.symbols
    count = len(symbols)
    placed = symbols.block >= 0
    # The mask is its own index: only rows that have a block look up whether that block is live.
    placed[placed] = state.live[symbols.block[placed]]
    used = used_symbols(state)
    rows: I64 = np.arange(count)
    own = (symbols.name >= 0) & (state.canonical == rows)
    return (placed & (own | used | (symbols.name < 0))) | (own & (symbols.kind == SymbolKind.ABSOLUTE))


def _symbol(state: State, row: int, block: int, address: int) -> Symbol:
    size = int(state.symbols.size[row])
    if block < 0:
        # An absolute symbol has no section, and no bytes can be read behind it.
        return Symbol(address, size, -1)
    return Symbol(address, size, int(state.blocks.size[block]) - int(state.symbols.value[row]))
