"""Resources: what COFF objects have of them, and their tree as the system reads it in an image.

A resource has a type, a name and a language, which are the three levels of a tree in a section called `.rsrc`. Some
writers (windres) have the content behind it; others (cvtres) call the tree's section `.rsrc$01` and the content's
`.rsrc$02`. Relocations say where the content lies.
Source: the PE/COFF specification, "The .rsrc Section".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.coff import constants as coff
from uruk.formats.coff.format import pair_of
from uruk.formats.coff.headers import Header, read_header
from uruk.formats.coff.names import ShortNames
from uruk.formats.coff.sections import Sections, read_sections
from uruk.formats.coff.symbols import section_numbers
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.graph.types import AnyArray, true_rows
from uruk.named_tuples import NamedTuple

SECTION = b".rsrc"
Key: TypeAlias = tuple[int | str, int | str, int | str]
"""Type, name and language of a resource."""
_DIRECTORY, _ENTRY, _LEAF = struct.Struct("<12x2H"), struct.Struct("<2I"), struct.Struct("<4I")
_HIGH = 1 << 31
"""In the first word of an entry: it has a text, not a number; in the second: a directory follows, not a resource."""
_LEVELS = 3
_ALIGN = 8
"""Of the content of resources."""


class Resource(NamedTuple):
    """The content of a resource, and the code page of its texts."""

    content: bytes
    code_page: int


class ResourceImage(NamedTuple):
    """A tree with its content. Its leaves count from its first byte where the system counts from the module's."""

    data: bytes
    leaves: int
    """The place of the first leaf, which begins with that number; each has 16 bytes."""
    leaf_count: int


def read_resources(data: bytes, file: str, architecture: str) -> dict[Key, Resource]:
    """Return the resources of an object. Raises ObjectFormatError."""
    pair = pair_of(architecture)
    # An arena of its own, as the reader of sections writes short names behind its buffer.
    arena, [start] = Arena.join([data])
    span = Span(file, start, len(data))
    header = read_header(memoryview(arena.buffers[0]), span, pair.MACHINE, pair.NAME)
    sections = read_sections(arena.buffers[0], [span], [header], ShortNames(arena))
    named = sections.begins(SECTION + b"\0") | sections.begins(SECTION + b"$")
    rows = true_rows(named & (sections.start >= 0) & (sections.size > 0)).tolist()
    if not rows:
        return {}
    # The tree is the first of them by name, as linkers order what has one name before the `$`.
    first = min(rows, key=lambda row: (sections.name(row), row))
    content = {row: _bytes_of(sections, row) for row in rows}
    number = next(number for number, (_, kind, _) in pair.RELOCATIONS.items() if kind == "ImageOffset32")
    return _Tree(sections, header, first, content, number).resources()


def _bytes_of(sections: Sections, row: int) -> bytes:
    at = int(sections.start[row])
    return sections.buffer[at : at + int(sections.size[row])].tobytes()


class _Tree:
    """The tree of one object."""

    def __init__(self, sections: Sections, header: Header, row: int, content: Mapping[int, bytes], number: int) -> None:
        self._sections, self._header, self._row, self._content = sections, header, row, content
        self._tree = content[row]
        self._targets = self._read_targets(number)
        self._left = len(self._tree) // _ENTRY.size
        """Entries that a tree of this size can have, so that none is read in two directories."""
        self._room = sum(map(len, content.values()))
        """The bytes that all resources can have together."""

    def _error(self, problem: str) -> ObjectFormatError:
        return self._sections.error(self._row, problem)

    def _read_targets(self, number: int) -> dict[int, tuple[int, int]]:
        """Return the section and the place in it that each word of the tree refers to, by the word's offset."""
        sections, header = self._sections, self._header
        kind = coff.BIG_SYMBOL if header.big else coff.SYMBOL
        end = header.symbols + header.symbol_count * kind.itemsize
        symbols: AnyArray = sections.buffer[header.symbols : end].view(kind)
        home, value = section_numbers(symbols) - 1, symbols["value"].astype(np.int64)
        at, count = int(sections.relocations[self._row]), int(sections.relocation_count[self._row])
        rows: AnyArray = sections.buffer[at : at + count * coff.RELOCATION_SIZE].view(coff.RELOCATION)
        targets: dict[int, tuple[int, int]] = {}
        for place, symbol, type_ in rows.tolist():
            if type_ != number or symbol >= home.size or int(home[symbol]) not in self._content:
                raise self._error(f"a resource's relocation at {place:#x} refers to no content of resources")
            targets[place] = int(home[symbol]), int(value[symbol])
        return targets

    def _unpack(self, form: struct.Struct, at: int) -> tuple[int, ...]:
        if at + form.size > len(self._tree):
            raise self._error(f"its tree of resources goes on at {at:#x}, behind its end")
        return form.unpack_from(self._tree, at)

    def resources(self) -> dict[Key, Resource]:
        """Return all resources of the tree."""
        found: dict[Key, Resource] = {}
        for type_, names in self._directory(0, 0):
            for name, languages in self._directory(names, 1):
                for language, leaf in self._directory(languages, 2):
                    key = type_, name, language
                    if key in found:
                        raise self._error(f"has resource {shown(key)} twice")
                    found[key] = self._resource(leaf)
        return found

    def _directory(self, at: int, level: int) -> Iterator[tuple[int | str, int]]:
        """Yield the entries of a directory: a number or a text, and where what it names lies."""
        texts, numbers = self._unpack(_DIRECTORY, at)
        self._left -= texts + numbers
        if self._left < 0:
            raise self._error(f"the directory of resources at {at:#x} has entries of others, or lies behind the end")
        for row in range(texts + numbers):
            name, place = self._unpack(_ENTRY, at + _DIRECTORY.size + row * _ENTRY.size)
            if (place >= _HIGH) != (level < _LEVELS - 1):
                raise self._error(f"its tree of resources at {at:#x} has no three levels")
            yield self._text(name - _HIGH) if name >= _HIGH else name, place % _HIGH

    def _text(self, at: int) -> str:
        (size,) = self._unpack(struct.Struct("<H"), at)
        end = at + 2 + 2 * size
        if end > len(self._tree):
            raise self._error(f"a name of a resource at {at:#x} lies behind the end")
        return self._tree[at + 2 : end].decode("utf-16-le", "surrogatepass")

    def _resource(self, at: int) -> Resource:
        offset, size, code_page, _ = self._unpack(_LEAF, at)
        if at not in self._targets:
            raise self._error(f"the resource at {at:#x} has no relocation that says where its content lies")
        row, value = self._targets[at]
        offset += value
        content, self._room = self._content[row], self._room - size
        if offset + size > len(content) or self._room < 0:
            raise self._error(f"the {size} bytes of the resource at {at:#x} lie outside their section, or in another's")
        return Resource(content[offset : offset + size], code_page)


def shown(key: Key) -> str:
    """Return type, name and language as errors have them."""
    return "/".join(map(str, key))


def resource_image(resources: Mapping[Key, Resource]) -> ResourceImage:
    """Return a tree of resources and their content: directories, leaves, texts, content."""
    keys = sorted(resources, key=lambda key: tuple(map(_order, key)))
    # A directory is the part that the keys of all its resources begin with; those of a level follow each other.
    directories: dict[tuple[int | str, ...], list[tuple[int | str, ...]]] = {(): []}
    for depth in range(_LEVELS):
        for part in dict.fromkeys(key[: depth + 1] for key in keys):
            directories.setdefault(part[:-1], []).append(part)
    place: dict[tuple[int | str, ...], int] = {}
    at = 0
    for directory, entries in directories.items():
        place[directory] = at
        at += _DIRECTORY.size + _ENTRY.size * len(entries)
    leaves = at
    for key in keys:
        place[key] = at
        at += _LEAF.size
    texts, behind = _texts_of(keys, at)
    tree = bytearray()
    for entries in directories.values():
        named = sum(isinstance(entry[-1], str) for entry in entries)
        tree += _DIRECTORY.pack(named, len(entries) - named)
        for entry in entries:
            name = texts[entry[-1]] + _HIGH if isinstance(entry[-1], str) else entry[-1]
            tree += _ENTRY.pack(name, place[entry] + _HIGH * (len(entry) < _LEVELS))
    content = bytearray()
    start = -(-(at + len(behind)) // _ALIGN) * _ALIGN
    for key in keys:
        resource = resources[key]
        tree += _LEAF.pack(start + len(content), len(resource.content), resource.code_page, 0)
        content += resource.content
        content += bytes(-len(content) % _ALIGN)
    return ResourceImage(bytes(tree + behind).ljust(start, b"\0") + bytes(content), leaves, len(keys))


def _order(part: int | str) -> tuple[bool, int, bytes]:
    """Texts come before numbers, each in ascending order, as the system searches them."""
    return (True, part, b"") if isinstance(part, int) else (False, 0, part.encode("utf-16-be", "surrogatepass"))


def _texts_of(keys: list[Key], at: int) -> tuple[dict[str, int], bytes]:
    """Return where each text of keys lies if they begin at `at`, and their bytes."""
    texts: dict[str, int] = {}
    data = bytearray()
    for text in dict.fromkeys(part for key in keys for part in key if isinstance(part, str)):
        encoded = text.encode("utf-16-le", "surrogatepass")
        texts[text] = at + len(data)
        data += struct.pack("<H", len(encoded) // 2) + encoded
    return texts, bytes(data)
