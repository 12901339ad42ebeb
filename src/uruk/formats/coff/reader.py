"""COFF objects: bytes to columns, many files at once.

`read_objects` reads headers, sections, symbols and COMDAT groups of all inputs; `relocations.py` adds the edges of the
blocks that are wanted. Every offset, size and index is checked as a column before anything is gathered through it; the
first bad row becomes an `ObjectFormatError` that names its file.

Source: Microsoft, "PE Format"; LLVM's lld and GNU ld where that is silent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.formats.coff import constants as coff
from uruk.formats.coff.comdat import find_comdats, make_groups
from uruk.formats.coff.directives import SECTION as DIRECTIVES
from uruk.formats.coff.directives import Directives, read_directives
from uruk.formats.coff.headers import read_header
from uruk.formats.coff.names import ShortNames
from uruk.formats.coff.pair import Pair
from uruk.formats.coff.sections import Sections, read_sections
from uruk.formats.coff.symbol_table import Tables, make_symbols
from uruk.formats.coff.symbols import read_records
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.graph.graph import Blocks, Graph, Groups, Ranges, Relocations, Role, Zone, first_rows
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, NONE, Bool, filled, true_rows


def read_objects(arena: Arena, spans: Sequence[Span], pair: Pair, names: Names) -> Graph:
    """Return headers, sections, symbols and groups of every object in `spans`, which lie in the arena's one buffer.

    Relocations are found and checked against the file, but not read: see `uruk.formats.coff.relocations`.
    Raises ObjectFormatError for the first malformed object.
    """
    if not spans:
        return Graph.empty(pair.KINDS, arena)
    buffer = arena.buffers[0]
    view = memoryview(buffer)
    short = ShortNames(arena)
    headers = [read_header(view, span, pair.MACHINE, pair.NAME) for span in spans]
    sections = read_sections(buffer, spans, headers, short)
    # The slots of GNU imports are filled by a loader of images. Imports are made from archives (import_library.py).
    slots = true_rows(sections.begins(b".idata$5\0"))
    sections.check(slots, (slots >= 0, "is a part of an import library: add the library, as an archive"))
    records = read_records(sections, short)
    # Directives come before symbols, as they name some more.
    directives = _read_directives(sections)
    loaded = _is_loaded(sections)
    block_of_section = filled(loaded.size, NONE, np.int32)
    block_of_section[loaded] = np.arange(np.count_nonzero(loaded), dtype=np.int32)
    tables = Tables(records, block_of_section, directives, short)
    symbols, start, fallbacks, name = make_symbols(tables, names)
    # All short names are known now, and the next steps read names in the arena.
    short.finish()
    comdats = find_comdats(records, arena)
    groups, group_of_section = make_groups(sections, comdats, name, block_of_section, arena, names)
    blocks = _make_blocks(sections, loaded, group_of_section)
    relocations = _relocation_tables(sections, blocks, true_rows(loaded))
    return Graph(
        pair.KINDS,
        arena,
        sections.files,
        blocks,
        symbols,
        relocations,
        groups,
        _ranges(len(spans), blocks, start, relocations, groups),
        fallbacks=fallbacks,
        linker_words={owner: given.recorded for owner, given in directives.items() if given.recorded},
    )


def _ranges(count: int, blocks: Blocks, symbols: I64, relocations: Relocations, groups: Groups) -> Ranges:
    """Return where the rows of each of `count` objects begin in the tables, and the ends; `symbols` is known."""
    return Ranges(
        first_rows(blocks.object, count),
        symbols,
        first_rows(blocks.object[relocations.block], count),
        first_rows(groups.object, count),
    )


_NOT_LOADED = (
    b".debug", b".zdebug", b".llvm.", b".llvm_", b".gfids$", b".giats$", b".gljmp$", b".gehcont$", b".reloc",
    b".sxdata",
)  # fmt: skip
"""Beginnings of names of sections that only debuggers, linkers and images' tables of guarded targets have a use for."""
# XI and XC are initialisers of C and C++, XP and XT functions for the end; other `.CRT$` names are kept, not called.
_FUNCTION_ARRAYS = {
    b".CRT$": Role.RETAINED,
    b".CRT$XI": Role.INIT,
    b".CRT$XC": Role.INIT,
    b".CRT$XP": Role.FINI,
    b".CRT$XT": Role.FINI,
    b".ctors": Role.CTORS,
    b".dtors": Role.DTORS,
}
"""The beginnings of the names of sections that hold functions to be called at the start and the end of a program."""


def _is_loaded(sections: Sections) -> Bool:
    """Return which sections become blocks."""
    # REMOVE sections are not for images, INFO sections are for the linker.
    loaded = sections.flags & (coff.SCN_LNK_REMOVE | coff.SCN_LNK_INFO) == 0
    for name in _NOT_LOADED:
        loaded &= ~sections.begins(name)
    return loaded


def _make_blocks(sections: Sections, loaded: Bool, group_of_section: I32) -> Blocks:
    """Return one block a loaded section."""
    rows = true_rows(loaded)
    flags = sections.flags[rows]
    # Either flag makes a section code: what might be run must not be writable, whichever of them its writer has set.
    runs = flags & (coff.SCN_CNT_CODE | coff.SCN_MEM_EXECUTE) != 0
    written = flags & coff.SCN_MEM_WRITE != 0
    sections.check(
        rows, (runs & written, "is both writable and executable; uruk keeps W^X (split it into two sections)")
    )
    zone = np.where(runs, Zone.RX, np.where(written, Zone.RW, Zone.R)).astype(np.uint8)
    role = filled(rows.size, Role.PLAIN, np.uint8)
    for name, meaning in _FUNCTION_ARRAYS.items():  # of two that fit, the later is the longer one
        role[sections.begins(name)[rows]] = meaning
    return Blocks(
        sections.object[rows], sections.text[rows], sections.start[rows], sections.size[rows], sections.align[rows],
        zone, role, group_of_section[rows],
    )  # fmt: skip


def _relocation_tables(sections: Sections, blocks: Blocks, loaded: I64) -> Relocations:
    """Return the relocation tables of loaded sections, in the order of their blocks."""
    count = sections.relocation_count[loaded]
    block = count.nonzero()[0]
    rows = loaded[block]
    # Addends are in the fields, and zero-fill has none.
    empty = (blocks.content[block] < 0) & (blocks.size[block] > 0)
    sections.check(rows, (empty, "relocates a section without content"))
    return Relocations(block.astype(np.int32), sections.relocations[rows], count[block])


def _read_directives(sections: Sections) -> dict[int, Directives]:
    """Return what objects tell their linker, by object."""
    # With the NUL, so that no longer name is meant.
    rows = true_rows((sections.flags & coff.SCN_LNK_INFO != 0) & sections.begins(DIRECTIVES + b"\0"))
    texts: dict[int, bytes] = {}
    for row in rows.tolist():
        start, owner = int(sections.start[row]), int(sections.object[row])
        if start >= 0:
            text = sections.buffer[start : start + int(sections.size[row])].tobytes()
            # The space keeps the last word of one section apart from the first word of the next.
            texts[owner] = texts[owner] + b" " + text if owner in texts else text
    return {owner: read_directives(text) for owner, text in texts.items()}
