"""Variables whose types differ between two versions of an object, as its debug information describes them.

Types are compared by how their values lie: encodings and sizes, members with their names and places, numbers of
elements, and likewise what pointers lead to. Typedefs, `const`, and the names of types do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from uruk.debug_info.reader import References, children, number, read, reading, text
from uruk.debug_info.structures import members_of
from uruk.demangle import demangle
from uruk.errors import UrukError
from uruk.formats.registry import debug_sections
from uruk.graph.graph import Graph
from uruk.named_tuples import NamedTuple

if TYPE_CHECKING:
    from elftools.dwarf.die import DIE

_THROUGH = frozenset(f"DW_TAG_{kind}_type" for kind in ("const", "volatile", "restrict", "atomic")) | {"DW_TAG_typedef"}
_POINTERS = frozenset(f"DW_TAG_{kind}_type" for kind in ("pointer", "reference", "rvalue_reference", "ptr_to_member"))
_COMPOSITES = frozenset(f"DW_TAG_{kind}_type" for kind in ("structure", "class", "union"))
_SCOPES = frozenset(("DW_TAG_namespace", "DW_TAG_lexical_block"))
_DEEPEST = 64
"""Types within types that are compared; what lies deeper counts as the same."""


class _Type(NamedTuple):
    """A type of one version: its entry, None for `void`, and what finds the entries that it refers to."""

    die: DIE | None
    references: References

    def under(self) -> _Type:
        """Return the type that this one is made of, which its entry refers to."""
        assert self.die is not None
        return _Type(self.references.refer(self.die, "DW_AT_type"), self.references)

    def plain(self) -> _Type:
        """Return the type without typedefs and qualifiers."""
        found = self
        for _ in range(_DEEPEST):
            if found.die is not None and "DW_AT_signature" in found.die.attributes:
                found = _Type(self.references.chain(found.die)[-1], self.references)
            if found.die is None or found.die.tag not in _THROUGH:
                break
            found = found.under()
        return found

    def __str__(self) -> str:
        if self.die is None:
            return "void"
        if self.die.tag in _POINTERS:
            return f"{self.under()} *"
        if self.die.tag == "DW_TAG_array_type":
            return f"{self.under()}{''.join(f'[{count}]' for count in _counts(self.die))}"
        kind = str(self.die.tag).removeprefix("DW_TAG_").partition("_")[0].replace("structure", "struct")
        name = text(self.die, "DW_AT_name") or (str(self.under()) if self.die.tag in _THROUGH else "")
        return f"{kind} {name}".rstrip() if self.die.tag in _COMPOSITES or not name else name


def changed_types(old: Sequence[Graph], new: Sequence[Graph], names: Sequence[str]) -> dict[str, str]:
    """Return what differs for each of some variables whose types do, by the names that symbols have.

    Only what debug information of both tells: nothing without it, without pyelftools, and where it cannot be read.
    """
    found: dict[str, str] = {}
    with suppress(UrukError):
        before = _variables(old)
        after = _variables(new) if before else {}
        with reading(new[0].files[0]):
            for name in names:
                known = next((each for each in _names_of(name) if each in before and each in after), None)
                if known is not None and (difference := _difference(before[known], after[known], set(), 0)):
                    found[name] = difference
    return found


def _names_of(symbol: str) -> Iterator[str]:
    """Yield the names that debug information may have for a variable: symbols may have that of a function, too."""
    yield symbol
    yield symbol.rpartition(".")[2]
    yield demangle(symbol).rpartition("::")[2]


def _variables(graphs: Sequence[Graph]) -> dict[str, _Type]:
    """Return the types of variables by name; those whose name several have are left out."""
    found: dict[str, _Type] = {}
    several: set[str] = set()
    for graph in graphs:
        for index, file in enumerate(graph.files):
            sections = debug_sections(graph, index)
            if not any("debug_info" in section for section in sections):
                continue
            with reading(file):
                info = read(file, sections)
                references = References(info)
                for unit in info.iter_CUs():
                    for name, die in _in_scope(unit.get_top_DIE(), references):
                        several |= {name} & found.keys()
                        found[name] = _Type(die, references)
    return {name: kind for name, kind in found.items() if name not in several}


def _in_scope(scope: DIE, references: References) -> Iterator[tuple[str, DIE | None]]:
    """Yield names and types of variables that have a place in memory, static ones of functions, too."""
    for die in children(scope):
        if die.tag == "DW_TAG_variable" and "DW_AT_location" in die.attributes:
            chain = references.chain(die)
            names = (text(each, name) for name in ("DW_AT_linkage_name", "DW_AT_name") for each in chain)
            holder = next((each for each in chain if "DW_AT_type" in each.attributes), None)
            if holder is not None and (name := next(filter(None, names), "")):
                yield name, references.refer(holder, "DW_AT_type")
        elif die.tag in _SCOPES or (die.tag == "DW_TAG_subprogram" and "DW_AT_inline" not in die.attributes):
            yield from _in_scope(die, references)


def _difference(old: _Type, new: _Type, seen: set[tuple[int, int]], depth: int) -> str:
    """Return what differs between two types; an empty text where they are alike."""
    old, new = old.plain(), new.plain()
    shown = f"is `{new}', and was `{old}'"
    if old.die is None or new.die is None:
        return "" if old.die is new.die or depth else shown
    key = (old.die.offset, new.die.offset)
    if key in seen or depth > _DEEPEST:
        return ""
    seen.add(key)
    kinds = {str(die.tag).replace("class", "structure") for die in (old.die, new.die)}
    if len(kinds) > 1 or _facts(old.die) != _facts(new.die):
        return shown
    if old.die.tag in _COMPOSITES:
        return _of_members(old, new, seen, depth)
    if old.die.tag in _POINTERS or old.die.tag == "DW_TAG_array_type":
        inner = _difference(old.under(), new.under(), seen, depth + 1)
        if inner.startswith("is "):
            return f"{'points to' if old.die.tag in _POINTERS else 'is an array of'} {inner[3:]}"
        return (
            f"{'points to what' if old.die.tag in _POINTERS else 'is an array of which each'} {inner}" if inner else ""
        )
    return ""


def _facts(die: DIE) -> tuple[object, ...]:
    """Return what tells types apart that are not made of others."""
    if die.tag in _COMPOSITES:
        return ()
    if die.tag == "DW_TAG_array_type":
        return tuple(_counts(die))
    if die.tag == "DW_TAG_base_type":
        return number(die, "DW_AT_encoding"), number(die, "DW_AT_byte_size")
    return () if die.tag in _POINTERS else (number(die, "DW_AT_byte_size"),)


def _counts(die: DIE) -> list[int | None]:
    counts: list[int | None] = []
    for each in children(die):
        if each.tag == "DW_TAG_subrange_type":
            high = number(each, "DW_AT_upper_bound")
            counts.append(number(each, "DW_AT_count", None if high is None else high + 1))
    return counts


def _of_members(old: _Type, new: _Type, seen: set[tuple[int, int]], depth: int) -> str:
    assert old.die is not None
    assert new.die is not None
    if "DW_AT_declaration" in old.die.attributes or "DW_AT_declaration" in new.die.attributes:
        return ""
    before = {member.name: member for member in members_of(old.references, old.die)}
    after = {member.name: member for member in members_of(new.references, new.die)}
    for name in before.keys() - after.keys():
        return f"is `{new}' without the member `{name}'"
    for name, member in after.items():
        was = before.get(name)
        if was is None:
            return f"is `{new}' with a new member `{name}'"
        if (member.bit, member.bits) != (was.bit, was.bits):
            return f"is `{new}', whose member `{name}' is at byte {member.bit // 8}, and was at {was.bit // 8}"
        inner = _difference(_Type(was.die, old.references), _Type(member.die, new.references), seen, depth + 1)
        if inner:
            return f"is `{new}', whose member `{name}' {inner}"
    sizes = [number(die, "DW_AT_byte_size") for die in (new.die, old.die)]
    return f"is `{new}' of {sizes[0]} bytes, and had {sizes[1]}" if sizes[0] != sizes[1] else ""
