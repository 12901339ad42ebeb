"""Unwind records whose length is not a multiple of 4, as hand-written ones can be: brought to whole words.

LSB "Exception Frames" asks for no alignment of records, and unwinders for none. Each record is filled up with zeros,
which are DW_CFA_nop at its end, and FDEs get the new distance to their CIE.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import pack_into, unpack_from

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.graph.types import I64, U32
from uruk.passes.elf.frame_rules import EXTENDED


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WholeWords:
    """A section's records in whole words; `start` and `moved` say where each began and begins, in bytes."""

    words: U32
    start: I64
    moved: I64

    def place(self, offset: I64) -> I64:
        """Return where bytes at offsets of the section are now. Bytes before any record stay where they are."""
        if self.start.size == 0:
            return offset
        # The last record that begins at or before each offset.
        record = np.maximum(self.start.searchsorted(offset, "right") - 1, 0)
        return np.where(offset >= self.start[0], offset - self.start[record] + self.moved[record], offset)


def whole_words(content: bytes, malformed: Callable[[int, str], ObjectFormatError]) -> WholeWords:
    """Fill up the records of a section; `malformed` makes the error to raise of an offset and a problem."""
    start, ends = _starts(content, malformed)
    result = bytearray()
    moved: dict[int, int] = {}
    for at, end in zip(start, ends, strict=True):
        (pointer,) = unpack_from("<I", content, at + 4)
        place = moved[at] = len(result)
        result += content[at:end]
        # -n % 4 is what is missing to the next multiple of 4.
        result += bytes(-len(result) % 4)
        pack_into("<I", result, place, len(result) - place - 4)
        # An FDE: its distance changes with every record that was filled up in between.
        if pointer:
            # `place` stands for "none": a record cannot be its own CIE.
            cie = moved.get(at + 4 - pointer, place)
            if cie == place or unpack_from("<I", result, cie + 4)[0]:
                raise malformed(at, "frame record names no CIE")
            pack_into("<I", result, place + 4, place + 4 - cie)
    places = np.fromiter(moved.values(), np.int64, len(moved))
    return WholeWords(np.frombuffer(bytes(result), np.uint32), np.array(start, np.int64), places)


def _starts(content: bytes, malformed: Callable[[int, str], ObjectFormatError]) -> tuple[list[int], list[int]]:
    """Return offsets at which records begin and end; zero words between are skipped."""
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    while at < len(content):
        if len(content) - at < 4:
            raise malformed(at, "section ends within the length of a frame record")
        (length,) = unpack_from("<I", content, at)
        end = at + 4 + length
        if length:
            if length < 8 or length >= EXTENDED:
                raise malformed(at, f"frame record of {length:#x} bytes")
            if end > len(content):
                raise malformed(at, "frame record ends behind its section")
            starts.append(at)
            ends.append(end)
        at = end
    return starts, ends
