"""COFF as one of the formats that are linked; see `uruk.formats.interface`.

The readers are imported with the first object.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, cast

from uruk.errors import UnknownTarget
from uruk.formats.coff.head import target_of_head
from uruk.formats.interface import Format, FormatFiles, Report, Span
from uruk.graph.arena import Arena
from uruk.graph.graph import Edges, Graph
from uruk.graph.names import Names
from uruk.graph.types import Bool
from uruk.isa.interface import InstructionSet
from uruk.target import Target

if TYPE_CHECKING:
    from uruk.formats.coff.pair import Pair

_MAPS = {"x86_64": "uruk.formats.coff.x86_64", "aarch64": "uruk.formats.coff.aarch64"}
"""The maps of COFF's relocations, by architecture."""


def pair_of(architecture: str) -> Pair:
    """The pair of COFF and an architecture. Raises UnknownTarget for one without a map of relocations."""
    if architecture not in _MAPS:
        raise UnknownTarget(f"COFF for {architecture}", [f"COFF for {name}" for name in _MAPS])
    return cast("Pair", import_module(_MAPS[architecture]))


class _COFF:
    """See `uruk.formats.interface.Format`."""

    name: str = "coff"
    title: str = "COFF"
    rules: type | None = None  # `uruk.link_rules` has them, as they lie above this floor

    @property
    def files(self) -> FormatFiles:
        from uruk.formats.coff.files import COFFFiles  # seldom needed

        return COFFFiles(pair_of)

    def sniff(self, head: bytes | memoryview) -> Target | None:
        return target_of_head(head)

    def instruction_set(self, architecture: str) -> InstructionSet:
        return pair_of(architecture).ISA

    def read_objects(self, arena: Arena, spans: Sequence[Span], target: Target, names: Names) -> Graph:
        from uruk.formats.coff.reader import read_objects

        return read_objects(arena, spans, pair_of(target.architecture), names)

    def read_relocations(self, graph: Graph, wanted: Bool | None = None, report: Report | None = None) -> Edges:
        from uruk.formats.coff.relocations import read_relocations
        from uruk.formats.relocation_checks import refuse

        assert graph.target is not None, "a graph of no target"
        return read_relocations(graph, pair_of(graph.target.architecture), wanted, report or refuse)


COFF: Format = _COFF()
