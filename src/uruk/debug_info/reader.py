"""Entries of DWARF as pyelftools reads them, and what it leaves to its users: type units, siblings, broken input."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from uruk.errors import ObjectFormatError, UrukError

if TYPE_CHECKING:
    from elftools.dwarf.die import DIE
    from elftools.dwarf.dwarfinfo import DWARFInfo

STRUCTURE = "debug information"
_LONGEST_CHAIN = 32
"""References that are followed from one entry; sound files have three at most."""
_REFERENCES = frozenset(f"DW_FORM_ref{kind}" for kind in ("1", "2", "4", "8", "_udata"))
_SIZES = {
    **dict.fromkeys("data1 ref1 flag strx1 addrx1".split(), 1),
    **dict.fromkeys("data2 ref2 strx2 addrx2".split(), 2),
    **dict.fromkeys("strx3 addrx3".split(), 3),
    **dict.fromkeys("data4 ref4 strx4 addrx4 ref_sup4".split(), 4),
    **dict.fromkeys("data8 ref8 ref_sig8 ref_sup8".split(), 8),
    **dict.fromkeys("flag_present implicit_const".split(), 0),
    "data16": 16,
}
"""Bytes of forms of a fixed size (DWARF 5, section 7.5.6)."""
_NUMBERS = frozenset("sdata udata ref_udata strx addrx loclistx rnglistx GNU_addr_index GNU_str_index".split())
"""Forms that are numbers in LEB128."""
_OFFSETS = frozenset("strp sec_offset line_strp strp_sup GNU_ref_alt GNU_strp_alt".split())
"""Forms that are offsets, of 4 or 8 bytes."""


def read(file: str, sections: Mapping[str, bytes]) -> DWARFInfo:
    """Return what pyelftools makes of the debug sections of an object, which have been relocated.

    Raises UrukError without pyelftools.
    """
    try:
        from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo
    except ImportError as error:
        raise UrukError(
            f"{file}: types are read from debug information by pyelftools, which is not installed: "
            "pip install 'uruk[types]', or give the function a prototype"
        ) from error

    def section(parameter: str) -> Any:
        data = sections.get(f".{parameter.removesuffix('_sec')}")
        return None if data is None else DebugSectionDescriptor(io.BytesIO(data), parameter, 0, len(data), 0)

    config = DwarfConfig(little_endian=True, machine_arch="x64", default_address_size=8)
    _, *parameters = signature(DWARFInfo).parameters  # the first one is `config`; the others name sections
    return DWARFInfo(config, *map(section, parameters))


@contextmanager
def reading(file: str) -> Generator[None, None, None]:
    """Turn what pyelftools raises for broken debug information into ObjectFormatError."""
    try:
        yield
    except UrukError:
        raise
    except (Exception, RecursionError) as error:  # of any class: it checks little
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise ObjectFormatError(file, STRUCTURE, f"cannot be read ({told})") from error


def children(die: DIE) -> Iterator[DIE]:
    """Yield the entries below an entry, in order."""
    if not die.has_children:
        return
    unit: Any = die.cu
    at = die.offset + die.size
    while True:
        child: DIE = unit.get_DIE_from_refaddr(at)
        if child.is_null():
            return
        yield child
        at = _end(child)


def _end(die: DIE) -> int:
    """Return the offset behind an entry and all below it."""
    own = die.offset + die.size
    if not die.has_children:
        return own
    sibling = die.attributes.get("DW_AT_sibling")
    # One that points backwards would make a loop of the list.
    if sibling is not None and sibling.form in _REFERENCES and sibling.value + die.cu.cu_offset > own:
        return sibling.value + die.cu.cu_offset
    unit: Any = die.cu
    skipper = _skippers.get(unit)
    if skipper is None:
        skipper = _skippers[unit] = _Skipper(unit)
    return skipper.end(own)


class _Skipper:
    """Walks over entries of one unit without reading them: clang writes no siblings."""

    def __init__(self, unit: Any) -> None:
        stream: io.BytesIO = unit.get_top_DIE().stream
        self._data = stream.getvalue()  # the section's own bytes; a buffer of it would have to go before the stream
        self._table = unit.get_abbrev_table()
        self._offset_size = 8 if unit.dwarf_format() == 64 else 4
        self._address_size: int = unit["address_size"]
        self._plans: dict[int, tuple[bool, int, list[str]]] = {}
        """By abbreviation: whether there are children, the bytes of fixed size in front, the forms behind."""

    def end(self, at: int) -> int:
        """Return the offset behind a list of children that begins at `at`, and all below them."""
        depth = 1
        while depth:
            code, at = self._number(at)
            if code == 0:
                depth -= 1
                continue
            plan = self._plans.get(code)
            if plan is None:
                plan = self._plans[code] = self._plan(code)
            has_children, size, forms = plan
            at += size
            for form in forms:
                at = self._skip(form, at)
            depth += has_children
        return at

    def _plan(self, code: int) -> tuple[bool, int, list[str]]:
        declaration = self._table.get_abbrev(code)
        forms = [str(form).removeprefix("DW_FORM_") for _, form in declaration.iter_attr_specs()]
        size = 0
        while forms and (fixed := self._fixed(forms[0])) is not None:
            size += fixed
            forms.pop(0)
        return declaration.has_children(), size, forms

    def _fixed(self, form: str) -> int | None:
        if form in _OFFSETS or form == "ref_addr":
            return self._offset_size
        return self._address_size if form == "addr" else _SIZES.get(form)

    def _skip(self, form: str, at: int) -> int:
        """Return the offset behind a value."""
        fixed = self._fixed(form)
        if fixed is not None:
            return at + fixed
        if form in _NUMBERS:
            return self._number(at)[1]
        if form in ("exprloc", "block"):
            size, at = self._number(at)
            return at + size
        if form in ("block1", "block2", "block4"):
            width = int(form[-1])
            return at + width + int.from_bytes(self._data[at : at + width], "little")
        if form == "string":
            while self._data[at]:
                at += 1
            return at + 1
        raise ValueError(f"a value of the form {form}")

    def _number(self, at: int) -> tuple[int, int]:
        """Return a number in LEB128, as if it had no sign, and the offset behind it."""
        data = self._data
        byte = data[at]
        value, shift = byte & 0x7F, 7
        while byte & 0x80:
            at += 1
            byte = data[at]
            value |= (byte & 0x7F) << shift
            shift += 7
        return value, at + 1


_skippers: WeakKeyDictionary[Any, _Skipper] = WeakKeyDictionary()


class References:
    """References between entries, those to type units included."""

    def __init__(self, info: DWARFInfo) -> None:
        self._info = info
        self._units: dict[int, tuple[Any, int]] | None = None
        self.scopes: dict[int, tuple[str, ...]] = {}
        """The namespaces around entries, by offset; without those that are around none."""
        self.refusals: dict[tuple[int, int], str] = {}
        """The reasons why classes are passed by reference, by unit and offset; see `uruk.debug_info.classes`."""

    def refer(self, die: DIE, name: str) -> DIE | None:
        """Return the entry that an attribute refers to; None without the attribute."""
        attribute = die.attributes.get(name)
        if attribute is None:
            return None
        if attribute.form != "DW_FORM_ref_sig8":
            return die.get_DIE_from_attribute(name)
        if self._units is None:
            self._units = self._type_units()
        unit, offset = self._units[attribute.raw_value]
        return unit.get_DIE_from_refaddr(offset)

    def _type_units(self) -> dict[int, tuple[Any, int]]:
        """Return by signature the unit of each type, and the offset of the type's entry."""
        units: dict[int, tuple[Any, int]] = {}
        for unit in self._info.iter_TUs():  # DWARF 4
            units[unit["signature"]] = unit, unit.tu_offset + unit["type_offset"]
        for unit in self._info.iter_CUs():
            if unit.header.get("unit_type") == "DW_UT_type":
                units[unit["type_signature"]] = unit, unit.cu_offset + unit["type_offset"]
        return units

    def chain(self, die: DIE) -> list[DIE]:
        """Return an entry, and those that it completes: abstract origins, declarations, and a type's own unit."""
        found = [die]
        while len(found) < _LONGEST_CHAIN:
            last = found[-1]
            for name in ("DW_AT_abstract_origin", "DW_AT_specification", "DW_AT_signature"):
                further = self.refer(last, name)
                if further is not None:
                    found.append(further)
                    break
            else:
                return found
        raise ValueError("entries refer to each other in a circle")


def text(die: DIE, name: str) -> str:
    """Return an attribute that is a text; empty without it."""
    attribute = die.attributes.get(name)
    value = None if attribute is None else attribute.value
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else ""


def number(die: DIE, name: str, default: int | None = None) -> int | None:
    """Return an attribute that is a number, and no expression; `default` without it."""
    attribute = die.attributes.get(name)
    return attribute.value if attribute is not None and isinstance(attribute.value, int) else default


def has(die: DIE, name: str) -> bool:
    """Return True if an attribute is there, and not 0."""
    attribute = die.attributes.get(name)
    return attribute is not None and bool(attribute.value)
