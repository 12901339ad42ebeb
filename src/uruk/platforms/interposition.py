"""What libraries see of a program that is linked after they are loaded, in a process that is the program's alone.

A program's definitions come before those of libraries, for the libraries' references, too (gABI, "Shared Object
Dependencies"). The loader has bound these before: they are bound again (runtime/imports.c), also to copies of their
data, which -fno-pie code has where it cannot reach a library (a static linker's copy relocations), and to the stubs by
which such code knows the libraries' functions (the PLT entries of a linked executable). A library that wants
a name from the program is given one, to be bound when the program is linked; with `everything`, as by ``-rdynamic``,
libraries that the program opens itself find its names as well (`uruk.formats.elf_exports`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from uruk.errors import AllocationError, LibraryError
from uruk.executor import sps
from uruk.executor.control import Runtime
from uruk.formats.elf_exports import build_exports
from uruk.graph.types import I64, Bool, true_rows
from uruk.isa.architectures import architecture_of
from uruk.orc.dylib import JITDylib
from uruk.orc.symbols import Flag, Rank

_ROOM = 1 << 15
_UNDEFINED = "undefined symbol: "  # of glibc's text, which is not translated before a program has set its locale


class ProgramExports:
    """What a program's dylib gives to libraries. `everything`: its names are found by ``dlopen`` and ``dlsym``, too."""

    def __init__(self, dylib: JITDylib, runtime: Runtime, *, everything: bool = False) -> None:
        self.everything = everything
        self.promised: dict[bytes, int] = {}
        """Names that libraries want from the program, with an address that stands for theirs."""
        self._dylib = dylib
        self._runtime = runtime
        self._handle = 0
        dylib.session.stand_ins = {}

    def promise(self, error: LibraryError) -> bool:
        """Give a refused library the name that it lacks, if the program has it; whether to try again."""
        _, found, rest = error.problem.rpartition(_UNDEFINED)
        name = rest.partition(",")[0].encode("utf-8", "surrogateescape")
        if not found or name in self.promised or not self._offers(name):
            return False
        self.promised[name] = self._runtime.address[b"uruk_rt_not_linked_yet"]
        if self._handle:
            self._runtime.call(b"uruk_rt_close_carrier", self._handle)
        self._handle = self._open(self.promised)
        return bool(self._handle)

    def bind(self) -> int:
        """The dylib is linked: lead libraries to its definitions; how many references were.

        Inline functions and templates stay the libraries' own, which are equal.
        """
        moved = self._dylib.session.stand_ins or {}
        rows = [(place, one.address, one.size, one.constant) for place, one in moved.items()]
        if rows and self._runtime.call(b"uruk_rt_move_imports", b"".join(sps.u64(*row) for row in rows), len(rows)):
            raise AllocationError("no memory for what the program has in the place of libraries' data and functions")
        wanted = self._linked(self._imported(), strong=True) | self._linked(self.promised)
        if self.everything:
            self._open(self._linked(self._dylib.names))
        if not wanted:
            return 0
        texts = b"".join(name + b"\0" for name in wanted)
        return self._runtime.call(b"uruk_rt_bind_imports", texts, sps.u64(*wanted.values()), len(wanted))

    def _imported(self) -> set[bytes]:
        """The names that relocations of loaded libraries refer to."""
        room = bytearray(_ROOM)
        needed = self._runtime.call(b"uruk_rt_imported_names", room, len(room))
        if needed > len(room):
            room = bytearray(needed)
            needed = self._runtime.call(b"uruk_rt_imported_names", room, len(room))
        return set(bytes(room[:needed]).split(b"\0")[:-1])

    def _linked(self, names: Iterable[bytes], *, strong: bool = False) -> dict[bytes, int]:
        """The addresses of those names that the dylib's objects define, and show to others."""
        session = self._dylib.session
        known = [name for name in names if name in self._dylib.names]
        number: I64 = np.array([self._dylib.names[name] for name in known], np.int64)
        table = session.table
        table.grow(len(session.ids))
        kept: Bool = (table.owner[number] >= 0) & (table.ready[number] != 0)
        kept &= table.flags[number] & (Flag.HIDDEN | Flag.TLS) == 0
        if strong:
            kept &= table.rank[number] == Rank.STRONG
        address = table.address[number].view(np.uint64)
        return {known[row]: int(address[row]) for row in true_rows(kept).tolist()}

    def _offers(self, name: bytes) -> bool:
        """Whether an object or an archive of the program defines a name."""
        number = self._dylib.names.get(name, -1)
        table = self._dylib.session.table
        table.grow(len(self._dylib.session.ids))
        if number >= 0 and table.owner[number] >= 0:
            return True
        archive = self._dylib.search.archive_with(name)
        return archive is not None and archive is not self._dylib.search.builtins

    def _open(self, symbols: dict[bytes, int]) -> int:
        """Open exports of these names for everybody; the handle, 0 where there is no memory file."""
        data = build_exports(symbols, architecture_of(self._runtime.process.triple).name)
        return self._runtime.call(b"uruk_rt_open_exports", data, len(data))
