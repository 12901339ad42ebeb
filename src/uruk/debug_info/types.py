"""Types of DWARF as C types: what each entry means, with sizes as the compiler laid them out."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from uruk.debug_info import c_text
from uruk.debug_info.c_text import ADDRESS, VOID, CType, identifier, unknown
from uruk.debug_info.classes import refusal_of_class
from uruk.debug_info.reader import References, children, has, number, text
from uruk.debug_info.structures import COMPOSITES, QUALIFIERS, Member, members_of, natural_layout
from uruk.records import record

if TYPE_CHECKING:
    from elftools.dwarf.die import DIE

    from uruk.debug_info.declared import Declared

_TRANSPARENT = QUALIFIERS - {"DW_TAG_const_type"}
_POINTERS = frozenset(("DW_TAG_pointer_type", "DW_TAG_reference_type", "DW_TAG_rvalue_reference_type"))
REACH = 48
"""Structures that pointers lead to and that get members, for one function: those behind them are ``void *``."""


@record
class _Composite:
    """A structure, class or union that was named."""

    die: DIE
    kind: CType
    waits: bool = False
    """True once it is among those that get members after all others."""
    begun: bool = False
    done: bool = False


class ObjectTypes:
    """The types of one object's debug information, as names of a session's declarations."""

    def __init__(self, references: References, declared: Declared) -> None:
        self.references = references
        self.declared = declared
        self._known: dict[tuple[int, int], CType] = {}
        self._composites: dict[tuple[int, int], _Composite] = {}
        self._waiting: deque[_Composite] = deque()

    def of(self, die: DIE | None, *, by_value: bool = False, named: str = "") -> CType:
        """Return the type of an entry; None is C's ``void``.

        `by_value`: a value of it is passed or stored, so that a structure must have its members. `named`: the typedef
        that names a structure without a tag.
        """
        if die is None:
            return VOID
        if "DW_AT_signature" in die.attributes:  # a declaration, whose type has a unit of its own
            die = self.references.chain(die)[-1]
        if die.tag in COMPOSITES:
            return self._composite(die, by_value, named)
        key = _key(die)
        if key not in self._known or by_value:
            self._known[key] = self._read(die, by_value)
        return self._known[key]

    def target(self, die: DIE, *, by_value: bool = False) -> CType:
        """Return the type that an entry is of (DW_AT_type)."""
        return self.of(self.references.refer(die, "DW_AT_type"), by_value=by_value)

    def finish(self) -> None:
        """Give members to structures that only pointers lead to, nearest first, as far as there is room."""
        while self._waiting:
            self._complete(self._waiting.popleft())

    # -- kinds of entries

    def _read(self, die: DIE, by_value: bool) -> CType:
        tag = str(die.tag)
        if tag in _TRANSPARENT:
            return self.target(die, by_value=by_value)
        if tag == "DW_TAG_const_type":
            return self.target(die, by_value=by_value).constant()
        if tag in _POINTERS:
            return self._pointer(die)
        if tag == "DW_TAG_base_type":
            size = number(die, "DW_AT_byte_size") or 0
            return c_text.base_type(text(die, "DW_AT_name"), number(die, "DW_AT_encoding") or 0, size)
        if tag == "DW_TAG_typedef":
            return self._typedef(die, by_value)
        if tag == "DW_TAG_enumeration_type":
            return self._enumeration(die)
        if tag == "DW_TAG_array_type":
            return self._array(die, by_value)
        if tag == "DW_TAG_subroutine_type":
            return self._function(die)
        if tag == "DW_TAG_unspecified_type":
            return ADDRESS if "nullptr" in text(die, "DW_AT_name") else VOID
        name = text(die, "DW_AT_name") or tag.removeprefix("DW_TAG_").replace("_", " ")
        return unknown(f"`{name}' is a type that C text has no name for", number(die, "DW_AT_byte_size") or 0)

    def _pointer(self, die: DIE) -> CType:
        size = number(die, "DW_AT_byte_size", 8)
        if size != 8:
            return unknown(f"a pointer of {size} bytes is not passed", size or 0)
        key = _key(die)
        # A pointer to itself, by a typedef, would be read for ever.
        self._known[key] = ADDRESS
        return self.target(die).pointer()

    def _typedef(self, die: DIE, by_value: bool) -> CType:
        name = text(die, "DW_AT_name")
        under = self.references.refer(die, "DW_AT_type")
        kind = self.of(under, by_value=by_value, named=name)
        if kind.unknown and name:
            return unknown(kind.refusal, kind.size, kind.alignment, name)
        if not name or kind.before == name:
            return kind
        if c_text.STANDARD.get(name) == kind.size:
            return CType(name, "", kind.size, kind.alignment)
        return self.declared.name(name, kind)

    def _enumeration(self, die: DIE) -> CType:
        size = number(die, "DW_AT_byte_size") or 0
        values = [
            (text(each, "DW_AT_name"), number(each, "DW_AT_const_value") or 0)
            for each in children(die)
            if each.tag == "DW_TAG_enumerator"
        ]
        # cffi's enumerations are of int, or of unsigned int where no value is negative.
        if size == 4 and values and not has(die, "DW_AT_enum_class"):
            name = text(die, "DW_AT_name") or f"enum_{values[0][0]}"
            spelled = self.declared.enumeration(name, values)
            if spelled is not None:
                return CType(spelled, "", 4, 4)
        under = self.references.refer(die, "DW_AT_type")
        if under is not None:
            return self.of(under)
        if size not in (1, 2, 4, 8):
            return unknown("an enumeration that is only declared is not passed", size)
        signed = any(value < 0 for _, value in values)
        return CType(f"{'' if signed else 'u'}int{8 * size}_t", "", size, size)

    def _array(self, die: DIE, by_value: bool) -> CType:
        item = self.target(die, by_value=by_value)
        if "DW_AT_data_location" in die.attributes:
            return unknown("an array of Fortran's with a descriptor is not passed")
        if has(die, "DW_AT_GNU_vector"):
            size = item.size * (self._counts(die)[0] or 0)
            return unknown("a vector is not passed: cffi has no such type", size, size)
        # A pointer to an array of structures has its members, too.
        if item.refusal and item.size == 0 and not item.unknown:
            item = self.target(die, by_value=True)
        return item.array(self._counts(die))

    def _counts(self, die: DIE) -> list[int | None]:
        counts: list[int | None] = []
        for each in children(die):
            if each.tag in ("DW_TAG_subrange_type", "DW_TAG_enumeration_type"):
                low = number(each, "DW_AT_lower_bound", 0) or 0
                high = number(each, "DW_AT_upper_bound")
                count = number(each, "DW_AT_count", None if high is None else high - low + 1)
                counts.append(None if count is None or count < 0 else count)
        return counts or [None]

    def _function(self, die: DIE) -> CType:
        """Return a function's type; an unknown one where it is called by what DWARF does not say, or C text cannot."""
        result = self.target(die, by_value=True)
        parameters: list[CType] = []
        variadic = False
        for each in children(die):
            if each.tag == "DW_TAG_formal_parameter":
                parameters.append(self.target(each, by_value=True))
            variadic |= each.tag == "DW_TAG_unspecified_parameters"
        if (variadic and not parameters) or any(each.refusal or each.unknown for each in (result, *parameters)):
            return unknown("a function is not passed")
        if not parameters and not has(die, "DW_AT_prototyped"):
            return unknown("a function is not passed")
        return result.function(parameters, variadic=variadic)

    # -- structures

    def _composite(self, die: DIE, by_value: bool, named: str) -> CType:
        key = _key(die)
        known = self._composites.get(key)
        if known is None:
            known = self._composites[key] = self._named(die, named)
        if not (by_value or known.done or known.begun or known.waits):
            if self.declared.room <= 0:
                return unknown("", label=known.kind.before)
            self.declared.room -= 1
            known.waits = True
            self._waiting.append(known)
        if by_value:
            self._complete(known)
        return known.kind

    def _named(self, die: DIE, named: str) -> _Composite:
        keyword = COMPOSITES[str(die.tag)]
        size = number(die, "DW_AT_byte_size") or 0
        name = self.qualified(die) or named or "unnamed"
        if has(die, "DW_AT_declaration"):
            refusal = f"`{name}' is only declared in this object's debug information (clang: -fstandalone-debug)"
            return _Composite(die, unknown(refusal, label=f"{keyword} {identifier(name)}"), done=True)
        members = members_of(self.references, die)
        content = keyword, size, tuple((each.name, each.bit, each.bits, self._sketch(each.die)) for each in members)
        return _Composite(die, CType(f"{keyword} {self.declared.tag(name, content)[0]}", "", size, 1))

    def qualified(self, die: DIE) -> str:
        """Return a type's name with those of the namespaces around it; empty for one without a name."""
        name = text(die, "DW_AT_name")
        return "::".join([*self.references.scopes.get(die.offset, ()), name]) if name else ""

    def _sketch(self, die: DIE | None) -> str:
        """Return what tells two members' types apart, without reading what pointers lead to."""
        for _ in range(32):
            if die is None:
                return "void"
            tag, name = str(die.tag), text(die, "DW_AT_name")
            if tag in _POINTERS:
                under = self.references.refer(die, "DW_AT_type")
                return f"{'' if under is None else text(under, 'DW_AT_name') or under.tag} *"
            if not name and tag in COMPOSITES:
                key = _key(die)
                if key not in self._composites:
                    self._composites[key] = self._named(die, "")
                return self._composites[key].kind.before  # a tag of its own for each content
            if name or tag not in (*QUALIFIERS, "DW_TAG_array_type"):
                return f"{tag} {name} {number(die, 'DW_AT_byte_size') or 0}"
            counts = str(self._counts(die)) if tag == "DW_TAG_array_type" else ""
            die = self.references.refer(die, "DW_AT_type")
            if counts:
                return f"{self._sketch(die)}{counts}"
        return ""

    def _complete(self, known: _Composite) -> None:
        """Declare a structure with its members; where C text cannot say how it lies, without them."""
        if known.done:
            return
        if known.begun:
            raise ValueError("a structure that contains itself")
        known.begun = True
        kind, die = known.kind, known.die
        members = members_of(self.references, die)
        kinds = [self.of(each.die, by_value=True) for each in members]
        kind.refusal, kind.alignment = self._refusal(die, members, kinds)
        layout = natural_layout(kind.before.startswith("union"), members, kinds)
        stated = number(die, "DW_AT_alignment") or 0
        if any(each.unknown or each.bare for each in kinds):
            kind.bare = True
            kind.refusal = kind.refusal or f"`{kind.before}' has a member that C text has no type for"
        elif layout is None or not members or layout.size != kind.size:
            kind.bare = True
            kind.refusal = kind.refusal or f"`{kind.before}' is packed or aligned in a way that C text cannot say"
        else:
            kind.alignment = max(layout.alignment, stated)
            if stated > layout.alignment:
                kind.refusal = kind.refusal or f"`{kind.before}' is aligned to {stated} bytes, which C text cannot say"
            lines = [_line(each, of) for each, of in zip(members, kinds, strict=True)]
            self._emit(kind.before, lines)
        known.done = True

    def _emit(self, spelled: str, lines: list[str]) -> None:
        if spelled not in self.declared.bodies:
            self.declared.bodies.add(spelled)
            self.declared.body(f"{spelled} {{ {' '.join(lines)} }};")

    def _refusal(self, die: DIE, members: list[Member], kinds: list[CType]) -> tuple[str, int]:
        refusal = refusal_of_class(self.references, die)
        alignment = max([each.alignment for each in kinds], default=1)
        if not members:
            refusal = refusal or f"`{text(die, 'DW_AT_name')}' has no members"
        for member, kind in zip(members, kinds, strict=True):
            if member.bits is not None:
                refusal = refusal or "a structure with bit-fields is not passed by value"
            if kind.refusal and not kind.after.startswith("["):
                refusal = refusal or kind.refusal
        return refusal, alignment


def _line(member: Member, kind: CType) -> str:
    bits = "" if member.bits is None else f" : {member.bits}"
    return f"{kind.declare(identifier(member.name) if member.name else '')}{bits};"


def _key(die: DIE) -> tuple[int, int]:
    unit: Any = die.cu
    return id(unit), die.offset
