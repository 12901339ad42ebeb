"""Encodings and what tables of kinds say of them: words worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from uruk.graph.encodings import Encoding, EncodingTable
from uruk.isa import aarch64

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("size", [2, 4, 8])
def test_a_piece_ends_with_its_word(size: int) -> None:
    Encoding(((0, 8, 8 * size - 8),), ((0, 0),), size=size)
    with pytest.raises(ValueError, match=f"does not lie in a word of {size} bytes"):
        Encoding(((0, 8, 8 * size - 7),), ((0, 0),), size=size)


def test_a_piece_has_bits() -> None:
    Encoding(((0, 1, 0),), ((0, 0),))
    for piece in ((0, 0, 0), (-1, 1, 0), (0, 1, -1), (64, 1, 0)):
        with pytest.raises(ValueError, match="does not lie in a word of 4 bytes"):
            Encoding((piece,), ((0, 0),))


def test_sizes_of_words() -> None:
    """Those that encodings have; words are as wide as the widest needs."""
    small, plain, wide = (Encoding(((0, 8, 0),), ((0, 0),), size=size) for size in (2, 4, 8))
    for encodings, sizes, word in (
        ([plain], [4], np.uint32), ([plain, None, small], [2, 4], np.uint32), ([None], [], np.uint32),
        ([wide, plain], [4, 8], np.uint64), ([wide], [8], np.uint64),
    ):  # fmt: skip
        table = EncodingTable(encodings)
        assert (table.sizes, table.word) == (sizes, np.dtype(word))
        assert table.size.tolist() == [encoding.size if encoding else 0 for encoding in encodings]


def test_movn_has_the_complement_and_no_other_bit() -> None:
    table = EncodingTable(
        [Encoding(((0, 16, 5),), ((0x9F80_0000, 0x9280_0000), (0x9F80_0000, 0x9200_0000)), negates=True)]
    )
    words = np.array([0xD280_0000, 0xD280_0000, 0x9280_0000], np.uint32)  # MOVZ x0, MOVZ x0, MOVN x0
    encoded = table.encode(np.zeros(3, np.uint8), words, np.array([-1, -0x1235, 0x1234], np.int64))
    assert encoded.tolist() == [0x9280_0000, 0x9280_0000 | 0x1234 << 5, 0xD280_0000 | 0x1234 << 5]


def test_fields_are_read_as_they_are_written() -> None:
    """ADRP of page 0x12345, LDR of x0 at 0x18, BL of -4 (which reads as 28 bits without a sign)."""
    table, number = aarch64.KINDS.encodings, aarch64.KINDS.number
    kinds = np.array([number[name] for name in ("Page21", "PageLoad64Offset12", "Branch26")], np.uint8)
    words = np.array([0xB0000000 | 0x48D1 << 5, 0xF9400C00, 0x97FFFFFF], np.uint32)
    assert table.decode(kinds, words).tolist() == [0x12345000, 0x18, (1 << 28) - 4]
    assert table.bits[kinds].tolist() == [33, 12, 28]


def test_branches_of_aarch64_reach_128_mib() -> None:
    assert aarch64.KINDS.branch_reach == 128 << 20


def test_pieces_above_the_bit_see_the_rounding() -> None:
    """8 is added where a piece begins above bit 3: 0x28 + 8 is 0x30, and 0x27 + 8 is 0x2f, whose upper half is 2."""
    pieces = ((4, 4, 0), (3, 1, 8), (0, 3, 12), (5, 3, 16))
    table = EncodingTable([Encoding(pieces, ((0, 0),), rounds=8), Encoding(pieces, ((0, 0),))])
    kinds, words = np.array([0, 0, 1, 1], np.uint8), np.zeros(4, np.uint32)
    values = np.array([0x28, 0x27, 0x28, 0x27], np.int64)
    assert [hex(word) for word in table.encode(kinds, words, values).tolist()] == [
        "0x10103", "0x17002", "0x10102", "0x17002"
    ]  # fmt: skip
