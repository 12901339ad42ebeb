"""ELF as one of the formats that are linked; see `uruk.formats.interface`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from uruk.errors import UnknownTarget
from uruk.formats.elf import reader, relocations
from uruk.formats.elf.head import target_of_head
from uruk.formats.elf.reader import Pair
from uruk.formats.interface import Format, Report, Span
from uruk.formats.relocation_checks import refuse
from uruk.graph.arena import Arena
from uruk.graph.graph import Edges, Graph
from uruk.graph.names import Names
from uruk.graph.types import Bool
from uruk.isa.interface import InstructionSet
from uruk.target import Target

if TYPE_CHECKING:
    from uruk.formats.interface import FormatFiles

_MAPS = {"x86_64": "uruk.formats.elf.x86_64", "aarch64": "uruk.formats.elf.aarch64"}
"""The maps of ELF's relocations, by architecture; each is imported when it is asked for."""


@lru_cache(maxsize=8)
def pair_of(architecture: str) -> Pair:
    """The map of ELF's relocations for an architecture. Raises UnknownTarget for one without a map."""
    if architecture not in _MAPS:
        raise UnknownTarget(f"ELF for {architecture}", [f"ELF for {name}" for name in _MAPS])
    return cast("Pair", import_module(_MAPS[architecture]))


class _ELF:
    """See `uruk.formats.interface.Format`."""

    name: str = "elf"
    title: str = "ELF"
    rules: type | None = None  # `uruk.link_rules` has them, as they lie above this floor

    @property
    def files(self) -> FormatFiles:
        from uruk.formats.elf.files import ELFFiles  # seldom needed, and not at start-up

        return ELFFiles(pair_of)

    def sniff(self, head: bytes | memoryview) -> Target | None:
        return target_of_head(head)

    def instruction_set(self, architecture: str) -> InstructionSet:
        return pair_of(architecture).ISA

    def read_objects(self, arena: Arena, spans: Sequence[Span], target: Target, names: Names) -> Graph:
        return reader.read_objects(arena, spans, pair_of(target.architecture), names)

    def read_relocations(self, graph: Graph, wanted: Bool | None = None, report: Report | None = None) -> Edges:
        assert graph.target is not None, "a graph of no target"
        return relocations.read_relocations(graph, pair_of(graph.target.architecture), wanted, report or refuse)


ELF: Format = _ELF()
