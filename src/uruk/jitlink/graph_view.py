"""A linked file as LLVM's tool sees it: sections, each with blocks by address, symbols and edges of each block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from uruk.formats.registry import instruction_set_of
from uruk.graph.graph import Binding, Role, SymbolKind, SymbolType, Visibility
from uruk.graph.types import Bool, true_rows, unsigned
from uruk.named_tuples import NamedTuple
from uruk.passes.fixup import slot_addresses, stub_addresses
from uruk.passes.state import State

ANONYMOUS = "<anonymous symbol>"


class SymbolView(NamedTuple):
    """A symbol: its offset in the block, or its address for one without a block."""

    offset: int
    size: int
    is_weak: bool
    scope: str
    name: str
    is_live: bool = True


class EdgeView(NamedTuple):
    """An edge, by LLVM's name of its kind."""

    offset: int
    addend: int
    kind: str
    target: str


class BlockView(NamedTuple):
    """A block; `position` is where its bytes are in the link's image, -1 for zero-fill."""

    address: int
    size: int
    align: int
    position: int
    symbols: list[SymbolView]
    edges: list[EdgeView]


class SectionView(NamedTuple):
    """A section and its live blocks, by address."""

    name: str
    blocks: list[BlockView]


def used_symbols(state: State) -> Bool:
    """Select the symbol rows to which edges that do something refer."""
    used = np.zeros(len(state.symbols), np.bool_)
    used[state.edges.target[state.edges.kind != 0]] = True
    return used


def stub_size(state: State) -> int:
    """Return the size of a link's stubs, in bytes."""
    isa = instruction_set_of(state.graph)
    return isa.JITLINK_TABLES.size if state.as_jitlink else isa.STUB_SIZE


class FileView:
    """The view of one object of a link."""

    def __init__(self, state: State, index: int) -> None:
        self.state = state
        self.index = index
        self.name = state.graph.files[index]
        self._module = int(state.module_of_object[index])
        self._owner = state.symbol_objects(np.arange(len(state.symbols)))
        self._used = used_symbols(state)
        self._tabled = _tabled(state)
        self._relaxed = frozenset(state.relaxed.tolist())
        target = state.graph.target
        # The symbol table of COFF has no sizes (PE format, "COFF Symbol Table").
        self._sizes_are_distances = target is not None and target.format == "coff"
        """True if symbols have no sizes: each goes up to the next one, or to the end of its section."""

    def sections(self) -> Iterator[SectionView]:
        """Yield the object's sections in its order, those without live blocks too, then stubs and the GOT."""
        state, graph = self.state, self.state.graph
        by_name: dict[str, list[int]] = {}
        first, last = (int(bound) for bound in graph.ranges.blocks[self.index : self.index + 2])
        for row in range(first, last):
            by_name.setdefault(graph.section_name(row), []).append(row)
        unwind = state.synthetic.get("unwind")
        for name, rows in by_name.items():
            live = [row for row in rows if state.live[row]]
            # The pass that merges unwind data makes one new block a module, and the blocks of the input die.
            if not live and unwind is not None and state.blocks.role[rows[0]] == Role.UNWIND:
                live = [row for row in unwind[self._module : self._module + 1].tolist() if row >= last]
            yield SectionView(name, [self._block(row) for row in sorted(live, key=self._address)])
        commons = true_rows((state.symbols.kind == SymbolKind.COMMON) & (self._owner == self.index))
        # Common symbols are in no section of the file: the link allots their blocks, and LLVM calls that section
        # `.common`.
        blocks = sorted({int(state.symbols.block[row]) for row in commons.tolist() if state.symbols.block[row] >= 0})
        if blocks:
            yield SectionView(".common", [self._block(row) for row in blocks])
        yield from self._tables()

    def _address(self, row: int) -> int:
        return unsigned(int(self.state.address[row]))

    def _block(self, row: int) -> BlockView:
        state = self.state
        blocks = state.blocks
        stored = int(blocks.content[row]) >= 0
        # Kind 0 means an edge that does nothing.
        edges = true_rows((state.edges.block == row) & (state.edges.kind != 0))
        return BlockView(
            self._address(row), int(blocks.size[row]), int(blocks.align[row]),
            int(state.position[row]) if stored else -1, self._symbols_of(row),
            [self._edge(edge) for edge in edges.tolist()],
        )  # fmt: skip

    def _symbols_of(self, block: int) -> list[SymbolView]:
        state = self.state
        symbols = state.symbols
        rows = true_rows(symbols.block == block)
        # Of several definitions of one name, the canonical row is the one that the link has chosen.
        own = (symbols.name[rows] >= 0) & (state.canonical[rows] == rows)
        if self._sizes_are_distances:
            # LLVM's graph keeps the symbol of an associative COMDAT section, by which the leader keeps it alive.
            own |= (symbols.type[rows] == SymbolType.SECTION) & (self._is_associated(block))
        views = [self._symbol(row) for row in rows[own | self._used[rows]].tolist()]
        views.sort(key=lambda view: (view.offset, view.is_weak, _SCOPES.index(view.scope), view.name))
        if self._sizes_are_distances:
            ends = sorted({view.offset for view in views} | {int(state.blocks.size[block])})
            views = [
                view._replace(size=next((at for at in ends if at > view.offset), view.offset) - view.offset)
                for view in views
            ]
        return views

    def _symbol(self, row: int) -> SymbolView:
        symbols = self.state.symbols
        binding = int(symbols.binding[row])
        # LLVM has no groups: a definition that may give way to another object's is a weak one.
        binding = Binding.WEAK if self._leads_group(row) else binding
        scope = "default" if symbols.visibility[row] in (Visibility.DEFAULT, Visibility.PROTECTED) else "hidden"
        return SymbolView(
            # The value of a common symbol is no offset: in ELF it is the alignment (gABI, "Symbol Table").
            0 if symbols.kind[row] == SymbolKind.COMMON else int(symbols.value[row]), int(symbols.size[row]),
            binding == Binding.WEAK, "local" if binding == Binding.LOCAL else scope, self._name(row),
        )  # fmt: skip

    def _is_associated(self, block: int) -> bool:
        """Return True for a section that is in a group, and does not lead it."""
        state = self.state
        rows = true_rows(state.symbols.block == block).tolist()
        return int(state.blocks.group[block]) >= 0 and not any(self._leads_group(row) for row in rows)

    def _leads_group(self, row: int) -> bool:
        """Return True for a global symbol of a group that may have others of its name (COFF's COMDATs)."""
        state = self.state
        block = int(state.symbols.block[row])
        if not self._sizes_are_distances or block < 0 or state.symbols.name[row] < 0:
            return False
        group = int(state.blocks.group[block])
        return group >= 0 and int(state.groups.name[group]) == int(state.symbols.name[row])

    def _name(self, row: int) -> str:
        """Return a symbol's name; ELF's section symbols have none, COFF's have that of the section."""
        symbols, graph = self.state.symbols, self.state.graph
        offset = int(symbols.text[row])
        text = graph.arena.string_at(offset).decode("utf-8", "replace") if offset >= 0 else ""
        return text or ANONYMOUS

    def _edge(self, edge: int) -> EdgeView:
        state = self.state
        edges = state.edges
        named = state.graph.kinds.jitlink[int(edges.kind[edge])]
        offset, addend = int(edges.offset[edge]), int(edges.addend[edge])
        if edge in self._relaxed:
            return EdgeView(offset, addend, named.direct or named.name, self._target(edge))
        # In JITLink's graph, edges to slots and stubs refer to those, which have no names.
        if edge in self._tabled:
            kind = named.stub or named.name
            return EdgeView(offset, addend + named.counted, kind, _nameless(self._tabled[edge], 0))
        return EdgeView(offset, addend + named.counted, named.name, self._target(edge))

    def _target(self, edge: int) -> str:
        state = self.state
        # The edge shows the definition that was chosen, not the one that this file brought.
        target = int(state.canonical[state.edges.target[edge]])
        # LLVM names an anonymous target by its address, as it has no name to print.
        name = self._name(target)
        if name == ANONYMOUS:
            block = int(state.symbols.block[target])
            name = _nameless(self._address(block), int(state.symbols.value[target])) if block >= 0 else name
        return name

    def _tables(self) -> Iterator[SectionView]:
        """Yield stubs and GOT slots of the file's module, a block each."""
        state = self.state
        stubs, slots = state.stubs, state.slots
        own_stubs = true_rows(stubs.module == self._module).tolist()
        # A module may have a GOT without slots, where code refers to _GLOBAL_OFFSET_TABLE_ alone.
        got = int(state.synthetic["got"][self._module])
        if own_stubs:
            at, slot = stub_addresses(state), slot_addresses(state)
            tables = instruction_set_of(state.graph).JITLINK_TABLES
            position = state.position[state.synthetic["stubs"][stubs.island]] + stubs.offset
            yield SectionView("$__STUBS", [
                self._made(int(at[row]), stub_size(state), tables.align, int(position[row]), [
                    EdgeView(offset, 0, kind, _nameless(unsigned(int(slot[stubs.slot[row]])), 0))
                    for offset, kind in tables.edges
                ]) for row in own_stubs
            ])  # fmt: skip
        own_slots = true_rows(slots.module == self._module).tolist()
        if got >= 0:
            pointer = state.graph.kinds.pointer
            at = slot_addresses(state) if own_slots else np.empty(0, np.int64)
            blocks = [
                self._made(int(at[row]), pointer, pointer, int(state.position[got] + slots.offset[row]),
                           [EdgeView(0, 0, "Pointer64", self._name(int(slots.row[row])))]) for row in own_slots
            ]  # fmt: skip
            yield SectionView("$__GOT", blocks)

    def _made(self, address: int, size: int, align: int, position: int, edges: list[EdgeView]) -> BlockView:
        symbol = SymbolView(0, size, False, "local", ANONYMOUS, False)
        return BlockView(unsigned(address), size, align, position, [symbol], edges)

    def outside(self, *, absolute: bool) -> list[tuple[int, SymbolView]]:
        """Return the object's absolute symbols, or those from elsewhere, each with its address."""
        state = self.state
        symbols = state.symbols
        rows = true_rows(self._owner == self.index)
        if absolute:
            rows = rows[symbols.kind[rows] == SymbolKind.ABSOLUTE]
            # STT_FILE symbols are absolute too (gABI), and name a source file only.
            rows = rows[symbols.type[rows] != SymbolType.FILE]
        else:
            home = symbols.block[state.canonical[rows]]
            # A name without a block was found outside of the link; one in another module's block is external to this
            # file.
            elsewhere = (home < 0) | (state.block_module[home] != self._module)
            rows = rows[
                self._used[rows] & (symbols.name[rows] >= 0) & elsewhere & (symbols.kind[rows] != SymbolKind.ABSOLUTE)
            ]
        return [(unsigned(int(state.symbol_address[row])), self._symbol(row)) for row in rows.tolist()]


def _tabled(state: State) -> dict[int, int]:
    """Return the edges that refer to a slot, or were led to a stub, each with the address of that."""
    found: dict[int, int] = {}
    if state.slot_edges.size:
        found.update(zip(state.slot_edges.tolist(), slot_addresses(state)[state.slot_of_edge].tolist(), strict=True))
    if state.through_stubs.size:
        stub = stub_addresses(state)[state.stub_of_edge[np.isin(state.stub_edges, state.through_stubs)]]
        found.update(zip(state.through_stubs.tolist(), stub.tolist(), strict=True))
    return {edge: unsigned(address) for edge, address in found.items()}


def _nameless(address: int, offset: int) -> str:
    return f"addressable@{address:#x}+{offset:#010x}"


_SCOPES = ("default", "hidden", "local")
