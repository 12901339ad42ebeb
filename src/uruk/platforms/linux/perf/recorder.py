"""Records what a session links in a jitdump file, which the process that runs the code shows to perf by a mapping."""

from __future__ import annotations

import datetime
import errno
import mmap
import os
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import UrukError
from uruk.executor.interface import Executor
from uruk.graph.graph import Binding, SymbolType, Zone
from uruk.graph.types import true_rows, unsigned
from uruk.machines import MACHINES
from uruk.passes.state import State
from uruk.platforms.linux.perf.jitdump import Line, code_load, debug_info, header, unwinding_info
from uruk.platforms.linux.perf.room import Room
from uruk.platforms.linux.perf.unwind_records import Frame, frames_in, unwinding_of
from uruk.target import Target

if TYPE_CHECKING:
    from uruk.orc.platform import ReadLines

FOLDER = "JITDUMPDIR"
"""The environment variable that names the folder in which `.debug/jit` is made; by default it is the home folder."""


class Recorder:
    """A jitdump file; `note` is a plug-in of the point ``post-fixup``. Raises UrukError where it cannot be made."""

    def __init__(self, executor: Executor, lines: ReadLines) -> None:
        self._executor, self._lines = executor, lines
        self._process = self._call(b"getpid")
        self._index = 0
        self._lock = threading.Lock()
        self.path = os.path.join(_new_folder(), f"jit-{self._process}.dump")
        target = Target.of_triple(executor.process.triple)
        with open(self.path, "xb") as file:
            file.write(header(MACHINES[target.architecture].elf, self._process))
        self._show()
        self._room = Room(self._call)

    def note(self, state: State) -> None:
        """Add the functions of one link. Raises UrukError where the file cannot be written."""
        records: list[bytes] = []
        frames, lines = _frames_of(state), self._lines(state)
        starts = [line[0] for line in lines]
        with self._lock:
            for name, address, code in _functions_of(state):
                end = address + len(code)
                own = [*lines[bisect_left(starts, address) : bisect_left(starts, end)]]
                # perf ends its table at the last address that it is told.
                own += [(end, *own[-1][1:])] if own else []
                records += self._records_of(name, address, code, frames.get(address), own)
                self._index += 1
            try:
                with open(self.path, "ab") as file:
                    file.write(b"".join(records))
            except OSError as error:
                raise UrukError(f"{self.path}: cannot be written: {error.strerror}") from error

    def _records_of(
        self, name: bytes, address: int, code: bytes, frame: Frame | None, lines: list[Line]
    ) -> list[bytes]:
        """Return the records of a function, in the order of their times.

        With unwind data it is recorded twice under one number, of which perf makes one object. A perf that walks stacks
        with libunwind looks for the data in memory, behind the lowest place of the object. There linked code has the
        next function, so that the object is first said to lie in room of its own, and then where it lies.
        """
        records: list[bytes] = []
        unwinding, table = b"", 0
        if frame is not None:
            # perf has the data begin at a multiple of 8 behind the code, as `unwinding_of` has it.
            size = -(-len(code) // 8) * 8 + len(unwinding_of(frame, len(code), (0, 0))[0])
            place = self._room.below(address, size)
            unwinding, table = unwinding_of(frame, len(code), (0, address - place) if place else (0,))
            if place:
                records.append(unwinding_info(unwinding, table, mapped=True))
                records.append(code_load(self._process, self._index, name, place, code))
        if lines:
            records.append(debug_info(address, lines))
        if unwinding:
            records.append(unwinding_info(unwinding, table))
        records.append(code_load(self._process, self._index, name, address, code))
        return records

    def _show(self) -> None:
        """Have the process map the file's first page, executable: perf notes mappings of code, and finds it by this."""
        process = self._executor.process
        path = os.fsencode(self.path) + b"\0"
        text = self._call(b"malloc", len(path))
        process.write(text, path)
        handle = _signed(self._call(b"open", text, os.O_RDONLY | os.O_CLOEXEC))
        self._call(b"free", text)
        if handle < 0:
            raise UrukError(f"{self.path}: the process that runs the code cannot open it: is it on another machine?")
        flags = mmap.PROT_READ | mmap.PROT_EXEC
        address = self._call(b"mmap", 0, mmap.PAGESIZE, flags, mmap.MAP_PRIVATE, handle, 0)
        self._call(b"close", handle)
        if address in (0, (1 << 64) - 1, -1):
            raise UrukError(f"{self.path}: cannot be mapped executable: name a folder where it can with {FOLDER}")

    def _call(self, name: bytes, *arguments: int) -> int:
        """Call a function of the process's C library. Raises UrukError if there is none of that name."""
        address, _ = self._executor.libraries.find_symbol(None, name)
        if not address:
            raise UrukError(f"perf support: the process has no {name.decode()}()")
        return self._executor.process.call(address, *arguments)


def _signed(value: int) -> int:
    """Return what a function of type int has returned."""
    return (value & 0xFFFFFFFF ^ 0x80000000) - 0x80000000


def _new_folder() -> str:
    """Return a new folder for one file, where perf and other tools look for such files. Raises UrukError."""
    base = os.environ.get(FOLDER) or os.path.expanduser("~")
    parent = os.path.join(os.path.abspath(base), ".debug", "jit")
    try:
        os.makedirs(parent, exist_ok=True)
        # The name is that of LLVM's tools, whose scripts look for it.
        return tempfile.mkdtemp("", f"llvm-IR-jit-{datetime.date.today():%Y%m%d}-", parent)
    except OSError as error:
        problem = os.strerror(error.errno or errno.EIO)
        raise UrukError(f"{parent}: cannot be made for perf: {problem}; name another folder with {FOLDER}") from error


def _functions_of(state: State) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield name, address and code of each function of a link; of names at one address a global one, if any."""
    symbols, graph = state.symbols, state.graph
    known = np.zeros(len(symbols), np.bool_)
    known[: len(graph.symbols)] = (symbols.block >= 0) & (symbols.size > 0) & (symbols.text >= 0)
    known &= np.isin(symbols.type, (SymbolType.FUNC, SymbolType.IFUNC, SymbolType.NOTYPE))
    rows = true_rows(known)
    block = symbols.block[rows]
    rows = rows[state.live[block] & (state.blocks.zone[block] == Zone.RX)]
    local = symbols.binding[rows] == Binding.LOCAL
    # Stable, so that of the same kind the first one stays.
    rows = rows[np.lexsort((local, state.symbol_address[rows]))]
    last = -1
    for row in rows.tolist():
        block, address = int(symbols.block[row]), unsigned(int(state.symbol_address[row]))
        begin, end = int(symbols.value[row]), int(symbols.value[row]) + int(symbols.size[row])
        if address == last or not 0 <= begin < end <= int(state.blocks.size[block]):
            continue
        last = address
        at = int(state.position[block])
        name = graph.symbol_name(row).encode("utf-8", "surrogateescape")
        yield name, address, state.image[at + begin : at + end].tobytes()


def _frames_of(state: State) -> dict[int, Frame]:
    """Return the unwind data of the functions of a link, by address."""
    frames: dict[int, Frame] = {}
    for block in state.synthetic["unwind"].tolist():
        if block >= 0:
            at, size = int(state.position[block]), int(state.blocks.size[block])
            frames |= frames_in(state.image[at : at + size], unsigned(int(state.address[block])))
    return frames
