"""The interface of an object format; `uruk.formats.elf.format` is one, `uruk.formats.registry` has all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TypeAlias

from uruk.errors import UrukError
from uruk.graph.types import U8, AnyArray, Bool
from uruk.named_tuples import NamedTuple
from uruk.records import record

if TYPE_CHECKING:
    from typing_extensions import Self

    from uruk.formats.archive_index import Entries
    from uruk.formats.byte_source import ByteSource
    from uruk.graph.arena import Arena
    from uruk.graph.graph import Edges, Graph
    from uruk.graph.kinds import EdgeKind
    from uruk.graph.names import Names
    from uruk.isa.interface import InstructionSet
    from uruk.target import Target

HEAD_SIZE = 64
"""The number of bytes of a file that `Format.sniff` gets, if there are as many."""

MakeError: TypeAlias = Callable[[AnyArray], UrukError]
"""Makes the error for some of the rows at fault."""
Report: TypeAlias = Callable[[AnyArray, AnyArray, MakeError], None]
"""Takes rows at fault, the object of each, and what makes the error for some of them.

Where it returns, the reader goes on with the other rows, so that one link can report the faults of all its objects.
"""


@record
class Span:
    """The place of an object's bytes in the arena's buffer, and the file's name for errors."""

    file: str
    start: int
    size: int


class RelocationRow(NamedTuple):
    """One row of an object's tables of relocations as it stands there, for people to look at.

    `target` is a symbol row of the graph. It is `NONE` where the row names no symbol (`has_target` is true), and where
    the symbol does not exist (`has_target` is false). `problem` is empty for a sound row.
    """

    block: int
    offset: int
    relocation: str
    """The name that the format's specification gives the type."""
    kind: EdgeKind | None
    """The edge kind that uruk makes of it; None for a type that is not linked."""
    target: int
    has_target: bool
    addend: int
    problem: str


class LibraryDefinition(NamedTuple):
    """A name that a shared library defines and exports."""

    name: bytes
    version: bytes | None
    default: bool
    """True if references without a version mean this definition."""
    type: int
    """One of `uruk.graph.graph.SymbolType`."""
    binding: int
    """One of `uruk.graph.graph.Binding`."""
    size: int
    number: int = 0
    """Its number in the library, which alone an empty name has; 0 in a format without numbers."""
    forwarder: bytes = b""
    """Another library's definition that the loader takes in its place, as the file has it."""


class SharedLibrary(Protocol):
    """A shared library's file, which is read and not loaded. Close it, or use it in a `with`."""

    @property
    def architecture(self) -> str:
        """The architecture of its code, as the first part of a triple has it; empty where uruk has no name for it."""
        ...

    @property
    def soname(self) -> str | None:
        """The name by which other files need the library; None if it has none. Raises ObjectFormatError."""
        ...

    @property
    def needed(self) -> tuple[str, ...]:
        """The libraries that this one needs, in order. Raises ObjectFormatError."""
        ...

    def definitions(self) -> list[LibraryDefinition]:
        """Return every name that the library defines and exports. Raises ObjectFormatError."""
        ...

    def defines(self, name: bytes) -> bool:
        """Return True if the library defines and exports a name. Raises ObjectFormatError."""
        ...

    def place_of(self, name: bytes) -> tuple[int, bool]:
        """Return the address that the file has for a name, 0 for one that it does not define, and whether that is data.

        Raises ObjectFormatError.
        """
        ...

    def hidden_bases(self) -> dict[bytes, bytes]:
        """Return names that mean something else when they are looked up than when they are linked.

        Each has what to look up instead; empty: nothing. Raises ObjectFormatError.
        """
        ...

    def close(self) -> None:
        """Close the file."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Import(NamedTuple):
    """A function or variable of a shared library, as an import library has it."""

    name: bytes
    """The name by which code refers to it."""
    library: str
    """The shared library's name, without a folder."""
    export: bytes
    """Its name in the library; empty if it has a number only."""
    ordinal: int
    """Its number in the library; with a name only a hint of where that is."""
    is_data: bool

    @property
    def asked(self) -> bytes:
        """The text by which `uruk.executor.interface.Libraries` knows it: its name, or ``#`` and its number."""
        return self.export or b"#%d" % self.ordinal


class Members(Protocol):
    """An open archive with an index, as formats see it; `uruk.formats.archive.Archive` is one."""

    name: str

    def entries(self) -> Entries:
        """Return the index as columns."""
        ...

    def index(self) -> dict[bytes, int]:
        """Return by name the header offset of the first member that defines it."""
        ...

    def content_of(self, header_offset: int) -> tuple[str, bytes]:
        """Return the name of a member, as errors have it, and its bytes. Raises ObjectFormatError."""
        ...


class ImportLibrary(Protocol):
    """An archive whose members say which names are in which shared libraries, beside members that are objects."""

    def imports_of(self, offset: int) -> list[Import] | None:
        """Return the imports of the member whose header is at an offset; None for an object.

        Raises ObjectFormatError.
        """
        ...


class FormatFiles(Protocol):
    """The questions that a format answers about its files, beyond what a link needs."""

    def open_library(self, source: ByteSource) -> SharedLibrary:
        """Open a shared library of the format; closing it closes `source`. Raises ObjectFormatError."""
        ...

    def index_names(self, entries: Entries) -> Entries:
        """Return the index of an archive with all names by which others refer to its members, in the same order.

        Only an index with names that may carry more than the name itself (``f@@VERSION``, ``__imp_f``) is passed.
        """
        ...

    def import_names(self, data: bytes, file: str, target: Target) -> list[bytes]:
        """Return the names that an index has for an archive's member that is part of an import library; else none."""
        ...

    def import_library(self, archive: Members, target: Target) -> ImportLibrary | None:
        """Return an archive's imports from shared libraries; None in a format that has none.

        Only an archive whose index has names of imports (``__imp_f``) is passed.
        """
        ...

    def relocation_rows(self, graph: Graph) -> list[RelocationRow]:
        """Return all relocations of loaded sections, in the order of the tables. Faulty rows are not refused."""
        ...

    def debug_sections(
        self, file: str, data: U8, target: Target, places: Mapping[int, int] | None = None
    ) -> dict[str, bytes]:
        """Return the debug sections of an object (``.debug_info``, ...) by name, decompressed and relocated.

        All sections lie at 0, but those that `places` has: by the offset of their content in the file. A format whose
        code no profiler sees has no debug sections for one. Raises ObjectFormatError.
        """
        ...


class Format(Protocol):
    """An object format: it recognises its files, and reads them to graphs."""

    name: str
    """The name that `Target.format` has."""
    title: str
    """The name in texts for people."""

    @property
    def rules(self) -> type | None:
        """The rules of the format for a link, a subclass of `uruk.passes.rules.Rules`; None if it has none."""
        ...

    @property
    def files(self) -> FormatFiles | None:
        """Return the reader of the format's shared libraries, archive names and relocation tables; None: no reader."""
        ...

    def sniff(self, head: bytes | memoryview, /) -> Target | None:
        """Return the target of a file that begins with these bytes; None if it is of another format.

        The architecture is empty where uruk has no name for it: the file is of this format all the same, and
        `read_objects` says what is wrong with it.
        """
        ...

    def instruction_set(self, architecture: str) -> InstructionSet:
        """Return the instruction set of an architecture. Raises UnknownTarget if the format is not linked for it."""
        ...

    def read_objects(self, arena: Arena, spans: Sequence[Span], target: Target, names: Names) -> Graph:
        """Return headers, sections, symbols and groups of every object, which lie in the arena's one buffer.

        Raises ObjectFormatError for the first object that is malformed, of another format or for another architecture
        than `target`'s; UnknownTarget if the format is not linked for that.
        """
        ...

    def read_relocations(self, graph: Graph, wanted: Bool | None = None, report: Report | None = None) -> Edges:
        """Return the edges of the blocks that are `wanted` (all by default), in the order of their blocks.

        Rows at fault are reported; without `report` the first one is raised: ObjectFormatError, UnsupportedRelocation.
        """
        ...
