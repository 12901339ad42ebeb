"""Unwind data of linked code: made known to unwinders, by a slab's table or by registration.

An FDE begins with its length, the distance back to its CIE, and its function, in the encoding that the CIE's
augmentation tells (LSB, "Exception Frames"). The link has looked through the records and laid them out in whole words.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from uruk.memory.zones import CODE

if TYPE_CHECKING:
    from uruk.graph.types import I64
    from uruk.link import Linked
    from uruk.memory.frame_table import Addresses, FrameTable

_PCREL_4 = 0x1B
_FORMS = {0x00: "<q", 0x02: "<h", 0x03: "<I", 0x04: "<Q", 0x0B: "<i", 0x0C: "<q"}
_PCREL = 0x10
_FEW = 200
"""Records that are read one by one: columns cost more for so few."""


def announce(
    linked: Linked, register: Callable[[int], object]
) -> tuple[list[tuple[int, tuple[FrameTable, int]]], list[tuple[int, int]]]:
    """Make the unwind data of a batch known to unwinders.

    By module row: the table that has entries for it, with the address of the code; and the addresses of `.eh_frame`
    blocks that were given to `register`.
    """
    state, frames = linked.state, linked.allocation.frames
    blocks = [(row, block) for row, block in enumerate(state.synthetic["unwind"].tolist()) if block >= 0]
    published: list[tuple[int, tuple[FrameTable, int]]] = []
    registered: list[tuple[int, int]] = []
    code = _code_of_modules(linked) if frames is not None and blocks else {}
    for row, block in blocks:
        address = int(state.address[block])
        if frames is not None and row in code:
            at = int(state.position[block])
            data = state.image[at : at + int(state.blocks.size[block])].tobytes()
            read = read_frames(data, address, state.frame_records.get(block))
            # A full table refuses: then the unwind data is registered, as where a slab has no table.
            if read is not None and (not len(read[0]) or frames.publish(code[row], *read)):
                published += [(row, (frames, code[row]))] * bool(len(read[0]))
                continue
        register(address)
        registered.append((row, address))
    if frames is not None:
        # One count for all modules: unwinders see the batch at once.
        frames.commit()
    return published, registered


def _code_of_modules(linked: Linked) -> dict[int, int]:
    """Return where the code of each module lies."""
    rows = zip(linked.layout.segments, linked.allocation.segments, strict=True)
    return {segment.module: address for segment, (zone, address, size) in rows if zone == CODE and size}


def read_frames(data: bytes, address: int, records: I64 | None = None) -> tuple[Addresses, Addresses] | None:
    """Return the functions of an `.eh_frame` at `address`, ascending, and the addresses of their FDEs.

    `records`: the words at which its records begin, where the link knows them; else they are walked. Returns None where
    a CIE has an encoding that is not read here.
    """
    if records is not None and records.size > _FEW:
        return _read_columns(data, records, address)
    words = memoryview(data).cast("I")
    starts: list[int] = []
    append, at, end = starts.append, 0, len(words)
    while at < end:
        length = words[at]
        # A record without a length is the terminator (LSB, "Exception Frames").
        if length == 0:
            break
        append(at)
        at += 1 + (length >> 2)
    if len(starts) > _FEW:
        return _read_columns(data, np.array(starts, np.int64), address)
    signed, encodings, pairs = words.cast("B").cast("i"), dict[int, int | None](), list[tuple[int, int]]()
    for at in starts:
        back = words[at + 1]  # 0 for a CIE; of an FDE the distance from this word to its CIE, in bytes
        if back:
            cie = at + 1 - (back >> 2)
            encoding = encodings[cie] if cie in encodings else encodings.setdefault(cie, _encoding(data, cie))
            if encoding == _PCREL_4:  # what gcc and clang emit: without a call
                pairs.append((address + 4 * at + 8 + signed[at + 2], address + 4 * at))
            elif encoding in _FORMS or (encoding or 0xFF) & ~_PCREL in _FORMS:
                pairs.append((_read(data, 4 * at + 8, address, encoding or 0), address + 4 * at))
            else:
                return None
    pairs.sort()  # unwinders search the table by halves (LSB, ".eh_frame_hdr")
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _read_columns(data: bytes, starts: I64, address: int) -> tuple[Addresses, Addresses] | None:
    """Return what `read_frames` does, for the records that begin at these words, as columns."""
    words = np.frombuffer(data, np.uint32, len(data) // 4)
    back = words[starts + 1].astype(np.int64)
    fdes, back = starts[back > 0], back[back > 0]
    cies, cie_of = np.unique(fdes + 1 - (back >> 2), return_inverse=True)
    encodings = [_encoding(data, cie) for cie in cies.tolist()]
    places = address + 4 * fdes
    if all(encoding == _PCREL_4 for encoding in encodings):
        functions = places + 8 + words[fdes + 2].view(np.int32)
    else:
        readable = [encoding in _FORMS or (encoding or 0xFF) & ~_PCREL in _FORMS for encoding in encodings]
        if not all(readable):
            return None
        rows: list[int] = cie_of.tolist()
        used = [encodings[row] for row in rows]
        read = [
            _read(data, 4 * at + 8, address, encoding or 0) for at, encoding in zip(fdes.tolist(), used, strict=True)
        ]
        functions = np.array(read, np.int64)
    order = functions.argsort(kind="stable")
    return functions[order], places[order]


def _read(content: bytes, offset: int, address: int, encoding: int) -> int:
    value: int = struct.unpack_from(_FORMS[encoding & ~_PCREL], content, offset)[0]
    return value + (address + offset if encoding & _PCREL else 0)


def _encoding(content: bytes, cie: int) -> int | None:
    """Return how the FDEs of a CIE name their functions (DW_EH_PE), None if that is not known."""
    at = 4 * cie
    size = struct.unpack_from("<I", content, at)[0]
    return _of_cie(content[at + 8 : at + 4 + size])


@lru_cache(maxsize=256)
def _of_cie(body: bytes) -> int | None:
    """Return what `_encoding` does, for a CIE from its version on: versions 1 and 3, the letters `zRPLSB`."""
    version, augmentation, rest = body[0], *body[1:].partition(b"\0")[::2]
    if version not in (1, 3) or not augmentation:
        return 0 if version in (1, 3) else None
    if augmentation[:1] != b"z":
        return None
    at = _skip_leb128(rest, _skip_leb128(rest, 0))  # the alignment factors of code and data
    at = at + 1 if version == 1 else _skip_leb128(rest, at)  # the return address's column
    at = _skip_leb128(rest, at)  # the length of what follows
    for letter in augmentation[1:]:
        if letter == ord("R"):
            return rest[at] if at < len(rest) else None
        if letter == ord("P"):
            size = {0x0: 8, 0x2: 2, 0x3: 4, 0x4: 8, 0xA: 2, 0xB: 4, 0xC: 8}.get(rest[at] & 0xF if at < len(rest) else 1)
            if size is None or rest[at] & 0x70 == 0x50:  # DW_EH_PE_aligned
                return None
            at += 1 + size
        elif letter == ord("L"):
            at += 1
        elif letter not in b"SB":
            return None
    return 0


def _skip_leb128(data: bytes, at: int) -> int:
    while at < len(data) and data[at] & 0x80:
        at += 1
    return at + 1
