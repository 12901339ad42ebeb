"""Names that GNU ld's script for images defines: where a module's code and data begin and end, and groups of sections.

Collectors of garbage ask for the bounds of data, start files of their own for those of `.CRT$XL` and `.tls`.
A name that an input defines is that input's. `end` and `_end` are in the script, too, but ld refuses programs that
refer to them: they lie in a section that it discards. Source: ``ld --verbose`` for x86_64-w64-mingw32.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Zone
from uruk.graph.types import I64, signed, true_rows
from uruk.passes.coff.grouped_sections import TLS, section_names
from uruk.passes.layout import Layout
from uruk.passes.state import State, synthetic_blocks

_CODE_END, _DATA, _CONTENT_END, _DATA_END = range(4)
_PLACES = {
    **dict.fromkeys((b"etext", b"_etext"), _CODE_END),
    b"__data_start__": _DATA,
    # A list of what start files are to relocate: there is nothing on it, as the link has done it.
    b"__RUNTIME_PSEUDO_RELOC_LIST__": _DATA,
    b"__RUNTIME_PSEUDO_RELOC_LIST_END__": _DATA,
    **dict.fromkeys((b"__data_end__", b"__bss_start__"), _CONTENT_END),
    b"__bss_end__": _DATA_END,
}
"""Names of places in a module's code and data."""
_BOUNDS = {
    **{
        b"___crt_x%s_%s__" % (letter, end): (b".CRT", b".CRT$X" + letter.upper(), end == b"end")
        for letter in (b"c", b"i", b"l", b"p", b"t")
        for end in (b"start", b"end")
    },
    b"___tls_start__": (TLS, TLS, False),
    b"___tls_end__": (TLS, TLS, True),
}
"""Name of a bound -> the name that its sections have before `$`, how their names begin, and whether it is the end."""
NAMES = frozenset((*_PLACES, *_BOUNDS))


class ScriptNames:
    """The names of one link."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._wanted: list[tuple[int, int, bytes]] = []
        """(row of `undefined`, module, name)."""

    def find(self, texts: list[bytes]) -> None:
        """Recognise the names among those of undefined rows; a module that asks for its data gets some."""
        state = self._state
        for index, text in enumerate(texts):
            if text in NAMES:
                owner = state.graph.object_of_symbol(int(state.undefined[index]))
                self._wanted.append((index, int(state.module_of_object[owner]), text))
        modules = {module for _, module, _ in self._wanted}
        if modules:
            data = true_rows(state.live & (state.blocks.zone == Zone.RW))
            missing = np.array(sorted(modules - set(state.block_module[data].tolist())), np.int32)
            size = np.full(missing.size, state.graph.kinds.pointer, np.int64)
            state.add_blocks(synthetic_blocks(size, size, Zone.RW), missing)

    def take(self) -> None:
        """Provide the names that no input defines, now that the session has answered."""
        external = self._state.external
        if external is None:
            return
        self._wanted = [item for item in self._wanted if not external.found[item[0]]]
        for index, _, _ in self._wanted:
            # Data: a stub must not stand for a place.
            external.found[index] = external.is_data[index] = external.own[index] = True

    def place(self, layout: Layout, start: I64) -> None:
        """Give the names their addresses; `start` has that of each segment."""
        external = self._state.external
        if external is None:
            return
        for index, module, name in self._wanted:
            places = _places_of(module, layout, start.tolist())
            bound = self._bound(module, name, layout) if name in _BOUNDS else places[_PLACES[name]]
            # Bounds of nothing are equal, wherever they are.
            external.address[index] = signed(places[_DATA] if bound is None else bound)

    def _bound(self, module: int, name: bytes, layout: Layout) -> int | None:
        """Return a bound of sections; None where there are none of them."""
        group, beginning, is_end = _BOUNDS[name]
        chunk = layout.kept.get((module, group.decode()))
        if chunk is None:
            return None
        names = section_names(self._state, chunk.rows)
        rows = [row for row, text in zip(chunk.rows.tolist(), names, strict=True) if text.startswith(beginning)]
        if not rows:
            return None
        row = rows[-1] if is_end else rows[0]
        return int(self._state.address[row]) + is_end * int(self._state.blocks.size[row])


def _places_of(module: int, layout: Layout, start: list[int]) -> tuple[int, int, int, int]:
    """Return where a module's code ends, and where its data begins, has no more content, and ends."""
    segments = {part.zone: (start[row], part) for row, part in enumerate(layout.segments) if part.module == module}
    # `find` has made sure that there is data.
    data, segment = segments[Zone.RW]
    code_end = segments[Zone.RX][0] + segments[Zone.RX][1].size if Zone.RX in segments else data
    return code_end, data, data + segment.stored, data + segment.size
