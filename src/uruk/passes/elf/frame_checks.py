"""Unwind records as unwinders will read them: each CIE, the room that each FDE has, and the code that it is for.

Unwinders read all records of a section as soon as anything throws, whether its code ran or not: what is wrong with one
ends the process then, or when the section is taken out again. The instructions of an FDE are read only while its own
function is on a stack, as its code is; they are not looked at.
"""

from __future__ import annotations

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.graph.kinds import RELATIVE
from uruk.graph.types import I64, NONE, AnyArray, Bool, true_rows, windows
from uruk.passes.elf.frame_records import Records, malformed
from uruk.passes.elf.frame_rules import FrameError, FrameRules, rules_of
from uruk.passes.faults import Faults
from uruk.passes.state import State

_NOWHERE = 1 << 62
_NO_ADDRESS = "a relocation changes a part of a frame record that is not an address"
_TOO_SHORT = "the FDE is too short for what its CIE says"
_NOT_ITS_CODE = "the FDE is not for code inside the section of its function"


class FrameChecks:
    """The CIEs of a link, read once each, and what their FDEs must be like. Columns have a row a distinct CIE."""

    def __init__(self, state: State, records: Records, registers: int) -> None:
        """Read the CIEs; `registers`: how many unwinders know. Raises LinkFaults of ObjectFormatError."""
        self.state, self.records = state, records
        rules, self.rule = _read_cies(state, records, registers)
        self.head, self.augmented, self.lsda, self.pointer, self.relative, self.personality, self.personality_size = (
            np.array([getattr(rule, name) for rule in rules], np.int64)
            for name in ("head", "augmented", "lsda", "pointer", "relative", "personality", "personality_size")
        )
        self.is_fde: Bool = records.cie >= 0
        self.data: I64 = np.empty(0, np.int64)
        """By record: where an FDE's augmentation data begins, and in `instructions` what comes behind."""
        self.instructions: I64 = self.data

    def check(self, keep: Bool, edges: I64, place: I64, home: I64) -> None:
        """Check the records that stay, and their fields: `edges` at `place` in the records `home`, -1 for none.

        Raises LinkFaults of ObjectFormatError.
        """
        faults = Faults()
        self._check_room(true_rows(keep & self.is_fde), faults)
        faults.raise_any()
        stays = home >= 0
        # Records that go need not be right.
        stays[stays] = keep[home[stays]]
        stays &= self.state.graph.kinds.width.take(self.state.edges.kind[edges]) > 0
        edge, record = edges[stays], home[stays]
        offset = place[stays] - self.records.start[record]
        self._check_fields(edge, offset, record, faults)
        faults.raise_any()
        begins = true_rows((offset == 8) & self.is_fde[record])
        self._check_functions(edge[begins], record[begins], faults)
        faults.raise_any()

    def _check_room(self, fdes: I64, faults: Faults) -> None:
        """Find the parts of FDEs; those that are too short for them are faults."""
        records, rule = self.records, self.rule[fdes]
        start, size = records.start[fdes], records.size[fdes]
        augmented, begin = self.augmented[rule], self.head[rule]
        content = records.words.view(np.uint8)
        # `augmented` is 1 where a length of augmentation data follows, as a ULEB128 number of one byte in all real
        # records.
        short = begin + augmented > size
        # Clipped, because a record that is too short may be the last one; it is a fault already.
        length = content[np.minimum(start + begin, content.size - 1)] * augmented
        for row in true_rows(length >= 0x80).tolist():  # no compiler writes so much
            text = content[int(start[row] + begin[row]) : int(start[row] + size[row])].tobytes()
            length[row], used = _number(text)
            begin[row] += used - 1
        begin += augmented
        # The data must fit into the record, and hold the pointer to language-specific data that the CIE announces.
        short |= (length > size - begin) | (length < self.lsda[rule])
        bad = fdes[short]
        owner = self.state.blocks.object[records.block[bad]]
        faults.add(bad, owner, lambda rows: records.malformed(self.state.now(), int(rows[0]), _TOO_SHORT))
        self.data = np.full(records.start.size, NONE, np.int64)
        # CIEs keep _NOWHERE: no offset lies behind it, so that no field counts as one of their instructions.
        self.instructions = np.full(records.start.size, _NOWHERE, np.int64)
        self.data[fdes], self.instructions[fdes] = begin, begin + length

    def _check_fields(self, edge: I64, offset: I64, record: I64, faults: Faults) -> None:
        """Require fixups not to change what is checked: they may write addresses, and an FDE's instructions."""
        kinds = self.state.graph.kinds
        kind = self.state.edges.kind[edge]
        rule = self.rule[record]
        # An FDE's fields may be the function's address, its instructions (DW_CFA_set_loc), and the language-specific
        # data.
        known = (offset == 8) | (offset >= self.instructions[record])
        known |= (offset == self.data[record]) & (self.lsda[rule] > 0)
        known &= self.is_fde[record]
        rest = true_rows(~known)
        in_cie, width = rule[rest], kinds.width.take(kind[rest])
        # A CIE's only field is the pointer to the personality routine, and that in its whole width.
        known[rest] = (offset[rest] == self.personality[in_cie]) & (width == self.personality_size[in_cie])
        known[rest] &= ~self.is_fde[record[rest]]
        known &= kinds.plain.take(kind)
        bad = edge[~known]
        faults.add(bad, self.state.objects_of(bad), lambda rows: self._error_at(rows, _NO_ADDRESS))

    def _check_functions(self, edge: I64, record: I64, faults: Faults) -> None:
        """Require an FDE to be for code in the block of the function that it names."""
        state, rule = self.state, self.rule[record]
        # `address_of` packs a kind's width and whether it is relative in the same way, so that one comparison checks
        # both.
        form = (self.pointer + RELATIVE * self.relative)[rule]
        target = state.edges.target[edge]
        # The function's offset in its block.
        begin = state.symbols.value[target] + state.edges.addend[edge]
        size = self._lengths(record)
        fits = state.graph.kinds.address_of.take(state.edges.kind[edge]) == form
        fits &= (begin >= 0) & (size >= 0) & (size <= state.blocks.size[state.symbols.block[target]] - begin)
        # Two fields at one place would write the address twice, and the second counts.
        fits &= np.bincount(record, minlength=1).take(record) == 1
        bad = edge[~fits]
        faults.add(bad, state.objects_of(bad), lambda rows: self._error_at(rows, _NOT_ITS_CODE))

    def _lengths(self, record: I64) -> I64:
        """Return how long the code of FDEs is."""
        content, rule = self.records.words.view(np.uint8), self.rule[record]
        pointer = self.pointer[rule]
        size = np.empty(record.size, np.int64)
        for width in set(self.pointer.tolist()):
            rows = true_rows(pointer == width)
            # The length stands behind the address, in the same width and never relocated.
            size[rows] = windows(content, f"<i{width}")[self.records.start[record[rows]] + 8 + width]
        return size

    def _error_at(self, edges: AnyArray, problem: str) -> ObjectFormatError:
        row, offset = int(self.state.edges.block[edges[0]]), int(self.state.edges.offset[edges[0]])
        return malformed(self.state.now(), row, offset, problem)


def _read_cies(state: State, records: Records, registers: int) -> tuple[list[FrameRules], I64]:
    """Return the rules of the distinct CIEs, and by record which of them are its own. Raises LinkFaults."""
    faults = Faults()
    content = memoryview(records.words).cast("B")
    known: dict[bytes, int] = {}
    rules: list[FrameRules] = []
    cies = true_rows(records.cie < 0)
    which: list[int] = []
    for row, start, size in zip(cies.tolist(), records.start[cies].tolist(), records.size[cies].tolist(), strict=True):
        # The objects of a batch are from one compiler mostly, so that thousands of CIEs are the same few byte strings.
        record = bytes(content[start : start + size])
        number = known.get(record, len(rules))
        if number == len(rules):
            try:
                rules.append(rules_of(record, registers))
                known[record] = number
            except FrameError as error:
                owner = state.blocks.object[records.block[row : row + 1]]
                faults.add_error(owner, records.malformed(state.now(), row, str(error)))
        which.append(number)
    faults.raise_any()
    rule = np.zeros(records.start.size, np.int64)
    rule[cies] = which
    fdes = records.cie >= 0
    # An FDE has the rules of its CIE.
    rule[fdes] = rule[records.cie[fdes]]
    return rules, rule


def _number(text: bytes) -> tuple[int, int]:
    """Return a ULEB128 number and how many bytes it has; a number that nothing has room for where it does not end."""
    value = 0
    # 8 bytes hold 56 bits; a length beyond that has no room anywhere.
    for at, byte in enumerate(text[:8]):
        value |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            return value, at + 1
    return _NOWHERE, 1
