"""COFF objects linked as one batch at a fixed address: nothing runs, and the loader of thread-locals takes notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from uruk.errors import TLSError
from uruk.formats.interface import Span
from uruk.formats.registry import read_objects
from uruk.graph.arena import Arena
from uruk.graph.graph import Binding, SymbolKind
from uruk.graph.names import Names
from uruk.graph.types import I32, Bool
from uruk.graph.verify import verify
from uruk.link import Linked, Request, link
from uruk.memory.fixed import FixedMemory
from uruk.passes.coff.rules import COFFRules
from uruk.passes.faults import LinkFaults
from uruk.passes.state import Externals, State
from uruk.passes.steps import Hook
from uruk.passes.tls.interface import Storage, StorageInPlace
from uruk.target import Target

BASE = 0x140000000


class Loaded:
    """The storage that the loader gives."""

    module_id = 1
    tp_offset = None

    def make_static(self, module: str) -> int:
        """No code of Windows asks for it."""
        raise AssertionError(module)

    def close(self) -> int:
        """Nothing was taken."""
        return 0


@dataclass
class Loader:
    """Notes what it is to load; refuses modules in `refused`; `before` is what was linked before."""

    refused: frozenset[str] = frozenset()
    before: Sequence[StorageInPlace] = ()
    loaded: list[tuple[str, StorageInPlace]] = field(default_factory=list[tuple[str, StorageInPlace]])

    def load_in_place(self, place: StorageInPlace, module: str) -> Storage:
        """See `TLSLoader.load_in_place`."""
        if module in self.refused:
            raise TLSError(module, "is refused")
        self.loaded.append((module, place))
        return Loaded()

    def place_at(self, address: int) -> StorageInPlace | None:
        """See `TLSLoader.place_at`."""
        inside = [place for place in self.before if place.template <= address < place.template + place.stored]
        return inside[0] if inside else None

    def load(self, image: bytes, size: int, align: int, static: bool | None, descriptors: bool, module: str) -> Storage:
        """Only ELF's."""
        raise AssertionError(module)

    def descriptor(self, storage: Storage | None, offset: int) -> tuple[int, int]:
        """Only ELF's."""
        raise AssertionError(offset)

    def bind(self, name: bytes, library: str, operand: int) -> tuple[int, ...]:
        """Only ELF's."""
        raise AssertionError(name)

    def offset_of(self, name: bytes, library: str) -> int | None:
        """Only ELF's."""
        raise AssertionError(name)


@dataclass
class Place:
    """Where the code would run."""

    memory: FixedMemory
    tls: Loader

    def read_object(self, address: int) -> bytes:
        """Nothing is known of libraries' variables."""
        return b""

    def is_constant(self, address: int, size: int) -> bool:
        """See `read_object`."""
        return False

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """COFF has none."""
        raise AssertionError(addresses)


@dataclass
class Batch:
    """What is linked: objects, each a module of its own unless `modules` says of which it is."""

    objects: Sequence[bytes]
    modules: Sequence[int] = ()
    programs: Sequence[int] = ()
    """The program of each module."""
    addresses: Mapping[bytes, int] = field(default_factory=dict[bytes, int])
    """What the process has."""
    loader: Loader = field(default_factory=Loader)
    hooks: Mapping[str, Sequence[Callable[[State], None]]] = field(
        default_factory=dict[str, list[Callable[[State], None]]]
    )
    keep: Sequence[bytes] | None = None
    """Names to keep, and what they need; None keeps everything."""
    execute: bool = True
    asked: list[bytes] = field(default_factory=list[bytes])
    """The names that the link asked for."""

    def faults(self) -> dict[int, str]:
        """The errors of a link that must fail, by the object at fault."""
        try:
            self.link()
        except LinkFaults as caught:
            masks = np.eye(len(self.objects), dtype=np.bool_)
            pairs = [(row, fault) for fault in caught.faults for row in fault.objects.tolist()]
            return {row: str(fault.error(masks[row])) for row, fault in pairs}
        raise AssertionError("it links")

    def link(self) -> Image:
        """Link; see `uruk.link.link`."""
        interner = Names()
        private = np.array(
            interner.intern(list(COFFRules.private_names)), np.int32
        )  # before all others: the lowest numbers
        arena, starts = Arena.join(self.objects)
        spans = [
            Span(f"{row}.obj", at, len(data)) for row, (at, data) in enumerate(zip(starts, self.objects, strict=True))
        ]
        graph = read_objects(arena, spans, Target("coff", "x86_64", "windows"), interner)
        symbols, of_object = graph.symbols, self.modules or range(len(self.objects))
        titles = [f"module {number}" for number in range(max(of_object) + 1)]
        defines = (symbols.name >= 0) & (symbols.kind != SymbolKind.UNDEFINED) & (symbols.binding != Binding.LOCAL)
        kept = None
        if self.keep is not None:
            numbers = [interner[text] for text in self.keep]
            kept = np.flatnonzero(defines & np.isin(symbols.name, numbers)).astype(np.int32)

        dropped = np.ones(len(graph.groups), np.bool_)
        dropped[np.unique(graph.groups.name, return_index=True)[1]] = False  # the first of each name stays

        def resolve(names: I32, weak: Bool, tls: Bool, hidden: Bool) -> Externals:
            texts = [interner.text(number) for number in names.tolist()]
            self.asked += texts
            found = np.array([text in self.addresses for text in texts], np.bool_)
            address = np.array([self.addresses.get(text, 0) for text in texts], np.int64)
            return Externals(found, address, np.zeros(len(texts), np.bool_))

        hooks: dict[str, list[Hook]] = {point: [*found] for point, found in self.hooks.items()}
        hooks["before layout"] = hooks["after seal"] = [verify]
        request = Request(
            graph, interner, titles, np.array(of_object, np.int32), defines, dropped,
            resolve, private, [None] * len(titles),
            programs=self.programs, execute=self.execute, hooks=hooks, prune_from=kept,
        )  # fmt: skip
        memory = FixedMemory(BASE, 1 << 20)
        return Image(link(request, Place(memory, self.loader)), memory)


@dataclass
class Image:
    """A linked batch."""

    linked: Linked
    memory: FixedMemory

    def address(self, name: bytes, turn: int = 0) -> int:
        """Where the definition of a name lies; `turn` counts the definitions of one name."""
        state = self.linked.state
        rows = np.flatnonzero((state.symbols.name == state.names[name]) & (state.symbols.kind == SymbolKind.DEFINED))
        row = int(rows[turn])
        return int(state.address[state.symbols.block[row]]) + int(state.symbols.value[row])

    def word(self, name: bytes, offset: int = 0, size: int = 8, turn: int = 0) -> int:
        """The number that lies so far behind a name."""
        return self.word_at(self.address(name, turn) + offset, size)

    def word_at(self, address: int, size: int = 8) -> int:
        """The number at an address."""
        return int.from_bytes(self.memory.read(address, size), "little")
