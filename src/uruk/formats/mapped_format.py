"""A format of uruk's own: a room with readers, and a map of relocations an architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from uruk.errors import UnknownTarget
from uruk.formats.relocation_checks import refuse

if TYPE_CHECKING:
    from uruk.formats.interface import FormatFiles, Report, Span
    from uruk.graph.arena import Arena
    from uruk.graph.graph import Edges, Graph
    from uruk.graph.names import Names
    from uruk.graph.types import Bool
    from uruk.isa.interface import InstructionSet
    from uruk.target import Target

PairT = TypeVar("PairT")


class MappedFormat(Generic[PairT]):
    """See `uruk.formats.interface.Format`. The room's readers are imported with the first object."""

    rules: type | None = None  # `uruk.link_rules` has them, as they lie above this floor

    def __init__(
        self,
        name: str,
        title: str,
        maps: Mapping[str, str],
        sniff: Callable[[bytes | memoryview], Target | None],
        *,
        symbols_tell_needs: bool = False,
        archives_import: bool = True,
    ) -> None:
        """`maps` has the module of each architecture's map of relocations (a `PairT`).

        `symbols_tell_needs`: an object needs what its undefined symbols name, and no name is an alias of another.
        `archives_import`: indexes of archives may have names of imports from shared libraries.
        """
        self.archives_import = archives_import
        self.symbols_tell_needs = symbols_tell_needs
        self.name = name
        self.title = title
        self.sniff = sniff
        """See `Format.sniff`."""
        self._maps = maps
        self._room = f"uruk.formats.{name}"
        self._pairs: dict[str, PairT] = {}

    def pair_of(self, architecture: str) -> PairT:
        """Return the map of relocations for an architecture. Raises UnknownTarget for one without a map."""
        if architecture not in self._pairs:
            if architecture not in self._maps:
                known = [f"{self.title} for {name}" for name in self._maps]
                raise UnknownTarget(f"{self.title} for {architecture}", known)
            # A pair is a module, whose names no type checker compares with those of a protocol.
            self._pairs[architecture] = cast("PairT", import_module(self._maps[architecture]))
        return self._pairs[architecture]

    @property
    def files(self) -> FormatFiles:
        """See `Format.files`; seldom needed, and not at start-up."""
        return import_module(f"{self._room}.files").FILES

    def instruction_set(self, architecture: str) -> InstructionSet:
        """See `Format.instruction_set`."""
        pair: Any = self._pairs.get(architecture) or self.pair_of(architecture)
        return pair.ISA

    def read_objects(self, arena: Arena, spans: Sequence[Span], target: Target, names: Names) -> Graph:
        """See `Format.read_objects`."""
        pair = self._pairs.get(target.architecture) or self.pair_of(target.architecture)
        return self._read_objects(arena, spans, pair, names)

    def read_relocations(self, graph: Graph, wanted: Bool | None = None, report: Report | None = None) -> Edges:
        """See `Format.read_relocations`."""
        assert graph.target is not None, "a graph of no target"
        return self._read_relocations(graph, self.pair_of(graph.target.architecture), wanted, report or refuse)

    @cached_property
    def _read_objects(self) -> Callable[[Arena, Sequence[Span], PairT, Names], Graph]:
        # Imported with the first object: sessions without one of this format need no readers of it.
        return import_module(f"{self._room}.reader").read_objects

    @cached_property
    def _read_relocations(self) -> Callable[[Graph, PairT, Bool | None, Report], Edges]:
        return import_module(f"{self._room}.relocations").read_relocations
