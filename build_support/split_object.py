"""Split one object with a section a function into many small ones, one a function.

A linker takes whole archive members, and zig emits all compiler builtins as one object. So each function that
is kept becomes an object of its own, with the private functions and constants that it needs (a section
of constants as a whole where code names them by their section, as on AArch64); other kept
functions stay references to their own members.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .elf_object import (
    SHF_MERGE,
    STB_LOCAL,
    ElfObject,
    Section,
    Symbol,
    write_object,
)

# The C library has these, and better; a builtin that copies memory refers to them.
LIBC_NAMES = frozenset({"memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen"})
_STT_NOTYPE_GLOBAL = 1 << 4


def split_object(source: ElfObject, keep: Callable[[str], bool]) -> dict[str, bytes]:
    """One object for each section that defines names that `keep` accepts, by the first of those names."""
    exports: dict[int, list[int]] = {}
    for i, symbol in enumerate(source.symbols):
        if symbol.binding != STB_LOCAL and symbol.section and keep(symbol.name):
            exports.setdefault(symbol.section, []).append(i)
    return {
        min(source.symbols[i].name for i in names): _Piece(source, exports, root).build()
        for root, names in sorted(exports.items())
    }


class _Piece:
    """One object in the making: sections and symbols of the source that it takes, renumbered."""

    def __init__(self, source: ElfObject, exports: dict[int, list[int]], root: int) -> None:
        self.source = source
        self.exports = exports
        self.root = root
        self.taken: dict[int, int] = {}  # section of the source -> section here
        self.sections: list[Section] = []
        self.entries: dict[tuple[int, int], int] = {}  # (mergeable section, entry's offset) -> offset here
        self.wholes: set[int] = set()  # sections of the source that are taken as they are
        self.locals: dict[int, Symbol] = {}  # symbol of the source -> symbol here
        self.globals: dict[int, Symbol] = {}

    def build(self) -> bytes:
        self.take(self.root)
        for i in self.exports[self.root]:
            self.globals[i] = replace(self.source.symbols[i], section=self.taken[self.root])
        todo = [self.root]
        for section in todo:
            for relocation in self.source.sections[section].relocations:
                todo += self.refer(relocation.symbol)
        order = [*self.locals, *self.globals]
        number = {old: new for new, old in enumerate(order, 1)}
        for old, new in self.taken.items():
            relocations = self.source.sections[old].relocations
            self.sections[new - 1].relocations = [replace(r, symbol=number[r.symbol]) for r in relocations]
        self.sections.append(Section(".note.GNU-stack", 1, 0, 1, 0, 0, b""))
        symbols = [*self.locals.values(), *self.globals.values()]
        return write_object(self.source.machine, self.sections, symbols)

    def take(self, section: int) -> None:
        old = self.source.sections[section]
        self.sections.append(replace(old, name=_short(old.name), relocations=[]))
        self.taken[section] = len(self.sections)

    def refer(self, index: int) -> list[int]:
        """Make a symbol known here; return the section that comes with it, if that is new."""
        if index in self.locals or index in self.globals:
            return []
        symbol = self.source.symbols[index]
        elsewhere = symbol.section != self.root and index in self.exports.get(symbol.section, ())
        if not symbol.section or elsewhere or symbol.name in LIBC_NAMES:
            self.globals[index] = Symbol(symbol.name, _STT_NOTYPE_GLOBAL, 0, 0, 0, 0)
            return []
        if self.source.sections[symbol.section].flags & SHF_MERGE and symbol.name:
            section, value = self.constant(symbol)
            self.locals[index] = replace(symbol, section=section, value=value)
            return []
        fresh = symbol.section not in self.taken
        self.wholes.add(symbol.section)
        if fresh:
            self.take(symbol.section)
        info = symbol.info & 0xF  # private here, whatever it was
        self.locals[index] = replace(symbol, info=info, other=0, section=self.taken[symbol.section])
        return [symbol.section] if fresh else []

    def constant(self, symbol: Symbol) -> tuple[int, int]:
        """Copy the one entry of a mergeable section that `symbol` labels; return section and offset here."""
        old = self.source.sections[symbol.section]
        if old.relocations or symbol.section in self.wholes:
            raise ValueError(f"{old.name}: constants are expected to be plain bytes, all with labels or none")
        start = symbol.value - symbol.value % old.entry_size
        if symbol.section not in self.taken:
            self.sections.append(replace(old, size=0, data=b""))
            self.taken[symbol.section] = len(self.sections)
        number = self.taken[symbol.section]
        here = self.sections[number - 1]
        key = (symbol.section, start)
        if key not in self.entries:
            self.entries[key] = here.size
            here.data += old.data[start : start + old.entry_size]
            here.size += old.entry_size
        return number, self.entries[key] + symbol.value % old.entry_size


def _short(name: str) -> str:
    """``.text..Lcompiler_rt.popcount.__popcountdi2`` -> ``.text.__popcountdi2``."""
    head = name[1:].split(".", 1)[0]
    return f".{head}.{name.rsplit('.', 1)[1]}" if name.count(".") > 2 else name
