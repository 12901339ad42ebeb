"""Offsets over several buffers: strings and bytes at them, and which buffer each lies in."""

from __future__ import annotations

import numpy as np
import pytest

from uruk.graph.arena import Arena

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]


def buffer(content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.uint8)


@pytest.mark.parametrize("length", [0, 1, 254, 255, 256, 257, 1023, 1024, 1025, 5000])
def test_strings_of_any_length(length: int) -> None:
    """In the first buffer, in the second, and where a buffer ends without a NUL."""
    text = bytes(1 + row % 255 for row in range(length))
    arena = Arena([buffer(b"one\0" + text + b"\0rest\0"), buffer(b"\0" + text + b"\0"), buffer(b"x" + text)])
    assert arena.string_at(4) == text
    assert arena.string_at(0) == b"one"
    assert arena.string_at(arena.bases[1] + 1) == text
    assert arena.string_at(arena.bases[2]) == b"x" + text


@pytest.mark.parametrize(("limit", "least"), [(1, 256), (256, 256), (257, 1024), (1024, 1024), (1025, 4096)])
def test_long_strings_are_cut(limit: int, least: int) -> None:
    """Once so many bytes are read that the limit is reached; 256 are read first, then four times as many."""
    arena = Arena([buffer(b"s" * 10_000 + b"\0")])
    assert arena.string_at(0, limit) == b"s" * least
    assert Arena([buffer(b"s" * 200 + b"\0")]).string_at(0, limit) == b"s" * 200


def test_pieces_are_aligned() -> None:
    arena, starts = Arena.join([b"a", bytearray(b"b" * 16), b"", memoryview(b"c" * 17), b"d"])
    assert starts == [0, 16, 32, 32, 64]
    assert len(arena.buffers) == 1
    assert [arena.bytes_at(start, size) for start, size in zip(starts, (1, 16, 0, 17, 1), strict=True)] == [
        b"a", b"b" * 16, b"", b"c" * 17, b"d"
    ]  # fmt: skip
    assert not any(arena.buffers[0][80:])
    base = arena.append(buffer(b"more"))
    assert base == arena.bases[1] == arena.size - 4
    assert arena.bytes_at(base + 1, 3) == b"ore"


def test_offsets_by_buffer() -> None:
    arena = Arena([buffer(b"0123"), buffer(b"45"), buffer(b"6789")])
    offsets = np.array([0, 3, 6, 9], np.int64)
    found = [(bytes(piece), base, offsets[rows].tolist()) for piece, base, rows in arena.split(offsets)]
    assert found == [(b"0123", 0, [0, 3]), (b"6789", 6, [6, 9])]
    (piece, base, rows), *others = Arena([buffer(b"0123")]).split(offsets[:2])
    assert (bytes(piece), base, offsets[:2][rows].tolist(), others) == (b"0123", 0, [0, 3], [])
