"""References to thread-locals that have another index than those of the code's own program.

Code takes the index from `_tls_index`, and adds the distance from the start of a template (SECREL). Where the
thread-local was linked before, or belongs to another program of the batch, both are changed: the distance counts
from that template, and what the same function reads of `_tls_index` becomes that index. The instructions do not say
which read of an index goes with which distance, so that a function can use one index only. A function begins at a
symbol; in blocks where that does not fit (a distance without an index near by), the whole block counts as one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from uruk.errors import TLSError
from uruk.graph.graph import Edges
from uruk.graph.kinds import Base
from uruk.graph.types import I64, AnyArray, signed, true_rows, unique
from uruk.passes.faults import Faults
from uruk.passes.state import State
from uruk.passes.tls.interface import StorageInPlace

TOGETHER = "let one lookup_all link both objects, as running a program does"
_OWN = -1


class Places(Protocol):
    """The storage that was given to what was linked before; `uruk.passes.tls.interface.TLSLoader` is one."""

    def place_at(self, address: int) -> StorageInPlace | None:
        """Return the storage whose template an address lies in; None for other addresses."""
        ...


class ElsewhereLocals:
    """The references of one link."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._homes: list[StorageInPlace | int] = []
        """The storage that is referred to: what was linked before, or a program of this batch."""
        self._distances: dict[int, StorageInPlace] = {}
        """Edges that count from a template which was linked before."""
        self.moved: dict[int, int] = {}
        """Edges that mean another program's index: the row of `_homes`."""

    def find(self, index_rows: AnyArray, places: Places) -> None:
        """Find the references, and choose the index of each function that has some.

        `index_rows`: the symbols that mean the own index. Raises LinkFaults of TLSError.
        """
        state = self._state
        # SECREL is the only base that counts from a section's start, so that these edges are the distances.
        edges = true_rows(state.graph.kinds.base.take(state.edges.kind) == Base.SECTION)
        if not edges.size:
            return
        faults = Faults()
        target = state.canonical[state.edges.target[edges]]
        home = self._homes_of(edges, target, places)
        unknown = edges[home == len(self._homes)]
        faults.add(unknown, state.objects_of(unknown), lambda rows: self._error(int(rows[0]), ""))
        blocks = unique(state.edges.block[edges[(home >= 0) & (home < len(self._homes))]])
        if blocks.size:
            self._choose(blocks, edges, home, index_rows, faults)
        faults.raise_any()

    def _homes_of(self, edges: I64, target: AnyArray, places: Places) -> I64:
        """For each edge the row of `_homes`; `_OWN` for its own program, the number of homes where none is known."""
        state = self._state
        block = state.symbols.block[target]
        programs = np.array(state.programs)
        mine = programs[state.block_module[state.edges.block[edges]]]
        home = np.full(edges.size, _OWN)
        # A symbol without a block is not of this batch, and is asked for below.
        theirs = np.where(block >= 0, programs[state.block_module[block]], mine)
        for program in unique(theirs[theirs != mine]).tolist():
            home[(theirs == program) & (theirs != mine)] = len(self._homes)
            self._homes.append(program)
        unknown: list[int] = []
        away = np.zeros(len(state.symbols), np.bool_)
        if state.external is not None:
            # What the link provides itself lies in this batch.
            away[state.undefined[state.external.found & ~state.external.own]] = True
        for row in unique(target[away[target]]).tolist():
            assert state.external is not None
            address = int(state.external.address[state.undefined.searchsorted(row)])
            # Columns of addresses are signed.
            place = places.place_at(address & (1 << 64) - 1)
            users = true_rows(target == row)
            if place is None:
                unknown += users.tolist()
                continue
            if place not in self._homes:
                self._homes.append(place)
            home[users] = self._homes.index(place)
            self._distances.update(dict.fromkeys(edges[users].tolist(), place))
        # Only now is the number of homes final.
        home[unknown] = len(self._homes)
        return home

    def _choose(self, blocks: AnyArray, edges: I64, home: I64, index_rows: AnyArray, faults: Faults) -> None:
        """Choose the index of each function of these blocks."""
        state, columns = self._state, self._state.edges
        is_index = np.zeros(len(state.symbols), np.bool_)
        is_index[index_rows] = True
        concerned = np.zeros(len(state.blocks), np.bool_)
        concerned[blocks] = True
        reads = true_rows(concerned[columns.block] & is_index[state.canonical[columns.target]])
        # Index -1 looks at the last block; the second condition takes these rows out.
        named = true_rows(concerned[state.symbols.block] & (state.symbols.block >= 0))
        for block in blocks.tolist():
            starts = np.sort(state.symbols.value[named[state.symbols.block[named] == block]].astype(np.int64))
            mine = true_rows(columns.block[edges] == block)
            taken = reads[columns.block[reads] == block]
            # The number of a function is that of the symbols at or before it.
            counts = starts.searchsorted(columns.offset[edges[mine]], "right")
            takes = starts.searchsorted(columns.offset[taken], "right")
            # A distance without a read, or a read without a distance: symbols do not divide this block into functions.
            if set(counts.tolist()) != set(takes.tolist()):
                counts, takes = np.zeros_like(counts), np.zeros_like(takes)
            for function in unique(counts).tolist():
                rows = mine[counts == function]
                self._choose_one(edges[rows], home[rows], taken[takes == function], faults)

    def _choose_one(self, distances: I64, home: I64, reads: I64, faults: Faults) -> None:
        """Have the index that a function reads changed to that of the one home that its distances have."""
        state, homes = self._state, unique(home).tolist()
        if len(homes) == 1 and reads.size:
            if homes[0] != _OWN:
                self.moved.update(dict.fromkeys(reads.tolist(), homes[0]))
            return
        foreign = distances[home != _OWN]
        rest = distances[home != home[home != _OWN][0]]
        other = f" than `{self._name(int(rest[0]))}', which the same function uses" if rest.size else ""
        faults.add(foreign, state.objects_of(foreign), lambda rows: self._error(int(rows[0]), other))

    def _name(self, edge: int) -> str:
        return self._state.graph.symbol_name(int(self._state.edges.target[edge]))

    def _error(self, edge: int, other: str) -> TLSError:
        problem = (
            f"refers to the thread-local `{self._name(edge)}', which was linked apart from it and has another index"
        )
        hint = f"{TOGETHER}; or reach one of them by a function of its own" if other else TOGETHER
        return TLSError(self._state.place_of(edge), problem + other, hint)

    def redirect(self, own: Callable[[int], int], of_program: Callable[[int], int]) -> None:
        """Change the references' addends. Blocks have addresses.

        `own`: the address of the index that an edge would take; `of_program`: of that of a program of the batch.
        """
        if not (self.moved or self._distances):
            return
        edges = self._state.edges
        addend = edges.addend.copy()
        for edge, place in self._distances.items():
            # A symbol from elsewhere has no section here, from whose start the fixup would count.
            addend[edge] -= signed(place.template)
        for edge, row in self.moved.items():
            home = self._homes[row]
            there = of_program(home) if isinstance(home, int) else signed(home.index_variable)
            addend[edge] += there - own(edge)
        # A new table: the columns may be those of the objects, which a later link reads again.
        self._state.edges = Edges(edges.block, edges.offset, edges.kind, edges.target, addend)

    def programs_used(self) -> set[tuple[int, int]]:
        """(module, program of the batch) of the functions that take another program's index."""
        state = self._state
        return {
            (int(state.block_module[state.edges.block[edge]]), home)
            for edge, row in self.moved.items()
            if isinstance(home := self._homes[row], int)
        }
