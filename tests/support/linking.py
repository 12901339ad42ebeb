"""Link objects as one batch, without a session: what `uruk.link` itself raises and leaves."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from uruk.formats.interface import Span
from uruk.formats.registry import read_objects
from uruk.graph.arena import Arena
from uruk.graph.graph import Binding, Graph, SymbolKind
from uruk.graph.names import Names
from uruk.graph.types import I32, Bool
from uruk.link import Linked, Request, link
from uruk.memory.manager import SlabManager
from uruk.passes.elf.own_names import PRIVATE
from uruk.passes.faults import LinkFaults
from uruk.passes.state import Externals, State
from uruk.platforms.linux.process_here import LinuxHere, executor_here
from uruk.target import Target


class Batch:
    """Objects of one batch, each a module of its own unless `together`; relocations are read by the link."""

    def __init__(self, paths: Sequence[Path], *, together: bool = False) -> None:
        self.executor = executor_here()
        self.names = Names()
        self.private = np.array(self.names.intern(PRIVATE), np.int32)
        arena, starts = Arena.join([path.read_bytes() for path in paths])
        spans = [Span(path.name, at, path.stat().st_size) for path, at in zip(paths, starts, strict=True)]
        self.graph: Graph = read_objects(arena, spans, Target("elf", "x86_64", "linux"), self.names)
        self.modules = ["all"] if together else [path.name for path in paths]
        count = len(paths)
        self.module_of_object = np.zeros(count, np.int32) if together else np.arange(count, dtype=np.int32)
        self.addresses: dict[str, int] = {}
        """Addresses of library data that the process does not have there."""
        self.hooks: dict[str, list[Callable[[State], None]]] = {}
        self.in_child = False
        self.copy_data = False
        """Libraries are bound to copies of their data."""

    def resolve(self, names: I32, weak: Bool, tls: Bool, hidden: Bool) -> Externals:
        """What this process has, and `addresses`."""
        texts = [self.names.text(one) for one in names.tolist()]
        found = [
            (self.addresses[text.decode()], True)
            if text.decode() in self.addresses
            else self.executor.libraries.find_symbol(None, text)
            for text in texts
        ]
        address = np.array([one[0] for one in found], np.int64)
        return Externals(address != 0, address, np.array([one[1] for one in found], np.bool_))

    def link(self) -> Linked:
        """Link; see `uruk.link.link`."""
        symbols = self.graph.symbols
        defines = (symbols.name >= 0) & (symbols.kind != SymbolKind.UNDEFINED) & (symbols.binding != Binding.LOCAL)
        request = Request(
            self.graph, self.names, self.modules, self.module_of_object, defines,
            np.zeros(len(self.graph.groups), np.bool_), self.resolve, self.private, [None] * len(self.modules),
            hooks=self.hooks, in_child=self.in_child, copy_data=self.copy_data,
        )  # fmt: skip
        return link(request, LinuxHere(self.executor))

    def faults(self) -> LinkFaults:
        """The faults of a link that must fail; nothing of it is left."""
        try:
            self.link()
        except LinkFaults as found:
            assert isinstance(self.executor.memory, SlabManager)
            assert sum(slab.used for slab in self.executor.memory.slabs) == 0
            return found
        raise AssertionError("it links")

    def mask(self, *objects: int) -> Bool:
        """A mask with these objects set; all for none."""
        mask = np.zeros(len(self.graph.files), np.bool_)
        mask[list(objects) or slice(None)] = True
        return mask


@contextmanager
def batch(*paths: Path, together: bool = False) -> Generator[Batch, None, None]:
    """A batch whose memory is given back."""
    one = Batch(paths, together=together)
    try:
        yield one
    finally:
        one.executor.close()
