"""The definitions of objects, read from the objects themselves.

Archives without an index need them, and those whose index says too little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.interface import HEAD_SIZE, Span
from uruk.formats.registry import format_of, import_names, read_objects
from uruk.graph.arena import Arena
from uruk.graph.names import Names
from uruk.orc.registry.definitions import definitions_of
from uruk.orc.registry.symbols import Flag, Rank

if TYPE_CHECKING:
    from uruk.formats.archive import Archive
    from uruk.formats.archive_index import Entries
    from uruk.target import Target


def definitions_in(file: str, data: bytes, target: Target) -> dict[bytes, tuple[int, int]]:
    """Return the symbols that an object defines for others, each with its `Rank` and `Flag` bits.

    There are none of a file that is not an object of this target.
    """
    names = Names()
    try:
        graph = read_objects(Arena.join([data])[0], [Span(file, 0, len(data))], target, names)
    except ObjectFormatError:
        return {}
    definitions = definitions_of(graph)
    facts = zip(definitions.rank.tolist(), definitions.flags.tolist(), strict=True)
    return dict(zip(map(names.text, definitions.name.tolist()), facts, strict=True))


def make_index(archive: Archive, target: Target) -> Entries:
    """Return the index that `ranlib` would give an archive; members that are not objects of this target have no names
    in it."""
    names: list[bytes] = []
    offsets: list[int] = []
    for member in archive.members():
        if format_of(archive.start_of(member, HEAD_SIZE)) is not None:
            data = archive.read(member)
            defined = [*import_names(data, archive.name, target)] or [*definitions_in(archive.name, data, target)]
            names += defined
            offsets += [member.header_offset] * len(defined)
    return names, np.array(offsets, np.int64)


def initializer_of(archive: Archive, name: bytes, target: Target) -> int | None:
    """Return the header offset of the first member in which a variable is more than a common symbol.

    Returns None if none has it.

    As for GNU ld (bfd/elflink.c, `elf_link_is_defined_archive_symbol`): a function of the name does not count.
    """
    for offset in archive.holders(name):
        facts = definitions_in(archive.name, archive.read(archive.member(offset)), target).get(name)
        if facts is not None and facts[0] == Rank.STRONG and not facts[1] & Flag.FUNCTION:
            return offset
    return None
