"""One object that was linked row by row, in a Linux process: unwind data, initialisers and finalisers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Sequence

from uruk.graph.graph import Role
from uruk.orc.registry.tracker import FunctionArray, ResourceTracker
from uruk.passes.elf.function_arrays import BACKWARDS, priority
from uruk.passes.rows.work import Work
from uruk.platforms.linux.process import LinuxProcess
from uruk.platforms.linux.runtime_archive import ASKS, ITERATE
from uruk.row_link import RowLinked


class LinuxRows:
    """See `uruk.orc.platform.RowPlatform`."""

    def __init__(
        self, process: LinuxProcess, interposed: Callable[[], Collection[bytes]], absent: Collection[bytes]
    ) -> None:
        """`interposed` returns `Platform.interposed_names`; `absent` are names that mean none of the process's."""
        self.process = process
        self._interposed, self._absent = interposed, absent

    def wants_columns(self, name: bytes) -> bool:
        """See `RowPlatform.wants_columns`: code that asks for thread-locals is shown with its own."""
        base = name.partition(b"@")[0]
        return base == ITERATE or base in ASKS

    def known(self, names: Sequence[bytes]) -> list[tuple[int, bool]] | None:
        """See `RowPlatform.known`."""
        seen = self.process.seen_symbols()
        if seen is None:
            return None
        interposed = self._interposed()
        answers: list[tuple[int, bool]] = []
        for name in names:
            row = seen.known(name)
            if row is None or name in self._absent or name.partition(b"@")[0] in interposed:
                return None
            answers.append(row[:2])
        return answers

    def loaded(self, linked: RowLinked, tracker: ResourceTracker) -> None:
        """Make the unwind data known to unwinders, by the slab's table or by registration."""
        work, frames = linked.work, linked.allocation.frames
        if work.unwind is None:
            return
        address, code = work.unwind.address, linked.code()
        if frames is not None and code is not None:
            if not work.unwound:
                return
            functions, records = _functions_of(work, address)
            # A full table refuses: then the unwind data is registered, as where a slab has no table.
            if frames.publish(code, functions, records):
                tracker.resources.entries.append((frames, code))
                frames.commit()
                return
        self.process.register_frames(address)
        tracker.resources.frames.append(address)

    def arrays(self, linked: RowLinked, tracker: ResourceTracker, order: tuple[int, int]) -> list[FunctionArray]:
        """Return the initialisers and finalisers as they lie in the input; a `.ctors` array runs backwards."""
        work, arrays = linked.work, list[FunctionArray]()
        for row, block in zip(work.rows.blocks, work.blocks, strict=False):
            text, content, size, _, _, role = row
            # A function is a pointer of 8 bytes: a smaller block holds none, and neither does zero-fill.
            if not Role.PREINIT <= role <= Role.DTORS or content < 0 or size < 8:
                continue
            backwards, final = role in BACKWARDS, role in (Role.FINI, Role.DTORS)
            functions = list(struct.unpack_from(f"<{size // 8}Q", linked.image, block.position))
            number = priority(_section_name(work.buffer, text), backwards)
            functions = functions[::-1] if backwards else functions
            arrays.append(FunctionArray(tracker, functions, number, order, role == Role.PREINIT, final))
        return arrays


def _functions_of(work: Work, unwind_data: int) -> tuple[Sequence[int], Sequence[int]]:
    """Return the addresses of functions that have unwind data, ascending, and of the records of each."""
    if len(work.unwound) == 1:  # as in most small objects
        ((block, at, record),) = work.unwound
        return (work.blocks[block].address + at,), (unwind_data + record,)
    pairs = [(work.blocks[block].address + at, unwind_data + record) for block, at, record in work.unwound]
    functions, records = zip(*sorted(pairs), strict=True)
    return functions, records


def _section_name(buffer: memoryview, at: int) -> str:
    """Return the name of a section; those of arrays are short."""
    return bytes(buffer[at : at + 64]).partition(b"\0")[0].decode("utf-8", "replace")
