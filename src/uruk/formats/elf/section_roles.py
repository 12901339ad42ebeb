"""The zone and the role that a section gets, from its flags, its type and its name (gABI, "Special Sections")."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from uruk.formats.elf import constants as elf
from uruk.graph.graph import HOLDS_FUNCTIONS, Role, Zone
from uruk.graph.types import I64, U8, Bool, count_true, true_rows

WX = elf.SHF_WRITE | elf.SHF_EXECINSTR


class _SpecialNames:
    """Names of sections that have a meaning, as columns ordered by their first 7 bytes.

    A name is compared as two little-endian words: the bytes that `mask` keeps must be those of `word`. A text that ends
    in NUL is a whole name, any other one is a beginning.
    """

    def __init__(self, rows: Sequence[tuple[bytes, int, bool]]) -> None:
        # Seven bytes tell all names apart. As a number they are never negative, so that the columns, which are signed,
        # have the order of unsigned ones.
        rows = sorted(rows, key=lambda row: int.from_bytes(row[0][:7], "little"))
        texts = [(text.ljust(16, b"\0"), (b"\xff" * len(text)).ljust(16, b"\0")) for text, _, _ in rows]
        self.begin: I64 = np.array([int.from_bytes(text[:7], "little") for text, _ in texts], np.int64)
        self.word: I64 = np.array([struct.unpack("<2q", text) for text, _ in texts], np.int64).T.copy()
        self.mask: I64 = np.array([struct.unpack("<2q", mask) for _, mask in texts], np.int64).T.copy()
        self.role: U8 = np.array([role for _, role, _ in rows], np.uint8)
        self.any_type: Bool = np.array([not plain for _, _, plain in rows], np.bool_)

    def roles(self, first: I64, second: I64, kind: I64) -> U8:
        """Return the role that each section's name gives it, 0 for none."""
        # The only row that a name can match; one behind all rows is compared with the last one, and differs from it.
        row = np.minimum(self.begin.searchsorted(first & _SEVEN_BYTES), self.begin.size - 1)
        same = (first & self.mask[0][row]) == self.word[0][row]
        same &= (second & self.mask[1][row]) == self.word[1][row]
        same &= self.any_type[row] | (kind == elf.SHT_PROGBITS)
        return self.role[row] * same


_SEVEN_BYTES = (1 << 56) - 1
_RELRO = 255
"""Stands for a role: `.data.rel.ro`, which is constant once it is relocated."""
_NAMES = _SpecialNames(
    (
        (b".data.rel.ro", _RELRO, False),
        (b".eh_frame\0", Role.UNWIND, False),
        (b".ctors\0", Role.CTORS, False),
        (b".ctors.", Role.CTORS, False),
        (b".dtors\0", Role.DTORS, False),
        (b".dtors.", Role.DTORS, False),
        (b".preinit", Role.PREINIT, True),
        (b".init_ar", Role.INIT, True),
        (b".fini_ar", Role.FINI, True),
    )
)
_ROLE_OF_TYPE = np.zeros(elf.SHT_PREINIT_ARRAY + 2, np.uint8)
"""The role of each section type; the last row is for all larger types."""
_ROLE_OF_TYPE[elf.SHT_PREINIT_ARRAY] = Role.PREINIT
_ROLE_OF_TYPE[[elf.SHT_INIT_ARRAY, elf.SHT_FINI_ARRAY]] = Role.INIT, Role.FINI
_ZONES = np.full(8, Zone.TLS, np.uint8)
"""The zone by SHF_WRITE (1), SHF_EXECINSTR (4) and SHF_TLS (2 here): whatever has SHF_TLS is thread-local."""
_ZONES[[0, elf.SHF_WRITE]] = Zone.R, Zone.RW
_ZONES[[elf.SHF_EXECINSTR, WX]] = Zone.RX


def classify(flags: I64, kind: I64, words: tuple[I64, I64]) -> tuple[U8, U8]:
    """Return the zone and role of blocks from section flags, type and the first 16 bytes of the name (two little-endian
    words)."""
    # SHF_TLS is 1 << 10. Moved to bit 1, which is SHF_ALLOC's and not in WX, it makes an index of 3 bits.
    zone = _ZONES[(flags & WX) | (flags >> 9 & 2)]
    role = _NAMES.roles(*words, kind)
    # The type decides over the name: a section of SHT_INIT_ARRAY holds initialisers whatever it is called.
    typed = _ROLE_OF_TYPE.take(kind, mode="clip")
    rows = typed.nonzero()[0]
    role[rows] = typed[rows]
    # Relocations are applied before pages are protected: memory that only they write can be read-only.
    relro = true_rows(role == _RELRO)
    zone[relro] = np.where(zone[relro] == Zone.RW, Zone.R, zone[relro])
    role[relro] = Role.PLAIN
    # Compilers mark arrays of functions as writable, though only relocations write to them.
    zone[true_rows(HOLDS_FUNCTIONS.take(role))] = Zone.R
    retained = flags & elf.SHF_GNU_RETAIN
    if count_true(retained):
        role[(retained != 0) & (role == Role.PLAIN)] = Role.RETAINED
    return zone, role
