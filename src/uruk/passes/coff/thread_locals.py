"""Thread-locals of COFF: the template of a program, its `_tls_index`, and the functions to call for threads.

Code reaches a thread-local through the index of its module, which the loader writes into `_tls_index`, and by the
distance from the start of the template (SECREL). The objects of a program that are linked together share both: all
their `.tls` sections lie in one module, the first that has any. Pointers in `.CRT$XL?` sections are functions that the
loader calls when the module and threads come and go. Code that refers to the thread-locals of other programs, or of
what was linked before, is redirected to their index (thread_locals_elsewhere.py).
Source: Microsoft, "PE Format", "The .tls Section".
"""

from __future__ import annotations

import numpy as np

from uruk.errors import TLSError
from uruk.graph.graph import Edges, Zone
from uruk.graph.types import I64, AnyArray, signed, true_rows, unique, unsigned
from uruk.passes.coff.grouped_sections import TLS, begin, name_words, section_names
from uruk.passes.coff.thread_locals_elsewhere import ElsewhereLocals, Places
from uruk.passes.faults import Faults
from uruk.passes.layout import Layout
from uruk.passes.state import State, synthetic_blocks
from uruk.passes.tls.interface import Storage, StorageInPlace, TLSLoader
from uruk.records import record

TLS_INDEX = b"_tls_index"
_CALLBACKS = b".CRT$XL"
_INDEX_SIZE = 4


@record
class _Program:
    """The storage of one program in a batch: the module that has it, and the blocks that the link makes for it."""

    module: int
    blocks: I64
    """Those with the template's content."""
    index: int
    callbacks: int
    """The list of functions; -1 without one."""


class ThreadLocals:
    """The thread-locals of one link."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._programs: dict[int, _Program] = {}
        self._elsewhere = ElsewhereLocals(state)
        self.rows: list[int] = []
        """Rows of `undefined` that are `TLS_INDEX`, each in the module that asks for it."""

    def gather(self, rows: list[int]) -> None:
        """Make one module of a program have its template, and make the index and the list of functions.

        `rows` are those of `undefined` that are `TLS_INDEX`.
        """
        state = self._state
        named = true_rows(state.live & (state.blocks.text >= 0))
        words = name_words(state, named)
        # `.tls` and `.tls$X`, not `.tlsfoo`: names are compared with what ends or divides them.
        content = named[begin(words, TLS + b"$") | begin(words, TLS + b"\0")]
        callbacks = named[begin(words, _CALLBACKS)]
        if not (content.size or callbacks.size or rows):
            return
        self.rows = rows
        # Each module has its own row of `_tls_index`, as the name is private to modules.
        asking = state.module_of_object[state.symbol_objects(state.undefined[rows])].astype(np.int64)
        # The module with content comes first: its code has the largest share in the storage.
        modules = np.concatenate([state.block_module[content], state.block_module[callbacks], asking])
        for module in modules.tolist():
            if state.programs[module] not in self._programs:
                self._programs[state.programs[module]] = self._storage_in(module, content, callbacks)
        state.provided_in |= {row: self._of(module).module for row, module in zip(rows, asking.tolist(), strict=True)}

    def _of(self, module: int) -> _Program:
        return self._programs[self._state.programs[module]]

    def _storage_in(self, module: int, content: I64, callbacks: I64) -> _Program:
        """Make a module's blocks for the storage of its program."""
        state = self._state
        mine = self._of_program(content, state.programs[module])
        # The others stay only as long as this one does, which has their content, too.
        state.module_uses |= {
            (joined, module) for joined in unique(state.block_module[mine]).tolist() if joined != module
        }
        # Chunks of layout are one a module and name: blocks of several modules would have several templates.
        state.block_module[mine] = module
        size = np.full(1, _INDEX_SIZE)
        owner = np.full(1, module, np.int32)
        index = int(state.add_blocks(synthetic_blocks(size, size, Zone.RW), owner)[0])
        functions = self._in_order(self._of_program(callbacks, state.programs[module]))
        return _Program(module, mine, index, self._make_list(functions, owner))

    def _of_program(self, blocks: I64, program: int) -> I64:
        programs = np.array(self._state.programs)[self._state.block_module[blocks]]
        return blocks[programs == program]

    def _in_order(self, blocks: I64) -> I64:
        """Return the edges of blocks, by the blocks' names, then as they lie in them: an edge is a function."""
        state = self._state
        names = section_names(state, blocks)
        place = np.zeros(len(state.blocks), np.int64)
        # Two times sorted: the first gives the blocks in order, `argsort` of that each block's place in it.
        place[blocks] = 1 + np.array(sorted(range(blocks.size), key=names.__getitem__), np.int64).argsort()
        edges = true_rows(place.take(state.edges.block) > 0)
        # lexsort takes the most significant key last: by block, then by the place in the block.
        return edges[np.lexsort((state.edges.offset[edges], place[state.edges.block[edges]]))]

    def _make_list(self, functions: I64, owner: AnyArray) -> int:
        """Make a block with the functions that these edges refer to, and a null pointer behind them."""
        state, edges, width = self._state, self._state.edges, self._state.graph.kinds.pointer
        if not functions.size:
            return -1
        # One pointer more, which stays null and ends the list.
        size = width * (functions.size + 1)
        content = np.full(1, state.graph.arena.append(np.zeros(size, np.uint8)))
        new = synthetic_blocks(np.full(1, size), np.full(1, width), Zone.R, content)
        new.object[:] = state.blocks.object[edges.block[functions[:1]]]
        block = state.add_blocks(new, owner)
        added = Edges(
            block.repeat(functions.size),
            width * np.arange(functions.size),
            # The sections keep their edges and lie where they lie: the list refers to the functions once more.
            edges.kind[functions],
            edges.target[functions],
            edges.addend[functions],
        )
        state.edges = Edges.concat([edges, added])
        return int(block[0])

    def find_others(self, places: Places) -> None:
        """Find what code refers to of other programs and of what was linked before. Raises LinkFaults of TLSError."""
        if self._programs:
            self._elsewhere.find(self._state.undefined[self.rows], places)
            self._state.module_uses |= {
                (module, self._programs[program].module) for module, program in self._elsewhere.programs_used()
            }

    def place(self) -> None:
        """Give the indexes' addresses to their names, now that blocks have them."""
        state = self._state
        for row in self.rows:
            module = int(state.module_of_object[state.symbol_objects(state.undefined[row : row + 1])[0]])
            assert state.external is not None
            state.external.address[row] = state.address[self._of(module).index]
        self._elsewhere.redirect(
            lambda edge: int(state.address[self._of(int(state.block_module[state.edges.block[edge]])).index]),
            lambda program: int(state.address[self._programs[program].index]),
        )

    def _is_needed(self, program: int) -> bool:
        """False for a program whose code only reads the indexes of others."""
        state, storage = self._state, self._programs[program]
        if storage.blocks.size or storage.callbacks >= 0 or not self._elsewhere.moved:
            return True
        is_index = np.zeros(len(state.symbols), np.bool_)
        is_index[state.undefined[self.rows]] = True
        # Only reads that all go to other programs' indexes make an own index idle.
        reads = true_rows(is_index[state.canonical[state.edges.target]])
        mine = reads[np.array(state.programs)[state.block_module[state.edges.block[reads]]] == program]
        return not self._elsewhere.moved.keys() >= set(mine.tolist())

    def load(self, layout: Layout, loader: TLSLoader, storage: dict[int, Storage]) -> None:
        """Have the loader give each program its storage. Raises LinkFaults of TLSError, all objects' with content."""
        state, faults = self._state, Faults()
        for program in [self._programs[number] for number in self._programs if self._is_needed(number)]:
            title = state.modules[program.module]
            try:
                storage[program.module] = loader.load_in_place(self._place_of(program, layout), title)
            except TLSError as error:
                # Without content, the object that has the functions or asks for the index is at fault.
                users = program.blocks if program.blocks.size else np.array([max(program.callbacks, program.index)])
                faults.add_error(state.blocks.object[users], error)
        faults.raise_any()

    def _place_of(self, program: _Program, layout: Layout) -> StorageInPlace:
        """Return the addresses of a program's storage."""
        address = self._state.address
        chunk = layout.kept.get((program.module, TLS.decode()))
        # A module may have functions for threads and no thread-locals.
        template, size, align = 0, 0, 1
        if chunk is not None:
            # The first block need not begin the chunk: its offset leads back to the template's start.
            template = unsigned(signed(int(address[chunk.rows[0]]) - int(chunk.offset[0])))
            size, align = chunk.size, chunk.align
        callbacks = unsigned(int(address[program.callbacks])) if program.callbacks >= 0 else 0
        return StorageInPlace(template, size, 0, align, unsigned(int(address[program.index])), callbacks)
