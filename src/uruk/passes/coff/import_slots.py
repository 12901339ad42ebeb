"""`__imp_X`, the slot with X's address for code that declares X as an import, made where no import library has it.

Natively the import library of a DLL has the slot. A linker makes one itself where X is linked in (Microsoft's warning
LNK4217), and so does uruk, for every X that the session finds.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Binding, Edges, SymbolKind, Symbols, Zone
from uruk.graph.types import I64, NO_ROWS, NONE
from uruk.passes.state import State, synthetic_blocks

IMPORT_PREFIX = b"__imp_"


class ImportSlots:
    """The slots of one link."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._rows: list[int] = []
        """Symbol rows of the names with the prefix; they are among the undefined ones."""
        self._targets: list[int] = []
        """For each of them the row of the symbol whose address its slot holds."""
        self._first_added = 0
        """From this row on symbols were made here: no object speaks of them without the prefix."""
        self._blocks: I64 = NO_ROWS

    def make(self, places: list[int], texts: list[bytes]) -> None:
        """Make a slot for each of these places in `undefined`, whose names are in `texts`."""
        if not places:
            return
        state = self._state
        self._rows = state.undefined[places].tolist()
        self._find_targets([texts[place].removeprefix(IMPORT_PREFIX) for place in places])
        count, width = len(places), state.graph.kinds.pointer
        # All slots' content is one buffer; each block begins a pointer's width further on.
        content = state.graph.arena.append(np.zeros(count * width, np.uint8)) + width * np.arange(count)
        size = np.full(count, width)
        new = synthetic_blocks(size, size, Zone.R, content)
        new.text[:] = state.symbols.text[self._rows]  # errors name the slot by its symbol
        new.object[:] = owner = state.symbol_objects(np.array(self._rows))
        self._blocks = state.add_blocks(new, state.module_of_object[owner]).astype(np.int64)
        kind = np.full(count, state.graph.kinds.number[f"Pointer{8 * width}"], np.uint8)
        zero = np.zeros(count, np.int64)
        targets = np.array(self._targets, np.int32)
        # A slot is data with one pointer, which is written like any other edge.
        state.edges = Edges.concat([state.edges, Edges(self._blocks.astype(np.int32), zero, kind, targets, zero)])

    def _find_targets(self, texts: list[bytes]) -> None:
        """Fill `_targets`. Names that no object speaks of get rows of their own; what is undefined is asked for."""
        state = self._state
        # The slot of `__imp_X` holds the address of X, whatever has it: this batch, earlier code, or a DLL.
        numbers = state.names.intern(texts)
        named = np.flatnonzero(np.isin(state.symbols.name, numbers))
        row_of = dict(zip(state.symbols.name[named].tolist(), state.canonical[named].tolist(), strict=True))
        self._first_added = len(state.symbols)
        missing = {number: text for number, text in zip(numbers, texts, strict=True) if number not in row_of}
        if missing:
            self._add_symbols(missing)
            row_of.update(zip(missing, range(self._first_added, len(state.symbols)), strict=True))
        self._targets = [row_of[number] for number in numbers]
        # Sorted, as passes search in it. A row may come in between: a name that only dead code of the batch had.
        unknown = [row for row in self._targets if state.symbols.kind[row] == SymbolKind.UNDEFINED]
        state.undefined = np.array(sorted({*unknown, *state.undefined.tolist()}), np.int32)

    def _add_symbols(self, missing: dict[int, bytes]) -> None:
        """Add undefined symbols, by the numbers of their names."""
        count = len(missing)
        texts = [text + b"\0" for text in missing.values()]
        # All names are one buffer, in which each ends in NUL.
        begin = self._state.graph.arena.append(np.frombuffer(b"".join(texts), np.uint8))
        ends = np.array([len(text) for text in texts], np.int64).cumsum()
        zero = np.zeros(count, np.uint8)
        self._state.add_symbols(
            Symbols(
                np.array(list(missing), np.int32), begin + np.append(0, ends[:-1]), np.full(count, NONE, np.int32),
                np.zeros(count, np.uint64), np.zeros(count, np.int64), zero + np.uint8(SymbolKind.UNDEFINED),
                zero + np.uint8(Binding.GLOBAL), zero, zero,
            )
        )  # fmt: skip

    def take(self) -> None:
        """Take the slots that the session has not, now that it has answered.

        A symbol that only slots of the session's refer to need not be defined.
        """
        external = self._state.external
        if not self._rows or external is None:
            return
        places = self._state.undefined.searchsorted(np.array(self._rows))
        # Rows that were made here: if the session has the slot itself, the name without the prefix may be undefined.
        unwanted = {target for target in self._targets if target >= self._first_added}
        for place, target in zip(places.tolist(), self._targets, strict=True):
            if not external.found[place]:
                # Slots are data: a stub must never stand for one.
                external.found[place] = external.own[place] = external.is_data[place] = True
                unwanted.discard(target)
        # Found and own, at address 0: neither an error nor asked for again.
        rest = self._state.undefined.searchsorted(np.array(sorted(unwanted), np.int64))
        external.found[rest] = external.own[rest] = True

    def place(self) -> None:
        """Give the slots' addresses to their names, now that blocks have them."""
        external = self._state.external
        if not self._rows or external is None:
            return
        places = self._state.undefined.searchsorted(np.array(self._rows))
        mine = external.own[places]
        external.address[places[mine]] = self._state.address[self._blocks[mine]]
