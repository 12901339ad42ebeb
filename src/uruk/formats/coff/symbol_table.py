"""The symbols of COFF objects as a graph has them: names, bindings, weak definitions, and what directives add."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from uruk.formats.coff import constants as coff
from uruk.formats.coff.directives import Directives
from uruk.formats.coff.names import ShortNames
from uruk.formats.coff.symbols import Records, common_aligns, kinds_of, texts_of, types_of
from uruk.formats.coff.weak_externals import WeakExternals, alias_names, find_weak_externals
from uruk.graph.graph import NO_FALLBACKS, Binding, Fallbacks, SymbolKind, Symbols, SymbolType, Visibility
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, NONE, U8, filled, true_rows
from uruk.records import record


@record
class Tables:
    """The records from which symbols are made."""

    records: Records
    block_of_section: I32
    directives: dict[int, Directives]
    """By object."""
    short: ShortNames


def make_symbols(tables: Tables, names: Names) -> tuple[Symbols, I64, Fallbacks, I32]:
    """Return all symbol rows, the first one of each object and the end, fallbacks, and the interned name of every
    record.

    The rows of an object are its records, and behind them the names that only its directives speak of.
    """
    records = tables.records
    kind = kinds_of(records)
    weak = find_weak_externals(records, kind)
    binding = filled(kind.size, Binding.LOCAL, np.uint8)
    binding[records.storage == coff.CLASS_EXTERNAL] = Binding.GLOBAL
    # An external record that stands for no symbol, as those of debuggers do, must ask for no name.
    binding[kind == SymbolKind.DROPPED] = Binding.LOCAL
    binding[weak.row] = Binding.WEAK
    _note_unexported(tables, weak)
    # Defaults come last, as they may be external: several objects may define the same made-up name.
    binding[alias_names(records, weak)] = Binding.LOCAL
    outer = true_rows(binding != Binding.LOCAL)
    # Local names are not interned: they are never looked up, and their texts stay in the arena.
    texts = texts_of(records, outer)
    nameless = np.array([not text for text in texts], np.bool_)
    records.check((nameless, "is external, but has no name"), rows=outer)
    name = filled(kind.size, NONE, np.int32)
    name[outer] = names.intern(texts)
    symbols = _columns(tables, kind, binding, name, weak)
    # Only a default that may be found elsewhere needs a fallback; what is defined is taken in already.
    pairs = weak.row[weak.falls_back], weak.default[weak.falls_back]
    fallbacks = Fallbacks(pairs[0].astype(np.int32), pairs[1].astype(np.int32)) if pairs[0].size else NO_FALLBACKS
    if not tables.directives:
        return symbols, records.start, fallbacks, name
    _change_by_directives(tables, symbols, names)
    return (*_with_added(tables, symbols, fallbacks, names), name)


def _note_unexported(tables: Tables, weak: WeakExternals) -> None:
    """Note the names of definitions for which no library is searched, by object, with what objects ask of linkers."""
    rows = weak.row[weak.defined & weak.no_library]
    for row, text in zip(rows.tolist(), texts_of(tables.records, rows), strict=True):
        words = tables.directives.setdefault(int(tables.records.owner[row]), Directives()).recorded
        words.setdefault("no-library", []).append(text.decode("utf-8", "replace"))


def _columns(tables: Tables, kind: U8, binding: U8, name: I32, weak: WeakExternals) -> Symbols:
    """Return the columns of the records' rows, where weak externals are what stands for them if that is defined."""
    records = tables.records
    sections = records.sections
    block = filled(kind.size, NONE, np.int32)
    value = records.value.copy()
    defined = true_rows(kind == SymbolKind.DEFINED)
    home = records.home(defined)
    block[defined] = tables.block_of_section[home]
    # A section that is not loaded takes its symbols with it.
    lost = block[defined] < 0
    kind[defined[lost]] = SymbolKind.DROPPED
    rows, home = defined[~lost], home[~lost]
    # A label may stand behind the last byte.
    records.check((value[rows] > sections.size[home], "lies outside its section"), rows=rows)
    size = np.zeros(kind.size, np.int64)
    common = true_rows(kind == SymbolKind.COMMON)
    # The value of a common symbol is its size in a file, and its alignment in a graph.
    size[common] = value[common]
    value[common] = common_aligns(size[common])
    definitions = true_rows((records.storage == coff.CLASS_STATIC) & (records.auxiliary > 0) & (records.section > 0))
    type_ = types_of(records, definitions[records.type[definitions] & 0xF0 != coff.TYPE_FUNCTION])
    here, default = weak.row[weak.defined], weak.default[weak.defined]
    # A weak definition is its default, by another name.
    for column in (block, value, size, kind):
        column[here] = column[default]
    # Either record may say that it is a function. The symbol of a section has the largest number, and is undone below.
    type_[here] = np.maximum(type_[here], type_[default])
    type_[here[type_[here] == SymbolType.SECTION]] = SymbolType.NOTYPE
    undefined = kind == SymbolKind.UNDEFINED
    value[undefined | (kind == SymbolKind.DROPPED)] = 0
    visibility = filled(kind.size, Visibility.DEFAULT, np.uint8)
    return Symbols(name, records.text, block, value.astype(np.uint64), size, kind, binding, type_, visibility)


def _change_by_directives(tables: Tables, symbols: Symbols, names: Names) -> None:
    """Widen the alignment of common symbols, and hide names, as directives say."""
    start = tables.records.start
    for owner, directives in tables.directives.items():
        if not (directives.common_aligns or directives.hidden):
            continue
        # A slice gives views, so that assignments reach the tables.
        rows = slice(int(start[owner]), int(start[owner + 1]))
        name, kind, value = symbols.name[rows], symbols.kind[rows], symbols.value[rows]
        # One look at each symbol, not one at all symbols for each directive, of which there may be as many.
        aligns = {names.get(text): align for text, align in directives.common_aligns.items()}
        common = true_rows((kind == SymbolKind.COMMON) & (name >= 0))
        asked = [aligns.get(number, 1) for number in name[common].tolist()]
        value[common] = np.maximum(value[common], np.array(asked, np.uint64))
        hidden = [number for number in map(names.get, directives.hidden) if number is not None]
        symbols.visibility[rows][np.isin(name, hidden) & (kind != SymbolKind.UNDEFINED)] = Visibility.HIDDEN


def _names_added(directives_of: Mapping[int, Directives]) -> tuple[list[bytes], list[int], list[int], list[int]]:
    """Return the names that directives add, the object and the binding of each, and which of them have an alternative:
    the name right behind such a one."""
    texts: list[bytes] = []
    owners: list[int] = []
    bindings: list[int] = []
    replaced: list[int] = []
    for owner, directives in sorted(directives_of.items()):
        for text in directives.wanted:
            texts.append(text)
            bindings.append(Binding.GLOBAL)
        for pair in directives.alternates:
            replaced.append(len(texts))
            texts += pair
            # X may stay undefined, as references to it mean Y then.
            bindings += [Binding.WEAK, Binding.GLOBAL]
        # One owner for each name that this object has added.
        owners += [owner] * (len(texts) - len(owners))
    return texts, owners, bindings, replaced


def _with_added(tables: Tables, symbols: Symbols, fallbacks: Fallbacks, names: Names) -> tuple[Symbols, I64, Fallbacks]:
    """Return symbols, starts and fallbacks with the names that directives ask for, and those of `/alternatename`."""
    start, short = tables.records.start, tables.short
    texts, owners, bindings, replaced = _names_added(tables.directives)
    if not texts:
        return symbols, start, fallbacks
    owner = np.array(owners, np.int64)
    # minlength: the last objects may add nothing.
    added = np.bincount(owner, minlength=start.size - 1)
    moved = np.concatenate([np.zeros(1, np.int64), added.cumsum()])
    place = start[owner + 1] + np.arange(owner.size)  # behind the records of the object, and all names added before
    count = len(symbols)
    # A record moves by the number of names that objects in front of its own have added.
    old = np.arange(count) + moved[tables.records.owner]
    none, zero = np.full(owner.size, NONE, np.int32), np.zeros(owner.size, np.uint8)
    more = Symbols(
        np.array(names.intern(texts), np.int32), np.array([short.add_text(text) for text in texts], np.int64), none,
        np.zeros(owner.size, np.uint64), np.zeros(owner.size, np.int64), zero + np.uint8(SymbolKind.UNDEFINED),
        np.array(bindings, np.uint8), zero, zero,
    )  # fmt: skip
    order = np.empty(count + owner.size, np.int64)
    order[old], order[place] = np.arange(count), count + np.arange(owner.size)
    first = np.array(replaced, np.int64)
    symbol = np.concatenate([old[fallbacks.symbol], place[first]])
    instead = np.concatenate([old[fallbacks.instead], place[first + 1]])
    # Fallbacks ascend by symbol; stable, as the first of several counts.
    ascending = symbol.argsort(kind="stable")
    fallbacks = Fallbacks(symbol[ascending].astype(np.int32), instead[ascending].astype(np.int32))
    return Symbols.concat([symbols, more]).rows(order), start + moved, fallbacks
