"""The rules of ELF for a link; see `uruk.passes.rules`. What only few links need is imported by these."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from uruk.graph.graph import HOLDS_FUNCTIONS, Graph, Zone
from uruk.graph.types import I64, U8, Bool, some, true_rows
from uruk.passes.elf import own_names
from uruk.passes.rules import DataSource, RowRules, Rules
from uruk.passes.tls.interface import USERS, Storage, TLSLoader

if TYPE_CHECKING:
    from collections.abc import Collection

    from uruk.graph.names import Names
    from uruk.isa.interface import InstructionSet
    from uruk.passes.elf.linker_symbols import LinkerSymbols
    from uruk.passes.layout import Layout
    from uruk.passes.state import State
    from uruk.passes.tls.plan import TLSPlan
    from uruk.passes.undefined import Hints


@cache
def _row_rules() -> RowRules:
    from uruk.passes.elf.row_rules import ROW_RULES  # the first link of a process goes through the columns

    return ROW_RULES


class ELFRules(Rules):
    """The rules of ELF: `.eh_frame`, GNU ld's symbols, copies of library data, thread-locals of Drepper's models."""

    private_names = own_names.PRIVATE
    place_names = own_names.OWN_PLACES
    dead_data = (".gcc_except_table", ".eh_frame")  # as ld has it

    def __init__(self, state: State) -> None:
        super().__init__(state)
        from uruk.passes.elf import linker_symbols  # rules are asked for names before anything is linked

        self._linker_symbols = linker_symbols
        self._symbols: LinkerSymbols = linker_symbols.LinkerSymbols()
        self._tls_plan: TLSPlan | None = None
        """None where neither code nor data has to do with thread-locals."""

    @staticmethod
    def for_rows() -> RowRules:
        """See `uruk.passes.elf.row_rules`."""
        return _row_rules()

    @staticmethod
    def adapt(graph: Graph, names: Names) -> None:
        """Let each object have its own copy of small helpers; see `uruk.passes.elf.per_object_helpers`."""
        # Such helpers are in groups, which most small objects do not have.
        if graph.rows is not None and not graph.rows.groups:
            return
        from uruk.passes.elf.per_object_helpers import keep_own_copies

        keep_own_copies(graph, names)

    @classmethod
    def is_own_name(cls, text: bytes) -> bool:
        """See `Rules.is_own_name`: bounds of sections are among them."""
        return text in own_names.PRIVATE or text.startswith((own_names.START, own_names.STOP))

    @classmethod
    def makes(cls, text: bytes, sections: Collection[bytes]) -> bool:
        """See `Rules.makes`: bounds are made of sections that are there."""
        bounds = text.startswith((own_names.START, own_names.STOP))
        return text.split(b"_", 3)[3] in sections if bounds else cls.is_own_name(text)

    def bounded_blocks(self) -> I64:
        """Return blocks of sections between `__start_X` and `__stop_X`."""
        return self._linker_symbols.bounded_blocks(self.state)

    def unwind_needs(self) -> tuple[I64, I64]:
        """See `Rules.unwind_needs`: language-specific data, and personality routines."""
        from uruk.passes.elf import eh_frame

        return eh_frame.function_needs(self.state)

    def lay_out_unwind_data(self, registers: int) -> None:
        """See `uruk.passes.elf.eh_frame`."""
        from uruk.passes.elf import eh_frame

        eh_frame.rebuild_eh_frame(self.state, registers)

    def find_names(self) -> None:
        """See `uruk.passes.elf.linker_symbols`."""
        self._symbols = self._linker_symbols.find(self.state, self.initialisers())

    def provided(self) -> Bool:
        """See `Rules.provided`."""
        return self._linker_symbols.provided(self.state, self._symbols)

    def take_places(self) -> None:
        """Provide places such as `_end`, unless an input defines the name."""
        self._linker_symbols.take_places(self.state, self._symbols)

    def copy_library_data(self, host: DataSource, everything: bool) -> None:
        """See `uruk.passes.elf.library_data`."""
        external = self.state.external
        assert external is not None
        if some(external.is_data):
            from uruk.passes.elf import library_data

            library_data.copy_library_data(self.state, host, everything)

    def written_zones(self) -> U8:
        """See `Rules.written_zones`: compilers mark what needs relocations as writable (`.data.rel.ro`, arrays)."""
        state = self.state
        zone = state.blocks.zone.copy()
        zone[HOLDS_FUNCTIONS.take(state.blocks.role)] = Zone.RW
        rows = true_rows(state.live[: len(state.graph.blocks)] & (zone[: len(state.graph.blocks)] == Zone.R))
        zone[[row for row in rows.tolist() if state.graph.section_name(row).startswith(".data.rel.ro")]] = Zone.RW
        return zone

    def together(self) -> list[tuple[int, str, I64]]:
        """Return sections between bounds, and arrays of functions whose bounds are asked for."""
        return self._symbols.together

    def plan_thread_locals(self, layout: Layout, loader: TLSLoader) -> None:
        """See `uruk.passes.tls.plan`."""
        state = self.state
        used = some(state.graph.kinds.having(USERS).take(state.edges.kind))
        if used or layout.tls or (state.external and state.external.tls):
            from uruk.passes.tls import plan

            self._tls_plan = plan.plan_tls(state, layout)

    def define_names(self, layout: Layout, start: I64, header: int | None, hints: Hints | None) -> None:
        """See `uruk.passes.elf.linker_symbols`."""
        state = self.state
        if header is None:
            self._linker_symbols.refuse_header(state, self._symbols, hints)
        self._linker_symbols.assign(state, self._symbols, layout, start, header or 0)
        if state.copies:
            from uruk.passes.elf import library_data

            library_data.place_copies(state)

    def load_thread_locals(self, layout: Layout, loader: TLSLoader, storage: dict[int, Storage]) -> None:
        """See `uruk.passes.tls.plan`."""
        if self._tls_plan is not None:
            from uruk.passes.tls import plan

            plan.load_storage(self.state, layout, self._tls_plan, loader, storage)

    def write_thread_locals(self, loader: TLSLoader, storage: dict[int, Storage], isa: InstructionSet) -> None:
        """See `uruk.passes.tls.words`."""
        if self._tls_plan is not None:
            from uruk.passes.tls import words

            words.write(self.state, words.TLSWords(self.state, storage, loader), isa)
