"""The object formats that are linked. An object's first bytes say which one it has.

A format outside of uruk is added by a call: ``register(MyFormat())``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import InternalError, ObjectFormatError, UnknownTarget
from uruk.formats import heads
from uruk.formats.elf.format import ELF
from uruk.formats.interface import HEAD_SIZE, Format, Report, Span
from uruk.formats.known import FORMATS
from uruk.formats.mapped_format import MappedFormat

if TYPE_CHECKING:
    from uruk.formats.archive_index import Entries
    from uruk.formats.interface import ImportLibrary, Members, SharedLibrary
    from uruk.graph.arena import Arena
    from uruk.graph.graph import Edges, Graph
    from uruk.graph.names import Names
    from uruk.graph.types import Bool
    from uruk.isa.interface import InstructionSet
    from uruk.target import Target

FORMATS[ELF.name] = ELF
_LATER = {"coff": ("uruk.formats.coff.format", "COFF")}
"""Name -> module and attribute of uruk's own formats that are imported with the first file no other format knows."""


def register(format: Format) -> None:
    """Add a format for all sessions of this process. It is asked behind those that are there.

    Raises ValueError if there is one of its name already.
    """
    if format.name in FORMATS:
        raise ValueError(f"there is a format `{format.name}' already")
    FORMATS[format.name] = format
    # `heads` has a list of its own, as command lines ask it before this module and numpy are imported.
    heads.SNIFFERS.append(format.sniff)


def unregister(format: Format) -> None:
    """Remove a registered format. Objects of it that are not linked yet cannot be linked any more."""
    known = FORMATS.pop(format.name, None)
    if known is not None:
        heads.SNIFFERS.remove(known.sniff)


def formats() -> tuple[Format, ...]:
    """Return the formats that are known by now. Uruk's own ones are missing until a first file of theirs is read."""
    return tuple(FORMATS.values())


def _import_all() -> dict[str, Format]:
    """Import the formats of uruk's own that are missing, behind those that are there; return all."""
    for name, (module, attribute) in _LATER.items():
        if name not in FORMATS:
            FORMATS[name] = getattr(import_module(module), attribute)
    return FORMATS


def format_named(name: str) -> Format:
    """Return the format of a name. Raises UnknownTarget, which lists those that there are."""
    if name not in FORMATS and name not in _import_all():
        raise UnknownTarget(f"format {name}", [f"format {known}" for known in sorted(FORMATS)])
    return FORMATS[name]


def format_of(head: bytes | memoryview) -> Format | None:
    """Return the format of a file that begins with these bytes (its first `HEAD_SIZE`).

    Returns None if no format recognises it.
    """
    known = len(FORMATS)
    for format in FORMATS.values():
        if format.sniff(head) is not None:
            return format
    # Dicts keep their order: the formats that were imported just now stand behind the `known` ones, which have
    # answered.
    for format in tuple(_import_all().values())[known:]:
        if format.sniff(head) is not None:
            return format
    return None


def target_of_file(head: bytes | memoryview) -> Target | None:
    """Return the target of a file that begins with these bytes; None if no format knows it. See `Format.sniff`."""
    format = format_of(head)
    return None if format is None else format.sniff(head)


def symbols_tell_needs(target: Target) -> bool:
    """Return True if the symbols of an object for a target alone say which names it needs."""
    format = format_named(target.format)
    return isinstance(format, MappedFormat) and format.symbols_tell_needs


def read_objects(arena: Arena, spans: Sequence[Span], target: Target, names: Names) -> Graph:
    """Read objects of one format, which the first one has, for the architecture of `target`.

    See `Format.read_objects`. Raises ObjectFormatError that names both formats where there are several.
    """
    view = memoryview(arena.buffers[0]) if spans else memoryview(b"")
    format = _format_at(view, spans[0], target) if spans else format_named(target.format)
    # The objects decide on the format; of the session's target only architecture and system stay.
    if target.format != format.name:
        target = target._replace(format=format.name)
    try:
        graph = format.read_objects(arena, spans, target, names)
    except ObjectFormatError:
        # An object of a second format is malformed in the first one's eyes: the error must say that two are mixed.
        _refuse_mixed(view, spans, format)
        raise
    graph.target = target
    graph.spans = spans
    return graph


def read_relocations(graph: Graph, wanted: Bool | None = None, report: Report | None = None) -> Edges:
    """Return the edges of a graph, as its format reads them. See `Format.read_relocations`."""
    return format_named(_target_of(graph).format).read_relocations(graph, wanted, report)


def open_library(path: str) -> SharedLibrary:
    """Open a shared library's file, of whatever format it is. Raises ObjectFormatError."""
    from uruk.formats.byte_source import ByteSource  # seldom needed, and not at start-up

    source = ByteSource(path)
    try:
        format = format_of(source.read(0, min(HEAD_SIZE, source.size), "file"))
        files = None if format is None else format.files
        if files is None:
            raise source.error("file", "this is not a shared library of a format that uruk reads", 0)
        return files.open_library(source)
    except BaseException:
        # Ctrl-C included: no library owns the source yet, so that nothing else would close it.
        source.close()
        raise


def hidden_bases_of(path: str) -> dict[bytes, bytes]:
    """Return `SharedLibrary.hidden_bases` of a library that is loaded; empty if its file cannot be read here."""
    # A name without a slash is not a path: the loader has searched for the file, or it has none (linux-vdso).
    if "/" not in path:
        return {}
    try:
        with open_library(path) as library:
            return library.hidden_bases()
    except ObjectFormatError:  # the loader has taken the file, so that this is no error
        return {}


def index_names(head: bytes, entries: Entries) -> Entries:
    """Return the index of an archive whose first member begins with `head`; see `FormatFiles.index_names`."""
    format = format_of(head)
    files = None if format is None else format.files
    return entries if files is None else files.index_names(entries)


def may_import(head: bytes) -> bool:
    """Return False for an archive whose first member begins with `head` if its format has no imports in archives."""
    format = format_of(head)
    return not isinstance(format, MappedFormat) or format.archives_import


def import_names(data: bytes, file: str, target: Target) -> list[bytes]:
    """Return the names that a target's index has for a member of an archive; see `FormatFiles.import_names`."""
    files = format_named(target.format).files
    return [] if files is None else files.import_names(data, file, target)


def import_library(archive: Members, target: Target) -> ImportLibrary | None:
    """Return the imports of an archive that is linked for a target; None in a format that has none."""
    files = format_named(target.format).files
    return None if files is None else files.import_library(archive, target)


def debug_sections(graph: Graph, index: int, places: Mapping[int, int] | None = None) -> dict[str, bytes]:
    """Return the debug sections of an object of a graph by name; see `FormatFiles.debug_sections`.

    There are none where the format has no reader of them, and of a graph that was put together by hand.
    """
    target = _target_of(graph)
    files = format_named(target.format).files
    if files is None or index >= len(graph.spans):
        return {}
    span = graph.spans[index]
    data = np.frombuffer(graph.arena.bytes_at(span.start, span.size), np.uint8)
    return files.debug_sections(span.file, data, target, places)


def instruction_set_of(graph: Graph) -> InstructionSet:
    """Return the instruction set that the objects of a graph are for."""
    target = graph.target or _target_of(graph)
    # A link of one small object asks for it: without a call where the format is known.
    return (FORMATS.get(target.format) or format_named(target.format)).instruction_set(target.architecture)


def _target_of(graph: Graph) -> Target:
    if graph.target is None:
        raise InternalError("a graph of no target: objects are read by uruk.formats.registry")
    return graph.target


def _with_article(title: str) -> str:
    """Return a title behind its article: ``an ELF``."""
    return f"{'an' if title[0] in 'AEIOU' else 'a'} {title}"


def _head(view: memoryview, span: Span) -> bytes:
    return view[span.start : span.start + min(span.size, HEAD_SIZE)].tobytes()


def _format_at(view: memoryview, span: Span, target: Target) -> Format:
    """Return the format of an object. Raises ObjectFormatError that says what it is instead, and what is linked."""
    format = format_of(view[span.start : span.start + min(span.size, HEAD_SIZE)].tobytes())
    if format is not None:
        return format
    from uruk.formats.foreign import kind_of  # seldom needed, and not at start-up

    kind = kind_of(view[span.start : span.start + span.size], span.file)
    *titles, last = sorted(format.title for format in FORMATS.values())
    linked = f"{', '.join(titles)} and {last}"
    # A user who links for `target` had most likely meant an object of its format.
    title = format_named(target.format).title
    finding = f": it is {kind}" if kind else " (bad magic): uruk does not know what it is"
    # What to do stands behind a colon of `kind`; the formats are named where the file is an object all the same.
    advice = f"; uruk links {linked}" if " object for " in kind else ""
    raise ObjectFormatError(span.file, f"{title} header", f"not {_with_article(title)} object{finding}{advice}", 0)


def _refuse_mixed(view: memoryview, spans: Sequence[Span], first: Format) -> None:
    """Raise ObjectFormatError for the first object of another format than the first one's, if there is one."""
    for span in spans:
        format = format_of(_head(view, span))
        if format is not None and format is not first:
            problem = f"one link takes objects of one format: it is {format.title}, {spans[0].file} is {first.title}"
            raise ObjectFormatError(span.file, "file header", problem, 0)
