"""Lines of sources by addresses of code, from the line tables of debug information (DWARF 4 and 5, ``.debug_line``)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from uruk.debug_info.reader import read, reading
from uruk.named_tuples import NamedTuple

if TYPE_CHECKING:
    from elftools.dwarf.compileunit import CompileUnit
    from elftools.dwarf.dwarfinfo import DWARFInfo


class Line(NamedTuple):
    """The source line of the code from an address on, up to the next one's."""

    address: int
    line: int
    discriminator: int
    path: bytes


def can_read_lines() -> bool:
    """Return True if pyelftools is installed."""
    from importlib.util import find_spec

    return find_spec("elftools") is not None


def lines_of(file: str, sections: Mapping[str, bytes]) -> list[Line]:
    """Return the lines of an object by address, one an address; `sections` are relocated to where the code is.

    Raises UrukError without pyelftools, and ObjectFormatError for what cannot be read.
    """
    if not sections.get(".debug_line"):
        return []
    info = read(file, sections)
    found: dict[int, Line] = {}
    with reading(file):
        for unit in info.iter_CUs():
            # Of several rows of one address the last one says what the code there is.
            found.update((line.address, line) for line in _lines_of_unit(info, unit))
    return [found[address] for address in sorted(found)]


def _lines_of_unit(info: DWARFInfo, unit: CompileUnit) -> Iterator[Line]:
    program: Any = info.line_program_for_CU(unit)
    if program is None:
        return
    paths = _paths(program.header, _text(unit.get_top_DIE().attributes.get("DW_AT_comp_dir")))
    first = 0 if program.header.version >= 5 else 1
    for entry in program.get_entries():
        state = entry.state
        # Line 0 is code of no line (DWARF 5, section 6.2.2).
        if state is None or state.end_sequence or not state.line or not 0 <= state.file - first < len(paths):
            continue
        yield Line(state.address, state.line, state.discriminator, paths[state.file - first])


def _paths(header: Any, folder: bytes) -> list[bytes]:
    """Return the paths of a table's files; they count from `folder`, where the compiler ran."""
    # Folder 0 is where the compiler ran; the table of DWARF 5 has it, older ones do not.
    folders: list[bytes] = [folder] if header.version < 5 else []
    folders += header.include_directory
    paths: list[bytes] = []
    for entry in header.file_entry:
        index, name = int(entry.dir_index), bytes(entry.name)
        place = folders[index] if index < len(folders) else b""
        paths.append(os.path.normpath(os.path.join(folder, place, name)))
    return paths


def _text(attribute: Any) -> bytes:
    return bytes(attribute.value) if attribute is not None else b""
