"""The state that the passes of one link share: the graph, and the columns that they fill in one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from uruk.graph.graph import Blocks, Edges, Graph, Groups, Role, Symbols
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, NO_ROWS, NONE, U8, AnyArray, Bool, filled
from uruk.passes.tls.interface import Storage
from uruk.records import field, record, replace


@record
class TLSHome:
    """The home of a thread-local symbol from outside the batch.

    In linked code: the `storage` of its module and the symbol's `offset` there. In a shared library: its `library`
    (soname or path) and nothing else; ld.so binds it by name. With neither, nothing defines it.
    """

    storage: Storage | None = None
    offset: int = 0
    library: str = ""


@record
class Externals:
    """Answers for names that the batch does not define; one row an asked name.

    `address` is 0 where `found` is false, and may be 0 elsewhere. `is_data` marks what must not be reached through a
    stub: objects of libraries. `tls` has a home for each row that is thread-local, `own` marks what the link provides
    itself.
    """

    found: Bool
    address: I64
    is_data: Bool
    tls: dict[int, TLSHome] = field(default_factory=dict[int, TLSHome])
    own: Bool = field(default_factory=lambda: np.empty(0, np.bool_))
    origin: Callable[[int], str] = field(default=lambda _: "library")
    """The source of a name's address, for errors: "absolute", "linked" before, or a "library"."""


@record
class Copy:
    """A library's variable of which the batch has a copy: the undefined row that means it, the block, where it was."""

    row: int
    block: int
    content: bytes
    address: int
    constant: bool


@record
class StandIn:
    """The stand-in of a linked program for a library's variable or function, as a linked executable has it.

    A copy of a variable (`size` bytes, `constant` where it is never written to), or a stub as a function's address
    (`size` 0).
    """

    address: int
    size: int = 0
    constant: bool = False


@record
class Slots:
    """GOT entries: one row a (module, symbol, what the entry holds)."""

    module: I32
    row: I32
    operand: U8
    offset: I64
    """In the module's GOT block."""


@record
class Stubs:
    """Jump stubs: one row an (island, symbol); `slot` is the row in Slots that it jumps through.

    An island is a block of stubs, one a module in all but very large code; see `uruk.passes.islands`.

    A stub for a symbol with `ifunc` is that symbol's address for everybody; its slot is filled by the resolver.
    """

    module: I32
    island: I32
    row: I32
    offset: I64
    """In the island's block."""
    slot: I64
    ifunc: Bool
    taken: Bool
    """Stubs whose address code may take for the function's, by a 32-bit reference."""


NO_IDS: I32 = np.empty(0, np.int32)
NO_BYTES: U8 = np.empty(0, np.uint8)
NO_EXTERNALS = Externals(np.empty(0, np.bool_), NO_ROWS, np.empty(0, np.bool_))
NO_SLOTS = Slots(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8), NO_ROWS)
NO_STUBS = Stubs(
    np.empty(0, np.int32),
    np.empty(0, np.int32),
    np.empty(0, np.int32),
    NO_ROWS,
    NO_ROWS,
    np.empty(0, np.bool_),
    np.empty(0, np.bool_),
)


class State:
    """One link of one batch. A pass reads what earlier passes filled, and fills its own columns."""

    graph: Graph
    """As the objects were read. The tables below begin as its tables."""
    names: Names
    blocks: Blocks
    symbols: Symbols
    groups: Groups
    edges: Edges
    module_of_object: I32
    modules: list[str]
    live: Bool
    block_module: I32
    has_dead: bool = False
    """True if any block of the input is dropped or pruned (unwind data that was laid out anew does not count)."""
    canonical: I32 = NO_IDS
    """Symbol row -> the row that defines it, or the first row of the same undefined name."""
    undefined: I32 = NO_IDS
    """Canonical rows that the batch does not define; `external` answers for them, row by row."""
    external: Externals | None = None
    synthetic: dict[str, I32]
    """Kind of synthetic block ("got", "stubs", "unwind", ...) -> its block row for each module, or -1.

    "stubs" has a row for each island.
    """
    frame_records: dict[int, I64]
    """Block of unwind data that was laid out anew -> where each of its records begins, in words, ascending."""
    region: U8 | None = None
    """By block: code of a lower region comes first in its segment; None where nothing is so large."""
    slots: Slots = NO_SLOTS
    stubs: Stubs = NO_STUBS
    stub_of_function: dict[int, int]
    """Address of a function from elsewhere -> that of the stub which is the function's address for the batch."""
    stub_modules: dict[int, int]
    """Canonical row of such a function -> the module that has the stub."""
    slot_edges: I64 = NO_ROWS
    """Edges that refer to a slot, and in `slot_of_edge` which one."""
    slot_of_edge: I64 = NO_ROWS
    stub_edges: I64 = NO_ROWS
    """Edges that may go through a stub, and in `stub_of_edge` which one."""
    stub_of_edge: I64 = NO_ROWS
    relaxed: I64 = NO_ROWS
    """Edges to slots that the fixup has made direct ones, and in `through_stubs` those that it led to stubs."""
    through_stubs: I64 = NO_ROWS
    segment: I32 = NO_IDS
    """Segment of every block (-1: not placed), and in `offset` where in it the block begins."""
    offset: I64 = NO_ROWS
    address: I64 = NO_ROWS
    """Address of every block. Columns of addresses are int64: those from 2^63 on are negative, sums wrap around."""
    position: I64 = NO_ROWS
    """The place where every block begins in the working image."""
    base: int = 0
    """Address of the image's first byte, as columns have it."""
    symbol_address: I64 = NO_ROWS
    """Address of every symbol row; for thread-locals of the batch, the address in the module's initial image."""
    resolver_address: I64 = NO_ROWS
    """IFUNC resolvers, a row an `ifunc` stub."""
    stub_target: I64 = NO_ROWS
    """The target of each stub, where that is not the symbol's address for the batch; a row a stub."""
    tls_offset: I64 = NO_ROWS
    """Offset of every symbol row in its module's thread-local block; only where some symbol is thread-local."""
    image: U8 = NO_BYTES
    image_base: I64 = NO_ROWS
    """By module: the address that image-relative values count from."""
    section_address: I64 = NO_ROWS
    """By block: the address that section-relative values count from; the block's own, where the format has no other."""
    section_number: I64 = NO_ROWS
    """By block: its section's number as the format counts them; 0 for none."""

    read_edges: Edges | None = None
    """The edges as they were read, where a pass has moved them to other blocks; errors name those places."""
    module_handles: list[int | None]
    """The address by which code of each module names the module; None where it has none yet."""
    programs: Sequence[int] = ()
    """The program that each module is part of."""
    got_modules: set[int]
    """Modules that need a GOT even if it has no slots."""
    provided_in: dict[int, int]
    """Rows of `undefined` that mean a place in one module, whichever one refers to it -> that module."""
    module_uses: set[tuple[int, int]]
    """(module, module that must stay as long as it does), beside those to which its relocations refer."""
    tls_starts: list[int]
    """Rows of `undefined` that mean the start of the thread-local block of their own module."""
    copies: list[Copy]
    """Data of libraries that is copied, a row each name."""
    is_own_name: Callable[[bytes], bool]
    """Says of a name whether each module or program has its own, which the link provides."""
    unwind_data: Callable[[], Bool]
    """Says which blocks describe code for those that unwind it."""
    passed: set[str]
    """Steps that are done (`uruk.passes.steps.STEPS`); kept for plug-ins only, empty where there are none."""
    in_child: bool
    """True if the code runs in another process than this one."""
    execute: bool = True
    """False if the code is linked only, and needs no storage for its threads."""
    as_jitlink: bool = False
    """True if stubs, pruning and layout are those of LLVM's JITLink."""
    module_order: I64 | None = None
    """By module: its place among the others in memory, where a plug-in of such a link says so."""
    point: str = ""
    """The point that the link is at, for plug-ins that come at several points."""

    # Written out: a dataclass of so many fields takes 2 ms of every start to be made.
    def __init__(self, graph: Graph, names: Names, module_of_object: I32, modules: list[str]) -> None:
        self.graph = graph
        self.names = names
        self.blocks, self.symbols, self.groups = graph.blocks, graph.symbols, graph.groups
        # Relocations are read by a step of the link, once it is known which blocks stay.
        self.edges = graph.edges if graph.edges is not None else Edges.empty()
        self.module_of_object = module_of_object
        self.modules = modules
        self.live = filled(len(graph.blocks), True, np.bool_)
        self.block_module = module_of_object[graph.blocks.object]
        self.synthetic, self.frame_records = {}, {}
        self.stub_of_function, self.stub_modules = {}, {}
        self.module_handles = []
        self.got_modules = set()
        self.provided_in = {}
        self.module_uses = set()
        self.tls_starts = []
        self.copies = []
        self.is_own_name, self.unwind_data = _is_none, self.of_unwind_sections
        self.passed = set()

    def of_unwind_sections(self) -> Bool:
        """Return which blocks the reader has marked as unwind data."""
        return self.blocks.role == Role.UNWIND

    def now(self) -> Graph:
        """Return the graph with its tables as they are now; nothing is copied. It has no edges before they are read."""
        # Objects may have no relocations, so that an empty table may have been read, or not yet.
        read = self.graph.edges is not None or len(self.edges) or "read relocations" in self.passed
        edges = self.edges if read else None
        return replace(self.graph, blocks=self.blocks, symbols=self.symbols, groups=self.groups, edges=edges)

    def place_of(self, edge: int) -> str:
        """Return ``file:(section+0xoffset)`` of an edge in its input, whatever block it is in now."""
        # Errors name the sections of the input, not the blocks that a pass has made of them.
        edges = self.read_edges or self.edges
        return self.now().place(int(edges.block[edge]), int(edges.offset[edge]))

    def objects_of(self, edges: AnyArray) -> I32:
        """Return the object that each of some edge rows comes from."""
        table = self.read_edges or self.edges
        return self.blocks.object[table.block[edges]]

    def symbol_objects(self, rows: AnyArray) -> I64:
        """Return the object that each of some symbol rows comes from; -1 for those that a pass has made."""
        # Side "right" puts the first row of an object into it. Rows behind all objects' get a number that none has.
        owner = self.graph.ranges.symbols.searchsorted(rows, "right") - 1
        return np.where(owner < len(self.graph.files), owner, NONE)

    def add_blocks(self, new: Blocks, module: I32) -> I32:
        """Append synthetic blocks; returns their rows."""
        first = len(self.blocks)
        self.blocks = Blocks.concat([self.blocks, new])
        self.block_module = np.concatenate([self.block_module, module])
        # What a pass makes is wanted, or it would not be made.
        self.live = np.concatenate([self.live, np.ones(len(new), np.bool_)])
        return np.arange(first, first + len(new), dtype=np.int32)

    def add_symbols(self, new: Symbols) -> None:
        """Append symbols that belong to no object; each stands for itself, until that is changed."""
        first = len(self.symbols)
        self.symbols = Symbols.concat([self.symbols, new])
        # Passes look for facts in the symbols as they were read, so that these have the same rows.
        self.graph = replace(self.graph, symbols=Symbols.concat([self.graph.symbols, new]))
        self.canonical = np.concatenate([self.canonical, np.arange(first, first + len(new), dtype=np.int32)])


def _is_none(_: bytes) -> bool:
    return False


def synthetic_blocks(sizes: I64, aligns: I64, zone: int, content: I64 | None = None, role: int = 0) -> Blocks:
    """Return blocks that uruk makes itself; without content they are zero-filled and written later."""
    count = sizes.size
    none = np.full(count, NONE, np.int32)
    return Blocks(
        none,
        np.full(count, NONE, np.int64),
        np.full(count, NONE, np.int64) if content is None else content,
        sizes.astype(np.int64),
        aligns.astype(np.int64),
        np.full(count, zone, np.uint8),
        np.full(count, role, np.uint8),
        # A column of its own: callers write objects into the other one, and these blocks are in no group.
        none.copy(),
    )
