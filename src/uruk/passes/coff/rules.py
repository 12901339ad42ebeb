"""The rules of COFF for a link; see `uruk.passes.rules`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import Graph
from uruk.graph.names import Names
from uruk.graph.types import I64, NONE, Bool, filled
from uruk.passes.coff import per_object_helpers, script_names
from uruk.passes.coff.grouped_sections import associated_blocks, sections_together, unwind_blocks, unwind_sections
from uruk.passes.coff.import_slots import IMPORT_PREFIX, ImportSlots
from uruk.passes.coff.thread_locals import TLS_INDEX, ThreadLocals
from uruk.passes.layout import Layout
from uruk.passes.rules import Rules
from uruk.passes.state import State

if TYPE_CHECKING:
    from collections.abc import Collection

    from uruk.isa.interface import InstructionSet
    from uruk.passes.tls.interface import Storage, TLSLoader
    from uruk.passes.undefined import Hints

IMAGE_BASES = (b"__ImageBase", b"__image_base__")
"""The address that image-relative values count from (link.exe and GNU ld define the first, ld's script the second)."""


class COFFRules(Rules):
    """The rules of COFF. Unwind data is data like all other; thread-locals lie in it until the loader copies them."""

    private_names = (TLS_INDEX,)
    dead_data = (".rdata",)  # gcc's jump tables of functions in groups; ld and lld leave these as they are
    place_names = frozenset((*IMAGE_BASES, *script_names.NAMES))

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._base_rows: list[int] = []
        """Rows of `undefined` that are among `IMAGE_BASES`."""
        self._slots = ImportSlots(state)
        self._script_names = script_names.ScriptNames(state)
        self._thread_locals = ThreadLocals(state)

    @staticmethod
    def adapt(graph: Graph, names: Names) -> None:
        """Let each object have its own copy of small data; see `uruk.passes.coff.per_object_helpers`."""
        per_object_helpers.keep_own_copies(graph, names)

    @classmethod
    def is_own_name(cls, text: bytes) -> bool:
        """See `Rules.is_own_name`."""
        return text in (*IMAGE_BASES, TLS_INDEX)

    @classmethod
    def makes(cls, text: bytes, sections: Collection[bytes]) -> bool:
        """See `Rules.makes`: names of ld's script are among them, which an input may define as well."""
        return cls.is_own_name(text) or text in script_names.NAMES

    def unwind_data(self) -> Bool:
        """Return `.pdata` and `.xdata`: both refer to functions, and to places in them by a function's name."""
        return unwind_sections(self.state)

    def unwind_needs(self) -> tuple[I64, I64]:
        """Functions need the tables (`.pdata`) that refer to them, and leaders of COMDATs what is associated with them.

        Tables refer to all else.
        """
        code, tables = unwind_blocks(self.state)
        leaders, members = associated_blocks(self.state)
        return np.concatenate([code, leaders]), np.concatenate([tables, members])

    def make_imports(self, isa: InstructionSet) -> None:
        """See `Rules.make_imports`: JITLink makes no stubs for COFF, and a program that runs needs some."""
        if self.state.as_jitlink and not self.state.execute:
            # Later steps ask for the tables of every module; -1 says that it has none.
            none = filled(len(self.state.modules), NONE, np.int32)
            self.state.synthetic["got"] = self.state.synthetic["stubs"] = none
        else:
            super().make_imports(isa)

    def find_names(self) -> None:
        """Find the image's base among the undefined names, and make slots for what code declares as imports."""
        state = self.state
        texts = state.names.ids.texts(state.symbols.name[state.undefined].tolist())
        self._script_names.find(texts)
        self._slots.make([row for row, text in enumerate(texts) if text.startswith(IMPORT_PREFIX)], texts)
        # Slots may have added undefined names between the others: rows are counted anew.
        self._base_rows = [row for name in IMAGE_BASES if name in texts for row in self._undefined_rows(name)]
        self._thread_locals.gather(self._undefined_rows(TLS_INDEX) if TLS_INDEX in texts else [])

    def _undefined_rows(self, name: bytes) -> list[int]:
        """Return the rows of `undefined` that have a name: one, or, of a name that each module has for itself,
        several."""
        state = self.state
        return np.flatnonzero(state.symbols.name[state.undefined] == state.names[name]).tolist()

    def provided(self) -> Bool:
        """Return the image's base, and the index of thread-locals."""
        own = super().provided()
        own[[*self._base_rows, *self._thread_locals.rows]] = True
        return own

    def take_places(self) -> None:
        """Make slots of imports, where the session has none, and take names that no input defines."""
        self._slots.take()
        self._script_names.take()

    def together(self) -> list[tuple[int, str, I64]]:
        """Sections with one name before the `$`, by what follows it."""
        return sections_together(self.state)

    def define_names(self, layout: Layout, start: I64, header: int | None, hints: Hints | None) -> None:
        """Fill in the image's base, the slots' addresses, and where sections begin, as SECREL and SECTION count them.

        A section is what lies together by its name, or all other content of one protection of a module.
        """
        state = self.state
        if state.external is not None and self._base_rows:
            # All modules of a batch count from one base, as they lie in one slab.
            state.external.address[self._base_rows] = state.image_base[0]
        self._slots.place()
        self._script_names.place(layout, start)
        self._thread_locals.place()
        placed = layout.segment >= 0
        if state.as_jitlink and not state.execute:  # every section of an object is one by itself
            state.section_number, state.section_address = _own_numbers(state), state.address
            return
        number = filled(placed.size, 0, np.int64)
        # Section numbers count from 1 (PE/COFF specification, "Section Table"); 0 means none.
        number[placed] = layout.segment[placed] + 1
        address = state.address.copy()
        address[placed] = start[layout.segment[placed]]
        # What lies together by its name is a section of its own, behind those of the segments.
        for index, chunk in enumerate(layout.kept.values()):
            number[chunk.rows] = start.size + index + 1
            address[chunk.rows] = state.address[chunk.rows[0]]
        state.section_number, state.section_address = number, address

    def plan_thread_locals(self, layout: Layout, loader: TLSLoader) -> None:
        """See `uruk.passes.coff.thread_locals`."""
        self._thread_locals.find_others(loader)

    def load_thread_locals(self, layout: Layout, loader: TLSLoader, storage: dict[int, Storage]) -> None:
        """See `uruk.passes.coff.thread_locals`; code that is linked only has no threads."""
        # Without threads the distances in code are right all the same: they count from the template.
        if self.state.execute:
            self._thread_locals.load(layout, loader, storage)


def _own_numbers(state: State) -> I64:
    """Return the number of each block among the blocks of its object, from 1 on; 0 for blocks that the link made."""
    number = np.zeros(len(state.blocks), np.int64)
    starts = state.graph.ranges.blocks
    count = np.diff(starts)
    # The row less the first row of its object, and 1, as sections are numbered in a file.
    number[: len(state.graph.blocks)] = np.arange(len(state.graph.blocks)) - starts[:-1].repeat(count) + 1
    return number
