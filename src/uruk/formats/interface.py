"""The interface of an object format; `uruk.formats.elf.format` is one, `uruk.formats.registry` has all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from uruk.errors import UrukError
from uruk.graph.arena import Arena
from uruk.graph.graph import Edges, Graph
from uruk.graph.names import Names
from uruk.graph.types import AnyArray, Bool
from uruk.isa.interface import InstructionSet
from uruk.target import Target

HEAD_SIZE = 64
"""How many bytes of a file `Format.sniff` gets, if there are as many."""

Tell: TypeAlias = Callable[[AnyArray], UrukError]
Report: TypeAlias = Callable[[AnyArray, AnyArray, Tell], None]
"""It is called with rows at fault: the rows, the object of each, and a function that makes the error of some."""


@dataclass(eq=False)
class Span:
    """Where an object's bytes are in the arena's buffer, and the file's name for errors."""

    file: str
    start: int
    size: int


class Format(Protocol):
    """An object format: it recognises its files, and reads them to graphs."""

    name: str
    """The name that `Target.format` has."""
    title: str
    """The name in texts for people."""

    @property
    def rules(self) -> type | None:
        """What the format asks of a link beyond relocations, a subclass of `uruk.passes.rules.Rules`; None: nothing."""
        ...

    def sniff(self, head: bytes | memoryview) -> Target | None:
        """The target of a file that begins with these bytes; None if it is of another format.

        The architecture is empty where uruk has no name for it: the file is of this format all the same, and
        `read_objects` says what is wrong with it.
        """
        ...

    def instruction_set(self, architecture: str) -> InstructionSet:
        """The instruction set of an architecture. Raises UnknownTarget if the format is not linked for it."""
        ...

    def read_objects(self, arena: Arena, spans: Sequence[Span], target: Target, names: Names) -> Graph:
        """Headers, sections, symbols and groups of every object, which lie in the arena's one buffer.

        Raises ObjectFormatError for the first object that is malformed, of another format or for another architecture
        than `target`'s; UnknownTarget if the format is not linked for that.
        """
        ...

    def read_relocations(self, graph: Graph, wanted: Bool | None = None, report: Report | None = None) -> Edges:
        """The edges of the blocks that are `wanted` (all by default), in the order of their blocks.

        Rows at fault are reported; without `report` the first one is raised: ObjectFormatError, UnsupportedRelocation.
        """
        ...
