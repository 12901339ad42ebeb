"""Symbols that the linker itself provides, unless an input defines the name.

Each module has `__dso_handle`, `_GLOBAL_OFFSET_TABLE_` and `_TLS_MODULE_BASE_`, and the places where its code, data and
arrays of initialisers begin and end (`_end`, `etext`, `__init_array_start`, ...; GNU ld's default script). Each program
has `__start_X` and `__stop_X` around the sections called X (GNU ld, "Orphan Sections").
"""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Zone
from uruk.graph.types import I64, NONE, Bool, filled, signed, some, true_rows, unsigned, windows
from uruk.passes import resolve, undefined
from uruk.passes.elf import function_arrays
from uruk.passes.elf.own_names import (
    ARRAY_BOUNDS,
    DATA,
    DSO_HANDLE,
    GOT,
    HEADER,
    OWN_PLACES,
    PLACES,
    START,
    STOP,
    TLS_BASE,
)
from uruk.passes.layout import Chunk, Layout
from uruk.passes.state import NO_IDS, NO_ROWS, State, synthetic_blocks
from uruk.records import field, record

HANDLES = "module handle"
"""The kind of synthetic block that a `__dso_handle` is."""


@record
class LinkerSymbols:
    """The names that one link provides itself; the indexes are rows of `State.undefined`."""

    dso_handle: list[int] = field(default_factory=list[int])
    got: list[int] = field(default_factory=list[int])
    sections: list[tuple[int, int, str, bool]] = field(default_factory=list[tuple[int, int, str, bool]])
    """(row, module that has the section, section name, whether it is the __stop_ one)."""
    places: list[tuple[int, int, bytes]] = field(default_factory=list[tuple[int, int, bytes]])
    """(row, module, name) of the ends of code and data, and of the bounds of arrays of functions."""
    together: list[tuple[int, str, I64]] = field(default_factory=list[tuple[int, str, I64]])
    """The blocks that layout must keep together: (module, section name, blocks)."""


def find(state: State, initialisers: I64) -> LinkerSymbols:
    """Recognise the undefined names that the link provides, and make the blocks that they need.

    `initialisers` are the blocks that hold functions: their modules need a `__dso_handle`.
    """
    linker = LinkerSymbols()
    sections: dict[tuple[int, str], int] = {}
    for index, text in enumerate(state.names.ids.texts(state.symbols.name[state.undefined].tolist())):
        # Most names are C++ ones, which the link provides none of.
        if text.startswith(b"_Z"):
            continue
        if text in OWN_PLACES:
            linker.places.append((index, _module_of(state, index), text))
        # `end`, `etext` and the like are among OWN_PLACES; every other name that the link provides begins with `_`.
        if not text.startswith(b"_"):
            continue
        if text == DSO_HANDLE:
            linker.dso_handle.append(index)
        elif text == GOT:
            linker.got.append(index)
        elif text == TLS_BASE:
            state.tls_starts.append(index)
        elif text.startswith((START, STOP)):
            module, section = _module_of(state, index), text.split(b"_", 3)[3].decode("utf-8", "replace")
            # The first module of a program whose code names a section's bounds has the section's blocks.
            module = sections.setdefault((state.programs[module], section), module)
            linker.sections.append((index, module, section, text.startswith(STOP)))
    if sections:
        _gather_sections(state, linker, sections)
    if linker.places:
        _gather_functions(state, linker)
        _need_data(state, linker)
    _make_handles(state, linker, initialisers)
    state.got_modules |= {_module_of(state, index) for index in linker.got}
    return linker


def bounded_blocks(state: State) -> I64:
    """Return blocks of sections whose bounds some undefined name asks for: such a reference keeps them, as for ld."""
    texts = (state.names.text(name) for name in state.symbols.name[state.undefined].tolist())
    wanted = {text.split(b"_", 3)[3].decode("utf-8", "replace") for text in texts if text.startswith((START, STOP))}
    if not wanted:
        return NO_ROWS
    # Names of sections are looked at one by one, as only links that prune and have such bounds come here.
    live, graph = true_rows(state.live), state.now()
    return live[np.array([graph.section_name(row) in wanted for row in live.tolist()], np.bool_)]


def _module_of(state: State, index: int) -> int:
    owner = state.graph.object_of_symbol(int(state.undefined[index]))
    return int(state.module_of_object[owner])


def _gather_sections(state: State, linker: LinkerSymbols, wanted: dict[tuple[int, str], int]) -> None:
    """Gather the live blocks of each wanted (program, section name), in input order.

    They become blocks of one module, the given one, whose code names their bounds: so they lie in one row, and stay
    while it does. Code and thread-locals stay in their modules, for whose tables they are laid out: of those only the
    module's own lie between its bounds.
    """
    rows: dict[tuple[int, str], list[int]] = {}
    names = {name for _, name in wanted}
    # Blocks that passes have made are not part of any section X.
    real = true_rows(state.live[: len(state.graph.blocks)])
    for row in real.tolist():
        name = state.graph.section_name(row)
        if name in names:
            rows.setdefault((state.programs[int(state.block_module[row])], name), []).append(row)
    for key, module in wanted.items():
        blocks = np.array(rows.get(key, ()), np.int64)
        zone = state.blocks.zone[blocks]
        # Code stays near its own GOT, and a thread-local belongs to its module's image.
        if some((zone == Zone.RX) | (zone == Zone.TLS)):
            blocks = blocks[state.block_module[blocks] == module]
        if blocks.size:
            state.block_module[blocks] = module
            linker.together.append((module, key[1], blocks))
    # A name without any block stays undefined: an error, or null where it is weak, as for ld.
    kept = {(module, name) for module, name, _ in linker.together}
    linker.sections = [item for item in linker.sections if (item[1], item[2]) in kept]
    state.provided_in = {index: module for index, module, _, _ in linker.sections}


def _gather_functions(state: State, linker: LinkerSymbols) -> None:
    """Gather each array of functions whose bounds are asked for in one row; a name without an array is undefined."""
    bounds = ARRAY_BOUNDS
    arrays = {(module, bounds[name][0]) for _, module, name in linker.places if name in bounds}
    refused: set[tuple[int, str]] = set()
    for module, array in arrays:
        rows = function_arrays.find(state, module, array)
        if rows is None:
            refused.add((module, array))
        elif rows.size:
            linker.together.append((module, array, rows))
    if refused:
        linker.places = [
            place for place in linker.places if place[2] not in bounds or (place[1], bounds[place[2]][0]) not in refused
        ]


def _need_data(state: State, linker: LinkerSymbols) -> None:
    """Give modules whose code asks where their data is some data, be it a pointer's room."""
    modules = {module for _, module, _ in linker.places}
    if modules:
        data = true_rows(state.live & (state.blocks.zone == Zone.RW))
        # Without data of its own a module would have no segment whose ends could be given.
        missing = np.array(sorted(modules - set(state.block_module[data].tolist())), np.int32)
        size = np.full(missing.size, state.graph.kinds.pointer, np.int64)
        state.add_blocks(synthetic_blocks(size, size, Zone.RW), missing)


def take_places(state: State, linker: LinkerSymbols) -> None:
    """Provide the places that no input defines, now that the session has answered."""
    assert state.external is not None
    external = state.external
    linker.places = [place for place in linker.places if not external.found[place[0]]]
    for index, _, _ in linker.places:
        # Data: a stub must not stand for a place.
        external.found[index] = external.is_data[index] = external.own[index] = True


def _make_handles(state: State, linker: LinkerSymbols, initialisers: I64) -> None:
    """Make a `__dso_handle` for each module that needs one and has none: for references, initialisers, finalisers."""
    modules = {_module_of(state, index) for index in linker.dso_handle}
    modules |= set(state.block_module[initialisers].tolist())
    if modules:
        # A module that an earlier batch has begun has its handle already.
        missing = np.array(sorted(module for module in modules if state.module_handles[module] is None), np.int32)
        size = np.full(missing.size, state.graph.kinds.pointer, np.int64)
        rows = state.add_blocks(synthetic_blocks(size, size, Zone.RW), missing)
        state.synthetic[HANDLES] = filled(len(state.modules), NONE, np.int32)
        state.synthetic[HANDLES][missing] = rows


def provided(state: State, linker: LinkerSymbols) -> Bool:
    """Return which undefined rows the link provides itself."""
    own = np.zeros(state.undefined.size, np.bool_)
    own[[*linker.dso_handle, *linker.got, *state.tls_starts, *(item[0] for item in linker.sections)]] = True
    return own


def refuse_header(state: State, linker: LinkerSymbols, hints: undefined.Hints | None) -> None:
    """Make the missing header null for weak references. Raises LinkFaults of UndefinedSymbols for others."""
    assert state.external is not None
    rows = [index for index, _, name in linker.places if name == HEADER]
    if not rows:
        return
    linker.places = [place for place in linker.places if place[2] != HEADER]
    weak, _, _ = resolve.undefined_facts(state)
    state.external.found[rows] = state.external.own[rows] = False
    strong = [row for row in rows if not weak[row]]
    if strong:
        undefined.refuse(state, state.undefined[strong], hints)


def assign(state: State, linker: LinkerSymbols, plan: Layout, start: I64, header: int) -> None:
    """Assign the addresses of the provided names, and fill in `__dso_handle`, once blocks have addresses.

    `start` has the address of each segment; `header` is that of the ELF header of the object in which the dynamic
    loader knows the memory, and counts for nothing where it does not.
    """
    assert state.external is not None
    address, word = state.external.address, state.graph.kinds.word
    handles = state.synthetic.get(HANDLES, NO_IDS)
    for module in true_rows(handles >= 0).tolist():
        row = int(handles[module])
        state.module_handles[module] = unsigned(int(state.address[row]))
        position = state.position[row : row + 1]
        windows(state.image, word)[position] = state.address[row : row + 1].astype(word)
    for index in linker.dso_handle:
        address[index] = signed(state.module_handles[_module_of(state, index)] or 0)
    for index in linker.got:
        address[index] = state.address[state.synthetic["got"][_module_of(state, index)]]
    for index, module, name in linker.places:
        places = _places_of(module, plan, start)
        if name not in ARRAY_BOUNDS:
            address[index] = header if name == HEADER else places[PLACES[name]]
            continue
        array, stop = ARRAY_BOUNDS[name]  # an empty one begins and ends anywhere
        kept = plan.kept.get((module, array))
        # An array of no functions: any address will do, as long as start and end are equal.
        address[index] = places[DATA] if kept is None else _bound(state, kept, stop)
    for index, module, section, stop in linker.sections:
        address[index] = _bound(state, plan.kept[module, section], stop)


def _bound(state: State, chunk: Chunk, stop: bool) -> int:
    """Return where blocks that lie together begin, or end."""
    begin = int(state.address[chunk.rows[0]]) - int(chunk.offset[0])
    return signed(begin + (chunk.size if stop else 0))


def _places_of(module: int, plan: Layout, start: I64) -> tuple[int, int, int, int, int]:
    """Return where code begins and ends, and data, its content, and all of it; without code its places are data's."""
    segments = {part.zone: (int(start[row]), part) for row, part in enumerate(plan.segments) if part.module == module}
    data, segment = segments[Zone.RW]
    # _need_data has made sure that there is data.
    code, length = (segments[Zone.RX][0], segments[Zone.RX][1].size) if Zone.RX in segments else (data, 0)
    return code, signed(code + length), data, signed(data + segment.stored), signed(data + segment.size)
