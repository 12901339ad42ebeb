"""Objects with more sections than a symbol's 16 bits can number (gABI, "Section Indexes")."""

from __future__ import annotations

import struct

import pytest

from uruk import LLJIT
from uruk.errors import ObjectFormatError

from support.elf_picture import SYMTAB, Picture

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

LAST = 0xFF20
"""The last section's index, which is also the number of a reserved index."""
XINDEX, SHNDX = 0xFFFF, 18


def with_many(data: bytes, *, shndx: int) -> Picture:
    """An object whose last section is `.text` once more, after tens of thousands that are not loaded.

    `entry` gets a section index, and for SHN_XINDEX that of the last section in an SHT_SYMTAB_SHNDX table.
    """
    picture = Picture(data)
    symtab, symbol = picture.of_type(SYMTAB)[0], picture.symbol_index("entry")
    words = bytearray(picture.get(symtab, "size") // 24 * 4)
    struct.pack_into("<I", words, 4 * symbol, LAST)
    picture.set_entry(symtab, symbol, shndx=shndx)
    picture.set(
        picture.find(".comment"),
        type=SHNDX,
        offset=picture.append(bytes(words)),
        size=len(words),
        link=symtab,
        entsize=4,
    )
    text, note = (bytes(picture.data[start : start + 64]) for start in (
        picture.table + 64 * picture.find(name) for name in (".text", ".note.GNU-stack")
    ))  # fmt: skip
    headers = bytes(picture.data[picture.table : picture.table + 64 * picture.count])
    picture.table = picture.append(headers + note * (LAST - picture.count) + text)
    picture.header("shoff", picture.table)
    picture.header("shnum", 0)
    picture.set(0, size=LAST + 1)
    return picture


def test_a_symbol_in_a_section_of_a_high_number(lasting_jit: LLJIT, objects: dict[str, bytes]) -> None:
    picture = with_many(objects["gcc"], shndx=XINDEX)
    graph = lasting_jit.session.parse([("many.o", picture.bytes())], lasting_jit.main)
    row = picture.symbol_index("entry")
    assert graph.symbols.block[row] == len(graph.blocks) - 1
    assert graph.section_name(len(graph.blocks) - 1) == ".text"


def test_a_reserved_number_is_no_section(lasting_jit: LLJIT, objects: dict[str, bytes]) -> None:
    picture = with_many(objects["gcc"], shndx=LAST)
    with pytest.raises(ObjectFormatError, match="has a section index that is reserved"):
        lasting_jit.session.parse([("many.o", picture.bytes())], lasting_jit.main)
