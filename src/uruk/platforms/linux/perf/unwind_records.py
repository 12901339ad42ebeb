"""Unwind data of single functions, as jitdump records have it: one CIE, an FDE for each place, and a table of them.

It is laid out for the object that perf makes: the code, and from the next multiple of 8 on the records. Personalities
and their data are left out, as a profiler walks the stack and catches nothing. Source: LSB, "Exception Frames".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from uruk.graph.types import U8
from uruk.named_tuples import NamedTuple

_PCREL, _DATAREL_4, _PCREL_4, _UDATA_4 = 0x10, 0x3B, 0x1B, 0x03
_FORMS = {0x00: "<Q", 0x02: "<h", 0x03: "<I", 0x04: "<Q", 0x0A: "<h", 0x0B: "<i", 0x0C: "<q"}
_POINTER = {0x00: 8, 0x02: 2, 0x03: 4, 0x04: 8, 0x0A: 2, 0x0B: 4, 0x0C: 8}
"""Sizes of encoded pointers by the low bits of the encoding."""
_WORD = (1 << 64) - 1


class Rules(NamedTuple):
    """The common part of records: alignment factors, return register and first instructions, as they are encoded."""

    factors: bytes
    signal: bool
    augmented: bool
    encoding: int
    instructions: bytes


class Frame(NamedTuple):
    """The unwind data of one function."""

    rules: Rules
    instructions: bytes


def frames_in(content: U8, address: int) -> dict[int, Frame]:
    """Return the frames of an unwind section at `address` by the addresses of functions.

    Records in forms that compilers do not use are left out.
    """
    data = content.tobytes()
    rules: dict[int, Rules | None] = {}
    frames: dict[int, Frame] = {}
    at = 0
    while at + 8 <= len(data):
        length, back = struct.unpack_from("<II", data, at)
        end = at + 4 + length
        if length == 0 or length == 0xFFFFFFFF or end > len(data):
            break
        if back == 0:
            rules[at] = _rules(data[at + 8 : end])
        elif (shared := rules.get(at + 4 - back)) is not None:
            found = _frame(shared, data[at + 8 : end], address + at + 8)
            if found is not None:
                frames[found[0]] = found[1]
        at = end
    return frames


def unwinding_of(frame: Frame, size: int, distances: Sequence[int] = (0,)) -> tuple[bytes, int]:
    """Return the unwind data of a function of `size` bytes, and the size of the table at its end.

    It is about the code of the object, and about the same code at `distances` from there, which ascend.
    """
    rules = frame.rules
    augmentation = b"zRS\0" if rules.signal else b"zR\0"
    cie = _padded(
        struct.pack("<I", 0) + b"\1" + augmentation + rules.factors + b"\1" + bytes([_PCREL_4]) + rules.instructions
    )
    start = -(-size // 8) * 8
    records, places = cie, list[int]()
    for distance in distances:
        places.append(start + len(records))
        # An FDE names its CIE and its function by their distances from the fields that do.
        words = struct.pack("<IiI", len(records) + 4, distance - (places[-1] + 8), size)
        records += _padded(words + b"\0" + frame.instructions)
    records += bytes(4)
    table = start + len(records)
    entries = (struct.pack("<ii", to - table, at - table) for to, at in zip(distances, places, strict=True))
    head = bytes([1, _PCREL_4, _UDATA_4, _DATAREL_4]) + struct.pack("<iI", start - (table + 4), len(places))
    whole = head + b"".join(entries)
    return records + whole, len(whole)


def _padded(body: bytes) -> bytes:
    """Return a record with its length, filled up with DW_CFA_nop to a multiple of 8."""
    body += bytes(-(len(body) + 4) % 8)
    return struct.pack("<I", len(body)) + body


def _rules(body: bytes) -> Rules | None:
    """Return what a CIE says, from behind its id; None for one in another form."""
    version, end = body[0], body.find(b"\0", 1)
    if version not in (1, 3) or end < 0:
        return None
    augmentation, at = body[1:end], end + 1
    factors = at
    at = _skip_number(body, _skip_number(body, at))
    # Version 1 has the return register in one byte, later ones as a number; below 128 these are the same.
    at = _skip_number(body, at)
    encoded = body[factors:at]
    if not augmentation:
        return Rules(encoded, False, False, 0, body[at:])
    if augmentation[:1] != b"z":
        return None
    encoding, signal, place = 0, b"S" in augmentation, at + 1
    for letter in augmentation[1:].decode("latin-1"):
        if letter == "R":
            encoding, place = body[place], place + 1
        elif letter == "L":
            place += 1
        elif letter == "P":
            place += 1 + _POINTER.get(body[place] & 0x0F, 0)
        elif letter not in "SB":
            return None
    # The augmentation's data is shorter than 128 bytes, so that its length is one byte.
    return None if body[at] >= 0x80 else Rules(encoded, signal, True, encoding, body[at + 1 + body[at] :])


def _frame(rules: Rules, body: bytes, place: int) -> tuple[int, Frame] | None:
    """Return the function and the frame of an FDE, from behind its distance to the CIE, which lies at `place`."""
    form = _FORMS.get(rules.encoding & 0x0F)
    if form is None or rules.encoding & ~(_PCREL | 0x0F):
        return None
    size = struct.calcsize(form)
    if len(body) < 2 * size + rules.augmented:
        return None
    (begin,) = struct.unpack_from(form, body)
    begin += place if rules.encoding & _PCREL else 0
    at = 2 * size
    if rules.augmented:
        if body[at] >= 0x80:
            return None
        at += 1 + body[at]
    return begin & _WORD, Frame(rules, body[at:])


def _skip_number(body: bytes, at: int) -> int:
    """Return the offset behind a LEB128 number."""
    while body[at] & 0x80:
        at += 1
    return at + 1
