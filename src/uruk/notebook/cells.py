"""The C and C++ of a notebook's cells, linked into one child, which is started again when it was lost.

All cells are one piece of replaceable code: a cell that defines a name again takes it over, in the other cells' code,
too, and variables keep their values. Nothing is inlined from one function into another that a later cell may replace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from uruk.compile.compile_source import Compiled, compile_text
from uruk.demangle import demangle
from uruk.errors import InUse, InvalidValue
from uruk.lljit import LLJIT
from uruk.notebook.output import Output
from uruk.orc import compiled_sources
from uruk.orc.registry.definitions import definitions_of
from uruk.orc.registry.symbols import Flag, Rank
from uruk.orc.registry.tracker import ResourceTracker
from uruk.orc.replacing.replacing import replace_objects, versions_of
from uruk.orc.replacing.statics import thread_locals
from uruk.spawning import spawn

FLAGS = ("-g", "-O1", "-fPIC", "-fsemantic-interposition")
"""Flags in front of a cell's own: with the last two, compilers inline no function that a later cell may define."""
_LINE_BUFFERED = 1
"""_IOLBF of glibc: what was printed before a crash is seen."""


class Cells:
    """Cells, in the order in which they were run, and the session that has them now."""

    def __init__(self) -> None:
        self._cells: list[Compiled] = []
        self._names: dict[str, set[str]] = {}
        """The names that each cell defines, by the cell's name."""
        self._alone: dict[str, tuple[Compiled, ResourceTracker]] = {}
        """Cells with thread-locals, by name: these cannot be kept, so that other cells' links leave them alone."""
        self._count = 0
        self._jit: LLJIT | None = None
        self._tracker: ResourceTracker | None = None
        self._output: Output | None = None

    def add(self, text: str, language: str, flags: Sequence[str] = ()) -> list[str]:
        """Compile and link a cell; returns the names that it defines, sorted.

        Raises CompileError, UndefinedSymbols and whatever else linking raises; everything is as before then.
        """
        self._count += 1
        name = f"<cell {self._count}>"
        compiled = compile_text(text, language, name=name, flags=[*FLAGS, *flags], timeout=None)
        jit = self.session()
        new = defined_names(jit, compiled)
        if thread_locals_of(jit, compiled):
            self._add_alone(jit, compiled, new)
            return sorted(filter(None, map(plain_name, new)))
        # A cell of which nothing counts any more is left out, as one is that was run again.
        cells = [cell for cell in self._cells if self._names[cell.name] - new] + [compiled]
        self._link(jit, cells)
        self._cells = cells
        self._names[name] = new
        return sorted(filter(None, map(plain_name, new)))

    def names(self) -> list[str]:
        """Return the names of the functions and variables of all cells, sorted, as far as Python can spell them."""
        cells = [*self._cells, *(cell for cell, _ in self._alone.values())]
        symbols = {symbol for cell in cells for symbol in self._names[cell.name]}
        return sorted({*map(plain_name, symbols)} - {""})

    def session(self) -> LLJIT:
        """Return the session, a new one with all cells if there is none or its child was lost."""
        if self._jit is None or self._jit.executor.lost is not None:
            self.close()
            self._jit = self._start()
            try:
                for name, (cell, _) in self._alone.items():
                    self._alone[name] = cell, self._jit.add_object(cell.object, name, replaceable=True)
                if self._cells:
                    self._link(self._jit, self._cells)
                self._jit.initialize()
            except BaseException:
                self.close()
                raise
        return self._jit

    def call(self, name: str, arguments: Sequence[Any]) -> Any:
        """Call a function of the cells; what it prints is shown before this returns, or raises."""
        function = getattr(self.session(), name)
        try:
            return function(*arguments)
        finally:
            self._show()

    def close(self) -> None:
        """End the child, if there is one."""
        jit, self._jit, self._tracker = self._jit, None, None
        if jit is not None:
            jit.close()

    def _add_alone(self, jit: LLJIT, cell: Compiled, new: set[str]) -> None:
        """Link a cell with thread-locals, in place of an earlier version of it, with variables of its own.

        Raises InvalidValue where other cells use the earlier one.
        """
        data = compiled_sources.take(jit.main, cell)
        before = next((name for name in self._alone if self._names[name] & new), None)
        try:
            if before is not None:
                tracker = self._alone[before][1]
                tracker.replace(data, name=cell.name, statics="new")
                del self._alone[before]
            else:
                tracker = _first(jit, cell.name, data, sorted(new - thread_locals_of(jit, cell)))
        except InUse:
            problem = f"it has thread-locals, so that variables of {before} would be made anew, and other cells use it"
            raise InvalidValue(f"{cell.name}: {problem}: restart, and run the cells again") from None
        finally:
            self._show()
        self._alone[cell.name] = cell, tracker
        self._names[cell.name] = new

    def _start(self) -> LLJIT:
        self._output = output = Output()
        try:
            executor = spawn(streams=output.streams)
        finally:
            output.started()
        jit = LLJIT(executor=executor)
        stdout = int.from_bytes(jit.read(jit.lookup("stdout"), 8), "little")
        jit.lookup("setvbuf").function("int(void *, void *, int, size_t)")(stdout, None, _LINE_BUFFERED, 0)
        return jit

    def _show(self) -> None:
        jit = self._jit
        if jit is not None and jit.executor.lost is None:
            jit.lookup("fflush").function("int(void *)")(None)
        if self._output is not None:
            self._output.settle()

    def _link(self, jit: LLJIT, cells: Sequence[Compiled]) -> None:
        """Link all cells; initialisers of those that are new run."""
        try:
            pairs = [(cell.name, compiled_sources.take(jit.main, cell)) for cell in cells]
            if self._tracker is None:
                self._tracker = _first(jit, *pairs[0], sorted(defined_names(jit, cells[0])))
                if len(pairs) == 1:
                    return
            replace_objects(jit.session, versions_of(self._tracker), pairs, "keep", last_counts=True)
        finally:
            self._show()


def _first(jit: LLJIT, name: str, data: bytes, symbols: Sequence[str]) -> ResourceTracker:
    """Link the first cell."""
    tracker = jit.add_object(data, name, replaceable=True)
    try:
        jit.lookup_all(symbols)
        jit.initialize()
    except BaseException:
        if jit.executor.lost is None:
            tracker.remove(force=True)
        raise
    return tracker


def defined_names(jit: LLJIT, cell: Compiled) -> set[str]:
    """Return the names that a cell alone defines, as linkers have them: not those of inline functions."""
    session = jit.session
    graph = session.parse([(cell.name, memoryview(cell.object))], jit.main)
    definitions = definitions_of(graph)
    chosen = (definitions.rank == Rank.STRONG) & (definitions.flags & Flag.HIDDEN == 0)
    return {session.ids.text(number).decode() for number in definitions.name[chosen].tolist()}


def thread_locals_of(jit: LLJIT, cell: Compiled) -> set[str]:
    """Return the names of a cell's thread-locals, static ones included."""
    graph = jit.session.parse([(cell.name, memoryview(cell.object))], jit.main)
    return set(thread_locals(graph))


def plain_name(symbol: str) -> str:
    """Return the name that Python code has for a function or variable, or an empty text: for one of a namespace."""
    name = demangle(symbol).partition("(")[0].partition("[")[0]
    return name if name.isidentifier() else ""
