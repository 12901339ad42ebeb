"""The records of `.eh_frame` blocks as columns, and errors that name a record's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.errors import ObjectFormatError
from uruk.graph.graph import Graph
from uruk.graph.types import I32, I64, U32
from uruk.records import record

if TYPE_CHECKING:
    from uruk.passes.elf.unaligned_frames import WholeWords


@record
class Records:
    """All records of all `.eh_frame` blocks; starts and sizes in bytes of the gathered words."""

    words: U32
    start: I64
    size: I64
    block: I32
    cie: I64
    """Row of an FDE's CIE; -1 for CIEs."""
    rows: I64
    begin: I64
    """The blocks that were read, and where each begins in the gathered words (bytes)."""
    unaligned: dict[int, WholeWords]
    """Blocks with records that had to be filled up to whole words, by their position in `rows`."""

    def places(self, block: I32, offset: I64) -> I64:
        """Return where bytes of blocks are in the gathered words (bytes)."""
        which = self.rows.searchsorted(block)
        place = offset.copy()
        for number, whole in self.unaligned.items():
            # Offsets as the object has them count from records that may have moved when they were filled up.
            inside = which == number
            place[inside] = whole.place(place[inside])
        return self.begin[which] + place

    def malformed(self, graph: Graph, record: int, problem: str) -> ObjectFormatError:
        """Return the error about a record, which names the place where it begins in its section."""
        block = int(self.block[record])
        number = int(self.rows.searchsorted(block))
        offset = int(self.start[record] - self.begin[number])
        whole = self.unaligned.get(number)
        if whole is not None:
            # Errors name the place in the file, not the one after filling up.
            offset = int(whole.start[whole.moved.searchsorted(offset)])
        return malformed(graph, block, offset, problem)


def malformed(graph: Graph, row: int, offset: int, problem: str) -> ObjectFormatError:
    """Return the error about a place of a block."""
    owner = int(graph.blocks.object[row])
    return ObjectFormatError(graph.files[owner], f"section `{graph.section_name(row)}'+{offset:#x}", problem)
