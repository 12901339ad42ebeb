"""The link of one small object, row by row: what `uruk.link` does with columns, for what a JIT adds one at a time.

A column costs about a microsecond however short it is, and a link has hundreds. One object of few rows is linked here
instead: one module, no thread-locals, no IFUNCs, no names that the link makes but the module's handle. Whatever else
there is, every error included, is left to `uruk.link`, so that no check has two texts: `link` returns None then, with
nothing taken. What it does link, the columns would link alike, byte for byte.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from uruk.formats.registry import instruction_set_of
from uruk.graph.graph import Graph, Zone
from uruk.graph.rows import ObjectRows
from uruk.graph.types import ADDRESSES, U8, signed
from uruk.link_rules import rules_of
from uruk.memory.interface import Allocation, Memory
from uruk.memory.mapper import Reach
from uruk.passes.layout import Segment
from uruk.passes.rows import addresses, fixup, imports, layout, names
from uruk.passes.rows.work import LeftToColumns, Work
from uruk.passes.rules import RowRules
from uruk.records import record

Resolve = Callable[[list[int], list[bool]], "list[tuple[int, bool]] | None"]
"""Answers for names, each weak only or not: address and whether it is data, address 0 for a weak one that nothing
defines; None if the columns must ask."""


_ANYWHERE = Reach()


@record
class RowRequest:
    """The order of a link: one object that defines all that it could define."""

    graph: Graph
    rows: ObjectRows
    text: Callable[[int], bytes]
    """The name that a number stands for."""
    resolve: Resolve
    module_handle: int | None


@record
class RowLinked:
    """A finished link; nothing of it has run."""

    work: Work
    segments: list[Segment]
    allocation: Allocation
    image: U8
    module_handle: int | None
    times: list[tuple[str, float]]

    def code(self) -> int | None:
        """Return the address of the code; None if there is none."""
        for zone, address, size in self.allocation.segments:
            if zone == Zone.RX and size:
                return address
        return None


def link(request: RowRequest, memory: Memory) -> RowLinked | None:
    """Link one object into `memory`. None if it is left to the columns.

    Raises AllocationError. On any error nothing stays taken.
    """
    begin = time.perf_counter()
    graph, rows = request.graph, request.rows
    rules = rules_of(graph).for_rows()
    if rules is None or rows.edges is None or graph.kinds.pointer < 8:
        return None
    isa = instruction_set_of(graph)
    work = Work(rows, rows.edges, memoryview(graph.arena.buffers[0]), graph.kinds)
    try:
        names.find_undefined(work)
        rules.keep_unwind_data(work, isa.UNWIND_REGISTERS)
        # Few objects that are alone need a name, or have initialisers: the others go without these calls.
        if work.undefined or work.has_initialisers:
            _find_handle(work, request, rules)
        if work.undefined:
            _resolve(work, request)
        imports.build(work, isa.STUB_SIZE)
    except LeftToColumns:
        return None
    segments, blocks = layout.lay_out(work)
    allocation: Allocation | None = None
    try:
        reach = Reach(0, work.low_end) if work.low_end and not memory.fixed else _ANYWHERE
        allocation = memory.allocate(segments, reach)
        image = allocation.image
        layout.settle(blocks, allocation.segments, allocation.base)
        handle = request.module_handle if work.handle is None else work.handle.address % ADDRESSES
        for row in work.handle_rows:
            work.external[row] = signed(handle or 0), True
        addresses.assign(work, isa.STUB_SIZE)
        view = memoryview(image)
        addresses.copy_content(work, view)
        fixup.fix_up(work, image, view, isa)
        if work.slots or work.stubs or work.handle is not None:
            addresses.write_tables(work, image, view, isa)
        allocation.protect_code()
        allocation.bring_data()
        allocation.seal()
    except BaseException as error:
        if allocation is not None:
            allocation.free()
        if isinstance(error, LeftToColumns):
            return None
        raise
    times = [("one object, row by row", time.perf_counter() - begin)]
    return RowLinked(work, segments, allocation, image, handle, times)


def _find_handle(work: Work, request: RowRequest, rules: RowRules) -> None:
    """Find which undefined names the link provides, and make the module's handle where it needs one."""
    asked: list[int] = []
    for row in work.undefined:
        provides = rules.provides(request.text(work.rows.names[row]))
        if provides is None:
            raise LeftToColumns
        (work.handle_rows if provides else asked).append(row)
    work.undefined = asked
    if (work.handle_rows or work.has_initialisers) and request.module_handle is None:
        pointer = work.kinds.pointer
        work.handle = work.add_block(pointer, pointer, Zone.RW, pointer)


def _resolve(work: Work, request: RowRequest) -> None:
    """Fill `external` with the session's answers."""
    if any(names.is_hidden(work, row) for row in work.undefined):
        raise LeftToColumns
    weak = [names.is_weak(work, row) for row in work.undefined]
    answers = request.resolve([work.rows.names[row] for row in work.undefined], weak)
    if answers is None:
        raise LeftToColumns
    work.external.update(zip(work.undefined, answers, strict=True))
