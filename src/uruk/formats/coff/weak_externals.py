"""Weak externals: symbols with another one, their default, that takes their place where nothing else defines them.

One whose default is defined in the object is a weak definition, for all search kinds, as compilers write weak
functions so. GNU-style compilers write a weak reference as one whose default is the absolute symbol 0.
Source: the PE/COFF specification, "Auxiliary Format 3: Weak Externals".
"""

from __future__ import annotations

import numpy as np

from uruk.formats.coff import constants as coff
from uruk.formats.coff.symbols import Records, auxiliary_of
from uruk.graph.graph import SymbolKind
from uruk.graph.types import I64, U8, Bool, true_rows
from uruk.records import record

_ALIAS_NAME = int.from_bytes(b".weak.", "little")
# Six of the eight letters.
_ALIAS_MASK = (1 << 48) - 1


@record
class WeakExternals:
    """All weak externals, a row each."""

    row: I64
    """The record."""
    default: I64
    """The record at the end of its chain of defaults, which is not a weak external."""
    defined: Bool
    """True for those that are definitions: their default is one."""
    falls_back: Bool
    """True for those that have a default that is undefined itself."""
    no_library: Bool
    """True for those for which no library is searched. LLVM's JITLink takes them for names of their object only."""


def find_weak_externals(records: Records, kind: U8) -> WeakExternals:
    """Return all weak externals; `kind` has the SymbolKind of every record.

    Raises ObjectFormatError for defaults that do not exist, and for circles of them.
    """
    rows = true_rows(records.storage == coff.CLASS_WEAK_EXTERNAL)
    if not rows.size:
        none = np.empty(0, np.bool_)
        return WeakExternals(rows, rows, none, none, none)
    records.check(
        (records.auxiliary[rows] == 0, "is a weak external without an auxiliary record"),
        (records.section[rows] > 0, "is a weak external, but lies in a section"),
        rows=rows,
    )
    first, last = records.start[records.owner[rows]], records.start[records.owner[rows] + 1]
    auxiliary = auxiliary_of(records, rows, coff.WEAK_EXTERNAL)
    default = auxiliary["default"].astype(np.int64)
    # The default is an index in the table of its own object.
    records.check((default >= last - first, "has a default that does not exist"), rows=rows)
    default += first
    records.check((records.is_auxiliary[default], "has a default that is not a symbol"), rows=rows)
    # What is no weak external ends every chain, as it follows itself.
    following = np.arange(records.storage.size)
    following[rows] = default
    for _ in range(rows.size.bit_length()):  # each round doubles how far a default looks
        following = following[following]
    default = following[rows]
    circular = records.storage[default] == coff.CLASS_WEAK_EXTERNAL
    records.check((circular, "is a weak external whose defaults form a circle"), rows=rows)
    of_default = kind[default]
    # The absolute symbol 0 is how GNU-style compilers write that nothing stands for the name.
    nothing = (of_default == SymbolKind.ABSOLUTE) & (records.value[default] == 0)
    defined = (of_default != SymbolKind.UNDEFINED) & (of_default != SymbolKind.DROPPED) & ~nothing
    no_library = auxiliary["search"] == coff.SEARCH_NO_LIBRARY
    return WeakExternals(rows, default, defined, of_default == SymbolKind.UNDEFINED, no_library)


def alias_names(records: Records, weak: WeakExternals) -> I64:
    """Defaults called `.weak.NAME...`: compilers make them up, and several objects may have the same ones."""
    rows = weak.default[~weak.falls_back]
    if not rows.size:
        return rows
    inline = records.letters.view(np.int64).ravel()[rows]
    begins = inline & _ALIAS_MASK == _ALIAS_NAME
    # Four zero bytes and an offset that is not 0: the name lies in the string table.
    long = true_rows((inline & 0xFFFFFFFF == 0) & (inline != 0))
    buffer, at = records.sections.buffer, records.text[rows[long]]
    for place, letter in enumerate(b".weak."):  # a name is followed by its NUL at least, and the arena by more
        # `begins` is false for these rows at first: each letter must match, and all in front of it.
        begins[long] = (buffer[at + place] == letter) & (begins[long] | (place == 0))
    return rows[begins]
