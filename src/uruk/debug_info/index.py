"""The functions and variables that an object's debug information defines, by the names that symbols have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from uruk.debug_info.reader import References, children, has, number, read, text
from uruk.records import record

if TYPE_CHECKING:
    from elftools.dwarf.die import DIE

_LANGUAGES = {
    **dict.fromkeys((0x1, 0x2, 0xC, 0x1D, 0x2C, 0x3E), "C"),
    **dict.fromkeys((0x4, 0x1A, 0x21, 0x2A, 0x2B, 0x3A), "C++"),
    **dict.fromkeys((0x7, 0x8, 0xE, 0x22, 0x23, 0x2D), "Fortran"),
    0x13: "D", 0x16: "Go", 0x1C: "Rust", 0x1E: "Swift", 0x27: "Zig", 0xD: "Ada", 0x2E: "Ada", 0x8001: "assembly",
}  # fmt: skip
"""DW_LANG codes (DWARF 5, table 7.17, and those given since)."""
_SPLIT = ("DW_AT_dwo_name", "DW_AT_GNU_dwo_name")
_NO_TYPES = re.compile(r" -g1\b")
_OPTIMISED = re.compile(r" -O(?:[1-9sz]|fast)\b")


@record
class Unit:
    """A compile unit: its language."""

    language: str
    plain: bool
    """True if it is known to be compiled without optimisation."""
    untyped: bool
    """True if it is known to be compiled without types."""


@record
class Defined:
    """A function or variable that has code or storage in the object: the entry, and its unit."""

    die: DIE
    chain: list[DIE]
    """The entry, and those that it completes."""
    unit: Unit
    external: bool

    def text(self, name: str) -> str:
        """Return an attribute that is a text, of the entry or of one that it completes."""
        return next(filter(None, (text(each, name) for each in self.chain)), "")

    def has(self, name: str) -> bool:
        """Return True if the entry, or one that it completes, has an attribute that is not 0."""
        return any(has(each, name) for each in self.chain)


class Index:
    """The functions and variables of one object."""

    def __init__(self, file: str, sections: Mapping[str, bytes]) -> None:
        self.file = file
        info = read(file, sections)
        self.references = References(info)
        self.functions: dict[str, Defined] = {}
        self.variables: dict[str, Defined] = {}
        self._without_code: list[tuple[DIE, Unit]] = []
        self.split = ""
        """The file that has the types of a unit compiled by -gsplit-dwarf."""
        self.languages: set[str] = set()
        if "debug_info" not in "".join(sections):
            return
        for unit in info.iter_CUs():
            if unit.header.get("unit_type") not in ("DW_UT_type", "DW_UT_split_type"):
                self._read_unit(unit.get_top_DIE())

    def _read_unit(self, top: DIE) -> None:
        self.split = self.split or next(filter(None, (text(top, name) for name in _SPLIT)), "")
        producer = text(top, "DW_AT_producer")
        language = _LANGUAGES.get(number(top, "DW_AT_language") or 0, "an unknown language")
        self.languages.add(language)
        # GCC records its flags; clang does not.
        plain = producer.startswith("GNU ") and " -m" in producer and not _OPTIMISED.search(producer)
        self._read_scope(top, Unit(language, plain, bool(_NO_TYPES.search(producer))), ())

    def _read_scope(self, scope: DIE, unit: Unit, path: tuple[str, ...]) -> None:
        for die in children(scope):
            if die.tag == "DW_TAG_subprogram":
                self._function(die, unit)
            elif die.tag == "DW_TAG_variable":
                self._variable(die, unit)
            elif die.tag in ("DW_TAG_namespace", "DW_TAG_module"):
                self._read_scope(die, unit, (*path, text(die, "DW_AT_name") or "(anonymous namespace)"))
            elif path:
                self.references.scopes[die.offset] = path

    def _function(self, die: DIE, unit: Unit) -> None:
        if "DW_AT_low_pc" in die.attributes or "DW_AT_ranges" in die.attributes:
            self._note(self.functions, die, unit)
        else:
            self._without_code.append((die, unit))

    def function(self, name: str) -> Defined | None:
        """Return a function that the object has a symbol for; None for one that debug information does not have.

        GCC merges functions that are the same; the entries of the others have their types, and no code.
        """
        if name not in self.functions and self._without_code:
            merged: dict[str, Defined] = {}
            for die, unit in self._without_code:
                self._note(merged, die, unit)
            self._without_code.clear()
            self.functions = {**merged, **self.functions}
        return self.functions.get(name)

    def _variable(self, die: DIE, unit: Unit) -> None:
        if "DW_AT_location" in die.attributes:
            self._note(self.variables, die, unit)

    def _note(self, table: dict[str, Defined], die: DIE, unit: Unit) -> None:
        chain = self.references.chain(die)
        defined = Defined(die, chain, unit, any(has(each, "DW_AT_external") for each in chain))
        name = defined.text("DW_AT_linkage_name") or defined.text("DW_AT_MIPS_linkage_name")
        name = name or defined.text("DW_AT_name")
        known = table.get(name)
        if known is None or (defined.external and not known.external):
            table[name] = defined
