"""The demands of an object format on a link beyond its relocations, as one object: the defaults, which ask for little.

A format gives its own rules, a subclass of `Rules`, as `Format.rules`; `uruk.link_rules` finds them. One instance
serves one link, and keeps between steps what it finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from uruk.graph.graph import HOLDS_FUNCTIONS, Graph
from uruk.graph.types import I64, NO_ROWS, NONE, U8, Bool, every, filled, some, true_rows

if TYPE_CHECKING:
    from collections.abc import Collection

    from uruk.graph.names import Names
    from uruk.isa.interface import InstructionSet
    from uruk.passes.layout import Layout
    from uruk.passes.rows.work import Work
    from uruk.passes.state import State
    from uruk.passes.tls.interface import Storage, TLSLoader
    from uruk.passes.undefined import Hints


class DataSource(Protocol):
    """The source of libraries' data."""

    def read_object(self, address: int) -> bytes:
        """Return the content of a library's variable; empty if its size is not known."""
        ...

    def is_constant(self, address: int, size: int) -> bool:
        """Return True if a library's variable is never written to."""
        ...


class RowRules(Protocol):
    """The rules of a format for a link of one object row by row; see `uruk.row_link`."""

    def keep_unwind_data(self, work: Work, registers: int) -> None:
        """Look through the object's unwind data. Leaves to the columns what they change, or refuse."""
        ...

    def provides(self, text: bytes) -> bool | None:
        """Return True for the module's handle, False for a name that the session is asked for.

        Returns None for other names that the link provides, which are left to the columns.
        """
        ...


class Rules:
    """The rules of a format that has symbols, relocations and groups, and nothing else.

    Methods stand in the order in which the steps of `uruk.link.link` call them. Each link calls all of them, except
    those that say when they are called.
    """

    private_names: ClassVar[tuple[bytes, ...]] = ()
    """Names that every module has for itself, whatever it is made of."""
    place_names: ClassVar[frozenset[bytes]] = frozenset()
    """Names of places in a module, for which libraries are not asked: a library's mean places in that."""
    dead_data: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names of sections whose references into discarded sections are dead themselves."""

    def __init__(self, state: State) -> None:
        self.state = state

    @staticmethod
    def for_rows() -> RowRules | None:
        """Return the rules for one object that is linked row by row; None where all go through the columns."""
        return None

    @staticmethod
    def adapt(graph: Graph, names: Names) -> None:
        """Change the tables of objects that were just read, before the session takes any name from them."""

    @classmethod
    def is_own_name(cls, text: bytes) -> bool:
        """Return True for a name that the link provides, to each module or program its own."""
        return text in cls.private_names

    @classmethod
    def makes(cls, text: bytes, sections: Collection[bytes]) -> bool:
        """Return True for a name that the link makes itself for an object with these sections, if it is undefined."""
        return cls.is_own_name(text)

    def drop_groups(self, dropped: Bool) -> None:
        """Fill `live`: the members of the groups in the mask go, as others of their signatures were chosen."""
        state = self.state
        group = state.graph.blocks.group
        live: Bool = filled(group.size, True, np.bool_)
        if dropped.size:
            member = group >= 0
            # Members only: -1, of blocks in no group, would look at the last group.
            live[member] = ~dropped[group[member]]
        state.live = live
        # A group that lost may have no block, and then nothing is dead.
        state.has_dead = some(dropped) and not every(live)

    def initialisers(self) -> I64:
        """Return live blocks that hold functions to run when their module is loaded or unloaded."""
        state = self.state
        return true_rows(HOLDS_FUNCTIONS.take(state.blocks.role) & state.live)

    def bounded_blocks(self) -> I64:
        """Return blocks between bounds that some undefined name asks for, which keeps them. Asked for when pruning."""
        return NO_ROWS

    def unwind_data(self) -> Bool:
        """Return which blocks describe code for those that unwind it; passes asked for uses of code leave them out."""
        return self.state.of_unwind_sections()

    def unwind_needs(self) -> tuple[I64, I64]:
        """Return what unwind data adds to the needs of functions: rows of a function's block and one that it needs.

        Asked for when pruning.
        """
        return NO_ROWS, NO_ROWS

    def lay_out_unwind_data(self, registers: int) -> None:
        """Drop the unwind data of code that is gone, and make one block a module of the rest: `synthetic["unwind"]`.

        `registers`: how many unwinders know.
        """
        self.state.synthetic["unwind"] = filled(len(self.state.modules), NONE, np.int32)

    def find_names(self) -> None:
        """Recognise the undefined names that the link provides itself, and make the blocks that they need."""

    def provided(self) -> Bool:
        """Select rows of `undefined` that the link provides, not the session. Some name is undefined."""
        return np.zeros(self.state.undefined.size, np.bool_)

    def take_places(self) -> None:
        """Provide those names that the link has only where no input defines them; the session has answered for them."""

    def copy_library_data(self, host: DataSource, everything: bool) -> None:
        """Make copies of library data that is out of reach; `everything` may be copied, or constants only."""

    def make_imports(self, isa: InstructionSet) -> None:
        """Make the GOTs and the stubs through which code reaches what may be far away."""
        from uruk.passes.got_plt import build_got_and_stubs  # rules are asked for names before anything is linked

        build_got_and_stubs(self.state, isa)

    def written_zones(self) -> U8:
        """Return the zone of each block by its section's own flags: what only relocations write may be among data."""
        return self.state.blocks.zone

    def together(self) -> list[tuple[int, str, I64]]:
        """(module, name, block rows) of what layout must keep together, in order."""
        return []

    def plan_thread_locals(self, layout: Layout, loader: TLSLoader) -> None:
        """Say of thread-locals where in their module's image they lie, and refuse uses that cannot be met.

        `loader` knows the storage of what was linked before.
        """

    def define_names(self, layout: Layout, start: I64, header: int | None, hints: Hints | None) -> None:
        """Fill in the addresses of the names that the link provides, once blocks have addresses.

        `start` has the address of each segment; `header` is that of the header of the object in which a dynamic loader
        knows the memory, None where it does not.
        """

    def load_thread_locals(self, layout: Layout, loader: TLSLoader, storage: dict[int, Storage]) -> None:
        """Load each module's thread-local image; `storage` is filled as it goes, so that a failure can undo it."""

    def write_thread_locals(self, loader: TLSLoader, storage: dict[int, Storage], isa: InstructionSet) -> None:
        """Write the slots and fields that depend on where thread-local storage is."""
